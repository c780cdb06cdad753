"""Partitions that follow training: the budget of a certificate as similarities move, and a new partition when it is spent.

`follow` takes the similarities of any training, state by state. `train_on_text` is one: a log-bilinear model of which words occur near each
other in a text, P(j near i) = softmax_j(x_i' A x_j / tau), trained by gradient descent with clipping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from flint import arb, ctx

from checks.data import DataError, read_text, upper_norm, words_of
from checks.enclosure import BITS
from checks.partition_embeddings import cooccurrence, text_embeddings
from checks.partition_linkage import Partition, certify, partition
from checks.partition_similarity import Similarity, above
from checks.verdict import HOLDS
from theory import formulas
from theory.namespaces import FLINT

ROUNDING = 1 + 2.0**-48  # a difference of two floats is rounded once; far above that, and above the rounding of this factor
MOST_STEPS = 10**6


@dataclass(frozen=True)
class State:
    """Similarities after some steps of training; `step_norms` bounds how far one step moves the form and any token (None: unknown)."""

    step: int
    similarity: Similarity
    loss: float | None = None
    step_norms: tuple[float, float] | None = None


@dataclass(frozen=True)
class Record:
    """A state against the certificate in force.

    moved: upper bound on the measured change of any similarity since the certificate; moved_by_norms: what `partition.drift` allows from
    the measured norms (None for cosines). budget: half of the gap, rounded down. certain_until: the last step that is certain not to have
    spent the budget, as of the certificate and with steps of the announced length (None if unknown, or if a step was longer).
    renewed: this state was certified anew; changed: tokens whose companions in their block are others since then.
    """

    step: int
    loss: float | None
    partition: Partition
    since: int
    budget: float
    moved: float
    moved_by_norms: float | None
    certain_until: int | None
    renewed: bool
    changed: int

    @property
    def left(self) -> float:
        """The share of the budget that is certainly left; 0 without a certificate."""
        return max(0.0, 1 - self.moved / self.budget) if self.budget > 0 else 0.0

    def plain(self) -> dict[str, Any]:
        """The record in JSON, without the partition."""
        return {
            "step": self.step, "loss": self.loss, "since": self.since, "blocks": self.partition.blocks, "budget": self.budget,
            "moved_at_most": self.moved, "moved_by_norms_at_most": self.moved_by_norms, "left": self.left,
            "certain_until": self.certain_until, "renewed": self.renewed, "tokens_changed": self.changed,
        }  # fmt: skip


def measured_move(before: Similarity, after: Similarity) -> float:
    """An upper bound on the change of any similarity, from the float matrices and their error bounds."""
    change = float(np.abs(after.values - before.values).max())
    return (change * (1 + 2.0**-50) + before.error + after.error) * (1 + 2.0**-50)


def norm_move(before: Similarity, after: Similarity) -> float | None:
    """What `partition.drift` allows any similarity to have changed, from Frobenius norms rounded up; None for a cosine."""
    if before.kind == "cosine" or after.kind == "cosine" or before.tau != after.tau:
        return None
    return _drift(before, _form_norm(before), _form_move(before, after), _token_move(before, after))


def _drift(before: Similarity, form: float, form_move: float, token_move: float) -> float:
    reach = float(upper_norm(torch.from_numpy(before.vectors)).max())
    old, ctx.prec = ctx.prec, BITS
    try:
        bound = formulas.similarity_drift(FLINT, *map(arb, (form, form_move, reach, token_move, before.tau)))
        return above(arb(bound))
    finally:
        ctx.prec = old


def _form(similarity: Similarity) -> np.ndarray:
    return np.eye(similarity.vectors.shape[1]) if similarity.form is None else similarity.form


def _form_norm(similarity: Similarity) -> float:
    """Frobenius norm of the form, 1 for the identity (its operator norm)."""
    return 1.0 if similarity.form is None else float(upper_norm(torch.from_numpy(similarity.form).flatten()))


def _form_move(before: Similarity, after: Similarity) -> float:
    return float(upper_norm(torch.from_numpy(_form(after) - _form(before)).flatten())) * ROUNDING


def _token_move(before: Similarity, after: Similarity) -> float:
    return float(upper_norm(torch.from_numpy(after.vectors - before.vectors)).max()) * ROUNDING


def certain_steps(similarity: Similarity, budget: float, step_norms: tuple[float, float]) -> int:
    """The greatest number of steps of these lengths after which the drift bound is still below the budget.

    step_norms: how far one step moves the form and any token. With tokens that stay it is `partition.certified_steps`.
    """
    form, (form_step, token_step) = _form_norm(similarity), step_norms

    def below(steps: int) -> bool:
        return _drift(similarity, form, steps * form_step * ROUNDING, steps * token_step * ROUNDING) < budget

    low, high = 0, MOST_STEPS
    while low < high:  # the bound grows with the number of steps
        middle = (low + high + 1) // 2
        low, high = (middle, high) if below(middle) else (low, middle - 1)
    return low


def follow(words: Sequence[str], states: Iterable[State], *, keep: float = 0.25, **options: Any) -> Iterator[Record]:
    """Partition the first state, hold to its certificate while the budget lasts, certify anew when it is spent; one record a state.

    keep: a spent partition is certified again as it is while its budget is at least this share of the best cut's; otherwise the best cut
    takes its place.  options: those of `checks.partition_linkage.partition`.
    """
    force: Partition | None = None
    base: State | None = None
    certain: int | None = None
    last: State | None = None
    for state in states:
        moved = 0.0 if base is None else measured_move(base.similarity, state.similarity)
        renewed = force is None or not moved < force.certificate.budget
        changed = 0
        if force is None or renewed:
            fresh = _renew(force, state.similarity, words, keep, options)
            changed = 0 if force is None else tokens_changed(force, fresh)
            force, base, moved, certain = fresh, state, 0.0, None
            budget = force.certificate.budget
            if state.step_norms is not None and state.similarity.kind == "bilinear" and budget > 0:
                certain = state.step + certain_steps(state.similarity, budget, state.step_norms)
        if last is not None and not _as_announced(last, state):
            certain = None
        last = state
        assert base is not None
        by_norms = norm_move(base.similarity, state.similarity)
        yield Record(
            state.step, state.loss, force, base.step, force.certificate.budget, moved, by_norms, certain, renewed, changed
        )


def _as_announced(last: State, state: State) -> bool:
    """Whether the step between two states was no longer than was said; the norms are rounded up, so a step at the limit may fail."""
    if last.step_norms is None or state.step != last.step + 1:
        return False
    form, token = _form_move(last.similarity, state.similarity), _token_move(last.similarity, state.similarity)
    return form <= last.step_norms[0] and token <= last.step_norms[1]


def _renew(
    old: Partition | None, similarity: Similarity, words: Sequence[str], keep: float, options: dict[str, Any]
) -> Partition:
    fresh = partition(words, similarity, **options)
    if old is None:
        return fresh
    again = certify(similarity, old.component)
    holds = again.verdict is HOLDS and again.budget >= keep * fresh.certificate.budget
    return replace(old, certificate=again) if holds else fresh


def tokens_changed(old: Partition, new: Partition) -> int:
    """Tokens whose set of companions in their block is another one than before."""
    before, after = (part.block[:, None] == part.block[None, :] for part in (old, new))
    return int((before != after).any(1).sum())


def train_on_text(
    *,
    path: str | Path | None = None,
    tokens: int = 300,
    width: int = 24,
    window: int = 4,
    what: Literal["form", "embeddings"] = "form",
    steps: int = 100,
    rate: float = 0.001,
    clip: float = 0.125,
    tau: float = 0.125,
) -> tuple[tuple[str, ...], Iterator[State]]:
    """The words and the states of training on a text, from its PPMI embeddings scaled to length 1 and the form I.

    what: the form A is trained (a head's bilinear form on fixed embeddings), or the embeddings with A = I.  clip: bound on the norm of the
    gradient, so that one step moves what is trained by at most rate * clip.
    """
    if what not in ("form", "embeddings"):
        raise DataError(f"what is trained is 'form' or 'embeddings', got {what!r}.")
    if steps < 0 or not (0 < rate < np.inf and 0 < clip < np.inf and 0 < tau < np.inf):
        raise DataError(f"training needs steps >= 0 and positive rate, clip and tau, got {steps}, {rate}, {clip}, {tau}.")
    start = text_embeddings(path, tokens=tokens, width=width, window=window)
    counts, chosen = cooccurrence(words_of(read_text(path)), tokens, window)
    known = [chosen.index(word) for word in start.words]
    vectors = start.vectors / np.linalg.norm(start.vectors, axis=1, keepdims=True)
    return start.words, _states(counts.toarray()[np.ix_(known, known)], vectors, what, steps, rate, clip, tau)


def _states(
    counts: np.ndarray, vectors: np.ndarray, what: str, steps: int, rate: float, clip: float, tau: float
) -> Iterator[State]:
    target = torch.from_numpy(counts / counts.sum())
    x = torch.from_numpy(vectors.copy()).requires_grad_(what == "embeddings")
    form = torch.eye(vectors.shape[1], dtype=torch.float64).requires_grad_(what == "form")
    trained = form if what == "form" else x
    length = rate * clip * (1 + 2.0**-30)  # a step is rounded, and its norm is rounded up where it is compared
    for step in range(steps + 1):
        loss = -(target * torch.log_softmax(x @ form @ x.T / tau, dim=1)).sum()
        value = float(loss.detach())
        if not np.isfinite(value):
            raise _overflow("loss", value, step)
        similarity = Similarity(
            x.detach().numpy().copy(), "bilinear", form.detach().numpy().copy() if what == "form" else None, tau
        )
        yield State(step, similarity, value, (length, 0.0) if what == "form" else (0.0, length))
        if step < steps:
            (gradient,) = torch.autograd.grad(loss, trained)
            size = float(torch.linalg.vector_norm(gradient))
            if not np.isfinite(size):
                raise _overflow("norm of the gradient", size, step)
            with torch.no_grad():
                trained -= rate * min(1.0, clip / size if size > 0 else 1.0) * gradient


def _overflow(what: str, value: float, step: int) -> DataError:
    return DataError(
        f"the {what} is {value} after {step} steps: scores are too great for floats. Lower --rate or raise --temperature."
    )


def certified(records: Iterable[Record]) -> bool:
    """Whether a certificate was in force at every state."""
    found = [record.partition.certificate.verdict is HOLDS for record in records]
    return bool(found) and all(found)
