"""Information: what a pointer that sometimes errs still says about the block (Fano).

B is uniform on M blocks, the pointer takes values, and each value names a block; P_e is the probability that it is not B. A cell is a
pair of a pointer value and a block: j runs over the cells where the value names that block (one a value), l over the others (M - 1 a
value). p_val is the probability of the value of the cell, p_cell that of its block given the value.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.anchors_budget import SEVERAL
from theory.anchors_formulas import fano_information
from theory.anchors_redundancy import eq
from theory.entropy_lemmas import gibbs_term, log_quotient
from theory.steps import Apply, Cite, Combine, Manifest, SumOver
from theory.symbols import (
    anchors,
    cell_share,
    cell_surprisal,
    eps,
    error_of,
    error_rate,
    g,
    i_anchor,
    information,
    j_in,
    j_out,
    least_fidelity,
    left_over,
    n,
    phi,
    value_mass,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_I = sp.Integer
_M, _e, _P, _v, _p, _s = anchors, eps, error_rate, value_mass, cell_share, cell_surprisal
_y = sp.Symbol("y", positive=True)
RIGHT, WRONG = (j_in, 1, g), (j_out, g + 1, n)
SOURCE = "2510.09338: information-theoretic anchor design; Fano's inequality with its exact condition"

CHANNEL = {
    "values": eq(sp.Sum(_v[j_in], RIGHT), 1),
    "others": eq(sp.Sum(_v[j_out], WRONG), _M - 1),
    "right": eq(sp.Sum(_v[j_in] * _p[j_in], RIGHT), 1 - _P),
    "wrong": eq(sp.Sum(_v[j_out] * _p[j_out], WRONG), _P),
    "share right": eq(_p[j_in] * (_p[j_in] - sp.exp(-_s[j_in])), 0),
    "share wrong": eq(_p[j_out] * (_p[j_out] - sp.exp(-_s[j_out])), 0),
    "H_bp is": eq(left_over, sp.Sum(_v[j_in] * _p[j_in] * _s[j_in], RIGHT) + sp.Sum(_v[j_out] * _p[j_out] * _s[j_out], WRONG)),
    "I is": eq(information, sp.log(_M) - left_over),
    "cells": sp.Le(g, n, **_rel),
}
OPEN = {
    "some": Hypothesis(sp.Gt(_e, 0, **_rel), "eps > 0", "A pointer that never errs has the information ln M."),
    "not all": Hypothesis(sp.Lt(_e, 1, **_rel), "eps < 1", "Claim the measured error."),
}
FREE = {
    "several": "one block has no information",
    "some": "the formula reads 0 ln 0 at 0; the limit, ln M, is true there",
    "not all": "the formula reads 0 ln 0 at 1",
}
_ln_right, _ln_wrong = sp.log(1 - _e), sp.log(_e) - sp.log(_M - 1)


def _gibbs(side: str, key: sp.Symbol, log: sp.Expr) -> tuple[Cite, SumOver]:
    """Gibbs' inequality against the share e^log at one cell, times the probability of its value, summed."""
    bound = -_p[key] * log + sp.exp(log) - _p[key]
    whole = sp.Le(_v[key] * _p[key] * _s[key], _v[key] * bound, **_rel)
    term = {lemmas.v: _p[key], lemmas.p: _s[key], lemmas.q: log}
    return (
        Cite(f"term {side}", gibbs_term, term, {"surprisal": f"share {side}"}),
        SumOver(f"cells {side}", Combine(f"cell {side}", whole, {f"term {side}": _v[key]}), key),
    )


_dual = sp.Ge(information, sp.log(_M) + (1 - _P) * _ln_right + _P * _ln_wrong, **_rel)
dual = Theorem(
    name="anchors.fano_dual",
    title="Information of a pointer, dual form: true for every eps",
    claim=_dual,
    assumes={"several": SEVERAL, **OPEN},
    definitions=CHANNEL,
    steps=(
        Manifest("one other", sp.Gt(_M - 1, 0, **_rel)),
        *_gibbs("right", j_in, _ln_right),
        *_gibbs("wrong", j_out, _ln_wrong),
        Combine(
            "claim", _dual,
            {
                "I is": 1, "H_bp is": -1, "cells right": 1, "cells wrong": 1, "right": 1 + _ln_right, "wrong": 1 + _ln_wrong,
                "values": _e - 1, "others": -_e / (_M - 1),
            },
        ),
    ),
    equality=Equality(
        "eps is the error, and every wrong block is equally likely given the pointer",
        {_P: _e, information: sp.log(_M) + (1 - _e) * _ln_right + _e * _ln_wrong},
    ),
    free=FREE,
    source=SOURCE,
)  # fmt: skip

_fano = sp.Ge(information, fano_information.stated.subs(_e, _P), **_rel)
exact = Theorem(
    name="anchors.fano",
    title="Fano: the information of a pointer of exactly this error",
    claim=_fano,
    assumes={
        "several": SEVERAL,
        "some": Hypothesis(sp.Gt(_P, 0, **_rel), "P_e > 0", "A pointer that never errs has the information ln M."),
        "not all": Hypothesis(sp.Lt(_P, 1, **_rel), "P_e < 1", "A pointer that always errs is a pointer of another block."),
    },
    definitions=CHANNEL,
    steps=(
        Cite("dual", dual, {_e: _P}, {"several": "several", "some": "some", "not all": "not all"}),
        Combine("claim", _fano, {"dual": 1}),
    ),
    equality=Equality(
        "every wrong block is equally likely given the pointer", {information: fano_information.stated.subs(_e, _P)}
    ),
    free=FREE,
    uses=(dual,),
    source=SOURCE,
)  # fmt: skip

CAP = Hypothesis(
    sp.Le(_e, (_M - 1) / _M, **_rel), "eps <= (M - 1)/M: no worse than guessing",
    "Beyond it the bound rises again and says too much; claim 0.",
)  # fmt: skip
ERR = Hypothesis(sp.Le(_P, _e, **_rel), "the pointer errs with probability at most eps", "Claim the measured error.")
_bound = sp.Ge(information, fano_information.stated, **_rel)
_log_slope = sp.log(_M - 1) - sp.log(_e / (1 - _e))  # how much an error of probability 1 would cost at eps
_needs_error = Witness(
    {_M: _I(2), _e: _I(1) / 4, _P: _I(1) / 2, information: _I(0)},
    text="two blocks and a pointer that knows nothing: information 0, not ln 2 - h(1/4) = 0.131",
)
bound = Theorem(
    name="anchors.fano_bound",
    title="Fano with a bound on the error: only up to the error of guessing",
    claim=_bound,
    assumes={"several": SEVERAL, **OPEN, "cap": CAP, "error": ERR},
    definitions=CHANNEL,
    steps=(
        Cite("dual", dual, {}, {"several": "several", "some": "some", "not all": "not all"}),
        Manifest("one other", sp.Gt(_M - 1, 0, **_rel)),
        Combine("room", sp.Le(_e / (1 - _e), _M - 1, **_rel), {"cap": _M / (1 - _e)}),
        Apply("ln room", sp.log(_y), _y, "room"),
        Cite("ln odds", log_quotient, {lemmas.x: _e, lemmas.y: 1 - _e}),
        Combine("claim", _bound, {"dual": 1, "error": _log_slope, "ln odds": _e - _P}),
    ),
    equality=Equality("the error is eps, every wrong block equally likely", {information: fano_information.stated}),
    needs={
        "cap": Witness(
            {_M: _I(2), _e: _I(9) / 10, _P: _I(1) / 2, information: _I(0)},
            text="two blocks, a pointer that knows nothing (P_e = 1/2), eps = 0.9: ln 2 - h(0.9) = 0.368 would be claimed",
        ),
        "error": _needs_error,
    },
    free=FREE,
    uses=(dual,),
    source=SOURCE,
)  # fmt: skip

_of = error_of[i_anchor]
_known = sp.Ge(information, fano_information.stated.subs(_e, 1 - phi), **_rel)
known = Theorem(
    name="anchors.information",
    title="A pointer that is faithful at every block knows the block",
    claim=_known,
    assumes={
        "several": SEVERAL,
        "target": Hypothesis(sp.Lt(phi, 1, **_rel), "0 < phi < 1", "No finite query has fidelity 1."),
        "cap": Hypothesis(
            sp.Le(1 - phi, (_M - 1) / _M, **_rel), "1 - phi <= (M - 1)/M: better than guessing", "Claim a fidelity of at least 1/M."
        ),
        "faithful": Hypothesis(
            sp.Ge(least_fidelity, phi, **_rel), "fidelity at least phi at every block", "Claim the least measured fidelity."
        ),
    },
    definitions=CHANNEL
    | {
        "P_e is": eq(_M * _P, sp.Sum(_of, (i_anchor, 1, _M))),  # blocks are equally likely
        "an error": sp.Le(_of, 1 - least_fidelity, **_rel),
    },
    steps=(
        SumOver("errors", Combine("one error", sp.Le(_of, 1 - phi, **_rel), {"an error": 1, "faithful": 1}), i_anchor),
        Combine("error", sp.Le(_P, 1 - phi, **_rel), {"P_e is": -1 / _M, "errors": 1 / _M}),
        Manifest("phi positive", sp.Gt(phi, 0, **_rel)),
        Combine("some", sp.Gt(1 - phi, 0, **_rel), {"target": 1}),
        Combine("not all", sp.Lt(1 - phi, 1, **_rel), {"phi positive": 1}),
        Cite(
            "fano", bound, {_e: 1 - phi}, {"several": "several", "some": "some", "not all": "not all", "cap": "cap", "error": "error"}
        ),
        Combine("claim", _known, {"fano": 1}),
    ),
    equality=Equality(
        "fidelity phi at every block, every wrong block equally likely", {information: fano_information.stated.subs(_e, 1 - phi)}
    ),
    needs={
        "cap": Witness(
            {_M: _I(2), phi: _I(1) / 10, least_fidelity: _I(1) / 2, information: _I(0)},
            text="two blocks, fidelity 1/2 at both, phi = 0.1: 0.368 nats would be claimed",
        ),
        "faithful": Witness(
            {_M: _I(2), phi: _I(3) / 4, least_fidelity: _I(1) / 2, information: _I(0)}, text="fidelity 1/2 at both of two blocks"
        ),
    },
    free={"several": "one block has no information", "target": "for phi = 1 the formula reads 0 ln 0; the information is ln M"},
    uses=(bound,),
    source=SOURCE,
)  # fmt: skip

_nine = sp.Rational(9, 10)
_too_much = sp.Gt(fano_information.stated.subs({_M: 2, _e: _nine}), sp.Rational(1, 3), **_rel)
beyond_cap = Theorem(
    name="anchors.fano_needs_cap",
    title="With an error bound above that of guessing, Fano's formula claims information that is not there",
    claim=_too_much,
    assumes={},
    steps=(Manifest("claim", _too_much),),
    equality=Equality("M = 2, P_e = 1/2, eps = 0.9: the information is 0, the formula gives 0.368 nats"),
    source="the plain reading, put any bound on the error into Fano's inequality, is false above (M - 1)/M",
    kind="counterexample",
)

INFORMATION: tuple[Theorem, ...] = (dual, exact, bound, known, beyond_cap)
