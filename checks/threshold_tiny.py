"""Small layers in rational numbers that attain the bounds of the threshold family, and ordinary ones beside them."""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, arb_mat, fmpq

from checks.threshold_layer import ExactLayer, TokenSequence, matrix

Table = Sequence[Sequence[float | fmpq | int]]
HALF, TWO, ONE = fmpq(1, 2), fmpq(2), fmpq(1)
SCALES = (ONE, TWO, HALF)
SMALL = fmpq(1, 64)


def tiny(
    tokens: Table,
    content: Sequence[Table],
    values: Table,
    readout: Table,
    targets: Sequence[int],
    features: Sequence[int],
    heads: Sequence[int],
    blocks: Sequence[int],
    tau: fmpq = ONE,
    origin: str = "tiny layer",
) -> ExactLayer:
    """A layer of one sequence in exact numbers, every key visible, classes as targets."""
    n, classes = len(tokens), len(readout)
    everything = tuple(tuple(range(n)) for _ in range(n))
    goals = tuple(tuple(arb(int(k == target)) for k in range(classes)) for target in targets)
    sequence = TokenSequence(matrix(tokens), arb_mat(n, n), everything, goals, tuple(blocks))
    return ExactLayer(
        tuple(matrix(m) for m in content),
        matrix(values),
        matrix(readout),
        (sequence,),
        arb(tau),
        tuple(features),
        tuple(heads),
        origin,
    )


def attaining_bilinear(a: fmpq, b: fmpq, v: fmpq, u: fmpq, tau: fmpq) -> ExactLayer:
    """Tokens (a; b) and (a; -b), both of block 0, A = 0, value v times the second coordinate, readout +-u, equal targets."""
    return tiny(
        ((a, b), (a, -b)),
        (((0, 0), (0, 0)),),
        ((0, v),),
        ((u,), (-u,)),
        (0, 0),
        (1, 1),
        (1, 1),
        (0, 0),
        tau,
        "attaining bilinear layer",
    )


def attaining_query(x: fmpq, w: fmpq, v: fmpq, u: fmpq, tau: fmpq) -> ExactLayer:
    """Self-attention on x and -x with W_Q = 0, W_K = w, opposite targets."""
    return tiny(
        ((x,), (-x,)), (((0,),), ((w,),)), ((v,),), ((u,), (-u,)), (0, 1), (1,), (1,), (0, 0), tau, "attaining query layer"
    )


def attaining_key(x: fmpq, w: fmpq, v: fmpq, u: fmpq, tau: fmpq) -> ExactLayer:
    """Self-attention on x and -x with queries at right angles to keys, opposite targets; W_K half as long as W_Q."""
    return tiny(
        ((x,), (-x,)),
        (((w,), (0,)), ((0,), (w / 2,))),
        ((v,),),
        ((u,), (-u,)),
        (0, 1),
        (1,),
        (2,),
        (0, 0),
        tau,
        "attaining key layer",
    )


def attaining_value(x: fmpq, u: fmpq) -> ExactLayer:
    """Equal tokens, W_V = 0, equal targets."""
    return tiny(((x,), (x,)), (((0,),),), ((0,),), ((u,), (-u,)), (0, 0), (1,), (1,), (0, 0), ONE, "attaining value layer")


def leaving(score: float, scale: fmpq = ONE, v: fmpq = SMALL) -> ExactLayer:
    """One token of each block without leak; the first looks at the second with a small mass: the other side of `threshold.dial_scaled`."""
    a = (score / float(scale) ** 2, 0), (0, 0)
    return tiny(((scale, 0), (0, scale)), (a,), ((0, v),), ((1,), (-1,)), (0, 0), (1, 1), (1, 1), (0, 1), ONE, "leaving layer")


def ordinary() -> list[ExactLayer]:
    """Layers that attain nothing: three tokens in two blocks, uneven weights, both parametrisations, three classes."""
    tokens = ((1, 0.25, -0.125), (0.5, -1, 0.75), (-0.25, 0.5, 1))
    values, readout = ((1, -0.5, 0.25), (0, 0.75, 1)), ((1, 0.5), (-0.5, 1), (0.25, -1))
    a = ((0.5, -1, 0.25), (0.75, 0.5, -0.5), (1, 0.25, 2))
    q, k = ((1, 0.5, -1), (0.25, -0.5, 1)), ((0.5, 1, 0.25), (-1, 0.75, 0.5))
    common = (values, readout, (0, 2, 1), (1, 2))
    return [
        tiny(tokens, (a,), *common, (1, 2), (0, 1, 1), HALF, "ordinary bilinear layer"),
        tiny(tokens, (q, k), *common, (1, 1), (0, 1, 1), TWO, "ordinary Q/K layer"),
    ]


def smooth_layer(a: float, x: float, u: float, v: float, tau: float = 1.0) -> ExactLayer:
    """Self-attention on x and -x with A = a, values +-v, readout +-u, opposite targets: nearly attains the smoothness bound."""
    return tiny(
        ((x,), (-x,)),
        (((a,),),),
        ((v / x,),),
        ((u,), (-u,)),
        (0, 1),
        (1,),
        (1,),
        (0, 0),
        fmpq(*tau.as_integer_ratio()),
        "smoothness layer",
    )
