// Enclosures for formulas.js: every result is an interval that contains the exact value, for every exact point of the arguments'
// intervals. Ends are whole numbers times powers of two, and each operation rounds the lower end down and the upper end up.
//
// exp, log and log1p are computed in whole numbers at a scale 2^scale, with a count `wrong` of how many units the result may be
// off. A division or a shift that drops bits is off by less than one unit; the rest is said where it is added up.
// `roundEnclosure` repeats a computation at rising precision until both ends round to the same double, like theory/rounding.py.
"use strict";
(() => {
  const localist = (globalThis.localist ??= {});
  const MOST_BITS = 4096;
  const FAR = 2 ** 48; // e^-x beyond it is enclosed by 0 and 2^-FAR

  /** No enclosure at this precision: a quotient, logarithm or root of an interval that holds what has none. More bits may settle it. */
  class Undecided extends RangeError {}

  // --- ends: m 2^e ------------------------------------------------------------------------------------------------------------------

  const ZERO = { m: 0n, e: 0 };
  const size = (m) => localist.bits(m);
  const top = (x) => size(x.m) + x.e; // |x| < 2^top
  const sign = (x) => (x.m > 0n ? 1 : x.m < 0n ? -1 : 0);
  const shifted = (m, by) => (by >= 0 ? m << BigInt(by) : m >> BigInt(-by)); // to the right it rounds down

  /** An end with at most `bits` bits, not above x (down) or not below it (up). */
  function rounded(x, bits, side) {
    const extra = size(x.m) - bits;
    if (extra <= 0) return x;
    const floor = x.m >> BigInt(extra);
    const exact = floor << BigInt(extra) === x.m;
    return { m: side === "up" && !exact ? floor + 1n : floor, e: x.e + extra };
  }

  function compareEnds(a, b) {
    if (sign(a) !== sign(b)) return sign(a) - sign(b);
    if (sign(a) === 0) return 0;
    if (top(a) !== top(b)) return sign(a) * (top(a) - top(b));
    const e = Math.min(a.e, b.e);
    const [left, right] = [shifted(a.m, a.e - e), shifted(b.m, b.e - e)];
    return left < right ? -1 : left > right ? 1 : 0;
  }

  function addEnds(a, b, bits, side) {
    if (a.m === 0n) return rounded(b, bits, side);
    if (b.m === 0n) return rounded(a, bits, side);
    if (top(a) < top(b)) [a, b] = [b, a];
    const negligible = top(a) - bits - 4;
    if (top(b) < negligible && b.e < a.e) {
      // |b| < 2^negligible: on the side that b leans to, that power of two stands for it; on the other, nothing.
      const leans = (sign(b) > 0) === (side === "up");
      if (!leans) return rounded(a, bits, side);
      b = { m: BigInt(sign(b)), e: negligible };
    }
    const e = Math.min(a.e, b.e);
    return rounded({ m: shifted(a.m, a.e - e) + shifted(b.m, b.e - e), e }, bits, side);
  }

  const negative = (x) => ({ m: -x.m, e: x.e });
  const product = (a, b) => ({ m: a.m * b.m, e: a.e + b.e });

  function quotient(a, b, bits, side) {
    const shift = Math.max(0, bits + 2 + size(b.m) - size(a.m));
    let [p, q] = [a.m << BigInt(shift), b.m];
    if (q < 0n) [p, q] = [-p, -q];
    const m = side === "up" ? -localist.floorDivide(-p, q) : localist.floorDivide(p, q);
    return rounded({ m, e: a.e - b.e - shift }, bits, side);
  }

  const least = (ends) => ends.reduce((a, b) => (compareEnds(b, a) < 0 ? b : a));
  const greatest = (ends) => ends.reduce((a, b) => (compareEnds(b, a) > 0 ? b : a));

  // --- ln 2, exp and log of one end -------------------------------------------------------------------------------------------------

  /** 2^scale atanh(u/2^scale) = {value, wrong} for |u| <= 2^scale/4 that is itself off by less than one unit. */
  function atanhSeries(u, scale) {
    const s = BigInt(scale);
    const minus = u < 0n;
    let term = minus ? -u : u;
    const square = (term * term) >> s; // off by less than 2: twice 1/4, and one for the shift
    let value = 0n;
    let count = 0n;
    for (let k = 1n; term > 0n; k += 2n) {
      value += term / k; // term is off by less than 2 (2/16 from the term before, 2/4 from the square, 1): so this is, by less than 3
      term = (term * square) >> s;
      count += 1n;
    }
    return { value: minus ? -value : value, wrong: 3n * count + 4n }; // the terms left out sum to less than 4
  }

  const twos = new Map();
  /** 2^scale ln 2, by ln 2 = ln(6/4) + ln(8/6) = 2 atanh(1/5) + 2 atanh(1/7). */
  function ln2(scale) {
    if (!twos.has(scale)) {
      const one = 1n << BigInt(scale);
      const [a, b] = [atanhSeries(one / 5n, scale), atanhSeries(one / 7n, scale)];
      twos.set(scale, { value: 2n * (a.value + b.value), wrong: 2n * (a.wrong + b.wrong) });
    }
    return twos.get(scale);
  }

  /** Both ends of a value known to `wrong` units of 2^-scale, times 2^by. */
  function around({ value, wrong }, scale, by, bits) {
    const e = by - scale;
    return {
      lo: rounded({ m: value - wrong, e }, bits, "down"),
      hi: rounded({ m: value + wrong, e }, bits, "up"),
    };
  }

  function expEnd(x, bits) {
    if (x.m === 0n) return { lo: { m: 1n, e: 0 }, hi: { m: 1n, e: 0 } };
    if (top(x) > 48) {
      if (x.m > 0n) throw new RangeError("e^x of a number beyond 2^48 is not enclosed");
      return { lo: ZERO, hi: { m: 1n, e: -FAR } };
    }
    const scale = bits + 128;
    const s = BigInt(scale);
    const two = ln2(scale);
    const point = shifted(x.m, x.e + scale); // off by less than 1
    const k = localist.floorDivide(2n * point + two.value, 2n * two.value); // nearest to x/ln 2
    const rest = point - k * two.value; // |rest| < 0.35 * 2^scale
    const off = 1n + (k < 0n ? -k : k) * two.wrong;
    const HALVINGS = 8n;
    const small = rest >> HALVINGS; // |small| < 2^(scale - 9)
    let term = 1n << s;
    let value = 0n;
    let count = 0n;
    for (let i = 1n; term !== 0n && term !== -1n; i += 1n) {
      value += term;
      term = ((term * small) >> s) / i; // off by less than 3: two roundings, and little from the term before
      count += 1n;
    }
    let wrong = 3n * count + 5n; // the terms left out (below 3.2) and the shift of `rest` (below 1.01)
    for (let i = 0n; i < HALVINGS; i += 1n) {
      // (v + w)^2 = v^2 + 2 v w + w^2, v < e^0.18 before every squaring, w^2 less than a unit, and one unit for the shift
      value = (value * value) >> s;
      wrong = 3n * wrong + 2n;
    }
    return around({ value, wrong: wrong + 2n * off }, scale, Number(k), bits); // e^rest < 1.5
  }

  /** ln(m 2^e), m > 0, to about `relative` bits after the point. */
  function logAt(m, e, relative) {
    const scale = relative + 64;
    let shift = size(m); // m/2^shift in [1/2, 1)
    if (3n * m < 2n << BigInt(shift)) shift -= 1; // now in [2/3, 4/3)
    const unit = shifted(1n, shift);
    const u = ((m - unit) << BigInt(scale)) / (m + unit); // |u| <= 2^scale/5, off by less than 1
    const series = atanhSeries(u, scale);
    const two = ln2(scale);
    const k = BigInt(e + shift);
    return {
      value: 2n * series.value + k * two.value,
      wrong: 2n * series.wrong + (k < 0n ? -k : k) * two.wrong,
      scale,
    };
  }

  function logEnd(x, bits) {
    if (x.m <= 0n) throw new Undecided("logarithm of an interval that is not positive");
    if (compareEnds(x, { m: 1n, e: 0 }) === 0) return { lo: ZERO, hi: ZERO };
    const result = logAt(x.m, x.e, bits);
    return around(result, result.scale, 0, bits);
  }

  function log1pEnd(y, bits) {
    if (y.m === 0n) return { lo: ZERO, hi: ZERO };
    if (top(y) <= -bits) {
      // y - y^2 <= ln(1 + y) <= y for |y| <= 1/2
      return { lo: addEnds(y, negative(product(y, y)), bits, "down"), hi: rounded(y, bits, "up") };
    }
    const e = Math.min(y.e, 0);
    const m = shifted(1n, -e) + shifted(y.m, y.e - e);
    if (m <= 0n) throw new Undecided("logarithm of an interval that is not positive");
    const result = logAt(m, e, bits + Math.max(0, -top(y)));
    return around(result, result.scale, 0, bits);
  }

  /** The whole root of a whole number, rounded down: Newton's method from above. */
  function rootOf(m) {
    if (m < 2n) return m;
    let x = 1n << BigInt((size(m) + 1) >> 1);
    for (let next = (x + m / x) >> 1n; next < x; next = (x + m / x) >> 1n) x = next;
    return x;
  }

  function sqrtEnd(x, bits) {
    if (x.m < 0n) throw new Undecided("root of an interval that holds negative numbers");
    if (x.m === 0n) return { lo: ZERO, hi: ZERO };
    let shift = Math.max(0, 2 * bits + 4 - size(x.m));
    if ((x.e - shift) % 2 !== 0) shift += 1;
    const m = x.m << BigInt(shift);
    const root = rootOf(m);
    const e = (x.e - shift) / 2;
    return {
      lo: rounded({ m: root, e }, bits, "down"),
      hi: rounded({ m: root * root === m ? root : root + 1n, e }, bits, "up"),
    };
  }

  const ceilEnd = ({ m, e }) => ({ m: e >= 0 ? m : -(-m >> BigInt(-e)), e: Math.max(e, 0) });

  // --- the namespace ----------------------------------------------------------------------------------------------------------------

  /** The namespace of enclosures {lo, hi} with ends of `bits` bits. */
  function enclosures(bits) {
    const monotone = (end) => (x) => ({ lo: end(x.lo, bits).lo, hi: end(x.hi, bits).hi });
    const ofFraction = ({ p, q }) => ({
      lo: quotient({ m: p, e: 0 }, { m: q, e: 0 }, bits, "down"),
      hi: quotient({ m: p, e: 0 }, { m: q, e: 0 }, bits, "up"),
    });
    const union = (a, b) => ({ lo: least([a.lo, b.lo]), hi: greatest([a.hi, b.hi]) });
    const ONE = { lo: { m: 1n, e: 0 }, hi: { m: 1n, e: 0 } };
    const TWO = { lo: { m: 2n, e: 0 }, hi: { m: 2n, e: 0 } };
    const xp = {
      numbers: (...values) =>
        values.map((value) => {
          if (typeof value === "object" && "lo" in value) return value;
          return ofFraction(typeof value === "object" ? value : localist.exact(value));
        }),
      rational: (p, q) => ofFraction(localist.fraction(BigInt(p), BigInt(q))),
      add: (a, b) => ({ lo: addEnds(a.lo, b.lo, bits, "down"), hi: addEnds(a.hi, b.hi, bits, "up") }),
      sub: (a, b) => xp.add(a, xp.neg(b)),
      neg: (a) => ({ lo: negative(a.hi), hi: negative(a.lo) }),
      mul(a, b) {
        const ends = [product(a.lo, b.lo), product(a.lo, b.hi), product(a.hi, b.lo), product(a.hi, b.hi)];
        return { lo: rounded(least(ends), bits, "down"), hi: rounded(greatest(ends), bits, "up") };
      },
      div(a, b) {
        if (sign(b.lo) !== sign(b.hi) || sign(b.lo) === 0) throw new Undecided("division by an interval that holds zero");
        const pairs = [a.lo, a.hi].flatMap((x) => [b.lo, b.hi].map((y) => [x, y]));
        return {
          lo: least(pairs.map(([x, y]) => quotient(x, y, bits, "down"))),
          hi: greatest(pairs.map(([x, y]) => quotient(x, y, bits, "up"))),
        };
      },
      abs(a) {
        if (sign(a.lo) >= 0) return a;
        return sign(a.hi) <= 0 ? xp.neg(a) : { lo: ZERO, hi: greatest([negative(a.lo), a.hi]) };
      },
      exp: monotone(expEnd),
      log: monotone(logEnd),
      log1p: monotone(log1pEnd),
      sqrt: monotone(sqrtEnd),
      ceil: (x) => ({ lo: ceilEnd(x.lo), hi: ceilEnd(x.hi) }),
      tanh: (x) => xp.sub(ONE, xp.div(TWO, xp.add(xp.exp(xp.mul(TWO, x)), ONE))),
      // Plain differences: an enclosure says how much cancelled, and more bits are the remedy.
      expm1: (x) => xp.sub(xp.exp(x), ONE),
      sinh: (x) => xp.div(xp.sub(xp.exp(x), xp.exp(xp.neg(x))), TWO),
      cosh: (x) => xp.div(xp.add(xp.exp(x), xp.exp(xp.neg(x))), TWO),
      exp_gap: (x) => xp.sub(xp.expm1(x), x),
      log_gap: (y) => xp.sub(y, xp.log1p(y)),
      kl_gap(y) {
        const w = xp.add(ONE, y);
        if (sign(w.lo) === 0 && sign(w.hi) === 0) return ONE;
        return xp.sub(xp.mul(w, xp.log(w)), y);
      },
      maximum: (a, b) => ({ lo: greatest([a.lo, b.lo]), hi: greatest([a.hi, b.hi]) }),
      minimum: (a, b) => ({ lo: least([a.lo, b.lo]), hi: least([a.hi, b.hi]) }),
      power(x, p, q = 1) {
        if (q === 2) x = xp.sqrt(x);
        else if (q !== 1) x = xp.exp(xp.div(xp.log(x), xp.rational(q, 1)));
        return Array.from({ length: p - 1 }).reduce((result) => xp.mul(result, x), x);
      },
      // Conditions are true, false, or null where the intervals cannot tell; then `where` is the union of both values.
      less: (a, b) => (compareEnds(a.hi, b.lo) < 0 ? true : compareEnds(a.lo, b.hi) >= 0 ? false : null),
      less_equal: (a, b) => (compareEnds(a.hi, b.lo) <= 0 ? true : compareEnds(a.lo, b.hi) > 0 ? false : null),
      equal(a, b) {
        if (compareEnds(a.hi, b.lo) < 0 || compareEnds(b.hi, a.lo) < 0) return false;
        const points = compareEnds(a.lo, a.hi) === 0 && compareEnds(b.lo, b.hi) === 0;
        return points ? true : null;
      },
      both: (a, b) => (a === false || b === false ? false : a && b ? true : null),
      either: (a, b) => (a || b ? true : a === false && b === false ? false : null),
      negate: (a) => (a === null ? null : !a),
      where: (condition, a, b) => (condition === null ? union(a, b) : condition ? a : b),
    };
    return xp;
  }

  const endFraction = ({ m, e }) => (e < 0 ? localist.fraction(m, 1n << BigInt(-e)) : localist.fraction(m << BigInt(e)));

  /** The double on one side of an end; what lies below every subnormal is not written out. */
  function roundEnd(x, side) {
    if (x.m !== 0n && top(x) < -1074) {
      const away = (side === "up") === x.m > 0n;
      return away ? (x.m > 0n ? Number.MIN_VALUE : -Number.MIN_VALUE) : 0;
    }
    if (x.m !== 0n && top(x) > 1025) {
      const far = (x.m > 0n) === (side === "up") ? Infinity : Number.MAX_VALUE;
      return x.m > 0n ? far : -far;
    }
    return localist.roundFraction(endFraction(x), side);
  }

  /** The double on the safe side of what `evaluate(xp)` encloses, the tightest one if 4096 bits can tell. */
  function roundEnclosure(evaluate, side) {
    for (let bits = 128; ; bits *= 2) {
      try {
        const { lo, hi } = evaluate(enclosures(bits));
        const [low, high] = [roundEnd(lo, side), roundEnd(hi, side)];
        if (low === high) return low;
        if (bits >= MOST_BITS) return side === "up" ? high : low;
      } catch (error) {
        if (!(error instanceof Undecided) || bits >= MOST_BITS) throw error;
      }
    }
  }

  Object.assign(localist, { Undecided, enclosures, endFraction, roundEnclosure });
})();
