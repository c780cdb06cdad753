"""Trained layers on which groups stay alive, as the statements say they may: below the threshold, and with the variants that
fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import sympy as sp
from flint import arb, fmpq

from checks.claims import Case
from checks.enclosure import Value, rational
from checks.extinction_exact import upper
from checks.extinction_fleets import TINY, Fleet, Plan, make_data, train_fleet, variants
from checks.penalty import off_block_mask
from checks.properties import Emission, Options, Trained
from checks.training import Balls, failing_spectral_clipping, failing_subgradient
from theory import symbols as sym
from theory.extinction_failing import subgradient_ball


def failing_cases(plan: Plan, options: Options) -> Iterator[Emission]:
    """A fleet for each way to stay alive, in both parametrisations, on synthetic codes and on text.

    Under spectral clipping one group is penalised above its threshold and the others are free: the prox zeroes it, clipping
    fills it.

    Raises AssertionError when the groups of a fleet die after all.
    """
    layers = max(1, options.layers // 8)
    everyday, clip = variants(plan)[1], variants(plan)[3]
    eta = clip.optimiser.size(0)
    bounded = replace(everyday, optimiser=failing_subgradient(eta, clip=clip.optimiser.clip), source="clip", balls=Balls())
    spectral = replace(clip, optimiser=failing_spectral_clipping(eta, plan.start * 0.25, clip=clip.optimiser.clip))
    for parametrisation, text in (("bilinear", False), ("qk", True)):
        data = make_data(plan, parametrisation, text, layers, options)
        for name, variant, share in (
            ("below the threshold", clip, 1 / 64),
            ("subgradient", bounded, 1.0),
            ("spectral clipping", spectral, 1.0),
        ):
            alone = name == "spectral clipping"
            fleet = train_fleet(data, variant, share=share, record=("norms",), alone=alone)
            yield Trained(layers, data.batch.tokens.device.type, plan.dtype)
            last = fleet.run.extinct_at.cpu()
            living = (last[:, :, 1, 0] if alone else last[:, off_block_mask(fleet.run.groups)]) < 0
            if not bool(living.all() if name == "subgradient" else living.any()):
                raise AssertionError(
                    f"{name}: groups were to stay alive, {int((~living).sum())} of {living.numel()} died; {plan}"
                )
            if name == "subgradient":
                yield from _ball_cases(fleet, eta)


def _ball_cases(fleet: Fleet, eta: float) -> Iterator[Emission]:
    """Every step of a few groups: the recorded norms are right to (p + 4) 2^-53; the rounding of a step is a part of its
    vector.

    theta+ = theta - eta (lam theta/|theta| + v + e) exactly, with |e| at most (p + 16) u (|theta|/eta + lam + |v|).
    """
    assert fleet.run.norms is not None
    norms, close = fleet.run.norms.tolist(), (fleet.entries + 4) * fmpq(1, 2**52)
    for layer, matrix, row, column in list(fleet.groups())[:24]:
        path = [rational(state[layer][matrix][row][column]) for state in norms]
        lam, bound = rational(fleet.weights[layer]), fleet.bounds[layer].vector
        rounding = (fleet.entries + 16) * fleet.plan.unit * (max(path) / rational(eta) + lam + bound) + TINY
        vector = upper(bound + rounding)
        for here, there in pairwise(path):
            values: dict[sp.Symbol, Value] = {
                sym.group_norm: _ball(here, close),
                sym.group_next: _ball(there, close),
                sym.eta: rational(eta),
                sym.lam: lam,
                sym.step_bound: vector,
                sym.vector_norm: vector,
                sym.gamma: lam - vector - fmpq(1, 2**60),
            }
            yield subgradient_ball, Case(values, f"subgradient, layer {layer}, group {(matrix, row, column)}, {fleet.plan}")


def _ball(value: fmpq, relative: fmpq) -> arb:
    return arb(arb(value).mid(), (arb(value) * arb(relative)).abs_upper())
