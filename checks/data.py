"""Token sequences for localist layers: synthetic localist codes with a set leak, and real text.

A token of block c is a vector of R^D = R^{d_1} + ... + R^{d_M}: its own-block part has norm at most
B, all the rest together norm at most delta (the leak). Both bounds hold for the floats in the batch,
in real arithmetic: directions are shortened by the rounding they can suffer, then measured.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = [
    "Batch",
    "DataError",
    "Measured",
    "generator",
    "measure",
    "read_text",
    "semantic_blocks",
    "synthetic",
    "text_batch",
    "token_batch",
    "upper_norm",
    "words_of",
]

TEXT_LIMIT = 4_000_000  # characters read from a file: about 700,000 words, seconds to partition
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
TARGETS = ("block", "mixture", "soft", "pointer", "vector", "next")


class DataError(ValueError):
    """Input that cannot become a batch."""


@dataclass(frozen=True)
class Batch:
    """Sequences for a fleet, one set per layer; targets are classes [L, S, T] or vectors / soft targets [L, S, T, C]."""

    tokens: Float[Tensor, "L S T D"]
    blocks: Tensor  # int64 [L, S, T]
    targets: Tensor  # int64 [L, S, T], or float [L, S, T, C]
    features: tuple[int, ...]
    block_norm: float  # B, the bound promised for own-block parts
    leak: float  # delta, the bound promised for off-block parts
    present: Bool[Tensor, "L S T"] | None = None  # False: padding
    mask: Bool[Tensor, "L S T T"] | None = None  # False: key j is removed from row i
    source: str = "given"

    def __post_init__(self) -> None:
        """Refuse shapes and values that would fail later, or worse, not fail."""
        shape, width = tuple(self.blocks.shape), sum(self.features)
        if tuple(self.tokens.shape) != (*shape, width) or len(shape) != 3 or tuple(self.targets.shape[:3]) != shape:
            raise DataError(
                f"Batch needs tokens [L, S, T, {width}], blocks [L, S, T] and targets [L, S, T(, C)], got "
                f"{tuple(self.tokens.shape)}, {shape}, {tuple(self.targets.shape)}: features={self.features} "
                "must sum to the token width. Give matching shapes."
            )
        for name, mask, want in (("present", self.present, shape), ("mask", self.mask, (*shape, shape[2]))):
            if mask is not None and (mask.dtype != torch.bool or tuple(mask.shape) != want):
                raise DataError(
                    f"Batch.{name} must be boolean {want}, got {mask.dtype} {tuple(mask.shape)}: it says "
                    "which positions exist. Convert it with .bool() and expand it."
                )
        finite = torch.isfinite(self.tokens).all()
        if not bool(finite) or (self.targets.is_floating_point() and not bool(torch.isfinite(self.targets).all())):
            raise DataError(
                "Batch needs finite tokens and targets, found a NaN or an infinity: no bound holds for them. Clean the data."
            )
        if self.blocks.numel() == 0 or int(self.blocks.min()) < 0 or int(self.blocks.max()) >= len(self.features):
            raise DataError(
                f"Batch.blocks must name one of {len(self.features)} blocks for at least one token, got "
                f"shape {shape}: a token belongs to one block. Number blocks from 0."
            )

    @property
    def layers(self) -> int:
        """The number of layers L."""
        return self.tokens.shape[0]

    def _map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        present, mask = (part if part is None else change(part) for part in (self.present, self.mask))
        return replace(
            self,
            tokens=change(self.tokens),
            blocks=change(self.blocks),
            targets=change(self.targets),
            present=present,
            mask=mask,
        )

    def layer(self, index: int | slice) -> Batch:
        """The data of the layers selected by an index or slice, as a batch."""
        at = slice(index, index + 1 or None) if isinstance(index, int) else index
        return self._map(lambda part: part[at])

    def to(self, device: torch.device | str) -> Batch:
        """The same data, bit for bit, on another device."""
        return self._map(lambda part: part.to(device))


@dataclass(frozen=True)
class Measured:
    """Upper bounds, true in real arithmetic, on the norms of a batch's floats; float64, one row per layer."""

    block_norm: Float[Tensor, " L"]  # B: largest own-block part
    leak: Float[Tensor, " L"]  # delta: largest off-block part; exactly 0 where there is none
    input_norm: Float[Tensor, " L"]  # B_x
    input_diameter: Float[Tensor, " L"]  # D_X over the tokens of one sequence
    block_diameter: Float[Tensor, "L M"]  # D_X^(c), the same for feature block c
    mean_block_norm: Float[Tensor, "L M"]  # mean over queries of ||x_i^(c)||
    sequence_block_norm: Float[Tensor, "L M"]  # the worst sequence's mean: valid for every minibatch


def generator(seed: int, stream: int) -> np.random.Generator:
    """The generator of one layer for one purpose; always on the host, so every device sees the same numbers."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stream])))


def upper_norm(vectors: Float[Tensor, "*rest D"]) -> Float[Tensor, "*rest"]:
    """An upper bound of the Euclidean norms of the given floats, exact 0 for zero vectors.

    Scaled by the largest entry (no overflow, no underflow), the sum of D squares and its root are right to
    (D + 6) 2^-53 relative; the factor covers that twice over.
    """
    wide = vectors.double()
    if wide.shape[-1] == 0:
        return wide.new_zeros(wide.shape[:-1])
    top = wide.abs().amax(-1, keepdim=True)
    scaled = wide / torch.where(top > 0, top, 1.0)
    return scaled.square().sum(-1).sqrt() * top[..., 0] * (1 + (wide.shape[-1] + 8) * 2.0**-52)


def block_norms(batch: Batch) -> Float[Tensor, "L S T M"]:
    """Upper bounds of ||x_i^(c)|| for every token and feature block."""
    return torch.stack([upper_norm(part) for part in torch.split(batch.tokens, list(batch.features), -1)], -1)


def own_part(batch: Batch) -> Bool[Tensor, "L S T D"]:
    """True on the coordinates of a token's own block."""
    owner = torch.repeat_interleave(torch.tensor(batch.features)).to(batch.blocks.device)
    return owner == batch.blocks[..., None]


def measure(batch: Batch) -> Measured:
    """Measure the batch: the numbers a threshold computed from this data needs, all upper bounds."""
    here = torch.ones_like(batch.blocks, dtype=torch.bool) if batch.present is None else batch.present
    tokens = batch.tokens * here[..., None]
    own = own_part(batch)
    widest = (1, 2)
    norms = block_norms(batch) * here[..., None]
    # layer by layer: T^2 D differences of one layer fit in cache, those of a fleet may not fit in memory
    pairs = here[..., :, None] & here[..., None, :]
    whole, parts = [], []
    for x, both in zip(tokens.double(), pairs, strict=True):
        gap = (x[:, :, None] - x[:, None, :]) * both[..., None]
        whole.append(upper_norm(gap).max())
        parts.append(torch.stack([upper_norm(piece).max() for piece in torch.split(gap, list(batch.features), -1)]))
    up = 1 + (here[0].numel() + 8) * 2.0**-52  # the rounding of a mean of that many numbers
    return Measured(
        block_norm=upper_norm(tokens * own).amax(widest),
        leak=upper_norm(tokens * ~own).amax(widest),
        input_norm=upper_norm(tokens).amax(widest),
        input_diameter=torch.stack(whole),
        block_diameter=torch.stack(parts),
        mean_block_norm=norms.sum(widest) / here.sum(widest)[:, None] * up,
        sequence_block_norm=(norms.sum(2) / here.sum(2).clamp(min=1)[..., None]).amax(1) * up,
    )


def _codes(
    blocks: np.ndarray, features: Sequence[int], rng: np.random.Generator, block_norm: float, leak: float, dtype: torch.dtype
) -> Tensor:
    """Random localist codes: own-block part of norm B, off-block part of norm delta, never above either."""
    width = sum(features)
    draw = rng.standard_normal((*blocks.shape, width))
    own = np.repeat(np.arange(len(features)), features) == blocks[..., None]
    # rounding to dtype (one unit each), the float64 norm and its measured upper bound
    short = 1 - 2 * torch.finfo(dtype).eps - (4 * width + 48) * 2.0**-53
    code = np.zeros_like(draw)
    for part, radius in ((own, block_norm), (~own, leak)):
        piece = np.where(part, draw, 0.0)
        norm = np.sqrt((piece**2).sum(-1, keepdims=True))
        code += piece * (radius * short / np.where(norm > 0, norm, 1.0))
    return torch.from_numpy(code).to(dtype)


def _targets(
    kind: str, blocks: np.ndarray, features: Sequence[int], in_block: float, causal: bool, rng: np.random.Generator
) -> np.ndarray:
    """Targets of one layer: classes [S, T], soft targets [S, T, M], or the pointed-at key [S, T] ('vector')."""
    count, (sequences, tokens) = len(features), blocks.shape
    if kind == "block":
        return blocks
    if kind == "soft":
        rest = (1 - in_block) / max(count - 1, 1)
        return np.where(np.arange(count) == blocks[..., None], in_block if count > 1 else 1.0, rest)
    stay = rng.random((sequences, tokens)) < in_block
    if kind == "mixture":
        return np.where(stay, blocks, (blocks + rng.integers(1, max(count, 2), blocks.shape)) % count)
    # pointer: one visible key, of the query's own block or of another one
    same = blocks[:, :, None] == blocks[:, None, :]
    seen = np.tril(np.ones((tokens, tokens), dtype=bool)) if causal else np.ones((tokens, tokens), dtype=bool)
    wanted = seen & (same == stay[..., None])
    wanted = np.where(wanted.any(-1, keepdims=True), wanted, seen & same)  # no such key: stay in the block
    key = np.where(wanted, rng.random((sequences, tokens, tokens)), -1.0).argmax(-1)
    return key if kind == "vector" else np.take_along_axis(blocks, key, -1)


def _assemble(
    drawn: Iterable[tuple[np.ndarray, Tensor, np.ndarray]],
    kind: str,
    features: tuple[int, ...],
    block_norm: float,
    leak: float,
    device: torch.device | str,
    source: str,
) -> Batch:
    """Stack the layers, resolve vector targets, and prove the promised bounds on the final floats."""
    blocks, tokens, targets = zip(*drawn, strict=True)
    x, goal = torch.stack(tokens), torch.from_numpy(np.stack(targets))
    if kind == "vector":
        goal = torch.take_along_dim(x, goal[..., None], 2)
    goal = goal.to(x.dtype) if goal.is_floating_point() else goal
    batch = Batch(x, torch.from_numpy(np.stack(blocks)), goal, features, block_norm, leak, source=source)
    own = own_part(batch)
    for name, part, bound in (("own-block norm", own, block_norm), ("off-block norm", ~own, leak)):
        worst = upper_norm(x * part)
        if float(worst.max()) > bound:
            layer = int(worst.amax((1, 2)).argmax())
            raise DataError(
                f"{name} of a code must be at most {bound}, layer {layer} has {float(worst.max())}: the code "
                f"was rounded in {x.dtype}. Choose a bound above {torch.finfo(x.dtype).tiny:.1e}, or float64."
            )
    return batch.to(device)


def _sizes(
    features: Sequence[int],
    seeds: Sequence[int],
    block_norm: float,
    leak: float,
    in_block: float,
    target: str,
    sequences: int,
    tokens: int,
) -> tuple[int, ...]:
    """The guards that synthetic and text data share; the block sizes as a tuple."""
    sizes = tuple(features)
    if not sizes or min(sizes) < 1 or not len(seeds) or min(seeds) < 0 or sequences < 1 or tokens < 1:
        raise DataError(
            f"data needs positive block sizes, seeds >= 0 (one per layer), sequences and tokens, got features="
            f"{sizes}, {len(seeds)} seeds, sequences={sequences}, tokens={tokens}: an empty axis trains "
            "nothing. Give at least one of each."
        )
    if not (0 < block_norm < np.inf and 0 <= leak < np.inf and 0 <= in_block <= 1):
        raise DataError(
            f"data needs 0 < block_norm < inf, 0 <= leak < inf, 0 <= in_block <= 1, got {block_norm}, {leak}, "
            f"{in_block}: they are norms and a fraction. Correct the one outside its range."
        )
    if target not in TARGETS:
        raise DataError(f"target must be one of {TARGETS}, got {target!r}: no other rule is defined. Choose one of them.")
    return sizes


def synthetic(
    features: Sequence[int],
    seeds: Sequence[int],
    *,
    sequences: int = 8,
    tokens: int = 16,
    block_norm: float = 1.0,
    leak: float = 0.0,
    target: str = "mixture",
    in_block: float = 0.6,
    causal: bool = False,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Batch:
    """Random localist codes, one seed per layer; every block has T/M tokens of a sequence, up to one.

    target: 'block' (own block as class), 'mixture' (own block with chance in_block, else another), 'soft' (that
    mixture as a distribution), 'pointer' (block of a pointed-at key), 'vector' (the key itself, squared loss).
    """
    sizes = _sizes(features, seeds, block_norm, leak, in_block, target, sequences, tokens)
    if target == "next":
        raise DataError("target 'next' needs words in order, synthetic tokens have none. Use 'pointer' or text_batch.")

    def drawn() -> Iterable[tuple[np.ndarray, Tensor, np.ndarray]]:
        for seed in seeds:
            rng = generator(seed, 0)
            blocks = rng.permuted(np.tile(np.arange(tokens) % len(sizes), (sequences, 1)), axis=1)
            yield (
                blocks,
                _codes(blocks, sizes, rng, block_norm, leak, dtype),
                _targets(target, blocks, sizes, in_block, causal, rng),
            )

    return _assemble(drawn(), target, sizes, block_norm, leak, device, "synthetic")


def read_text(path: str | Path | None = None) -> str:
    """The text of a UTF-8 file (its first 4 million characters), or by default Python's own help topics."""
    if path is None:
        from pydoc_data.topics import topics

        return "\n".join(topics[name] for name in sorted(topics))
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(TEXT_LIMIT)
    except UnicodeDecodeError as error:
        raise DataError(
            f"a text file must be UTF-8; {path} has byte 0x{error.object[error.start]:02x} that starts no "
            f"character ({error.reason}): words cannot be read. Convert it, e.g. iconv -t UTF-8."
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"a text file must be readable; {path} is not ({error}): there is nothing to train on. "
            "Give the path of an existing UTF-8 file."
        ) from error


def words_of(text: str) -> list[str]:
    """The words of a text in order: runs of letters (with inner apostrophes), case folded."""
    return WORD.findall(text.casefold())


def semantic_blocks(words: Sequence[str], blocks: int, window: int = 3) -> dict[str, int]:
    """Assign word types to blocks: most frequent first, each to the block it co-occurs with most per token.

    Co-occurrence counts ordered pairs at most `window` words apart. A block that holds its share of the tokens
    takes no more, so blocks have equal mass up to one word type; ties go to the lightest block, then to the lowest
    number. The result depends on the words alone, not on hashing or platform.
    """
    counts = Counter(words)
    near: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for gap in range(1, window + 1):
        for (left, right), times in Counter(zip(words, words[gap:], strict=False)).items():
            near[left][right] += times
            near[right][left] += times
    home: dict[str, int] = {}
    mass, share = [0] * blocks, len(words) / blocks
    for word in sorted(counts, key=lambda w: (-counts[w], w)):
        pull = [0] * blocks
        for other, times in near[word].items():
            if other in home:
                pull[home[other]] += times
        free = [b for b in range(blocks) if mass[b] < share]
        home[word] = min(free, key=lambda b: (-pull[b] / (mass[b] or 1), mass[b], b))
        mass[home[word]] += counts[word]
    return home


@lru_cache(maxsize=4)
def _lexicon(text: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The text as word-type numbers in order, and the block of each type."""
    words = words_of(text)
    home = semantic_blocks(words, count)
    number = {word: index for index, word in enumerate(home)}
    return np.array([number[word] for word in words], dtype=np.int64), np.array(list(home.values()), dtype=np.int64)


def _with_home(text: str, home: Mapping[str, int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """The same for given blocks; word types are numbered by frequency."""
    bad = next((word for word, block in home.items() if not 0 <= block < count), None)
    if bad is not None:
        raise DataError(
            f"home puts {bad!r} in block {home[bad]}, and there are {count} feature blocks, numbered from 0: a token lies in the features "
            "of its block. Give one feature block a block of the partition, its rest block included."
        )
    words = words_of(text)
    counts = Counter(words)
    number = {word: index for index, word in enumerate(sorted(counts, key=lambda w: (-counts[w], w)))}
    blocks = np.array([home.get(word, count - 1) for word in number], dtype=np.int64)
    return np.array([number[word] for word in words], dtype=np.int64), blocks


def _places(seed: int, words: int, sequences: int, tokens: int) -> tuple[np.random.Generator, np.ndarray]:
    """The generator of one layer's text and the numbers of its words [S, T], drawn from it."""
    rng = generator(seed, 0)
    return rng, rng.integers(0, words - tokens, sequences)[:, None] + np.arange(tokens)


def text_words(
    seeds: Sequence[int], *, path: str | Path | None = None, sequences: int = 8, tokens: int = 16
) -> list[list[list[str]]]:
    """The words behind a `text_batch` of the same arguments, by layer, sequence and position."""
    words = words_of(read_text(path))
    return [[[words[i] for i in line] for line in _places(seed, len(words), sequences, tokens)[1]] for seed in seeds]


def text_batch(
    features: Sequence[int],
    seeds: Sequence[int],
    *,
    path: str | Path | None = None,
    sequences: int = 8,
    tokens: int = 16,
    block_norm: float = 1.0,
    leak: float = 0.0,
    target: str = "next",
    in_block: float = 0.6,
    causal: bool = True,
    code_seed: int = 0,
    home: Mapping[str, int] | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Batch:
    """Sequences of real text: each layer's seed draws the places, words become localist codes of their block.

    A word type has one code everywhere (drawn from code_seed by frequency rank). target 'next' is the block of the
    next word; the targets of `synthetic` work too.  home: the block of every word, from a partition say (`Partition.home`), words that it
    does not have being in the last block; by default `semantic_blocks` of the text.  Raises DataError for a file that is missing,
    not UTF-8 or short.
    """
    sizes = _sizes(features, seeds, block_norm, leak, in_block, target, sequences, tokens)
    source = "pydoc_data.topics" if path is None else str(path)
    text = read_text(path)
    found = words_of(text) if path is not None else None
    if found is not None and (len(found) <= tokens or len(set(found)) < len(sizes)):
        raise DataError(
            f"a text needs more than {tokens} words and at least {len(sizes)} different ones; {source} has "
            f"{len(found)} and {len(set(found))}: a sequence has {tokens} words and every block needs one. "
            "Give a longer text, or fewer tokens or blocks."
        )
    order, blocks_of = _lexicon(text, len(sizes)) if home is None else _with_home(text, home, len(sizes))
    table = _codes(blocks_of, sizes, generator(code_seed, 3), block_norm, leak, dtype)

    def drawn() -> Iterable[tuple[np.ndarray, Tensor, np.ndarray]]:
        for seed in seeds:
            rng, at = _places(seed, len(order), sequences, tokens)
            blocks = blocks_of[order[at]]
            goal = blocks_of[order[at + 1]] if target == "next" else _targets(target, blocks, sizes, in_block, causal, rng)
            yield blocks, table[torch.from_numpy(order[at])], goal

    return _assemble(drawn(), target, sizes, block_norm, leak, device, source)


class BatchOptions(TypedDict, total=False):
    """What `synthetic` and `text_batch` both take, under one meaning."""

    sequences: int
    tokens: int
    block_norm: float
    leak: float
    target: str
    in_block: float
    causal: bool
    dtype: torch.dtype
    device: torch.device | str


def token_batch(
    features: Sequence[int], seeds: Sequence[int], *, text: bool, path: Path | None, **options: Unpack[BatchOptions]
) -> Batch:
    """Real text (of `path`, or the default one) as `text_batch` makes it, or synthetic codes as `synthetic` does, one seed per layer."""
    if text:
        return text_batch(features, seeds, path=path, **options)
    return synthetic(features, seeds, **options)
