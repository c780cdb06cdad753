"""Layers to attack the leak and margin bounds with: random extinct ones, and ones that a search made worst for their norms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import sympy as sp
import torch
from flint import fmpq, fmpq_mat
from hypothesis import strategies as st

from checks.blocks_exact import ExactLayer, exact_layers, exact_matrix, root, root_above, square_norm
from checks.data import Batch, synthetic
from checks.enclosure import Value
from checks.layer import Parameters, Structure
from checks.strategies import SEEDS
from checks.training import one_thread
from theory import symbols as sym


@dataclass(frozen=True)
class LayerBatch:
    """A recipe for untrained layers with block-diagonal content; everything else follows from the seed."""

    seed: int
    blocks: int
    leak: float  # delta; own-block parts have norm 1
    scale: float  # Frobenius norm of the block forms
    dial: float
    temperature: float
    dtype: str


@st.composite
def layer_batches(draw: st.DrawFn) -> LayerBatch:
    """Batches over leaks up to the own-block part, forms and dials of very different sizes."""
    return LayerBatch(
        draw(SEEDS),
        draw(st.integers(2, 4)),
        draw(st.sampled_from((1e-6, 0.01, 0.3, 0.999))),
        draw(st.sampled_from((1e-3, 0.5, 2.0, 30.0))),
        draw(st.sampled_from((0.0, 1.0, 6.0, 40.0))),
        draw(st.sampled_from((0.25, 1.0, 3.0))),
        draw(st.sampled_from(("float32", "float64"))),
    )


def _structure(batch: LayerBatch) -> Structure:
    return Structure(features=(2,) * batch.blocks, temperature=batch.temperature, value_width=2)


def random_layers(batch: LayerBatch, count: int = 100) -> Iterator[ExactLayer]:
    """`count` layers, one sequence of eight tokens each: forms and values normal, off-block groups exactly zero."""
    made, rng = _structure(batch), np.random.default_rng(batch.seed)
    data = synthetic(
        made.features,
        [batch.seed % 2**31 + k for k in range(count)],
        sequences=1,
        tokens=8,
        leak=batch.leak,
        dtype=getattr(torch, batch.dtype),
    )
    forms = rng.standard_normal((count, batch.blocks, 2, 2))
    forms *= batch.scale / np.sqrt((forms**2).sum((2, 3), keepdims=True))
    yield from _exact(forms, data, made, rng, f"random layer of {batch}")


def _exact(forms: np.ndarray, data: Batch, made: Structure, rng: np.random.Generator, origin: str) -> Iterator[ExactLayer]:
    count, width = len(forms), made.width
    content = np.zeros((count, 1, width, width))
    for block in range(made.blocks):
        at = slice(2 * block, 2 * block + 2)
        content[:, 0, at, at] = forms[:, block]
    values = rng.standard_normal((count, 2, width))
    parameters = Parameters(
        torch.from_numpy(content).to(data.tokens.dtype),
        torch.from_numpy(values).to(data.tokens.dtype),
        data.tokens.new_zeros(count, 2, 2),
    )
    yield from exact_layers(parameters, data, made, origin)


def searched_layers(batch: LayerBatch, count: int = 200, steps: int = 150) -> Iterator[ExactLayer]:
    """Query, in-block key and outside key, and the forms, driven to the least margin by gradient descent on the directions.

    Parts keep their norms (own 1, off-block delta, forms `scale`); half of the layers are then moved by a few ulps.
    """
    made, rng = _structure(batch), np.random.default_rng(batch.seed)
    width, blocks = made.width, (0, 0, 1)
    own = torch.tensor([[k // 2 == block for k in range(width)] for block in blocks])
    raw_tokens = torch.from_numpy(rng.standard_normal((count, 3, width))).requires_grad_()
    raw_forms = torch.from_numpy(rng.standard_normal((count, batch.blocks, 2, 2))).requires_grad_()
    optimiser = torch.optim.Adam([raw_tokens, raw_forms], lr=0.1)

    def build() -> tuple[torch.Tensor, torch.Tensor]:
        parts = [
            raw_tokens * side * (radius / (raw_tokens * side).square().sum(-1, keepdim=True).sqrt())
            for side, radius in ((own, 1.0), (~own, batch.leak))
        ]
        return parts[0] + parts[1], raw_forms * (batch.scale / raw_forms.square().sum((2, 3), keepdim=True).sqrt())

    with one_thread():
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = 0.2 * 0.96**step
            tokens, forms = build()
            cut = tokens.reshape(count, 3, batch.blocks, 2)
            scores = torch.einsum("nbi,nbij,nkbj->nk", cut[:, 0], forms, cut[:, 1:])
            optimiser.zero_grad()
            ((scores[:, 0] - scores[:, 1]) / batch.scale).sum().backward()
            optimiser.step()
    found, forms = (part.detach() for part in build())
    ulps = torch.from_numpy(rng.integers(-2, 3, tuple(found.shape)) * (np.arange(count) % 2)[:, None, None])
    tokens = found.to(getattr(torch, batch.dtype))
    tokens = tokens + torch.from_numpy(np.spacing(tokens.numpy())) * ulps.to(tokens.dtype)
    mask = torch.ones(count, 1, 3, 3, dtype=torch.bool)
    mask[:, :, 0, 0] = False  # the query does not see itself: its own score may be the least
    where = torch.tensor(blocks).expand(count, 1, 3)
    data = Batch(tokens[:, None], where, where, made.features, 2.0, 2.0, mask=mask, source="search")
    yield from _exact(forms.numpy(), data, made, rng, f"searched layer of {batch}")


def alive_products(batch: LayerBatch, count: int = 200) -> Iterator[tuple[dict[sp.Symbol, Value], str]]:
    """Exact norms of W_Q, W_K and their off-block parts and of the off-block part of W_Q' W_K; every other pair is aligned."""
    rng, size = np.random.default_rng(batch.seed), batch.blocks
    for index in range(count):
        query, key = rng.standard_normal((2, size, size)) * batch.scale
        if index % 2:  # head row b reads one off-block feature in one matrix and one own-block feature in the other
            b, c = rng.permutation(size)[:2]
            first, second = np.zeros((2, size, size))
            first[b, c], second[b, b] = query[b, c], key[b, b]
            query, key = (first, second) if index % 4 == 1 else (second, first)
        parts = [exact_matrix(torch.from_numpy(part.astype(batch.dtype))) for part in (query, key)]
        form = parts[0].transpose() * parts[1]
        values: dict[sp.Symbol, Value] = {sym.off_norm: root(square_norm(_off(form)))}
        for part, ball, off in zip(parts, (sym.rho_Q, sym.rho_K), (sym.off_Q, sym.off_K), strict=True):
            values |= {ball: root_above(square_norm(part.entries())), off: root_above(square_norm(_off(part)))}
        yield values, f"product {index} of {batch}"


def _off(matrix: fmpq_mat) -> list[fmpq]:
    size = matrix.ncols()
    return [x for index, x in enumerate(matrix.entries()) if index // size != index % size]
