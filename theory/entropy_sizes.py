"""Statements on rows of different shapes: the ceiling over block sizes and over numbers of visible keys."""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.concentration import BLOCK, MARGIN
from theory.entropy_ceiling import BLOCK_FREE, CEILING, LEAD, ROW, TWO_LEVEL_ENTROPY, ceiling, ceiling_at
from theory.entropy_formulas import Z as NORMALISER
from theory.entropy_lemmas import size_falls, size_rises
from theory.steps import Cases, Cite, Combine, Manifest, MeanValue
from theory.symbols import entropy, g, g_high, g_low, margin, n, n_high, t
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_I = sp.Integer
_u = sp.exp(-t)
_size = sp.Symbol("size", positive=True)  # a block size or a number of keys, between two that occur
_u_at_most_1 = Manifest("u at most 1", sp.Ge(1 - _u, 0, **_rel), form=2 * sp.exp(-t / 2) * sp.sinh(t / 2))
_turn = (1 - _u) * NORMALISER - t * n * _u  # its sign is that of dH*/dg
_instance = {lemmas.x: _u, lemmas.y: n, lemmas.p: t}
_ends = sp.Max(ceiling_at(g=g_low), ceiling_at(g=g_high), **_rel)
_shape = {
    "lead": LEAD,
    "not less": Hypothesis(sp.Le(g_low, g, **_rel), "the block has at least g_1 keys", "Take the least block size for g_1."),
    "not more": Hypothesis(sp.Le(g, g_high, **_rel), "the block has at most g_2 keys", "Take the greatest block size for g_2."),
}
in_block_size = Theorem(
    name="entropy.in_block_size",
    title="Rows with blocks of different sizes: the worst size is the least or the greatest",
    claim=sp.Le(entropy, _ends, **_rel),
    assumes={"block": BLOCK, "margin": MARGIN, **_shape},
    definitions=ROW,
    steps=(
        _u_at_most_1,
        Cite("ceiling", ceiling, {}, {"block": "block", "margin": "margin", "lead": "lead"}),
        Cases(
            "ends", sp.Le(CEILING, _ends, **_rel), _turn,
            (
                Cite(
                    "falls", size_falls, {**_instance, lemmas.v: g_low, lemmas.w: g},
                    {"weight": "u at most 1", "order": "not less", "before the turn": "ends.low"},
                ),
                Manifest("lower end", sp.Le(CEILING, _ends, **_rel)),
            ),
            (
                Cite(
                    "rises", size_rises, {**_instance, lemmas.v: g, lemmas.w: g_high},
                    {"weight": "u at most 1", "order": "not more", "after the turn": "ends.high"},
                ),
                Manifest("upper end", sp.Le(CEILING, _ends, **_rel)),
            ),
        ),
        Combine("claim", sp.Le(entropy, _ends, **_rel), {"ceiling": 1, "ends": 1}),
    ),
    equality=Equality(
        "two-level rows at the worse of the two sizes", {g_low: g, g_high: g, entropy: TWO_LEVEL_ENTROPY}
    ),
    needs={
        "margin": Witness(
            {n: _I(4), g: _I(1), g_low: _I(1), g_high: _I(1), t: _I(1), margin: _I(0), entropy: sp.log(4)},
            scores=(_I(0),) * 4, block=(0,), text="four equal scores have margin 0, not 1",
        ),
        "lead": Witness(
            {n: _I(4), g: _I(1), g_low: _I(1), g_high: _I(1), t: _I(-1), margin: _I(0), entropy: sp.log(4)},
            scores=(_I(0),) * 4, block=(0,), text="H*(4, 1, -1) = 1.324 < ln 4",
        ),
        "not less": Witness(
            {n: _I(8), g: _I(1), g_low: _I(2), g_high: _I(2), t: _I(1), margin: _I(1), entropy: ceiling_at(n=8, g=1, t=1)},
            scores=(_I(1),) + (_I(0),) * 7, block=(0,), text="at t = 1 a block of 1 of 8 keys leaves more than a block of 2",
        ),
        "not more": Witness(
            {n: _I(8), g: _I(6), g_low: _I(1), g_high: _I(3), t: _I(4), margin: _I(4), entropy: ceiling_at(n=8, g=6, t=4)},
            scores=(_I(4),) * 6 + (_I(0),) * 2, block=tuple(range(6)), text="a block of 6 has entropy near ln 6",
        ),
    },
    free=BLOCK_FREE,
    uses=(ceiling,),
    source="2510.09338: bounds that hold for every row at once",
)  # fmt: skip

_in_keys = ceiling_at(n=_size)
_Z_keys = g * (1 - _u) + _size * _u
in_keys = Theorem(
    name="entropy.in_keys",
    title="Rows with different numbers of visible keys: the longest is the worst",
    claim=sp.Le(entropy, ceiling_at(n=n_high), **_rel),
    assumes={
        "block": BLOCK, "margin": MARGIN, "lead": LEAD,
        "keys": Hypothesis(sp.Le(n, n_high, **_rel), "the query sees at most n_2 keys", "Take the longest row for n_2."),
    },
    definitions=ROW,
    steps=(
        _u_at_most_1,
        Cite("ceiling", ceiling, {}, {"block": "block", "margin": "margin", "lead": "lead"}),
        MeanValue(
            "rises", _in_keys, _size, n, n_high,
            Manifest("slope", sp.Ge(sp.diff(_in_keys, _size), 0, **_rel), form=_u / _Z_keys + t * _u * g / _Z_keys**2), "keys",
        ),
        Combine("claim", sp.Le(entropy, ceiling_at(n=n_high), **_rel), {"ceiling": 1, "rises": 1}),
    ),
    equality=Equality(
        "two-level rows of n_2 keys", {n_high: n, entropy: TWO_LEVEL_ENTROPY}
    ),
    needs={
        "margin": Witness(
            {n: _I(2), n_high: _I(2), g: _I(1), t: _I(1), margin: _I(0), entropy: sp.log(2)}, scores=(_I(0),) * 2, block=(0,),
            text="two equal scores have margin 0, not 1",
        ),
        "lead": Witness(
            {n: _I(4), n_high: _I(4), g: _I(1), t: _I(-1), margin: _I(0), entropy: sp.log(4)}, scores=(_I(0),) * 4, block=(0,),
            text="H*(4, 1, -1) = 1.324 < ln 4",
        ),
        "keys": Witness(
            {n: _I(4), n_high: _I(2), g: _I(1), t: _I(0), margin: _I(0), entropy: sp.log(4)}, scores=(_I(0),) * 4, block=(0,),
            text="four equal scores have entropy ln 4 > ln 2",
        ),
    },
    free=BLOCK_FREE,
    uses=(ceiling,),
    source="2510.09338: bounds that hold for every row at once",
)  # fmt: skip

_dip = sp.Min(ceiling_at(n=100, g=1, t=5), ceiling_at(n=100, g=50, t=5), **_rel)
not_monotone = Theorem(
    name="entropy.not_monotone_in_block_size",
    title="The ceiling is not monotone in the block size",
    claim=sp.Gt(_dip, ceiling_at(n=100, g=3, t=5), **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(_dip, ceiling_at(n=100, g=3, t=5), **_rel)),),
    equality=Equality("n = 100, t = 5: blocks of 1 and of 50 keys both leave more entropy than a block of 3"),
    source="2510.09338: the plain reading, larger blocks are less certain, is false",
    kind="counterexample",
)
