"""A formula: one quantity, typed once, that numbers, Coq, the book and the calculator are generated from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp


@dataclass(frozen=True)
class Formula:
    """A named quantity in its stated form and in the form that is computed.

    `stated` is the form on the page; `stable` has the same value on the domain and is what every namespace evaluates (no
    cancellation, no overflow). `export` proves them equal with SymPy before it writes anything, and that `stated` occurs in the
    statement it names, whose symbols `reading` gives in terms of `args` where they differ.
    """

    name: str  # a Python identifier, also the name in Coq and JavaScript
    doc: str  # one sentence: what it is, unit, domain
    args: tuple[sp.Symbol, ...]
    stated: sp.Expr
    stable: sp.Expr
    theorem: str  # "family.word": the statement that says what the number bounds
    unit: str = "1"
    domain: tuple[sp.Basic, ...] = ()  # relations on `args` under which stated == stable
    reading: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
