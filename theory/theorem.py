"""What a statement is: a claim, its hypotheses, its derivation, where it is sharp and why each hypothesis is there.

A `Theorem` holds no status. What is known about it is computed: `replay` re-establishes the derivation, `checks` attacks the claim
on numbers, Coq proves it. A counterexample is a theorem too: a closed claim with nothing left to assume.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import sympy as sp
from sympy.core.relational import Relational

if TYPE_CHECKING:
    from theory.steps import Step

Kind = Literal["bound", "identity", "counterexample"]


@dataclass(frozen=True)
class Hypothesis:
    """A condition on the symbols, with what a user can do when it does not hold."""

    relation: Relational
    text: str
    remedy: str


@dataclass(frozen=True)
class Witness:
    """Numbers that satisfy every hypothesis but one and refute the claim: the hypothesis is needed.

    `values` gives every symbol of the statement exactly (SymPy numbers, no floats). For statements about a row, `scores` and `block`
    are the row itself; `checks` computes the observables from it and does not believe `values`.
    """

    values: Mapping[sp.Symbol, sp.Expr]
    scores: tuple[sp.Rational, ...] = ()
    block: tuple[int, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Equality:
    """Where the bound is attained, or why it is not.

    `values` substitutes the observables at the extremal object; after it the two sides of the claim are equal, which `replay`
    establishes with SymPy. None means the bound is not attained; then `text` says why.
    """

    text: str
    values: Mapping[sp.Symbol, sp.Expr] | None = None


@dataclass(frozen=True)
class Lemma:
    """A fact that derivations may cite by name.

    `steps` non-empty: it is replayed like a theorem. Empty: it is about sums, vectors or distributions, outside the scalar kernel;
    `reason` is its proof in words, `checks` samples it and Coq proves it. A derivation that cites one says so.
    """

    name: str
    relation: Relational
    assumes: Mapping[str, Relational] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    reason: str = ""
    attained: Mapping[sp.Symbol, int | sp.Expr] = field(default_factory=dict)  # where both sides of an argued lemma are equal

    def __post_init__(self) -> None:
        if not self.steps and not self.reason:
            raise ValueError(
                f"lemma {self.name!r} has neither steps nor a reason; a lemma is replayed or argued, never just named"
            )


@dataclass(frozen=True)
class Theorem:
    """A statement `family.word`: under `assumes`, `claim` holds.

    claim: a relation between an observable (left) and a bound (right).
    definitions: equations that say what the symbols of the claim are (eps = O/(I + O), I a sum over the block); facts for the derivation.
    assumes: named hypotheses; needs: for a hypothesis of the same name, a witness that the claim is false without it.
    free: for every hypothesis without a witness, the reason why none is given (it only fixes the domain of a symbol, say).
    steps: the derivation; its last step establishes the claim.
    """

    name: str
    title: str
    claim: Relational
    assumes: Mapping[str, Hypothesis]
    steps: tuple[Step, ...]
    equality: Equality
    source: str
    needs: Mapping[str, Witness] = field(default_factory=dict)
    free: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, Relational] = field(default_factory=dict)
    uses: tuple[Theorem | Lemma, ...] = ()
    kind: Kind = "bound"
    coq: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        family, dot, word = self.name.partition(".")
        if not (family and dot and word):
            raise ValueError(f"theorem name {self.name!r} is not of the form family.word")
        if not isinstance(self.claim, Relational):
            raise TypeError(f"{self.name}: the claim is {self.claim!r}, not a relation; SymPy evaluated it: use evaluate=False")
        unknown = (set(self.needs) | set(self.free)) - set(self.assumes)
        if unknown:
            raise ValueError(
                f"{self.name}: {sorted(unknown)} in needs/free name no hypothesis; hypotheses are {sorted(self.assumes)}"
            )
        silent = set(self.assumes) - set(self.needs) - set(self.free)
        if silent:
            raise ValueError(
                f"{self.name}: no witness and no reason for {sorted(silent)}: say in `needs` or `free` why they are there"
            )
        if self.kind == "counterexample" and self.claim.free_symbols:
            raise ValueError(f"{self.name}: a counterexample is closed, but {self.claim.free_symbols} are free in its claim")

    @property
    def family(self) -> str:
        """The family, the part of the name before the dot."""
        return self.name.partition(".")[0]

    @property
    def hash(self) -> str:
        """SHA-256 (16 hex digits) of the claim and hypotheses; evidence and proofs are about this hash."""
        parts = [sp.srepr(self.claim), *(f"{key}: {sp.srepr(h.relation)}" for key, h in sorted(self.assumes.items()))]
        parts += [f"{key} := {sp.srepr(d)}" for key, d in sorted(self.definitions.items())]
        return hashlib.sha256("\n".join([self.name, *parts]).encode()).hexdigest()[:16]
