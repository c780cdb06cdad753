"""`--device cuda` without a GPU: training, capture and checks on pretended GPU tensors, which refuse what real ones refuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from fleet_variants import VARIANTS, every_form, extras, scene
from pretend_gpu import GPU, pretend_gpu

from checks import run as runner
from checks.layer import attend
from checks.penalty import off_block_penalty
from checks.properties import Options, Property, attack
from checks.shards import Shard, family_checks, plan
from checks.training import NAMES, backend, initialise, pick_device, train
from theory import FAMILIES

NOT_ON_THE_GPU = {"partition.embeddings_in_training"}  # trains embeddings and a form, no layer


def planted_numpy(x: torch.Tensor) -> object:
    return x.numpy()


def planted_asarray(x: torch.Tensor) -> object:
    return np.asarray(x)


def planted_sum(x: torch.Tensor) -> object:
    return x + torch.ones(3)


def planted_product(x: torch.Tensor) -> object:
    return torch.linspace(0, 1, 3) @ x


def planted_choice(x: torch.Tensor) -> object:
    return torch.where(torch.arange(3) < 1, x, 0.0)


def planted_generator(x: torch.Tensor) -> object:
    return torch.stack([x, torch.from_numpy(np.zeros(3, dtype=np.float32))])


def planted_fresh(x: torch.Tensor) -> object:
    return x.masked_fill(torch.zeros_like(x.cpu(), dtype=torch.bool), 1.0)


PLANTED = [value for name, value in sorted(globals().items()) if name.startswith("planted_")]


@pytest.mark.parametrize("mistake", PLANTED)
def test_the_pretended_gpu_refuses_what_a_real_one_refuses(mistake):
    with pretend_gpu():
        x = torch.zeros(3, device=pick_device("cuda"))
        with pytest.raises((RuntimeError, TypeError), match="cuda:0"):
            mistake(x)
    mistake(torch.zeros(3))  # and on the CPU it is no mistake


def test_the_pretended_gpu_keeps_account_of_devices():
    with pretend_gpu():
        x = torch.arange(6.0, device="cuda").reshape(2, 3)
        made = [
            x + 1.0,
            x * torch.tensor(2.0),
            x[torch.tensor([0])],
            x.new_zeros(2),
            x.mT,
            torch.zeros_like(x),
            *x,
            *x.split(1),
        ]
        made += [
            *x.max(-1),
            x.double(),
            x.to("cuda", torch.float64),
            torch.ones(2).to(x.device),
            torch.as_tensor(x),
            x.clone().add_(1),
        ]
        made += [torch.ones(2, device=x.device), torch.linalg.svd(x)[1], torch.tensor(1.0).to(x)]
        assert all(tensor.device == GPU and tensor.is_cuda for tensor in made)
        back = [x.cpu(), x.to("cpu"), x.to("cpu", torch.float64), torch.zeros(2), torch.zeros(2, device="cpu")]
        assert not any(tensor.is_cuda or tensor.device.type != "cpu" for tensor in back)
        assert np.asarray(x.cpu()).sum() == 15
        assert x.sum().item() == float(x.sum()) == 15
    assert torch.zeros(1).device.type == "cpu"


@every_form
@pytest.mark.parametrize("name", [*VARIANTS, "padding"])
def test_every_variant_trains_there_and_comes_to_the_same(name: str, head: int):
    known = "minibatch" if name == "padding" else name
    structure, batch = scene(known, head, torch.float32)
    if name == "padding":
        present = torch.ones(batch.blocks.shape, dtype=torch.bool)
        present[0, 1, 9:] = False
        batch = replace(batch, present=present)
    optimiser, rest = VARIANTS[known][0], extras(known, batch.layers)
    penalty = off_block_penalty(structure, 0.15)
    start = initialise(structure, range(batch.layers))
    with backend("torch"):
        here = train(start, batch, structure, penalty, optimiser, 3, record=("norms", "losses"), **rest)
    with pretend_gpu(), backend("torch"):
        moved = batch.to("cuda")
        there = train(start.to("cuda"), moved, structure, penalty, optimiser, 3, record=("norms", "losses"), **rest)
        shown = attend(there.parameters, moved, structure, dial=rest.get("dial", 0.0), rules=rest.get("rules", ()))
        found = [there.extinct_at, there.revived, there.gradient_peak, there.norms, there.losses, shown.outputs, shown.weights]
        for tensor in (*found, *(getattr(there.parameters, part) for part in NAMES)):
            assert tensor is not None
            assert tensor.is_cuda
        for part in NAMES:
            assert torch.equal(getattr(there.parameters, part).cpu(), getattr(here.parameters, part))
        assert torch.equal(there.norms.cpu(), here.norms)


def properties_that_train(family: str) -> list[Property]:
    return [prop for prop in family_checks(family).properties if prop.text or "trained" in prop.name]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_checks_layers_on_the_gpu(family: str):
    options = Options(layers=2, examples=1e-9, device="cuda", backend="torch")
    devices = set()
    for prop in properties_that_train(family):
        with pretend_gpu():
            outcome = attack(prop, options, 0, 1)
        assert outcome.examples
        if f"{family}.{prop.name}" not in NOT_ON_THE_GPU:
            devices |= outcome.devices
    assert devices
    assert {device.partition("/")[0] for device in devices} == {"cuda"}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_only_properties_stay_in_the_process_that_owns_the_gpu(device: str, monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[set[str], int]] = []

    def results_of(tasks: Sequence[Shard], call: object, workers: int) -> Iterator[tuple[Shard, dict[str, object]]]:
        asked.append(({shard.kind for shard in tasks}, workers))
        yield from ((shard, {}) for shard in tasks)

    monkeypatch.setattr(runner, "results_of", results_of)
    options = Options(layers=2, examples=1e-9, device=device)
    shards = plan(("concentration",), options)
    assert {shard for shard, _ in runner._compute(shards, options, 5)} == set(shards)
    kinds = {shard.kind for shard in shards}
    alone = {"property"} if device == "cuda" else set()
    assert asked == [(kinds - alone, 5), (alone, 1)]
