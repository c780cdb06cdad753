"""The fleet in one GPU kernel, written in Triton: one program per layer, all steps of the run in one launch.

The algebra is that of fleet.c: the readout is composed with the values, M = U W_V, so z_i = sum_j a_ij M x_j, dW_V = U^T dM and
dU = dM W_V^T. What a step computes stays in registers and shared memory. The state of a layer, a few thousand numbers, lies in arrays that
a program reads and writes once or a few times a step and that stay in cache, as do its tokens, targets and score biases: keeping all of it
in registers made them spill. Queries of a long sequence are taken QT at a time.

Triton wants sizes that are powers of two. Rows and columns of a content matrix are laid out block by block, each block padded with
zeros to RW rows and CW columns, RB by CB blocks; a group sum is then a reshape. A padded entry meets only zeros and stays zero.
Products are sums of fused multiply-adds (no TF32), quotients and roots of float32 are rounded to nearest and exp is the one of
fleet.inc, so the bounds of rounding.py hold. Importing this module needs Triton; checks.kernel.gpu asks first.
"""

import triton
import triton.language as tl

__all__ = ["exponentials", "train_layers"]

# Loss, rule and ball have the numbers of fleet.c.
DISTRIBUTIONS = tl.constexpr(1)
SQUARED = tl.constexpr(2)
SGD = tl.constexpr(0)
ADAM = tl.constexpr(3)
PER_MATRIX = tl.constexpr(1)
PER_GROUP = tl.constexpr(2)

SIZES = ["layers", "sequences", "tokens", "classes", "batch", "steps", "order_step", "order_layer", "mean_step"]
"""Arguments whose values do not lead to another compilation."""

LOG2_E = tl.constexpr(1.44269504088896340736)
LN2_HIGH_32 = tl.constexpr(float.fromhex("0x1.62e4p-1"))
LN2_LOW_32 = tl.constexpr(float.fromhex("0x1.7f7d1cp-20"))
LN2_HIGH_64 = tl.constexpr(float.fromhex("0x1.62e42fefa0000p-1"))
LN2_LOW_64 = tl.constexpr(float.fromhex("0x1.cf79abc9e3b39p-40"))


@triton.jit
def _exp(x):
    """e^x for x <= 0, right to 4 units of roundoff; exactly 0 below -87 (-708 in float64), -inf included."""
    if x.dtype == tl.float32:
        alive = x >= -87.0
        x = tl.where(alive, x, 0.0)
        k = tl.floor(x * LOG2_E + 0.5)
        r = (x - k * LN2_HIGH_32) - k * LN2_LOW_32
        y = r * (1.0 / 5040) + 1.0 / 720
        power = ((k.to(tl.int32) + 127) << 23).to(tl.float32, bitcast=True)
    else:
        alive = x >= -708.0
        x = tl.where(alive, x, 0.0)
        k = tl.floor(x * LOG2_E + 0.5)
        r = (x - k * LN2_HIGH_64) - k * LN2_LOW_64
        y = r * (1.0 / 6227020800) + 1.0 / 479001600
        y = y * r + 1.0 / 39916800
        y = y * r + 1.0 / 3628800
        y = y * r + 1.0 / 362880
        y = y * r + 1.0 / 40320
        y = y * r + 1.0 / 5040
        y = y * r + 1.0 / 720
        power = ((k.to(tl.int64) + 1023) << 52).to(tl.float64, bitcast=True)
    y = y * r + 1.0 / 120
    y = y * r + 1.0 / 24
    y = y * r + 1.0 / 6
    y = y * r + 0.5
    y = y * r + 1.0
    y = y * r + 1.0
    return tl.where(alive, y * power, 0.0)


@triton.jit
def exponentials(x, y, SIZE: tl.constexpr):
    """The exponentials of SIZE numbers, for whoever wants to know how right they are."""
    at = tl.arange(0, SIZE)
    tl.store(y + at, _exp(tl.load(x + at)))


@triton.jit
def _quotient(x, y):
    """X / y rounded to nearest; the plain division of float32 is not."""
    if x.dtype == tl.float32:
        return tl.div_rn(x, y)
    return x / y


@triton.jit
def _root(x):
    """The square root rounded to nearest."""
    if x.dtype == tl.float32:
        return tl.sqrt_rn(x)
    return tl.sqrt(x)


@triton.jit
def _dot(a, b):
    """The product of two matrices, by fused multiply-adds."""
    return tl.dot(a, b, input_precision="ieee", out_dtype=a.dtype)


@triton.jit
def _plus_dot(total, a, b):
    """The same, added to a total."""
    return tl.dot(a, b, total, input_precision="ieee", out_dtype=a.dtype)


@triton.jit
def _finite(x):
    """1 where a float64 is finite, else 0."""
    return (tl.abs(x) < float("inf")).to(tl.int32)


@triton.jit
def _sums(entries, RB: tl.constexpr, RW: tl.constexpr, CB: tl.constexpr, CW: tl.constexpr):
    """Sums over the groups of a float64 matrix [RB RW, CB CW], as [RB, CB]."""
    return tl.sum(tl.sum(tl.reshape(entries, [RB, RW, CB, CW]), 3), 1)


@triton.jit
def _squares(w, RB: tl.constexpr, RW: tl.constexpr, CB: tl.constexpr, CW: tl.constexpr):
    """Sums of squares of the groups, float64: squares of float32 numbers are exact there."""
    wide = w.to(tl.float64)
    return _sums(wide * wide, RB, RW, CB, CW)


@triton.jit
def _scaled(w, factors, RB: tl.constexpr, RW: tl.constexpr, CB: tl.constexpr, CW: tl.constexpr):
    """Every group times its factor; adding 0 makes the -0 of a killed entry 0."""
    spread = tl.broadcast_to(tl.reshape(factors.to(w.dtype), [RB, 1, CB, 1]), [RB, RW, CB, CW])
    return w * tl.reshape(spread, [RB * RW, CB * CW]) + 0.0


@triton.jit
def _shrinking(norms, radius):
    """Radius / norm where the norm is greater, else 1."""
    return tl.where(norms > radius, radius / tl.where(norms > radius, norms, 1.0), 1.0)


@triton.jit
def _advance(
    part, memory1, memory2, at, g, unit, radius, eta, numbers, correction1, correction2,
    RULE: tl.constexpr, CLIP: tl.constexpr, DECAY: tl.constexpr, BALL: tl.constexpr, CONTENT: tl.constexpr, SUBGRADIENT: tl.constexpr,
    RB: tl.constexpr, RW: tl.constexpr, CB: tl.constexpr, CW: tl.constexpr,
):  # fmt: skip
    """One proximal step of one matrix in memory; whether its numbers are finite, and the group norms of its gradient before clipping."""
    w = tl.load(part + at)
    real = w.dtype
    if RULE != SGD:
        first = tl.load(memory1 + at)
    if RULE == ADAM:
        second = tl.load(memory2 + at)
    tl.debug_barrier()  # an entry may be held by several threads: all read before one writes
    norms = tl.sqrt(_squares(g, RB, RW, CB, CW))
    fine = (eta > 0).to(tl.int32)
    if CONTENT or CLIP:
        fine = tl.min(tl.min(_finite(norms), 1), 0)
    if CLIP:
        g = _scaled(g, _shrinking(norms, tl.load(numbers + 1)), RB, RW, CB, CW)
    if RULE != SGD:
        if RULE == ADAM:
            first = tl.load(numbers + 4).to(real) * first + tl.load(numbers + 5).to(real) * g
            second = tl.load(numbers + 6).to(real) * second + tl.load(numbers + 7).to(real) * (g * g)
            tl.store(memory2 + at, second)
            root = _root(_quotient(second, correction2.to(real))) + tl.load(numbers + 8).to(real)
            g = _quotient(_quotient(first, correction1.to(real)), root)
        else:
            # the memory starts at 0, so the first direction is the fresh gradient
            first = first * tl.load(numbers + 2).to(real) + g * tl.load(numbers + 3).to(real)
            g = first
        tl.store(memory1 + at, first)
    if SUBGRADIENT:
        sizes = tl.sqrt(_squares(w, RB, RW, CB, CW))
        g = g + _scaled(w, tl.where(sizes > 0, unit / tl.where(sizes > 0, sizes, 1.0), 0.0), RB, RW, CB, CW)
    if DECAY:
        w = w * (1 - eta * tl.load(numbers + 9)).to(real)
    w = w - eta.to(real) * g
    sizes = tl.sqrt(_squares(w, RB, RW, CB, CW))
    fine = fine & tl.min(tl.min(_finite(sizes), 1), 0)
    if CONTENT and not SUBGRADIENT:
        threshold = eta * unit
        kept = 1 - threshold / tl.where(sizes > 0, sizes, 1.0)
        # threshold 0 leaves a group alone, even one whose norm is 0
        w = _scaled(w, tl.where(threshold > 0, tl.where(sizes <= threshold, 0.0, kept), 1.0), RB, RW, CB, CW)
    if BALL == PER_GROUP:
        w = _scaled(w, _shrinking(tl.sqrt(_squares(w, RB, RW, CB, CW)), radius), RB, RW, CB, CW)
    elif BALL == PER_MATRIX:
        w = _scaled(w, _shrinking(tl.sqrt(_squares(w, 1, RB * RW, 1, CB * CW)), radius), 1, RB * RW, 1, CB * CW)
    tl.store(part + at, w)
    return fine, norms


@triton.jit
def _watch(
    part, at, last, revived, norms, group_at, index,
    WITH_NORMS: tl.constexpr, RB: tl.constexpr, RW: tl.constexpr, CB: tl.constexpr, CW: tl.constexpr,
):  # fmt: skip
    """Note which groups of a content matrix are alive after step `index`; the sum of its absolute values, at least 1."""
    w = tl.load(part + at)
    sizes = _sums(tl.abs(w.to(tl.float64)), RB, RW, CB, CW)
    before, woke = tl.load(last + group_at), tl.load(revived + group_at)
    tl.debug_barrier()
    lives = sizes > 0
    tl.store(revived + group_at, tl.where(lives & (before < index), 1, woke))
    tl.store(last + group_at, tl.where(lives, index + 1, before))
    if WITH_NORMS:
        tl.store(norms + group_at, tl.sqrt(_squares(w, RB, RW, CB, CW)))
    return tl.maximum(tl.sum(tl.sum(sizes, 1), 0), 1.0)


@triton.jit
def _raise_peak(peak, at, norms):
    """Keep the largest gradient norm of every group."""
    before = tl.load(peak + at)
    tl.debug_barrier()
    tl.store(peak + at, tl.maximum(before, norms))


@triton.jit
def _total(part, at):
    """The sum of the absolute values of a matrix in memory, float64, at least 1."""
    w = tl.load(part + at)
    return tl.maximum(tl.sum(tl.sum(tl.abs(w.to(tl.float64)), 1), 0), 1.0)


@triton.jit
def _loss_gradient(z, goal, weight, real_class, LOSS: tl.constexpr, WITH_LOSS: tl.constexpr):
    """dL/dz of a tile of queries, the weight of each in the mean included, and the loss of the tile (float64)."""
    value = tl.sum(weight.to(tl.float64), 0) * 0
    if LOSS == SQUARED:
        dz = z - goal
        if WITH_LOSS:
            wide = dz.to(tl.float64)
            value = tl.sum(tl.sum(wide * wide, 1) * 0.5 * weight.to(tl.float64), 0)
    else:
        top = tl.max(tl.where(real_class, z, float("-inf")), 1)
        shifted = tl.where(real_class, z - top[:, None], -1000.0)
        e = _exp(shifted)
        total = tl.sum(e, 1)
        p = e * _quotient(tl.full(total.shape, 1.0, total.dtype), total)[:, None]
        if LOSS == DISTRIBUTIONS:
            dz = p - goal
        else:
            # p_y - 1 loses all digits when p_y is near 1: it is minus the sum of the others
            rest = p * (1 - goal)
            dz = rest - goal * tl.sum(rest, 1)[:, None]
        if WITH_LOSS:
            wanted = goal.to(tl.float64) * (tl.log(total.to(tl.float64))[:, None] - shifted.to(tl.float64))
            value = tl.sum(tl.sum(tl.where(real_class & (goal != 0), wanted, 0.0), 1) * weight.to(tl.float64), 0)
    return dz * weight[:, None], value


@triton.jit
def _grid(ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Offsets of the entries of a matrix that lies row by row."""
    return tl.arange(0, ROWS)[:, None] * COLUMNS + tl.arange(0, COLUMNS)[None, :]


@triton.jit(do_not_specialize=SIZES)
def train_layers(
    content, values, readout, content1, values1, readout1, content2, values2, readout2,
    x, x_rows, bias, goal, share, mean, order, units, radii, etas, corrections, numbers, limits,
    last, revived, bad, peak, norms, losses,
    layers, sequences, tokens, classes, batch, steps, order_step, order_layer, mean_step,
    QK: tl.constexpr, LOSS: tl.constexpr, RULE: tl.constexpr, CLIP: tl.constexpr, DECAY: tl.constexpr, SUBGRADIENT: tl.constexpr,
    CONTENT_BALL: tl.constexpr, VALUE_BALL: tl.constexpr, READOUT_BALL: tl.constexpr,
    TRAINS_CONTENT: tl.constexpr, TRAINS_VALUES: tl.constexpr, TRAINS_READOUT: tl.constexpr,
    WITH_NORMS: tl.constexpr, WITH_LOSS: tl.constexpr,
    QT: tl.constexpr, TP: tl.constexpr, EP: tl.constexpr, CP: tl.constexpr,
    RB: tl.constexpr, RW: tl.constexpr, CB: tl.constexpr, CW: tl.constexpr,
):  # fmt: skip
    """Train layer number program_id from its first state, in content, values and readout, to the last, which replaces it.

    Every array is padded: content [L, K, RP, DP] with RP = RB RW rows and DP = CB CW columns, values [L, EP, DP], readout [L, CP, EP],
    x [L, S, TP, DP], x_rows the same with the columns cut as the rows of A are, bias [L, S, TP, TP], -inf on keys that are no tokens,
    goal [L, S, TP, CP], share [L, S, TP], and one number a group [L, K, RB, CB].
    """
    RP: tl.constexpr = RB * RW
    DP: tl.constexpr = CB * CW
    K: tl.constexpr = 2 if QK else 1
    GROUPS: tl.constexpr = RB * CB
    layer = tl.program_id(0).to(tl.int64)
    from_w, from_v, from_u, from_g = layer * (K * RP * DP), layer * (EP * DP), layer * (CP * EP), layer * (K * GROUPS)
    content, content1, content2 = content + from_w, content1 + from_w, content2 + from_w
    values, values1, values2 = values + from_v, values1 + from_v, values2 + from_v
    readout, readout1, readout2 = readout + from_u, readout1 + from_u, readout2 + from_u
    units, last, revived, peak = units + from_g, last + from_g, revived + from_g, peak + from_g
    keys = content + RP * DP
    # products of sizes can be greater than 2^31
    layers, order_step, mean_step = layers.to(tl.int64), order_step.to(tl.int64), mean_step.to(tl.int64)
    w_at, v_at, u_at, g_at = _grid(RP, DP), _grid(EP, DP), _grid(CP, EP), _grid(RB, CB)
    i_at = tl.arange(0, QT)
    real_class = (tl.arange(0, CP) < classes)[None, :]
    failed = -1

    for index in range(steps):
        u, wv = tl.load(readout + u_at), tl.load(values + v_at)
        real = u.dtype
        scale = tl.load(numbers).to(real)
        inverse = tl.load(mean + index * mean_step + layer).to(real)
        composed = _dot(u, wv)
        dcomposed, dw = tl.zeros([CP, DP], real), tl.zeros([RP, DP], real)
        if QK:
            dw2 = tl.zeros([RP, DP], real)
        loss = inverse.to(tl.float64) * 0
        for chosen in range(batch):
            s = layer * sequences + tl.load(order + index * order_step + layer * order_layer + chosen)
            xk = tl.load(x + s * (TP * DP) + _grid(TP, DP))
            p = _dot(xk, tl.trans(composed))
            if QK:
                k = _dot(xk, tl.trans(tl.load(keys + w_at)))
                kback = tl.zeros([TP, RP], real)
            mixed = tl.zeros([TP, CP], real)
            for tile in range(0, tokens, QT):
                row = s * TP + tile
                added = tl.load(bias + row * TP + _grid(QT, TP))
                w = tl.load(content + w_at)
                if QK:
                    xq = tl.load(x + row * DP + _grid(QT, DP))
                    q = _dot(xq, tl.trans(w))
                    scores = _dot(q, tl.trans(k))
                else:
                    # the rows of A may be cut unlike its columns
                    xq = tl.load(x_rows + row * RP + _grid(QT, RP))
                    q = _dot(xq, w)
                    scores = _dot(q, tl.trans(xk))
                scores = scores * scale + added
                a = _exp(scores - tl.max(scores, 1)[:, None])
                total = tl.sum(a, 1)
                a = a * _quotient(tl.full([QT], 1.0, real), total)[:, None]
                z = _dot(a, p)
                weight = tl.load(share + row + i_at) * inverse
                dz, value = _loss_gradient(z, tl.load(goal + row * CP + _grid(QT, CP)), weight, real_class, LOSS, WITH_LOSS)
                loss += value
                if TRAINS_VALUES or TRAINS_READOUT:
                    mixed = _plus_dot(mixed, tl.trans(a), dz)
                if TRAINS_CONTENT:
                    drop = tl.sum(dz * z, 1)
                    ds = a * ((_dot(dz, tl.trans(p)) - drop[:, None]) * scale)
                    if QK:
                        dw = _plus_dot(dw, tl.trans(_dot(ds, k)), xq)
                        kback = _plus_dot(kback, tl.trans(ds), q)
                    else:
                        dw = _plus_dot(dw, tl.trans(xq), _dot(ds, xk))
            if TRAINS_CONTENT and QK:
                dw2 = _plus_dot(dw2, tl.trans(kback), xk)
            if TRAINS_VALUES or TRAINS_READOUT:
                dcomposed = _plus_dot(dcomposed, tl.trans(mixed), xk)

        eta = tl.load(etas + index)
        correction1, correction2 = tl.load(corrections + 2 * index), tl.load(corrections + 2 * index + 1)
        fine = (eta > 0).to(tl.int32)
        u, wv = tl.load(readout + u_at), tl.load(values + v_at)
        tl.debug_barrier()  # everything of this state has been read
        if TRAINS_VALUES:
            good, _ = _advance(
                values, values1, values2, v_at, _dot(tl.trans(u), dcomposed), eta, tl.load(radii + 2), eta, numbers,
                correction1, correction2, RULE, CLIP, DECAY, VALUE_BALL, False, False, 1, EP, 1, DP,
            )  # fmt: skip
            fine = fine & good
        if TRAINS_READOUT:
            good, _ = _advance(
                readout, readout1, readout2, u_at, _dot(dcomposed, tl.trans(wv)), eta, tl.load(radii + 3), eta, numbers,
                correction1, correction2, RULE, CLIP, DECAY, READOUT_BALL, False, False, 1, CP, 1, EP,
            )  # fmt: skip
            fine = fine & good
        if TRAINS_CONTENT:
            good, found = _advance(
                content, content1, content2, w_at, dw, tl.load(units + g_at), tl.load(radii), eta, numbers,
                correction1, correction2, RULE, CLIP, DECAY, CONTENT_BALL, True, SUBGRADIENT, RB, RW, CB, CW,
            )  # fmt: skip
            fine = fine & good
            _raise_peak(peak, g_at, found)
            if QK:
                good, found = _advance(
                    keys, content1 + RP * DP, content2 + RP * DP, w_at, dw2, tl.load(units + GROUPS + g_at),
                    tl.load(radii + 1), eta, numbers, correction1, correction2,
                    RULE, CLIP, DECAY, CONTENT_BALL, True, SUBGRADIENT, RB, RW, CB, CW,
                )  # fmt: skip
                fine = fine & good
                _raise_peak(peak + GROUPS, g_at, found)
        tl.debug_barrier()  # the next state is written

        noted = norms + ((index + 1) * layers + layer) * (K * GROUPS)
        span = _watch(content, w_at, last, revived, noted, g_at, index, WITH_NORMS, RB, RW, CB, CW)
        if QK:
            span *= _watch(keys, w_at, last + GROUPS, revived + GROUPS, noted + GROUPS, g_at, index, WITH_NORMS, RB, RW, CB, CW)
        limit = tl.load(limits + layer)
        path = _total(values, v_at) * _total(readout, u_at)
        fine = fine & (span < limit).to(tl.int32) & (path < limit).to(tl.int32)
        if WITH_LOSS:
            fine = fine & _finite(loss)
            tl.store(losses + index * layers + layer, loss)
        failed = tl.where((failed < 0) & (fine == 0), index, failed)
        tl.debug_barrier()

    tl.store(bad + layer, failed)
