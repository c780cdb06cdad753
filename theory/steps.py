"""The kinds of step a derivation may take. Each is data; `theory.replay` re-establishes it and nothing here is believed.

Every step has a `name` and establishes one `fact`, a relation that later steps cite by that name. Hypotheses of the statement are
facts from the start, under their own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp
from sympy.core.relational import Relational

from theory.theorem import Lemma, Theorem


@dataclass(frozen=True)
class Identity:
    """An equation that SymPy reduces to 0 = 0 (and that Arb does not refute at random points)."""

    name: str
    fact: sp.Eq


@dataclass(frozen=True)
class Manifest:
    """A sign that can be read off: the gap is built from parts of known sign by +, *, /, powers, exp and the like.

    `form` is the gap written so that this shows, when it differs from the expanded one (a square completed, a factor pulled out);
    replay shows by SymPy that it is the gap. Parts whose sign is a fact (n - g >= 1, t >= 0) are recognised.
    """

    name: str
    fact: Relational
    form: sp.Expr | None = None


@dataclass(frozen=True)
class Enclosure:
    """A sign over a bounded box, by Arb balls and bisection; every free symbol of the fact has exact rational ends in `box`."""

    name: str
    fact: Relational
    box: Mapping[sp.Symbol, tuple[sp.Rational, sp.Rational]]
    depth: int = 24


@dataclass(frozen=True)
class Cite:
    """An instance of a lemma or of an earlier theorem: `values` replaces its symbols, `given` names the fact for each hypothesis."""

    name: str
    of: Lemma | Theorem
    values: Mapping[sp.Symbol, sp.Expr]
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Combine:
    """A certificate: gap(fact) = sum of weight * gap(cited fact), with every weight manifestly non-negative.

    The gap of `a <= b` is b - a. An equation may carry a weight of any sign.
    """

    name: str
    fact: Relational
    weights: Mapping[str, sp.Expr]


@dataclass(frozen=True)
class Apply:
    """A monotone function on both sides of a cited inequality: `function` (of `variable`) increases wherever it is applied."""

    name: str
    function: sp.Expr
    variable: sp.Symbol
    to: str


@dataclass(frozen=True)
class SumOver:
    """A sum of inequalities: `pointwise` establishes p(j) <= q(j) for the generic key j; summed over the range of `index`.

    The ranges are fixed in `theory.symbols`: `j_in` runs over the block, 1..g, and `j_out` over the other visible keys, g+1..n.
    """

    name: str
    pointwise: Step
    index: sp.Symbol


@dataclass(frozen=True)
class MeanValue:
    """f(lower) <= f(upper), from lower <= upper and a derivative that is not negative between them.

    order: name of the fact `lower <= upper`. slope: a step that establishes `0 <= df/dx`; it alone may cite the facts
    `<name>.low` (lower <= x) and `<name>.high` (x <= upper). x is a symbol that no other fact mentions.
    """

    name: str
    f: sp.Expr
    x: sp.Symbol
    lower: sp.Expr
    upper: sp.Expr
    slope: Step
    order: str


@dataclass(frozen=True)
class Cases:
    """Two derivations of one fact: `low` may cite `<name>.low` (on <= 0), `high` may cite `<name>.high` (on >= 0).

    whole: `on` is an integer, and `<name>.high` says on >= 1.
    """

    name: str
    fact: Relational
    on: sp.Expr
    low: tuple[Step, ...]
    high: tuple[Step, ...]
    whole: bool = False


@dataclass(frozen=True)
class Induction:
    """`fact` in every state of a run: `base` establishes it for state 0, `step` for state k_step + 1 from `<name>.at`, its state k_step.

    k_step is the generic step of `theory.symbols`; facts that mention it are true for every step. The fact is established for the
    state `at`.
    """

    name: str
    fact: Relational
    base: tuple[Step, ...]
    step: tuple[Step, ...]
    at: sp.Expr


Step = Cases | Identity | Induction | Manifest | Enclosure | Cite | Combine | Apply | SumOver | MeanValue
