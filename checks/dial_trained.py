"""Frozen checkpoints: rows of a trained layer as content, values and loss, at any setting of the dial, in exact numbers.

The exact law is about stored content plus beta d. A layer adds the two in its own precision: what it produces at setting d
are the scores of a content moved by rounding, by at most 3 u (|c| + beta |d|) in the block (u the unit roundoff: once for
beta d, once for the sum) and not at all outside. `produced` takes the floats of the layer as exact, takes beta d off again,
and gives that content.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import sympy as sp
import torch
from flint import arb, fmpq
from torch import Tensor

from checks.claims import Case
from checks.dial_rows import DialRow, case_of, distance, output_observables, row_observables, weigh
from checks.enclosure import Value, rational
from checks.layer import Capture
from checks.trained import Fleet
from theory import symbols as sym

ROUNDOFF = {"float32": fmpq(1, 2**24), "float64": fmpq(1, 2**53)}


@dataclass(frozen=True)
class Query:
    """One query row of a frozen layer: where it is, and its content."""

    at: tuple[int, int, int]  # layer, sequence, query
    row: DialRow


def _numbers(x: Tensor) -> tuple[fmpq, ...]:
    return tuple(map(rational, x.detach().to("cpu", torch.float64).tolist()))


def queries(fleet: Fleet, frozen: Capture, count: int) -> Iterator[Query]:
    """`count` rows of the fleet that have keys on both sides, spread over its layers; values attached to the keys."""
    inside = (frozen.same_block & frozen.visible).sum(-1)
    usable = (frozen.rows & (inside > 0) & (inside < frozen.visible.sum(-1))).nonzero().tolist()
    chosen = np.random.default_rng(fleet.config.seed).permutation(len(usable))[:count]
    beta = rational(fleet.structure.strength)
    for index in chosen.tolist():
        layer, sequence, query = at = tuple(usable[index])
        keep = frozen.visible[at]
        values = [_numbers(value) for value in frozen.values[layer, sequence][keep]]
        flags = tuple(map(bool, frozen.same_block[at][keep].tolist()))
        origin = f"layer {layer}, sequence {sequence}, query {query} on {fleet.batch.source}, {fleet.config}"
        yield Query((layer, sequence, query), DialRow(_numbers(frozen.content[at][keep]), flags, beta, origin, tuple(values)))


def produced(fleet: Fleet, capture: Capture, query: Query, setting: fmpq) -> DialRow:
    """The content whose exact scores at the setting are the floats that the layer produced there."""
    scores = _numbers(capture.scores[query.at][capture.visible[query.at]])
    lift = query.row.beta * setting
    content = tuple(x - lift if flag else x for x, flag in zip(scores, query.row.block, strict=True))
    return DialRow(
        content, query.row.block, query.row.beta, f"{query.row.origin}, scores as the layer computes them", query.row.values
    )


def produced_case(fleet: Fleet, capture: Capture, query: Query, setting: fmpq) -> Case:
    """The layer's own floats under the bounds of the stored content, widened by the rounding of the layer."""
    row, moved = query.row, produced(fleet, capture, query, setting)
    rounding = 3 * ROUNDOFF[fleet.config.dtype] * (max(map(abs, row.inside)) + row.beta * abs(setting))
    spread = max(row.content) - min(row.content)

    def values() -> dict[sp.Symbol, Value]:
        found = row_observables(moved, setting, setting) | output_observables(moved, setting, setting)
        return found | {sym.lead_bound: row.lead + rounding, sym.score_range: spread + 2 * rounding}

    return case_of(values, moved, setting)


def cross_entropy_case(fleet: Fleet, query: Query, setting: fmpq, other: fmpq, *, cut: bool = False) -> Case:
    """The change of the query's cross-entropy between two settings (or against the output cut down to the block).

    G is the diameter of the readout rows: the gradient of the loss in the output is a mean of differences of rows.
    """
    layer, sequence, position = query.at
    readout = [_numbers(line) for line in fleet.parameters.readout[layer]]
    target = int(fleet.batch.targets[layer, sequence, position])
    square = max(sum(((x - y) ** 2 for x, y in zip(p, q, strict=True)), fmpq(0)) for p in readout for q in readout)

    def loss(output: list[arb]) -> arb:
        z = [sum((x * arb(u) for x, u in zip(output, line, strict=True)), arb(0)) for line in readout]
        return sum(((x - z[target]).exp() for x in z), arb(0)).log()

    def values() -> dict[sp.Symbol, Value]:
        here = weigh(query.row, setting)
        second = here.means(query.row)[0] if cut else weigh(query.row, other).output(query.row)
        found = output_observables(query.row, setting, other)
        return found | {sym.G_loss: arb(square).sqrt(), sym.loss_gap: distance([loss(here.output(query.row))], [loss(second)])}

    return case_of(values, query.row, setting, other, extremal=setting == other and not cut)  # one setting: nothing changes
