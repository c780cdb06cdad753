"""Trained layers for `theory.hierarchy`: full-batch proximal gradient on the content form, certified in ball arithmetic.

The step size is below 1/L_s, L_s computed from readout, values and tokens before the step (`threshold.smoothness`); values and readout
are frozen, since L_s is about the content form. States are the floats that training produced, taken as exact reals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp
import torch
from flint import arb, arb_mat, ctx, fmpq
from hypothesis import strategies as st

from checks.claims import Case
from checks.data import Batch, measure, token_batch
from checks.enclosure import Value, rational
from checks.extinction_exact import bits, upper
from checks.hierarchy_exact import Event, EventRun
from checks.layer import Parameters, Structure, equal_blocks, score_bias, visible_keys
from checks.penalty import GroupPenalty, expand, off_block_penalty
from checks.properties import Options
from checks.training import gradients, initialise, one_thread, pick_device, prepare, sgd, train
from theory import formulas
from theory import symbols as sym
from theory.hierarchy_budget import budget, moves, steps_with_large_map
from theory.hierarchy_descent import descent, descent_step
from theory.namespaces import FLINT
from theory.theorem import Theorem

WORKING = 128


def ball_matrix(rows: torch.Tensor) -> arb_mat:
    """A matrix of exact floats as Arb balls of radius 0."""
    return arb_mat([[arb(float(x)) for x in row] for row in rows.double().tolist()])


def norm_of(entries: torch.Tensor) -> arb:
    """Frobenius norm of exact floats."""
    return sum((arb(x) ** 2 for x in entries.double().flatten().tolist()), arb(0)).sqrt()


def loss_of(parameters: Parameters, batch: Batch, structure: Structure, layer: int, dial: float = 0.0) -> arb:
    """The sum over the present queries of -ln p(target), in nats: softmax attention, linear readout, exact floats in, a ball out."""
    if structure.parametrisation != "bilinear" or batch.targets.ndim != 3:
        raise ValueError("loss_of knows bilinear layers with classes as targets; for others there is no proved step size")
    one = batch.layer(layer)
    form, values, readout = (
        ball_matrix(part[layer]) for part in (parameters.bilinear_form, parameters.values, parameters.readout)
    )
    bias = score_bias(one, structure, dial)[0].double()
    seen = visible_keys(one, structure)[0]
    found = arb(0)
    here = torch.ones_like(one.blocks, dtype=torch.bool) if one.present is None else one.present
    for s in range(one.tokens.shape[1]):
        if not bool(here[0, s].any()):
            continue
        tokens = ball_matrix(one.tokens[0, s])
        content = tokens * form * tokens.transpose()
        logits_of = tokens * values.transpose() * readout.transpose()  # of each key; the readout is linear
        for i in range(one.tokens.shape[2]):
            if not bool(here[0, s, i]):
                continue
            keys = [j for j in range(one.tokens.shape[2]) if bool(seen[s, i, j])]
            scores = [content[i, j] / structure.temperature + float(bias[s, i, j]) for j in keys]
            top = max(scores, key=lambda ball: ball.mid())
            weights = [(score - top).exp() for score in scores]
            mass = sum(weights, arb(0))
            logits = [
                sum((w * logits_of[j, c] for w, j in zip(weights, keys, strict=True)), arb(0)) / mass
                for c in range(structure.classes)
            ]
            high = max(logits, key=lambda ball: ball.mid())
            normaliser = sum(((z - high).exp() for z in logits), arb(0)).log() + high
            found += normaliser - logits[int(one.targets[0, s, i])]
    return found


def penalty_of(parameters: Parameters, penalty: GroupPenalty, layer: int) -> arb:
    """The penalty: weight times the sum of w_g |A_g|, in balls."""
    lam = torch.as_tensor(penalty.weight, dtype=torch.float64)
    weight, found = float(lam if lam.ndim == 0 else lam[layer]), arb(0)
    for k, b, c in penalty.weights.nonzero().tolist():
        chosen = torch.zeros(1, *penalty.groups.shape)
        chosen[0, k, b, c] = 1
        part = parameters.content[layer : layer + 1] * expand(chosen.to(parameters.content), penalty.groups)
        found += arb(weight) * arb(float(penalty.weights[k, b, c])) * norm_of(part)
    return found


def curvature(parameters: Parameters, batch: Batch, structure: Structure, layer: int) -> fmpq:
    """L_s of the mean loss in the content form, from the frozen readout and values and the tokens; rounded up."""
    readout = parameters.readout[layer].double()
    rows = [[arb(x) for x in row] for row in readout.tolist()]
    apart = [sum(((a - b) ** 2 for a, b in zip(u, v, strict=True)), arb(0)).sqrt() for u in rows for v in rows]
    token = float(measure(batch.layer(layer)).input_norm[0])
    norm_u, norm_v = upper(norm_of(readout)), upper(norm_of(parameters.values[layer]))
    reach = upper(arb(norm_v) * arb(token))
    widest = max(upper(distance) for distance in apart)
    return upper(
        arb(formulas.smoothness_bilinear(FLINT, arb(widest), arb(reach), arb(norm_u), arb(token), arb(structure.temperature)))
    )


def safe_step(bound: fmpq) -> float:
    """A float step size eta with eta L_s <= 1 exactly, within a part in a thousand of 1/L_s."""
    eta = 0.999 * float(int(bound.q)) / float(int(bound.p))
    while rational(eta) * bound > 1:
        eta *= 0.5
    return eta


@dataclass(frozen=True)
class DescentPlan:
    """What Hypothesis draws: a small fleet that is trained from frozen values and readout, one proximal step after the other."""

    seed: int
    blocks: int
    tokens: int
    text: bool
    leak: float
    dial: float
    penalty: float
    causal: bool

    def build(self, layers: int, options: Options) -> tuple[Structure, Batch, Parameters, GroupPenalty]:
        """Structure, data, first state and penalty, in float64."""
        structure = equal_blocks(self.blocks, 2 * self.blocks, causal=self.causal)
        seeds = [self.seed + index for index in range(layers)]
        batch = token_batch(
            structure.features, seeds, text=self.text, path=options.text, sequences=2, tokens=self.tokens, leak=self.leak,
            causal=self.causal, dtype=torch.float64, device=pick_device(options.device),
        )  # fmt: skip
        start = initialise(structure, seeds, dtype=torch.float64, device=batch.tokens.device)
        return structure, batch, start, off_block_penalty(structure, self.penalty)


@st.composite
def descent_plans(draw: st.DrawFn) -> DescentPlan:
    """Small fleets on both kinds of data."""
    return DescentPlan(
        seed=draw(st.integers(0, 2**20)),
        blocks=draw(st.integers(2, 3)),
        tokens=draw(st.sampled_from((4, 6, 8))),
        text=draw(st.booleans()),
        leak=draw(st.sampled_from((0.0, 0.1))),
        dial=draw(st.sampled_from((0.0, 1.0))),
        penalty=draw(st.sampled_from((0.0, 0.01, 0.1))),
        causal=draw(st.booleans()),
    )


def trained_cases(plan: DescentPlan, layers: int, steps: int, options: Options) -> Iterator[tuple[Theorem, Case]]:
    """Every step of every layer against the descent inequality, and each layer's run against the budget.

    The inner product is with the layer's own float gradient, taken as exact; its distance from the real one is part of what `smooth`
    must hold with.
    """
    structure, batch, start, penalty = plan.build(layers, options)
    for layer in range(layers):
        with bits(WORKING):
            yield from _at(_layer_cases(plan, structure, batch.layer(layer), start.layer(layer), penalty, steps, layer))


def _at(source: Iterator[tuple[Theorem, Case]]) -> Iterator[tuple[Theorem, Case]]:
    """The emissions of a source that computes with WORKING bits; the consumer's precision is its own."""
    outer = ctx.prec
    while True:
        with bits(WORKING):
            emission = next(source, None)
        ctx.prec = outer
        if emission is None:
            return
        yield emission


def _layer_cases(
    plan: DescentPlan, structure: Structure, batch: Batch, state: Parameters, penalty: GroupPenalty, steps: int, index: int
) -> Iterator[tuple[Theorem, Case]]:
    bound = curvature(state, batch, structure, 0)
    step = safe_step(bound)
    eta, queries = rational(step), batch.blocks.numel()
    problem = prepare(batch, structure, dial=plan.dial)
    loss = loss_of(state, batch, structure, 0, plan.dial) / queries
    rest = penalty_of(state, penalty, 0)
    first, events = loss + rest, []
    for number in range(steps):
        with one_thread():
            slope = gradients(state, problem, ("content",)).content
        run = train(state, batch, structure, penalty, sgd(step), 1, dial=plan.dial, trainable=("content",))
        moved = run.parameters
        new_loss = loss_of(moved, batch, structure, 0, plan.dial) / queries
        new_rest = penalty_of(moved, penalty, 0)
        assert slope is not None
        pairs = zip(state.content.flatten().tolist(), moved.content.flatten().tolist(), slope.flatten().tolist(), strict=True)
        apart = [(arb(b) - arb(a), arb(v)) for a, b, v in pairs]
        inner, size = sum((d * v for d, v in apart), arb(0)), sum((d * d for d, _ in apart), arb(0)).sqrt()
        values: dict[sp.Symbol, Value] = {
            sym.loss_before: loss,
            sym.loss_after: new_loss,
            sym.objective_before: loss + rest,
            sym.objective_after: new_loss + new_rest,
            sym.step_inner: inner,
            sym.step_move: size,
            sym.step_map: size / arb(eta),
            sym.smoothness_bound: bound,
            sym.eta: eta,
        }
        origin = f"step {number} of layer {index}, {batch.source}, {plan}"
        yield descent, Case(values, origin, {"eta": step.hex()})
        yield descent_step, Case(values, origin, {"eta": step.hex()})
        events.append(Event("step", loss + rest - new_loss - new_rest, fmpq(0), eta, size / arb(eta)))
        state, loss, rest = moved, new_loss, new_rest
    run_of = EventRun(first, tuple(events), fmpq(1), fmpq(1))
    sizes = sorted(-upper(-arb(event.size)) for event in events)
    nu = max(sizes[len(sizes) // 2], fmpq(1, 2**40))
    for theorem in (budget, moves, steps_with_large_map):
        yield theorem, run_of.case(nu, f"run of layer {index}, {batch.source}, {plan}", floor=fmpq(0), rise=fmpq(0))
