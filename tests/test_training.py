"""The fleet: gradients and trajectories against the specification, extinction, variants that fail, guards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from checks.data import Batch, synthetic, text_batch
from checks.layer import Parameters, Rule, Structure, equal_blocks, score_bias, visible_keys
from checks.penalty import Ball, group_norms, off_block_mask, off_block_penalty, prox_thresholds, uniform_penalty
from checks.reference import Layer, Theta, loss_and_gradients, train_reference
from checks.training import (
    NAMES,
    Balls,
    LocalistFleet,
    Optimiser,
    TrainingError,
    adam,
    ema,
    failing_spectral_clipping,
    failing_subgradient,
    gradients,
    heavy_ball,
    initialise,
    minibatch_order,
    one_thread,
    pick_device,
    prepare,
    sgd,
    train,
)

SEEDS = (11, 12, 13)
BILINEAR, QK = equal_blocks(2, 6, value_width=5, temperature=0.8), equal_blocks(2, 6, 4, value_width=5, strength=0.5)
UNEQUAL = Structure((2, 1, 3), (1, 2, 1), "qk", value_width=4, classes=3, causal=True)
FORMS = {"bilinear": BILINEAR, "qk": QK, "unequal-causal": UNEQUAL, "bilinear-causal": replace(BILINEAR, causal=True)}
TARGETS = {"mixture": "cross-entropy", "soft": "cross-entropy", "vector": "squared"}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Tiny tensors on one thread."""
    with one_thread():
        yield


def made(
    structure: Structure, target: str = "mixture", dtype: torch.dtype = torch.float64, padded: bool = False
) -> tuple[Structure, Parameters, Batch]:
    """Three layers, 4 sequences of 5 tokens, with a leak; optionally a padded end."""
    if target == "vector":
        structure = replace(structure, classes=structure.width)
    batch = synthetic(
        structure.features, SEEDS, sequences=4, tokens=5, leak=0.2, target=target, dtype=dtype, causal=structure.causal
    )
    if padded:
        present = torch.ones_like(batch.blocks, dtype=torch.bool)
        present[:, 1, 3:] = present[2, :, 4] = False
        batch = replace(batch, present=present)
    return structure, initialise(structure, SEEDS, dtype=dtype), batch


def as_reference(
    parameters: Parameters, batch: Batch, structure: Structure, index: int, loss: str, **bias: object
) -> tuple[Theta, Layer]:
    """Layer `index` in the form of the specification."""
    theta = {name: getattr(parameters, name)[index].double().numpy() for name in NAMES}
    present = torch.ones_like(batch.blocks, dtype=torch.bool) if batch.present is None else batch.present
    goal = batch.targets[index]
    return theta, Layer(
        batch.tokens[index].double().numpy(),
        (goal.double() if goal.is_floating_point() else goal).numpy(),
        score_bias(batch, structure, **bias)[index].double().numpy(),
        visible_keys(batch, structure)[index].numpy(),
        present[index].numpy(),
        structure.temperature,
        loss,
    )


def rounding(steps: int, dtype: torch.dtype, scale: float = 4.0) -> float:
    """Rounding of a run: with a stable step errors add up, each step adds at most the 100 or so operations that
    feed one number (sums of 20 queries, 5 keys, 6 features; a softmax) times eps times the largest weight, 4."""
    return 100 * (steps + 1) * torch.finfo(dtype).eps * scale


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_the_specification_and_of_autograd(form: str, target: str, padded: bool) -> None:
    structure, parameters, batch = made(FORMS[form], target, padded=padded)
    extra = {"dial": torch.tensor([0.0, 1.5, -1.0]), "rules": [Rule(batch.blocks == 1, 0.6)]}
    problem = prepare(batch, structure, loss=TARGETS[target], **extra)
    got = gradients(parameters, problem, with_loss=True)
    assert got.loss is not None
    for k in range(3):
        value, want, _ = loss_and_gradients(*as_reference(parameters, batch, structure, k, TARGETS[target], **extra))
        assert abs(value - float(got.loss[k])) < rounding(0, torch.float64)
        for name in NAMES:
            assert np.abs(getattr(got, name)[k].numpy() - want[name]).max() < rounding(0, torch.float64), name
    leaves = {name: getattr(parameters, name).clone().requires_grad_() for name in NAMES}
    automatic = gradients(Parameters(**leaves), problem, (), with_loss=True).loss  # the forward pass only
    assert automatic is not None
    for name, found in zip(NAMES, torch.autograd.grad(automatic.sum(), list(leaves.values())), strict=True):
        assert float((found - getattr(got, name)).abs().max()) < rounding(0, torch.float64), name


def test_cross_entropy_gradient_survives_a_sure_prediction() -> None:
    structure = equal_blocks(2, 2)
    batch = replace(
        synthetic((1, 1), (1,), sequences=1, tokens=1, dtype=torch.float64, target="block"),
        tokens=torch.tensor([[[[1.0, 0.0]]]], dtype=torch.float64),
        blocks=torch.zeros(1, 1, 1, dtype=torch.int64),
        targets=torch.zeros(1, 1, 1, dtype=torch.int64),
    )
    eye = torch.eye(2, dtype=torch.float64)[None]
    got = gradients(Parameters(eye[:, None], eye, eye * 50), prepare(batch, structure))
    assert got.values is not None
    # z = (50, 0): p_2 = 1 / (1 + e^50), dl/do_1 = -50 p_2; p_1 - 1 would be 0
    want = -50 / (1 + math.exp(50))
    assert abs(float(got.values[0, 0, 0]) - want) < 1e-14 * abs(want)  # exp of 50: 50 eps relative


VARIANTS: dict[str, Optimiser] = {
    "sgd": sgd(0.4),
    "minibatch": sgd(0.4, minibatch=2),
    "clip": sgd(0.4, clip=0.02),
    "decay": sgd(0.4, decay=0.3),
    "schedule": sgd(tuple(0.5 / (k + 1) for k in range(12))),
    "ema": ema(0.4, 0.8),
    "heavy-ball": heavy_ball(0.1, 0.8, clip=0.05),
    "adam": adam(0.05, epsilon=1e-2),
    "adam-clip": adam(0.05, (0.9, 0.95), 1e-2, clip=0.1, minibatch=3),
    "subgradient": failing_subgradient(0.4),
    "spectral": failing_spectral_clipping(0.4, 0.9),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("form", ["bilinear", "unequal-causal"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_trajectories_are_those_of_the_specification(variant: str, form: str, dtype: torch.dtype) -> None:
    structure, parameters, batch = made(FORMS[form], dtype=dtype)
    optimiser, steps, lam = VARIANTS[variant], 12, torch.tensor([0.0, 0.05, 0.6])
    penalty = off_block_penalty(structure, lam, in_block=0.1)
    balls = Balls(Ball(1.6), 0.9, 3.5) if variant == "sgd" else Balls(Ball(0.8, "group")) if variant == "clip" else Balls()
    radii = {"sgd": {"content": 1.6, "values": 0.9, "readout": 3.5}, "clip": {"content": 0.8}}.get(variant, {})
    trainable = NAMES if variant != "ema" else ("content", "readout")
    run = train(
        parameters,
        batch,
        structure,
        penalty,
        optimiser,
        steps,
        dial=1.0,
        balls=balls,
        seeds=SEEDS,
        trainable=trainable,
        record=("norms", "losses"),
    )
    assert run.norms is not None
    assert run.norms.shape == (steps + 1, 3, *penalty.groups.shape)
    assert run.losses is not None
    assert run.losses.shape == (steps, 3)
    thresholds = prox_thresholds(penalty, 1.0, 3).numpy()
    order = None if optimiser.minibatch is None else minibatch_order(SEEDS, 4, optimiser.minibatch, steps).numpy()
    # Adam divides by at least 1e-2: a gradient error counts up to a hundred times, but times a step of 0.05
    tolerance = rounding(steps, dtype) * (5 if optimiser.rule == "adam" else 1)
    for k in range(3):
        theta, layer = as_reference(parameters, batch, structure, k, "cross-entropy", dial=1.0)
        states = train_reference(
            theta,
            layer,
            optimiser,
            steps,
            thresholds[k],
            structure.rows,
            structure.features,
            trainable=trainable,
            balls=radii,
            ball_per="matrix" if variant == "sgd" else "group",
            order=None if order is None else order[:, k],
        )
        for name in NAMES:
            assert np.abs(getattr(run.parameters, name)[k].numpy() - states[-1][name]).max() < tolerance, (k, name)
        if variant != "spectral":  # rounding of the SVD decides there
            assert np.array_equal(run.parameters.content[k].numpy() == 0, states[-1]["content"] == 0)
    if variant == "ema":
        assert torch.equal(run.parameters.values, parameters.values)


@pytest.mark.parametrize("variant", ["sgd", "minibatch", "adam-clip"])
@pytest.mark.parametrize("structure", [BILINEAR, QK])
def test_a_layer_is_the_same_alone_and_in_a_fleet(structure: Structure, variant: str) -> None:
    for seeds in (SEEDS, tuple(range(40, 60))):
        batch, weights = synthetic(structure.features, seeds, leak=0.1), initialise(structure, seeds)
        dial, lam = torch.linspace(0, 2, len(seeds)), torch.linspace(0, 0.2, len(seeds))
        fleet = train(
            weights, batch, structure, off_block_penalty(structure, lam), VARIANTS[variant], 10, dial=dial, seeds=seeds
        )
        one = seeds[1:2]
        data, start = synthetic(structure.features, one, leak=0.1), initialise(structure, one)
        assert torch.equal(data.tokens, batch.layer(1).tokens)
        assert torch.equal(data.targets, batch.layer(1).targets)
        assert torch.equal(start.content, weights.layer(1).content)
        assert torch.equal(start.readout, weights.layer(1).readout)
        alone = train(
            start, data, structure, off_block_penalty(structure, lam[1:2]), VARIANTS[variant], 10, dial=dial[1:2], seeds=one
        )
        for name in NAMES:  # batched products may add in another order; 128 queries instead of 20: 6 times the terms
            gap = (getattr(alone.parameters, name) - getattr(fleet.parameters.layer(1), name)).abs().max()
            assert float(gap) < 6 * rounding(10, torch.float32)
        assert torch.equal(alone.extinct_at[0], fleet.extinct_at[1])


def adam_ratio(b1: float, b2: float) -> float:
    """C_A = (1 - b1) / sqrt((1 - b2)(1 - b1^2 / b2))."""
    return (1 - b1) / math.sqrt((1 - b2) * (1 - b1**2 / b2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("structure", [BILINEAR, UNEQUAL])
@pytest.mark.parametrize("name", ["clip", "minibatch", "ema", "heavy-ball", "decay", "balls", "adam"])
def test_extinction_by_the_proved_step(name: str, structure: Structure, dtype: torch.dtype) -> None:
    eta, clip, gamma = 0.05, 0.02, 0.4
    optimiser, bound = {
        "clip": (sgd(eta, clip=clip), clip),
        "minibatch": (sgd(eta, clip=clip, minibatch=2), clip),
        "ema": (ema(eta, 0.9, clip=clip), clip),
        "heavy-ball": (heavy_ball(eta, 0.9, clip=clip), clip / (1 - 0.9)),
        "decay": (sgd(eta, clip=clip, decay=0.5), clip),
        "balls": (sgd(eta, clip=clip), clip),
        "adam": (adam(eta, (0.9, 0.95)), adam_ratio(0.9, 0.95) * math.sqrt(6 if structure is UNEQUAL else 9)),
    }[name]
    _, parameters, batch = made(structure, dtype=dtype)
    # `extinction.float_stays` asks gamma >= (p + 8) u (Gbar + gamma): 17 * 2^-24 * 4 is far below 0.4
    penalty = off_block_penalty(structure, bound + gamma)
    off = off_block_mask(penalty.groups)
    # a float64 norm of 9 entries is right to 15 * 2^-53
    norm = Fraction(float(group_norms(parameters.content, penalty.groups).max())) * (1 + Fraction(1, 2**48))
    proved = math.ceil(norm / (Fraction(eta) * Fraction(gamma)))
    balls = Balls(Ball(1.5), 1.0, 4.0) if name == "balls" else Balls()
    run = train(parameters, batch, structure, penalty, optimiser, proved + 10, seeds=SEEDS, balls=balls)
    assert bool((run.extinct_at[:, off] > 0).all())
    assert int(run.extinct_at[:, off].max()) <= proved
    assert not bool(run.revived.any())
    assert bool((run.extinct_at[:, ~off] == -1).all())
    assert bool((group_norms(run.parameters.content, penalty.groups)[:, off] == 0).all())
    assert bool((run.gradient_peak[:, off] > 0).any())


def test_the_variants_that_fail_do_fail() -> None:
    structure, parameters, batch = made(BILINEAR)
    penalty = off_block_penalty(structure, 1.0)
    off = off_block_mask(penalty.groups)
    run = train(parameters, batch, structure, penalty, failing_subgradient(0.05), 100, record=("norms",))
    assert run.norms is not None
    assert bool((run.extinct_at == -1).all())
    assert bool((run.norms[-1][:, off] > 0).all())
    assert bool((run.norms[-1][:, off] < 0.05 * (1.0 + run.gradient_peak[:, off]) * 1.01).all())  # the ball it stays in
    # only group (2, 1) is penalised: clipping singular values fills it again, as [[2, 1], [0, 2]] shows
    lower = replace(penalty, weights=torch.tensor([[[0.0, 0.0], [1.0, 0.0]]]))
    spectral = train(parameters, batch, structure, lower, failing_spectral_clipping(0.05, 0.5), 100)
    assert bool((spectral.extinct_at[:, 0, 1, 0] == -1).all())
    # far above what rounding in the SVD of a 6 x 6 matrix of norm 1 could leave, 1e-14
    assert bool((group_norms(spectral.parameters.content, lower.groups)[:, 0, 1, 0] > 1e-8).all())
    kept = train(parameters, batch, structure, lower, sgd(0.05), 100, balls=Balls(Ball(0.5)))
    assert bool((kept.extinct_at[:, 0, 1, 0] > 0).all())


def test_revival_is_seen_and_penalising_everything_kills_everything() -> None:
    structure, parameters, batch = made(BILINEAR)
    start = replace(parameters, content=torch.zeros_like(parameters.content))
    run = train(start, batch, structure, None, 0.2, 5)
    assert bool(run.revived.all())
    assert bool((run.extinct_at == -1).all())
    flat = train(parameters, batch, structure, uniform_penalty(structure, 1.0), 0.2, 20)
    assert bool((flat.parameters.content == 0).all())
    assert bool((flat.extinct_at > 0).all())
    still = train(start, batch, structure, uniform_penalty(structure, 1.0), 0.2, 5)
    assert bool((still.extinct_at == 0).all())
    assert not bool(still.revived.any())
    trapped = equal_blocks(2, 6, 4)  # (W_Q, W_K) = 0 is stationary without any penalty
    zero = replace(initialise(trapped, SEEDS, dtype=torch.float64), content=torch.zeros(3, 2, 4, 6, dtype=torch.float64))
    assert bool((train(zero, batch, trapped, None, 0.5, 5).parameters.content == 0).all())


def test_balls_hold_after_every_step_and_nothing_of_the_caller_changes() -> None:
    structure, parameters, batch = made(QK)
    before = parameters.content.clone()
    run = train(parameters, batch, structure, None, 0.5, 6, balls=Balls(Ball((0.7, 0.9)), 0.3, 0.2))
    assert torch.equal(parameters.content, before)
    for state in (run.initial, run.parameters):  # the ball holds from the first gradient on
        for bound, weights in (
            (0.7, state.content[:, 0]),
            (0.9, state.content[:, 1]),
            (0.3, state.values),
            (0.2, state.readout),
        ):
            for layer in weights:
                assert sum(Fraction(v) ** 2 for v in layer.flatten().tolist()) <= Fraction(bound) ** 2
    free = train(parameters, batch, structure, None, 0.5, 6)
    assert free.initial.content is parameters.content
    assert not torch.equal(free.parameters.values, parameters.values)


def test_trained_on_text_above_a_clipping_threshold() -> None:
    structure = equal_blocks(4, 16, causal=True)
    batch = text_batch(structure.features, range(16), leak=0.02)
    fleet = LocalistFleet.seeded(structure, range(16), readout=4 * torch.eye(4, 16))
    after, run = fleet.train(batch, off_block_penalty(structure, 0.6), sgd(0.2, clip=0.1), 40, record=("losses",))
    off = off_block_mask(run.groups)
    assert int(run.extinct_at[:, off].min()) > 0
    assert int(run.extinct_at.max()) <= math.ceil(1 / (0.2 * 0.5))
    assert run.losses is not None
    assert float(run.losses[-1].mean()) < float(run.losses[0].mean())
    near, far = after.attend(batch), after.attend(batch, dial=12.0)
    mass = [(c.weights * ~c.same_block).sum(-1).max() for c in (near, far)]
    assert mass[1] < mass[0]


def test_leaving_the_finite_numbers_names_layer_and_step() -> None:
    structure, parameters, batch = made(BILINEAR, "vector")
    content = parameters.content.clone()
    assert train(parameters, batch, structure, None, 0.1, 3, loss="squared").steps == 3
    values = parameters.values.clone()
    values[2] *= 1e200
    with pytest.raises(TrainingError, match="layer 2 did not at step 0"):
        train(replace(parameters, values=values), batch, structure, None, 0.1, 3, loss="squared")
    content[1] *= 1e308
    with pytest.raises(TrainingError, match="layer 1 did not at step"):
        train(replace(parameters, content=content), batch, structure, None, 0.1, 3, loss="squared", trainable=("values",))
    with pytest.raises(TrainingError, match=r"layer \d did not at step"):
        train(parameters, batch, structure, None, 1e6, 200, loss="squared")


def test_no_overflow_passes_in_silence() -> None:
    structure, parameters, batch = made(BILINEAR)
    # a step of 1e200 leaves weights whose squared norm overflows: their projection would be exactly 0
    with pytest.raises(TrainingError, match="layer 0 did not at step 0"):
        train(parameters, batch, structure, None, 1e200, 1, trainable=("readout",), balls=Balls(readout=1.0))
    # z = (0, -inf): softmax gives (1, 0) and every gradient is finite
    small = equal_blocks(2, 2)
    data = synthetic((1, 1), (1,), sequences=1, tokens=2, dtype=torch.float64)
    data = replace(data, tokens=data.tokens.abs())
    huge = torch.eye(2, dtype=torch.float64)[None] * 1e200
    weights = Parameters(huge[:, None] * 0, huge, torch.tensor([[[0.0, 0.0], [-1e200, -1e200]]], dtype=torch.float64))
    with pytest.raises(TrainingError, match="layer 0 did not at step 0"):
        train(weights, data, small, None, 0.1, 1, trainable=("content",))


@pytest.mark.parametrize(
    "bad",
    [
        {"step": 0.0},
        {"step": math.nan},
        {"step": ()},
        {"step": 0.1, "rule": "lion"},
        {"step": 0.1, "clip": 0.0},
        {"step": 0.1, "momentum": 1.0},
        {"step": 0.1, "betas": (0.9, 1.0)},
        {"step": 0.1, "epsilon": 0.0},
        {"step": 0.1, "decay": 11.0},
        {"step": 0.1, "minibatch": 0},
        {"step": 0.1, "spectral_radius": -1.0},
    ],
)
def test_bad_optimisers_are_refused(bad: dict) -> None:
    with pytest.raises(TrainingError, match=f"Optimiser.{list(bad)[-1]}"):
        Optimiser(**bad)


def test_bad_calls_are_refused() -> None:
    structure, parameters, batch = made(BILINEAR)
    assert train(parameters, batch, structure, None, sgd((0.1, 0.2)), 2).steps == 2
    assert torch.equal(train(parameters, batch, structure, steps=0).parameters.content, parameters.content)
    calls = [
        ({"loss": "hinge"}, "loss"),
        ({"loss": "squared"}, "loss"),
        ({"trainable": ("value",)}, "trainable"),
        ({"record": ("loss",)}, "record"),
        ({"steps": -1}, "steps"),
        ({"optimiser": sgd((0.1, 0.2)), "steps": 3}, "step sizes"),
        ({"optimiser": sgd(0.1, minibatch=2)}, "one seed"),
        ({"optimiser": sgd(0.1, minibatch=9), "seeds": SEEDS}, "1 to 4"),
    ]
    for extra, words in calls:
        with pytest.raises(TrainingError, match=words):
            train(parameters, batch, structure, **extra)
    nan = replace(parameters, readout=parameters.readout * math.nan)
    for weights in (nan, parameters.layer(0), initialise(structure, SEEDS)):
        with pytest.raises(TrainingError, match="must be finite"):
            train(weights, batch, structure)
    with pytest.raises(TrainingError, match="tile"):
        train(parameters, batch, structure, off_block_penalty(QK, 1.0))
    half = replace(batch, tokens=batch.tokens.half())
    with pytest.raises(TrainingError, match="float32 or float64"):
        train(parameters, half, structure)
    with pytest.raises(TrainingError, match="distributions"):
        prepare(replace(batch, targets=torch.ones(3, 4, 5, 2, dtype=torch.float64)), structure)
    with pytest.raises(TrainingError, match="at least one seed"):
        initialise(structure, ())
    with pytest.raises(TrainingError, match="readout needs shape"):
        initialise(structure, SEEDS, readout=torch.eye(3))
    assert pick_device("cpu").type == "cpu"
    assert pick_device().type in ("cpu", "cuda")
    with pytest.raises(TrainingError, match="auto"):
        pick_device("tpu")


def test_one_thread_comes_back() -> None:
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
