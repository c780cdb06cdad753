"""Attacks on `theory.blocks`: the guarantee made before training against trained fleets, exact zeros, searched layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import sympy as sp
import torch
from flint import fmpq
from hypothesis.strategies import SearchStrategy

from checks import blocks_cases, blocks_controls
from checks.blocks_exact import ExactLayer, ExactSequence, distance, exact_layers, root_above, square_norm, weights_of
from checks.blocks_fleets import Plan, PromisedFleet, off_groups, plans, promised_fleet
from checks.blocks_search import LayerBatch, alive_products, layer_batches, random_layers, searched_layers
from checks.claims import Case, row_case
from checks.data import generator, own_part
from checks.enclosure import BITS, Row, Value, rational
from checks.layer import Structure, attend
from checks.penalty import column_groups as cut_columns
from checks.penalty import column_penalty, group_norms
from checks.properties import Emission, FamilyChecks, Options, Trained, holds_for
from checks.training import initialise, one_thread, sgd, train
from theory import symbols as sym
from theory.blocks import THEOREMS
from theory.blocks_balls import margin_on_ball, margin_on_balls
from theory.blocks_extinction import guarantee_extinction, guarantee_extinction_key, guarantee_extinction_query
from theory.blocks_guarantee import (
    captured_outside_mass,
    guarantee_captured,
    guarantee_entropy,
    guarantee_output,
    guarantee_outside_mass,
)
from theory.blocks_leak import leak, leak_in_block, leak_per_block
from theory.blocks_margin import margin_leak, margin_of_form, margin_of_product, margin_per_block, product
from theory.blocks_structure import (
    column_groups,
    negative_margin,
    non_interference,
    outside_weight,
    structure,
    value_shift,
)
from theory.theorem import Theorem

Values = dict[sp.Symbol, Value]
_OF_PAIRS = (leak, leak_in_block, leak_per_block)
_OF_RUNS = {"bilinear": (guarantee_extinction,), "qk": (guarantee_extinction_query, guarantee_extinction_key)}
_OF_ROWS = (
    margin_leak,
    margin_of_form,
    margin_per_block,
    margin_on_ball,
    guarantee_outside_mass,
    guarantee_entropy,
    guarantee_output,
)


def measured(layer: ExactLayer) -> Values:
    """Bounds of one layer read off its floats, each exact or rounded up: B, delta, rho and the norms of its off-block parts."""
    return {
        sym.B: root_above(layer.own_part),
        sym.delta: root_above(layer.off_part),
        sym.rho_A: root_above(max(layer.own_norms)),
        **layer.off,
    }


def _norms_for(layer: ExactLayer, block: int) -> Values:
    """rho_p of a query's block and rho_o of the others."""
    others = max((x for index, x in enumerate(layer.own_norms) if index != block), default=fmpq(0))
    return {sym.rho_own: root_above(layer.own_norms[block]), sym.rho_other: root_above(others)}


def cases_of_pairs(layer: ExactLayer, bounds: Values, tau: fmpq, *, no_leak: bool) -> Iterator[tuple[Theorem, Case]]:
    """The greatest content score across blocks and the greatest move inside one, for every sequence and query block."""
    own = measured(layer) | {sym.tau: tau}
    for sequence in layer.sequences:
        size = range(len(sequence.blocks))
        for block in sorted(set(sequence.blocks)):
            queries = [i for i in size if sequence.blocks[i] == block]
            across = [(abs(sequence.content[i][j]), i, j) for i in queries for j in size if sequence.blocks[j] != block]
            within = [(abs(sequence.content[i][j] - sequence.own_content[i][j]), i, j) for i in queries for j in queries]
            if across:
                _, i, j = max(across)
                found: Values = {sym.cross_score: sequence.content[i][j]}
                origin, exact = f"{sequence.origin}, tokens {i} and {j}", _pair(sequence, i, j)
                yield leak, Case({**bounds, **found}, origin, exact)
                yield leak_per_block, Case({**own, **_norms_for(layer, block), **found}, origin, exact)
                if no_leak:
                    yield structure, Case({**bounds, **found}, origin, exact)
            _, i, j = max(within)
            move = sequence.content[i][j] - sequence.own_content[i][j]
            yield (
                leak_in_block,
                Case({**bounds, sym.own_move: move}, f"{sequence.origin}, tokens {i} and {j}", _pair(sequence, i, j)),
            )


def _pair(sequence: ExactSequence, i: int, j: int) -> dict[str, object]:
    return {"tokens": [[str(x) for x in sequence.tokens[k]] for k in (i, j)], "score": str(sequence.content[i][j])}


def cases_of_rows(
    layer: ExactLayer, bounds: Values, *, qk: bool, no_leak: bool, captured: list[list[list[float]]] | None = None
) -> Iterator[tuple[Theorem, Case]]:
    """Every query row of a layer: margin with and without the dial, outside mass, entropy and output against the configuration.

    captured: the scores that the layer computed in floats, [sequence][query][key]; judged as exact reals, with their exact
    distance from the exact scores as the rounding.
    """
    added = rational(bounds[sym.beta]) * rational(bounds[sym.dial])  # type: ignore[arg-type]  # settings are exact, never balls
    own, qk_form = {**bounds, **measured(layer)}, len(layer.squares) == 2
    for number, sequence in enumerate(layer.sequences):
        for query in sequence.queries():
            row = sequence.row(query, added)
            if captured is not None:
                seen = sequence.captured_row(query, captured[number][query])
                case = captured_case(row, seen, bounds)
                yield guarantee_captured, case
                yield captured_outside_mass, case
            case = row_case(row, {**bounds, **sequence.cut(query, weights_of(row))}, extremal=False)
            yield margin_of_form, case
            if qk:
                yield margin_of_product, case
            for theorem in (guarantee_outside_mass, guarantee_entropy, guarantee_output):
                yield theorem, case
            margin = case.values[sym.margin]
            block = sequence.blocks[query]
            whole = dict(zip((sym.rho_Q, sym.rho_K) if qk_form else (sym.rho_A,), map(root_above, layer.squares), strict=True))
            yield (
                margin_on_balls if qk_form else margin_on_ball,
                Case({**own, **whole, sym.margin: margin}, row.origin, row.exact),
            )
            yield margin_per_block, Case({**own, **_norms_for(layer, block), sym.margin: margin}, row.origin, row.exact)
            keys, flags = sequence.keys(query)
            least = min(sequence.own_content[query][key] for key, flag in zip(keys, flags, strict=True) if flag)
            yield (
                margin_leak,
                Case({**bounds, sym.margin: margin - added, sym.margin_in: least}, f"{row.origin}, no dial", row.exact),
            )
            if no_leak:
                yield outside_weight, blocks_cases.weight_case(row, bounds)


def captured_case(row: Row, seen: Row, bounds: Values) -> Case:
    """A captured row beside the exact one: its own margin and outside mass, and the greatest distance of a score."""
    error = max(abs(rational(a) - rational(b)) for a, b in zip(row.scores, seen.scores, strict=True))
    case = row_case(seen, {**bounds, sym.rounding: error}, extremal=False)

    def values(bits: int) -> Values:
        fine = case.finer(bits) if case.finer is not None else case.values
        return {**fine, sym.captured_margin: fine[sym.margin]}

    return Case(values(BITS), seen.origin, seen.exact, False, values)


@holds_for(
    *_OF_RUNS["bilinear"],
    *_OF_RUNS["qk"],
    structure,
    product,
    *_OF_PAIRS,
    *_OF_ROWS,
    margin_of_product,
    margin_on_balls,
    outside_weight,
    guarantee_captured,
    captured_outside_mass,
    given=plans,
    examples=8,
    text=True,
)
def guaranteed_fleets(plan: Plan, options: Options) -> Iterator[Emission]:
    """The guarantee is made from the configuration, a fleet is trained, and every query row of every layer is certified.

    OUT_OF_DOMAIN of `guarantee_entropy` counts the rows whose guarantee is vacuous (no dial, or too weak a one).
    """
    fleet = promised_fleet(plan, options)
    yield fleet.trained
    for index in range(options.layers):
        for matrix, theorem in enumerate(_OF_RUNS[plan.parametrisation]):
            yield theorem, Case(fleet.extinction(index, matrix), f"layer {index}, matrix {matrix} of {plan}")
    yield from _zeros(fleet)
    qk = plan.parametrisation == "qk" and not plan.per_group
    with one_thread():
        scores = attend(fleet.run.parameters, fleet.batch, plan.structure, dial=plan.dial).scores.double().cpu().tolist()
    for layer, captured in zip(fleet.layers(), scores, strict=True):
        bounds = fleet.values(layer)
        yield from cases_of_pairs(layer, bounds, rational(plan.temperature), no_leak=plan.leak == 0)
        yield from cases_of_rows(layer, bounds, qk=qk, no_leak=plan.leak == 0, captured=captured)
        if plan.parametrisation == "qk":
            yield product, Case(bounds, str(plan))


def _zeros(fleet: PromisedFleet) -> Iterator[Emission]:
    """Captured floats: with no leak and extinct groups every content score across blocks is 0.0, bit for bit."""
    if fleet.plan.leak or not bool((fleet.run.extinct_at[off_groups(fleet.run)] >= 0).all()):
        return
    with one_thread():
        capture = attend(fleet.run.parameters, fleet.batch, fleet.plan.structure, dial=fleet.plan.dial)
    across = capture.content.masked_fill(capture.same_block, 0.0).flatten(1)
    for index, scores in enumerate(across):
        worst = float(scores[scores.abs().argmax()])
        values: Values = {sym.cross_score: rational(worst), sym.off_norm: 0, sym.delta: 0}
        yield (
            structure,
            Case(values, f"captured {fleet.plan.dtype} scores of layer {index}, {fleet.plan}", {"score": worst.hex()}),
        )


def _without_leak() -> SearchStrategy[Plan]:
    return plans(leak=(0.0,))


@holds_for(non_interference, value_shift, given=_without_leak, examples=3, text=True)
def replaced_tokens(plan: Plan, options: Options) -> Iterator[Emission]:
    """All tokens outside a block are replaced: captured weights of its rows stay the same, bit for bit; outputs in Arb."""
    fleet = promised_fleet(plan, options)
    yield fleet.trained
    batch, made = fleet.batch, plan.structure
    kept = batch.blocks == batch.blocks[..., :1]  # the block of the first token
    fresh = torch.from_numpy(generator(plan.seed, 9).standard_normal(tuple(batch.tokens.shape))).to(batch.tokens)
    tokens = torch.where(kept[..., None], batch.tokens, fresh * own_part(batch))
    other = dataclasses.replace(batch, tokens=tokens)
    with one_thread():
        before, after = (attend(fleet.run.parameters, b, made, dial=plan.dial).weights.double() for b in (batch, other))
        moved = (after - before).abs().amax(-1)
    pairs = zip(fleet.layers(), exact_layers(fleet.run.parameters, other, made, f"replaced tokens, {plan}"), strict=True)
    for index, (layer, again) in enumerate(pairs):
        for number, (old, new) in enumerate(zip(layer.sequences, again.sequences, strict=True)):
            for query in old.queries():
                if not bool(kept[index, number, query]):
                    continue
                where = f"{old.origin}, query {query}"
                drift = float(moved[index, number, query])
                yield (
                    non_interference,
                    Case({sym.weight_drift: rational(drift), sym.delta: 0, **layer.off}, f"captured, {where}", drift.hex()),
                )
                yield value_shift, _shift_case(old, new, query, fleet.added, where)


def _shift_case(old: ExactSequence, new: ExactSequence, query: int, added: fmpq, where: str) -> Case:
    """Two complete exact passes: the distance of the outputs, against outside mass and the greatest move of a value."""
    rows = [sequence.row(query, added) for sequence in (old, new)]
    same = rows[0].scores == rows[1].scores
    outputs = [sequence.output(query, weights_of(row)) for sequence, row in zip((old, new), rows, strict=True)]
    keys, flags = old.keys(query)
    width = old.values.ncols()
    gaps = [
        square_norm([new.values[key, c] - old.values[key, c] for c in range(width)])
        for key, flag in zip(keys, flags, strict=True)
        if not flag
    ]
    values: Values = {
        sym.eps: row_case(rows[0]).values[sym.eps],
        sym.value_change: root_above(max(gaps)),
        sym.output_change: distance(*outputs),
        sym.weight_drift: 0 if same else 1,
    }
    alone = same and len(gaps) == 1  # a single outside key: the bound is attained exactly
    return Case(values, where, {"before": rows[0].exact, "after": rows[1].exact}, alone)


@holds_for(*_OF_PAIRS, *_OF_ROWS, given=layer_batches, examples=3)
def random_block_layers(batch: LayerBatch, options: Options) -> Iterator[Emission]:
    """Random extinct layers with a leak, bounds read off their own floats."""
    yield from _of_layers(random_layers(batch), batch)


@holds_for(*_OF_PAIRS, *_OF_ROWS, given=layer_batches, examples=2)
def searched_block_layers(batch: LayerBatch, options: Options) -> Iterator[Emission]:
    """Layers that gradient descent drives to the least margin for their norms, some then moved by units in the last place."""
    yield from _of_layers(searched_layers(batch), batch)


def _of_layers(layers: Iterator[ExactLayer], batch: LayerBatch) -> Iterator[Emission]:
    tau = rational(batch.temperature)
    for layer in layers:
        bounds: Values = {sym.beta: fmpq(1), sym.dial: rational(batch.dial), sym.tau: tau, **measured(layer)}
        yield from cases_of_pairs(layer, bounds, tau, no_leak=False)
        yield from cases_of_rows(layer, bounds, qk=False, no_leak=False)


@holds_for(product, given=layer_batches, examples=2)
def living_products(batch: LayerBatch, options: Options) -> Iterator[Emission]:
    """W_Q' W_K with living off-block groups: random ones, and aligned ones of rank one."""
    for values, origin in alive_products(batch):
        yield product, Case(values, origin)


@holds_for(column_groups, negative_margin, given=_without_leak, examples=2, text=True)
def readings_that_fail(plan: Plan, options: Options) -> Iterator[Emission]:
    """Column groups trained to extinction with attention across blocks alive; extinct layers without a dial that look outside.

    A counterexample is closed, so a case is counted only for a trained layer that realises it.
    """
    made = Structure(features=(3, 3), heads=(2, 2), parametrisation="qk", causal=plan.causal)
    halved = dataclasses.replace(plan, parametrisation="bilinear", blocks=2, dial=0.0)
    batch = halved.batch(options, options.layers)
    chosen = torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]]], dtype=torch.float64)  # W_Q^(2) and W_K^(1)
    start = initialise(made, plan.seeds(options.layers), dtype=batch.tokens.dtype, device=batch.tokens.device)
    run = train(start, batch, made, column_penalty(made, 20.0, chosen), sgd(0.05), 30)
    yield Trained(options.layers, batch.tokens.device.type, plan.dtype)
    dead = (group_norms(run.parameters.content, cut_columns(made)).cpu()[:, :, 0] == 0) == (chosen[:, 0] > 0)
    for index, layer in enumerate(exact_layers(run.parameters, batch, made, "column groups")):
        alive = any(
            sequence.content[i][j] != 0
            for sequence in layer.sequences
            for i in range(plan.tokens)
            for j in range(plan.tokens)
            if sequence.blocks[i] != sequence.blocks[j]
        )
        if bool(dead[index].all()) and alive:
            yield (
                column_groups,
                Case({}, f"layer {index} trained with column groups, {plan}", {"omega": str(layer.off[sym.off_norm])}),
            )
    fleet = promised_fleet(halved, options)
    yield fleet.trained
    for layer in fleet.layers():
        for sequence in layer.sequences:
            for query in sequence.queries():
                row = sequence.row(query, fmpq(0))
                seen = row_case(row).values
                if layer.off[sym.off_norm] == 0 and seen[sym.eps] * seen[sym.n] > seen[sym.m]:
                    yield negative_margin, Case({}, row.origin, row.exact)


CHECKS = FamilyChecks(
    family="blocks",
    theorems=THEOREMS,
    properties=(
        guaranteed_fleets,
        replaced_tokens,
        random_block_layers,
        searched_block_layers,
        living_products,
        readings_that_fail,
    ),
    extremal=blocks_cases.EXTREMAL,
    extra=blocks_controls.EXTRA,
    also_true=blocks_controls.ALSO_TRUE,
)
