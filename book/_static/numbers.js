// The numbers that formulas.js runs on: NUMBER (doubles), EXACT (fractions of whole numbers), and the rounding of both kinds of
// exact value to a double or a decimal on a named side. The enclosures are in enclosures.js.
//
// These mirror theory/namespaces.py and theory/rounding.py, and give the same doubles and the same digits: BigInt is exact, so
// a fraction, a rounding and a decimal have one right answer each.
"use strict";
(() => {
  const localist = (globalThis.localist ??= {});

  // Doubles. Math.exp, log, log1p and expm1 may differ from those of another engine in the last places.
  const NUMBER = {
    numbers(...values) {
      for (const value of values) {
        if (typeof value !== "number") throw new TypeError(`formulas take numbers, not ${String(value)}`);
      }
      return values;
    },
    rational: (p, q) => Number(p) / Number(q),
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    div: (a, b) => a / b,
    neg: (a) => -a,
    abs: Math.abs,
    exp: Math.exp,
    expm1: Math.expm1,
    log: Math.log,
    log1p: Math.log1p,
    sqrt: Math.sqrt,
    tanh: Math.tanh,
    sinh: Math.sinh,
    cosh: Math.cosh,
    ceil: Math.ceil,
    maximum: (a, b) => Math.max(a, b),
    minimum: (a, b) => Math.min(a, b),
    where: (condition, a, b) => (condition ? a : b),
    less: (a, b) => a < b,
    less_equal: (a, b) => a <= b,
    equal: (a, b) => a === b,
    both: (a, b) => a && b,
    either: (a, b) => a || b,
    negate: (a) => !a,
    power(x, p, q = 1) {
      if (q !== 1) x = q === 2 ? Math.sqrt(x) : x ** (1 / q);
      let result = null;
      for (let left = p; left; x = left > 1 ? x * x : x, left >>= 1) {
        if (left & 1) result = result === null ? x : result * x;
      }
      return result;
    },
    // The three gaps: series where the terms cancel, the plain difference elsewhere.
    exp_gap(x) {
      if (!(Math.abs(x) <= 1)) return Math.expm1(x) - x;
      let series = x * 0;
      for (let k = 21; k > 2; k -= 1) series = ((series + 1) * x) / k;
      return ((series + 1) * x * x) / 2;
    },
    log_gap(y) {
      if (!(Math.abs(y) <= 0.5)) return y - Math.log1p(y);
      const s = y / (y + 2);
      const square = s * s;
      let series = y * 0;
      for (let k = 35; k > 1; k -= 2) series = series * square + 1 / k;
      return y * s - 2 * s * square * series;
    },
    kl_gap(y) {
      if (Math.abs(y) <= 0.5) return y * Math.log1p(y) - NUMBER.log_gap(y);
      const w = 1 + y;
      return (w === 0 ? 0 : w * Math.log(w)) - y;
    },
  };

  // --- exact fractions p/q, q > 0 ------------------------------------------------------------------------------------------------

  const magnitude = (p) => (p < 0n ? -p : p);

  /** Bits of a whole number's size: the least b with |p| < 2^b. */
  function bits(p) {
    const digits = magnitude(p).toString(16);
    return p === 0n ? 0 : digits.length * 4 - (Math.clz32(parseInt(digits[0], 16)) - 28);
  }

  const fraction = (p, q = 1n) => (q < 0n ? { p: -p, q: -q } : { p, q });

  /** The exact value of a whole number or of a finite double. */
  function exact(value) {
    if (typeof value === "bigint") return fraction(value);
    if (typeof value !== "number" || !Number.isFinite(value)) throw new TypeError(`no exact value: ${String(value)}`);
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    const raw = view.getBigUint64(0);
    const exponent = Number((raw >> 52n) & 0x7ffn);
    const part = raw & 0xfffffffffffffn;
    const size = exponent === 0 ? part : part | (1n << 52n);
    const p = raw >> 63n ? -size : size;
    const shift = BigInt((exponent === 0 ? 1 : exponent) - 1075);
    return shift < 0n ? fraction(p, 1n << -shift) : fraction(p << shift);
  }

  const isFraction = (value) => typeof value === "object" && typeof value.p === "bigint";
  const compare = (a, b) => {
    const left = a.p * b.q;
    const right = b.p * a.q;
    return left < right ? -1 : left > right ? 1 : 0;
  };

  const EXACT = {
    numbers: (...values) => values.map((value) => (isFraction(value) ? value : exact(value))),
    rational: (p, q) => fraction(BigInt(p), BigInt(q)),
    add: (a, b) => fraction(a.p * b.q + b.p * a.q, a.q * b.q),
    sub: (a, b) => fraction(a.p * b.q - b.p * a.q, a.q * b.q),
    mul: (a, b) => fraction(a.p * b.p, a.q * b.q),
    div(a, b) {
      if (b.p === 0n) throw new RangeError("division by zero");
      return fraction(a.p * b.q, a.q * b.p);
    },
    neg: (a) => fraction(-a.p, a.q),
    abs: (a) => fraction(magnitude(a.p), a.q),
    power(x, p, q = 1) {
      if (q !== 1) throw new RangeError("fractions have no roots");
      return fraction(x.p ** BigInt(p), x.q ** BigInt(p));
    },
    ceil: (a) => fraction(-floorDivide(-a.p, a.q)),
    maximum: (a, b) => (compare(a, b) >= 0 ? a : b),
    minimum: (a, b) => (compare(a, b) <= 0 ? a : b),
    where: (condition, a, b) => (condition ? a : b),
    less: (a, b) => compare(a, b) < 0,
    less_equal: (a, b) => compare(a, b) <= 0,
    equal: (a, b) => compare(a, b) === 0,
    both: (a, b) => a && b,
    either: (a, b) => a || b,
    negate: (a) => !a,
  };

  // --- rounding to a side: "up" gives a number at least as large as the exact one, "down" one at most as large ----------------------

  /** The greatest whole number that is at most p/q, q > 0. */
  function floorDivide(p, q) {
    const quotient = p / q; // towards zero
    return p < 0n && quotient * q !== p ? quotient - 1n : quotient;
  }

  /** p/q to a whole number on one side of it. */
  const divideTo = (p, q, side) => (side === "up" ? -floorDivide(-p, q) : floorDivide(p, q));

  const LARGEST = Number.MAX_VALUE;

  /** The double next to an exact fraction on one side of it; Infinity (-Infinity) beyond the range upwards (downwards). */
  function roundFraction({ p, q }, side) {
    if (p === 0n) return 0;
    // The quotient lies between 2^(size - 1) and 2^(size + 1); its last place is worth 2^place, at least that of a subnormal.
    const size = bits(p) - bits(q);
    for (let place = Math.max(size - 53, -1074); ; place += 1) {
      const whole = place < 0 ? divideTo(p << BigInt(-place), q, side) : divideTo(p, q << BigInt(place), side);
      if (bits(whole) > 53 && magnitude(whole) !== 1n << 53n) continue;
      if (place > 971 || bits(whole) + place > 1024) {
        const far = (p > 0n) === (side === "up") ? Infinity : LARGEST;
        return p > 0n ? far : -far;
      }
      return Number(whole) * 2 ** place + 0;
    }
  }

  /** Digits of an exact fraction: `count` significant ones on a side ("even": to nearest), as {negative, digits, exponent}. */
  function significant({ p, q }, side, count) {
    const negative = p < 0n;
    let size = magnitude(p);
    if (size === 0n) return { negative: false, digits: "0", exponent: 0 };
    const away = (side === "up") !== negative;
    let exponent = Math.floor((bits(size) - bits(q)) * Math.log10(2)) - 1; // at most the decimal exponent, by at most two
    const ten = (k) => 10n ** BigInt(k);
    const scaled = (e) => (count - 1 - e >= 0 ? [size * ten(count - 1 - e), q] : [size, q * ten(e - count + 1)]);
    while (((top, bottom) => top / bottom >= ten(count))(...scaled(exponent))) exponent += 1;
    const [top, bottom] = scaled(exponent);
    let digits = top / bottom;
    const rest = top - digits * bottom;
    const half = 2n * rest - bottom;
    if (rest > 0n && (side === "even" ? half > 0n || (half === 0n && digits & 1n) : away)) digits += 1n;
    if (digits >= ten(count)) {
      digits /= 10n;
      exponent += 1;
    }
    return { negative, digits: digits.toString(), exponent, exact: rest === 0n };
  }

  /** [-]d.ddd e x, or plain digits, of {negative, digits, exponent}. */
  function written({ negative, digits, exponent }, scientific) {
    const sign = negative ? "-" : "";
    if (scientific) {
      const short = digits.replace(/0+$/, "") || "0";
      return `${sign}${short[0]}${short.length > 1 ? "." : ""}${short.slice(1)}e${exponent}`;
    }
    if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
    const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
    const rest = digits.slice(exponent + 1);
    return `${sign}${whole}${rest ? "." : ""}${rest}`;
  }

  /** A double as a decimal on the safe side of it: `digits` significant ones, or as few as read back as the same double. */
  function decimalText(value, side, digits = null) {
    const truth = exact(value);
    let parts;
    for (let count = digits ?? 15; ; count += 1) {
      parts = significant(truth, side, count);
      if (digits !== null || count === 20 || Number(written(parts, true)) === value) break;
    }
    if (parts.exact) parts.digits = shortened(parts, truth);
    const { exponent } = parts;
    const last = exponent - parts.digits.length + 1; // exponent of the last digit
    if (/^0*$/.test(parts.digits.slice(Math.max(exponent + 1, 0))) && exponent >= 0 && exponent < 15) {
      return `${written(parts, false).split(".")[0]}.0`;
    }
    if (value === 0) return "0.0";
    return written(parts, last > 0 || exponent < -6);
  }

  /** An exact decimal keeps the digits it has, and none after them. */
  function shortened({ digits, exponent }, { p, q }) {
    const whole = Math.max(exponent + 1, 1);
    const cut = digits.replace(/0+$/, "") || "0";
    return p % q === 0n && cut.length < whole ? digits.slice(0, whole) : cut;
  }

  /** A number for a sentence, like Python's `.6g`: six digits to nearest, no promise about the last; a whole number in full. */
  function shown(value) {
    if (typeof value === "bigint") return value.toString();
    if (compare(EXACT.abs(value), exact(LARGEST)) > 0) return "more than 1.8e308";
    const nearest = significant(exact(toNearest(value)), "even", 6);
    const digits = nearest.digits.replace(/0+$/, "") || "0";
    if (nearest.exponent < -4 || nearest.exponent >= 6) {
      const size = String(Math.abs(nearest.exponent)).padStart(2, "0");
      return written({ ...nearest, digits }, true).replace(/e.*/, `e${nearest.exponent < 0 ? "-" : "+"}${size}`);
    }
    return written({ ...nearest, digits }, false);
  }

  /** The double nearest to a fraction, ties to even. */
  function toNearest(value) {
    const low = roundFraction(value, "down");
    const high = roundFraction(value, "up");
    if (low === high) return low;
    if (!Number.isFinite(high)) return low;
    if (!Number.isFinite(low)) return high;
    const middle = compare(EXACT.add(value, value), EXACT.add(exact(low), exact(high)));
    if (middle !== 0) return middle < 0 ? low : high;
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, low);
    return view.getUint8(7) & 1 ? high : low;
  }

  Object.assign(localist, { NUMBER, EXACT, exact, fraction, bits, floorDivide, roundFraction, decimalText, shown });
})();
