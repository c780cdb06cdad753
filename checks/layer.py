"""Localist attention with a locality dial: block structure, two parametrisations, rules, captures.

    s_ij = <content of (i, j)> / tau + dial * beta * [block of i = block of j] + sum of rules
    bilinear: content = x_i^T A x_j            groups A^(c,c'), c and c' feature blocks
    qk:       content = <W_Q x_i, W_K x_j>     groups W^(b,c), b a head block, c a feature block

Features R^D and head space R^H are direct sums of blocks. A token belongs to one block. A mask
removes keys from a row (their weight is exactly 0); stored scores are finite everywhere.
Every tensor has a leading layer axis L: a fleet of independent layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from checks.data import Batch

__all__ = [
    "Capture",
    "LayerError",
    "Parameters",
    "Rule",
    "Structure",
    "attend",
    "content_scores",
    "equal_blocks",
    "per_layer",
    "same_block",
    "score_bias",
    "visible_keys",
]


class LayerError(ValueError):
    """A structure, mask, dial or rule outside the domain of the layer."""


@dataclass(frozen=True)
class Structure:
    """Shape and constants of a layer: block sizes, parametrisation, tau (> 0), beta (> 0)."""

    features: tuple[int, ...]
    heads: tuple[int, ...] = ()
    parametrisation: Literal["bilinear", "qk"] = "bilinear"
    value_width: int = 0  # 0: the width D
    classes: int = 0  # 0: the number of blocks
    temperature: float = 1.0
    strength: float = 1.0
    causal: bool = False

    def __post_init__(self) -> None:
        """Fill the defaults, then refuse a structure that no layer can have."""
        if self.parametrisation not in ("bilinear", "qk"):
            raise LayerError(
                f"Structure.parametrisation is 'bilinear' or 'qk', got {self.parametrisation!r}: "
                "these are the two content forms that have groups. Choose one of them."
            )
        if not self.features or min(self.features) < 1:
            raise LayerError(
                f"Structure.features needs one positive size per block, got {self.features}: "
                "an empty block has no group. Give the sizes d_c, for example (4, 4, 4, 4)."
            )
        if self.parametrisation == "qk" and (len(self.heads) != len(self.features) or min(self.heads) < 1):
            raise LayerError(
                f"Structure.heads needs one positive size for each of the {len(self.features)} blocks, "
                f"got {self.heads}: group (b, b) joins head block b to feature block b. Give the sizes h_b."
            )
        if self.parametrisation == "bilinear" and self.heads:
            raise LayerError(
                f"Structure.heads must be empty for 'bilinear', got {self.heads}: A acts on features "
                "directly. Leave heads out or choose parametrisation='qk'."
            )
        for name in ("temperature", "strength"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise LayerError(
                    f"Structure.{name} must be finite and positive, got {value}: it scales scores. "
                    "Give a positive number; to switch locality off set dial=0."
                )
        if min(self.value_width, self.classes) < 0:
            raise LayerError(
                f"Structure.value_width and classes must not be negative, got {self.value_width} and "
                f"{self.classes}: they are sizes. Use 0 for the defaults."
            )
        object.__setattr__(self, "value_width", self.value_width or self.width)
        object.__setattr__(self, "classes", self.classes or self.blocks)

    @property
    def blocks(self) -> int:
        """The number of blocks M."""
        return len(self.features)

    @property
    def width(self) -> int:
        """The token width D."""
        return sum(self.features)

    @property
    def matrices(self) -> int:
        """K, the number of content matrices: 1 (A) or 2 (W_Q, W_K)."""
        return 1 if self.parametrisation == "bilinear" else 2

    @property
    def rows(self) -> tuple[int, ...]:
        """Row-block sizes of a content matrix: features for A, heads for W_Q and W_K."""
        return self.features if self.parametrisation == "bilinear" else self.heads


class StructureOptions(TypedDict, total=False):
    """What `equal_blocks` leaves to `Structure`."""

    value_width: int
    classes: int
    temperature: float
    strength: float
    causal: bool


def equal_blocks(blocks: int, width: int, head: int = 0, **rest: Unpack[StructureOptions]) -> Structure:
    """The structure with `blocks` equal blocks: bilinear if head is 0, else qk with head width `head`."""
    if blocks < 1 or width % blocks or head % blocks:
        raise LayerError(
            f"equal_blocks needs a block count that divides width and head, got blocks={blocks}, "
            f"width={width}, head={head}: blocks have equal sizes. Use Structure(features=...) for others."
        )
    return Structure(
        features=(width // blocks,) * blocks,
        heads=(head // blocks,) * blocks if head else (),
        parametrisation="qk" if head else "bilinear",
        **rest,
    )


@dataclass(frozen=True)
class Parameters:
    """The weights of a fleet; content is [A] (R = D) or [W_Q, W_K] (R = H) along axis K."""

    content: Float[Tensor, "L K R D"]
    values: Float[Tensor, "L E D"]
    readout: Float[Tensor, "L C E"]

    @property
    def bilinear_form(self) -> Float[Tensor, "L D D"]:
        """The matrix of content scores before the temperature: A itself, or W_Q^T W_K."""
        if self.content.shape[1] == 1:
            return self.content[:, 0]
        return self.content[:, 0].mT @ self.content[:, 1]

    @property
    def layers(self) -> int:
        """The number of layers L."""
        return self.content.shape[0]

    def layer(self, index: int | slice) -> Parameters:
        """The layers selected by an index or slice, as a fleet."""
        at = slice(index, index + 1 or None) if isinstance(index, int) else index
        return Parameters(self.content[at], self.values[at], self.readout[at])

    def to(self, device: torch.device | str) -> Parameters:
        """The same weights, bit for bit, on another device."""
        return Parameters(self.content.to(device), self.values.to(device), self.readout.to(device))


@dataclass(frozen=True)
class Rule:
    """Adds `strength` (nats, finite, one number or one per layer) to the scores of a set of keys for every query."""

    keys: Bool[Tensor, " *where T"]  # [T], [S, T] or [L, S, T]
    strength: float | Float[Tensor, " L"]


@dataclass(frozen=True)
class Capture:
    """What one pass computed; `content` has the temperature divided out, rows with rows=False are padding."""

    content: Float[Tensor, "L S T T"]
    scores: Float[Tensor, "L S T T"]
    visible: Bool[Tensor, "L S T T"]
    same_block: Bool[Tensor, "L S T T"]
    rows: Bool[Tensor, "L S T"]
    weights: Float[Tensor, "L S T T"]
    values: Float[Tensor, "L S T E"]
    outputs: Float[Tensor, "L S T E"]


def per_layer(value: float | Tensor, layers: int, name: str, device: torch.device | str = "cpu") -> Float[Tensor, " L"]:
    """One finite float64 number per layer from a number or an [L] tensor."""
    # from float64 on the host, so that 0.1 is the same 0.1 in every dtype and on every device
    made = torch.as_tensor(value, dtype=torch.float64).to(device)
    if made.ndim > 1 or (made.ndim == 1 and made.shape[0] != layers) or not bool(torch.isfinite(made).all()):
        raise LayerError(
            f"{name} must be one finite number or one for each of the {layers} layers, got {value}: "
            "it is applied layer by layer. Give a float or a tensor of that length."
        )
    return made.expand(layers)


def same_block(batch: Batch) -> Bool[Tensor, "L S T T"]:
    """True where query i and key j belong to the same block."""
    return batch.blocks[..., :, None] == batch.blocks[..., None, :]


def visible_keys(batch: Batch, structure: Structure) -> Bool[Tensor, "L S T T"]:
    """True where key j is in the index set of query i; rows of padding are empty, a real row never is."""
    layers, sequences, tokens = batch.blocks.shape
    visible = torch.ones(tokens, tokens, dtype=torch.bool, device=batch.blocks.device)
    visible = (visible.tril() if structure.causal else visible).expand(layers, sequences, tokens, tokens)
    if batch.mask is not None:
        visible = visible & batch.mask
    if batch.present is not None:
        visible = visible & batch.present[..., None, :] & batch.present[..., :, None]
    empty = ~visible.any(-1)
    if batch.present is not None:
        empty = empty & batch.present
    if bool(empty.any()):
        layer, sequence, query = (int(v) for v in empty.nonzero()[0])
        raise LayerError(
            f"every query needs a visible key; layer {layer}, sequence {sequence}, query {query} has none: "
            "the softmax of an empty row does not exist. Let the mask keep at least the query's own key."
        )
    return visible


def score_bias(
    batch: Batch, structure: Structure, dial: float | Tensor = 0.0, rules: Sequence[Rule] = ()
) -> Float[Tensor, "L S T T"]:
    """All that is added to content scores (nats): dial * beta on same-block pairs, plus the rules."""
    layers, like = batch.layers, batch.tokens
    added = (per_layer(dial, layers, "dial", like.device) * structure.strength)[:, None, None, None]
    bias = same_block(batch) * added
    for index, rule in enumerate(rules):
        shape = tuple(rule.keys.shape)
        if rule.keys.dtype != torch.bool or not shape or shape != tuple(batch.blocks.shape)[-len(shape) :]:
            raise LayerError(
                f"rule {index} needs a boolean key set whose shape ends {tuple(batch.blocks.shape)}, got "
                f"{rule.keys.dtype} {shape}: it selects keys. Use [T], [S, T] or [L, S, T]."
            )
        strength = per_layer(rule.strength, layers, f"strength of rule {index}", like.device)
        bias = bias + rule.keys.to(like.device)[..., None, :] * strength[:, None, None, None]
    # one rounding into the layer's dtype: a rule that is removed leaves no residue
    bias = bias.to(like.dtype)
    if not bool((bias.abs() <= torch.finfo(like.dtype).max / 4).all()):
        raise LayerError(
            f"dial * beta plus the rules must stay below {torch.finfo(like.dtype).max / 4:.1e}, got "
            f"{float(bias.abs().max()):.1e} in {like.dtype}: the score would overflow. Lower dial or rule."
        )
    return bias


def content_scores(parameters: Parameters, batch: Batch, structure: Structure) -> Float[Tensor, "L S T T"]:
    """Content scores with the temperature divided out; independent of dial, rules and masks."""
    expected = (structure.matrices, sum(structure.rows), structure.width)
    if tuple(parameters.content.shape[1:]) != expected or batch.tokens.shape[-1] != structure.width:
        raise LayerError(
            f"content needs weights of shape [L, {', '.join(map(str, expected))}] and tokens of width "
            f"{structure.width}, got {tuple(parameters.content.shape)} and {tuple(batch.tokens.shape)}: "
            "both come from one structure. Build weights and batch from the same Structure."
        )
    x = batch.tokens
    if structure.matrices == 1:
        left, right = x @ parameters.content[:, 0, None], x
    else:
        left, right = (x @ parameters.content[:, k, None].mT for k in (0, 1))
    return left @ right.mT / structure.temperature


def attend(
    parameters: Parameters,
    batch: Batch,
    structure: Structure,
    *,
    dial: float | Tensor = 0.0,
    rules: Sequence[Rule] = (),
    content: Float[Tensor, "L S T T"] | None = None,
) -> Capture:
    """One pass of the frozen fleet at a dial setting; pass `content` to re-use content scores for many dials.

    dial: finite, any sign, one number or one per layer.  Raises LayerError for an empty row or a non-finite score.
    """
    content = content_scores(parameters, batch, structure) if content is None else content
    scores = content + score_bias(batch, structure, dial, rules)
    visible = visible_keys(batch, structure)
    bad = ~torch.isfinite(scores)
    if bool(bad.any()):
        layer, sequence, query, key = (int(v) for v in bad.nonzero()[0])
        raise LayerError(
            f"scores must be finite; layer {layer}, sequence {sequence}, query {query}, key {key} has "
            f"{float(scores[layer, sequence, query, key])}: weights or dial overflow {scores.dtype}. "
            "Lower the norms or the dial, or use float64."
        )
    rows = visible.any(-1)
    top = scores.masked_fill(~visible, -math.inf).amax(-1, keepdim=True)
    mass = (scores - top.masked_fill(~rows[..., None], 0.0)).exp().masked_fill(~visible, 0.0)
    weights = mass / mass.sum(-1, keepdim=True).masked_fill(~rows[..., None], 1.0)
    values = batch.tokens @ parameters.values[:, None].mT
    return Capture(content, scores, visible, same_block(batch), rows, weights, values, weights @ values)
