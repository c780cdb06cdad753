"""Controls of `theory.blocks` written by hand, and the generic ones that are true, each with its reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import sympy as sp

from checks.controls import Mutant
from theory import symbols as sym
from theory.blocks_margin import margin_of_product
from theory.blocks_structure import column_groups, non_interference, structure
from theory.theorem import Hypothesis, Theorem


def _relaxed(theorem: Theorem, key: str, symbol: sp.Symbol) -> Mutant:
    """The hypothesis symbol = 0 weakened to symbol <= 2."""
    weaker = Hypothesis(sp.Le(symbol, 2, evaluate=False), "small is enough", "-")
    assumes, free = {**theorem.assumes, key: weaker}, dict.fromkeys(theorem.assumes, "-")
    return Mutant(f"{key}: small is enough", dataclasses.replace(theorem, assumes=assumes, needs={}, free=free))


def _never_zero(theorem: Theorem, symbol: sp.Symbol) -> list[Mutant]:
    """Controls of `symbol = 0`, whose right side has nothing to change: weakened hypotheses and wrong readings."""
    wrong = {
        "off-block norm instead of 0": sp.Eq(symbol, sym.off_norm + sp.Rational(1, 10**9), evaluate=False),
        "never zero": sp.Gt(sp.Abs(symbol), 0, evaluate=False),
        "negative": sp.Lt(symbol, 0, evaluate=False),
        "a part in a million above": sp.Ge(symbol, sp.Rational(1, 10**6), evaluate=False),
    }
    return [
        _relaxed(theorem, "extinct", sym.off_norm), _relaxed(theorem, "no leak", sym.delta),
        *(Mutant(change, dataclasses.replace(theorem, claim=claim)) for change, claim in wrong.items()),
    ]  # fmt: skip


EXTRA: Mapping[str, Callable[[], list[Mutant]]] = {
    structure.name: lambda: _never_zero(structure, sym.cross_score),
    non_interference.name: lambda: _never_zero(non_interference, sym.weight_drift),
}

ALSO_TRUE: Mapping[str, Mapping[str, str]] = {
    column_groups.name: {"bits for nats on the left": "25 ln 2 > 0 as well: the counterexample has room"},
    margin_of_product.name: {
        "term -delta**2*rho_K*rho_Q/tau dropped": "on whole-matrix balls sum_c |W_Q^cc| |W_K^cc| <= rho_Q rho_K, each token "
        "part is at most B, each part of a key difference at most B + delta: that is blocks.margin_balls"
    },
}
