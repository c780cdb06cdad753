"""Pointers of trained layers: tokens as anchors, what the layer's bilinear form makes of a token as its query, in exact numbers.

The score of a query x_i with a key x_j is <A' x_i / tau, x_j>: a layer's keys are anchors and A' x_i / tau is the query. One token
of each block of a sequence is taken, so that each pointer has one anchor; anchors are scaled into the unit ball and queries the
other way, which leaves every score as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from flint import arb, fmpq, fmpq_mat

from checks.anchors_systems import System, Vector, root
from checks.enclosure import rational
from checks.threshold_layer import above
from checks.trained import Fleet


def pointer_systems(fleet: Fleet, count: int) -> Iterator[System]:
    """`count` systems of the fleet, from layers and sequences spread over it."""
    layers, sequences, _ = fleet.batch.blocks.shape
    order = np.random.default_rng(fleet.config.seed).permutation(layers * sequences)
    forms = fleet.parameters.bilinear_form.detach().cpu().double()
    temperature = rational(fleet.structure.temperature)
    for place in order[:count].tolist():
        layer, sequence = divmod(place, sequences)
        blocks = fleet.batch.blocks[layer, sequence].tolist()
        first = {block: index for index, block in reversed(list(enumerate(blocks)))}
        if len(first) < 2:
            continue
        tokens = fleet.batch.tokens[layer, sequence].detach().cpu().double()[sorted(first.values())].tolist()
        form = fmpq_mat([[rational(x) / temperature for x in row] for row in forms[layer].tolist()])
        anchors = [tuple(map(rational, token)) for token in tokens]
        queries = [tuple(fmpq(x) for x in row) for row in (fmpq_mat([list(a) for a in anchors]) * form).tolist()]
        origin = f"layer {layer}, sequence {sequence}, trained on {fleet.batch.source}, {fleet.config}"
        yield scaled(anchors, queries, origin)


def scaled(anchors: Sequence[Vector], queries: Sequence[Vector], origin: str) -> System:
    """The same scores with every anchor in the unit ball: anchors divided, queries multiplied by a bound on the greatest norm."""
    norm = root(max(sum((x * x for x in a), fmpq(0)) for a in anchors))
    bound = norm if isinstance(norm, fmpq) else above(norm)
    bound = bound if bound > 1 else fmpq(1)
    return System(
        tuple(tuple(x / bound for x in a) for a in anchors), tuple(tuple(x * bound for x in q) for q in queries), origin
    )


def attention_shares(system: System) -> list[list[fmpq]]:
    """For each query the weights of the other anchors in its attention, as rationals that sum to 1."""
    found = []
    for drops in system.drops:
        low = min(drops)
        counts = [int((arb(low - x).exp() * 2**20).floor().unique_fmpz() or 0) for x in drops]
        found.append([fmpq(x, sum(counts)) for x in counts])
    return found
