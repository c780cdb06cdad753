"""The experiments' model is GPT-2 at dial 0, and its weights are a checkpoint."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from checks.experiments.checkpoint import Gpt2Config, read_checkpoint, shapes, write_checkpoint
from checks.experiments.model import Shape, Transformer, fresh

SMALL = Gpt2Config(layers=3, heads=4, width=8, context=6, vocabulary=11, epsilon=1e-5)


def weights(config: Gpt2Config, seed: int) -> dict[str, Tensor]:
    made = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=made, dtype=torch.float64) for name, shape in shapes(config).items()}


def plain_gpt2(config: Gpt2Config, weight: dict[str, Tensor], ids: Tensor, **mistake: bool) -> Tensor:
    """The logits [T, V] of one sequence: GPT-2 with a loop for every layer, head and query; mistakes can be put in."""

    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        epsilon = 0.0 if mistake.get("no_epsilon") else config.epsilon
        return (
            centred / (centred.square().mean(-1, keepdim=True) + epsilon).sqrt() * weight[f"{name}.weight"]
            + weight[f"{name}.bias"]
        )

    def affine(x: Tensor, name: str) -> Tensor:
        return x @ weight[f"{name}.weight"] + weight[f"{name}.bias"]

    def gelu(x: Tensor) -> Tensor:
        if mistake.get("exact_gelu"):
            return x * (1 + torch.erf(x / math.sqrt(2))) / 2
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    length, size = len(ids), config.width // config.heads
    x = weight["wte.weight"][ids] + weight["wpe.weight"][:length]
    for layer in range(config.layers):
        mixed = affine(norm(x, f"h.{layer}.ln_1"), f"h.{layer}.attn.c_attn")
        out = torch.zeros_like(x)
        for head in range(config.heads):
            at = [slice(part * config.width + head * size, part * config.width + (head + 1) * size) for part in range(3)]
            query, key, value = (mixed[:, columns] for columns in (at if not mistake.get("swapped") else (at[1], at[0], at[2])))
            for i in range(length):
                seen = length if mistake.get("not_causal") else i + 1
                scores = (key[:seen] @ query[i]) / (1.0 if mistake.get("unscaled") else math.sqrt(size))
                share = torch.exp(scores - scores.max())
                out[i, head * size : (head + 1) * size] = (share / share.sum()) @ value[:seen]
        x = x + affine(out, f"h.{layer}.attn.c_proj")
        hidden = gelu(affine(norm(x, f"h.{layer}.ln_2"), f"h.{layer}.mlp.c_fc"))
        x = x + affine(hidden, f"h.{layer}.mlp.c_proj")
    return norm(x, "ln_f") @ weight["wte.weight"].T


MISTAKES = ("no_epsilon", "exact_gelu", "swapped", "not_causal", "unscaled")


def test_the_model_at_dial_0_is_gpt2(tmp_path: Path) -> None:
    """Both sides in float64, in different orders of the same operations.

    Logits are of size 10 and come from less than 10^4 roundings of 2^-53 each, at weights that make no step ill-conditioned: they agree
    to 10^-10 (measured: 5e-15). Every mistake moves some logit by more than 10^-6.
    """
    config = replace(SMALL, epsilon=1e-2)
    write_checkpoint(tmp_path, config, weights(config, 3))
    found = read_checkpoint(tmp_path)
    model = Transformer(Shape(**asdict(found.config))).double()
    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == shapes(config)
    model.load_state_dict(found.tensors)
    ids = torch.randint(0, config.vocabulary, (3, config.context), generator=torch.Generator().manual_seed(1))
    blocks = torch.arange(config.context).expand(3, -1) // 2
    with torch.no_grad():
        logits = model(ids)
        at_zero = model(ids, blocks, [0.0] * config.layers)
        turned = model(ids, blocks, [0.0, 0.0, 0.5])
    assert torch.equal(at_zero, logits)
    assert not torch.equal(turned, logits)
    for row, sequence in zip(logits, ids, strict=True):
        assert float((row - plain_gpt2(config, found.tensors, sequence)).abs().max()) < 1e-10
    for mistake in MISTAKES:
        wrong = [plain_gpt2(config, found.tensors, sequence, **{mistake: True}) for sequence in ids]
        assert float((logits - torch.stack(wrong)).abs().max()) > 1e-6, mistake


def test_a_trained_model_is_a_checkpoint(tmp_path: Path) -> None:
    model = fresh(Shape(**asdict(SMALL)), seed=5)
    write_checkpoint(tmp_path, SMALL, model.state_dict())
    again = Transformer(Shape(**asdict(SMALL)))
    again.load_state_dict(read_checkpoint(tmp_path).tensors)
    ids = torch.arange(SMALL.context)[None]
    with torch.no_grad():
        assert torch.equal(model(ids), again(ids))
