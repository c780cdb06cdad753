"""The layer: masks remove keys, the dial and rules act on stored content, guards pass and raise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from checks.data import Batch, synthetic
from checks.layer import LayerError, Rule, Structure, attend, content_scores, equal_blocks, score_bias, visible_keys
from checks.penalty import off_block_mask, scale_groups, two_index_groups
from checks.reference import Layer, loss_and_gradients
from checks.training import initialise

FORMS = [
    equal_blocks(4, 16),
    equal_blocks(4, 16, 8),
    Structure((2, 5, 3), temperature=0.7, strength=2.0),
    Structure((2, 5, 3), (1, 2, 2), "qk", temperature=0.7, causal=True),
]


def made(structure: Structure, *, leak: float = 0.1, dtype: torch.dtype = torch.float64, tokens: int = 6) -> tuple:
    """A small fleet of 3 layers with its data."""
    batch = synthetic(structure.features, (5, 6, 7), sequences=2, tokens=tokens, leak=leak, dtype=dtype)
    return initialise(structure, (5, 6, 7), dtype=dtype), batch


@pytest.mark.parametrize("structure", FORMS)
def test_scores_and_outputs_are_the_plain_formulas(structure: Structure) -> None:
    parameters, batch = made(structure)
    rules = [Rule(torch.tensor([True, False, False, True, False, False]), 0.75)]
    got = attend(parameters, batch, structure, dial=1.5, rules=rules)
    bias, visible = score_bias(batch, structure, 1.5, rules), visible_keys(batch, structure)
    for k in range(3):
        theta = {
            "content": parameters.content[k].numpy(),
            "values": parameters.values[k].numpy(),
            "readout": parameters.readout[k].numpy(),
        }
        layer = Layer(
            batch.tokens[k].numpy(),
            batch.targets[k].numpy(),
            bias[k].numpy(),
            visible[k].numpy(),
            np.ones((2, 6), bool),
            structure.temperature,
            "cross-entropy",
        )
        scores = loss_and_gradients(theta, layer)[2]
        # sums of at most D^2 = 256 products, each below 16 in size: error below 300 * 16 * 2^-52 < 2e-12
        assert np.abs(scores - got.scores[k].numpy()).max() < 2e-12
    assert bool((got.weights.sum(-1) - 1).abs().max() < 1e-14)  # 6 terms, a few 2^-53 each
    by_hand = torch.einsum("lsij,lsjd,led->lsie", got.weights, batch.tokens, parameters.values)
    assert float((by_hand - got.outputs).abs().max()) < 2e-12


@pytest.mark.parametrize("structure", FORMS)
def test_dial_moves_same_block_scores_only_and_needs_no_retraining(structure: Structure) -> None:
    parameters, batch = made(structure)
    content = content_scores(parameters, batch, structure)
    for dial in (-2.0, 0.0, 3.0):
        got = attend(parameters, batch, structure, dial=dial, content=content)
        assert torch.equal(got.content, content)
        assert torch.equal(got.scores[~got.same_block], content[~got.same_block])
        assert torch.equal(got.scores[got.same_block], content[got.same_block] + dial * structure.strength)
    each = attend(parameters, batch, structure, dial=torch.tensor([0.0, 1.0, 2.0]))
    assert torch.equal(each.scores[1], attend(parameters, batch, structure, dial=1.0).scores[1])


def test_rules_leave_no_residue() -> None:
    structure = equal_blocks(4, 16)
    parameters, batch = made(structure, dtype=torch.float32)
    before = attend(parameters, batch, structure, dial=0.1)
    rule = Rule(batch.blocks == 2, 1e6)  # (s + 1e6) - 1e6 loses every digit in float32
    other = Rule(torch.rand(2, 6, generator=torch.Generator().manual_seed(1)) < 0.5, torch.tensor([0.1, 0.2, 0.3]))
    during = attend(parameters, batch, structure, dial=0.1, rules=[rule, other], content=before.content)
    assert not torch.equal(during.scores, before.scores)
    residue = (during.scores - score_bias(batch, structure, 0.1, [rule, other])) - before.content
    assert bool((residue != 0).any())  # subtracting would leave one
    alone = attend(parameters, batch, structure, dial=0.1, rules=[other], content=before.content)
    assert torch.equal(alone.scores, attend(parameters, batch, structure, dial=0.1, rules=[other]).scores)
    after = attend(parameters, batch, structure, dial=0.1, rules=[], content=before.content)
    assert torch.equal(after.scores, before.scores)
    assert torch.equal(after.weights, before.weights)


def test_removed_keys_do_not_exist() -> None:
    structure = replace(equal_blocks(4, 16), causal=True)
    parameters, batch = made(structure)
    got = attend(parameters, batch, structure)
    assert bool(got.visible.diagonal(dim1=-2, dim2=-1).all())
    assert bool((got.weights[~got.visible] == 0).all())
    assert bool((got.weights[got.visible] > 0).all())
    assert bool(torch.isfinite(got.scores).all())
    # a removed key with an enormous score changes nothing
    tokens = batch.tokens.clone()
    tokens[:, :, -1] *= 1e150
    loud = attend(parameters, replace(batch, tokens=tokens), structure)
    assert torch.equal(loud.weights[:, :, :-1], got.weights[:, :, :-1])


def test_padding_is_neither_key_nor_query() -> None:
    structure = equal_blocks(4, 16)
    parameters, batch = made(structure)
    present = torch.ones_like(batch.blocks, dtype=torch.bool)
    present[:, :, 4:] = False
    got = attend(parameters, replace(batch, present=present), structure)
    short = Batch(batch.tokens[:, :, :4], batch.blocks[:, :, :4], batch.targets[:, :, :4], batch.features, 1.0, 0.1)
    want = attend(parameters, short, structure)
    assert torch.equal(got.rows, present)
    assert bool((got.weights[..., 4:] == 0).all())
    assert bool((got.weights[:, :, 4:] == 0).all())
    # the same 4 terms, perhaps summed in another order
    assert float((got.weights[:, :, :4, :4] - want.weights).abs().max()) < 1e-14


def test_a_row_without_keys_is_named() -> None:
    structure = equal_blocks(4, 16)
    parameters, batch = made(structure)
    mask = torch.ones(3, 2, 6, 6, dtype=torch.bool)
    assert attend(parameters, replace(batch, mask=mask), structure).rows.all()
    mask[1, 0, 3] = False
    with pytest.raises(LayerError, match="layer 1, sequence 0, query 3"):
        attend(parameters, replace(batch, mask=mask), structure)


@pytest.mark.parametrize("structure", FORMS)
def test_block_diagonal_weights_without_leak_score_exactly_zero_across_blocks(structure: Structure) -> None:
    parameters, batch = made(structure, leak=0.0, dtype=torch.float32)
    groups = two_index_groups(structure)
    keep = (~off_block_mask(groups)).float()[None]
    capture = attend(replace(parameters, content=scale_groups(parameters.content, keep, groups)), batch, structure)
    assert bool((capture.content[~capture.same_block] == 0).all())
    assert bool((capture.content[capture.same_block] != 0).all())


@pytest.mark.parametrize(
    "bad",
    [
        {"features": ()},
        {"features": (4, 0)},
        {"features": (4,), "parametrisation": "other"},
        {"features": (4, 4), "heads": (2,), "parametrisation": "qk"},
        {"features": (4, 4), "heads": (2, 2)},
        {"features": (4,), "temperature": 0.0},
        {"features": (4,), "strength": math.nan},
        {"features": (4,), "classes": -1},
    ],
)
def test_bad_structures_are_refused(bad: dict) -> None:
    with pytest.raises(LayerError):
        Structure(**bad)


def test_bad_calls_are_refused() -> None:
    structure = equal_blocks(4, 16)
    parameters, batch = made(structure)
    with pytest.raises(LayerError, match="divides"):
        equal_blocks(3, 16)
    for dial in (math.nan, torch.zeros(2), torch.zeros(3, 1)):
        with pytest.raises(LayerError, match="dial"):
            attend(parameters, batch, structure, dial=dial)
    with pytest.raises(LayerError, match="overflow"):
        attend(parameters, batch, structure, dial=1e308)
    for keys in (torch.ones(6), torch.ones(5, dtype=torch.bool), torch.tensor(True)):
        with pytest.raises(LayerError, match="rule 0"):
            attend(parameters, batch, structure, rules=[Rule(keys, 1.0)])
    with pytest.raises(LayerError, match="strength of rule 0"):
        attend(parameters, batch, structure, rules=[Rule(torch.ones(6, dtype=torch.bool), math.inf)])
    with pytest.raises(LayerError, match="shape"):
        attend(parameters, batch, equal_blocks(4, 16, 8))
    with pytest.raises(LayerError, match="scores must be finite; layer 0"):
        attend(replace(parameters, content=parameters.content * 1e308 * 100), batch, structure)
