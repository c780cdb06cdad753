"""A transformer language model of the GPT-2 kind with a locality dial in every layer.

    scores = q_i . k_j / sqrt(head width) + dial x strength x [same block],    j <= i

Layer norms come first, positions are learned, the readout is the token table. Parameters have the names and shapes of the Hugging
Face layout of GPT-2, so that `state_dict` is a checkpoint. At dial 0 the model is GPT-2. No dropout: a step is a function of weights
and batch alone, which is what lets an interrupted training go on as if it had not been.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu

Keep = Callable[[int, Float[Tensor, "B H T T"]], None]
"""Called with the number of a layer and its scores, dial included, before keys after the query are removed."""


@dataclass(frozen=True)
class Shape:
    """Layers, heads a layer, width of a token, longest sequence, tokens of the vocabulary; epsilon of the layer norms."""

    layers: int
    heads: int
    width: int
    context: int
    vocabulary: int
    epsilon: float = 1e-5


class Affine(nn.Module):
    """x W + b with W [in, out], as GPT-2 stores it."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inside, outside))
        self.bias = nn.Parameter(torch.zeros(outside))

    def forward(self, x: Float[Tensor, "... i"]) -> Float[Tensor, "... o"]:
        """The image of every vector."""
        return x @ self.weight + self.bias


class Attention(nn.Module):
    """Causal attention of several heads with the dial's term on keys of the query's own block."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.c_attn = Affine(shape.width, 3 * shape.width)
        self.c_proj = Affine(shape.width, shape.width)

    def forward(
        self,
        x: Float[Tensor, "B T E"],
        bonus: Float[Tensor, "B 1 T T"] | None,
        visible: Bool[Tensor, "T T"],
        keep: Callable[[Tensor], None] | None,
    ) -> Float[Tensor, "B T E"]:
        """The heads' outputs, mixed. bonus: what the dial adds to scores (nats)."""
        queries, keys, values = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.c_attn(x).chunk(3, -1))
        scores = queries @ keys.mT / math.sqrt(queries.shape[-1])
        if bonus is not None:
            scores = scores + bonus
        if keep is not None:
            keep(scores)
        weights = scores.masked_fill(~visible, -torch.inf).softmax(-1)
        mixed: Tensor = self.c_proj((weights @ values).transpose(1, 2).flatten(2))
        return mixed


class Mlp(nn.Module):
    """Two affine maps with a GELU (tanh form) between."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.c_fc = Affine(shape.width, 4 * shape.width)
        self.c_proj = Affine(4 * shape.width, shape.width)

    def forward(self, x: Float[Tensor, "B T E"]) -> Float[Tensor, "B T E"]:
        """The image of every token."""
        out: Tensor = self.c_proj(gelu(self.c_fc(x), approximate="tanh"))
        return out


class Block(nn.Module):
    """Attention and MLP, each on normed tokens and added to them."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(shape.width, shape.epsilon)
        self.attn = Attention(shape)
        self.ln_2 = nn.LayerNorm(shape.width, shape.epsilon)
        self.mlp = Mlp(shape)


class Transformer(nn.Module):
    """The language model; `forward` gives logits, and the scores of every layer to whoever asks."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.wte = nn.Embedding(shape.vocabulary, shape.width)
        self.wpe = nn.Embedding(shape.context, shape.width)
        self.h = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.ln_f = nn.LayerNorm(shape.width, shape.epsilon)

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        blocks: Int[Tensor, "B T"] | None = None,
        bonuses: Sequence[float] | None = None,
        keep: Keep | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Logits of the next token. blocks: the block of every token; bonuses: dial x strength of every layer (nats)."""
        length = tokens.shape[1]
        if length > self.shape.context:
            raise ValueError(
                f"a sequence has at most {self.shape.context} tokens here, got {length}: positions beyond have no vector. Cut it."
            )
        if bonuses is not None and (blocks is None or len(bonuses) != self.shape.layers):
            raise ValueError(
                f"dials need the blocks of the tokens and one dial for each of {self.shape.layers} layers, got "
                f"{len(bonuses)} and {'no' if blocks is None else 'the'} blocks. Give both."
            )
        visible = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()
        same = None if blocks is None else (blocks[:, None, :, None] == blocks[:, None, None, :])
        x = self.wte(tokens) + self.wpe.weight[:length]
        for number, block in enumerate(self.h):
            assert isinstance(block, Block)
            bonus = None
            if same is not None and bonuses is not None and bonuses[number] != 0:
                bonus = same.to(x.dtype) * bonuses[number]
            told = None if keep is None else _numbered(keep, number)
            x = x + block.attn(block.ln_1(x), bonus, visible, told)
            x = x + block.mlp(block.ln_2(x))
        logits: Tensor = self.ln_f(x) @ self.wte.weight.T
        return logits


def with_scores(
    model: Transformer, tokens: Int[Tensor, "B T"], blocks: Int[Tensor, "B T"], bonuses: Sequence[float]
) -> tuple[Float[Tensor, "B T V"], list[Float[Tensor, "B H T T"]]]:
    """Logits, and the scores of every layer."""
    captured: list[Tensor] = []
    logits = model(tokens, blocks, bonuses, lambda _, scores: captured.append(scores))
    return logits, captured


def _numbered(keep: Keep, number: int) -> Callable[[Tensor], None]:
    return lambda scores: keep(number, scores)


def fresh(shape: Shape, seed: int) -> Transformer:
    """A model with GPT-2's random start, of the seed alone: normal weights of deviation 0.02, less by sqrt(2 layers) at a branch's end."""
    model = Transformer(shape)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or ".ln_" in name or name.startswith("ln_f"):
                continue
            scale = 0.02 / math.sqrt(2 * shape.layers) if name.endswith("c_proj.weight") else 0.02
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return model
