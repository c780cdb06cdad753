"""Data: the promised norms hold in exact arithmetic, text is deterministic, bad files are refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from checks.data import (
    TARGETS,
    Batch,
    DataError,
    generator,
    measure,
    own_part,
    read_text,
    semantic_blocks,
    synthetic,
    text_batch,
    upper_norm,
    words_of,
)
from checks.training import one_thread

SIZES = (2, 3, 1)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Tiny tensors on one thread."""
    with one_thread():
        yield


def square(vector: torch.Tensor) -> Fraction:
    """The squared norm of the floats, exactly."""
    return sum((Fraction(v) ** 2 for v in vector.tolist()), Fraction(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("leak", [0.0, 0.1, 3.7])
def test_norms_hold_in_exact_arithmetic(leak: float, dtype: torch.dtype) -> None:
    batch = synthetic(SIZES, (1, 2), sequences=3, tokens=7, block_norm=1.3, leak=leak, dtype=dtype)
    own, sizes = own_part(batch), measure(batch)
    for layer in range(2):
        for x, mine in zip(batch.tokens[layer].flatten(0, 1), own[layer].flatten(0, 1), strict=True):
            inside, outside = square(x[mine]), square(x[~mine])
            assert Fraction(1.3) ** 2 * (1 - Fraction(1, 10**6)) < inside <= Fraction(1.3) ** 2
            assert outside <= Fraction(leak) ** 2
            assert inside <= Fraction(float(sizes.block_norm[layer])) ** 2
            assert outside <= Fraction(float(sizes.leak[layer])) ** 2
            assert inside + outside <= Fraction(float(sizes.input_norm[layer])) ** 2
        assert float(sizes.block_norm[layer]) <= 1.3
        assert float(sizes.leak[layer]) <= leak
        for x in batch.tokens[layer]:
            for left in x:
                for right in x:
                    gap = [Fraction(a) - Fraction(b) for a, b in zip(left.tolist(), right.tolist(), strict=True)]
                    assert sum(g**2 for g in gap) <= Fraction(float(sizes.input_diameter[layer])) ** 2
                    assert sum(g**2 for g in gap[2:5]) <= Fraction(float(sizes.block_diameter[layer, 1])) ** 2
    if leak == 0:
        assert bool((batch.tokens[~own] == 0).all())
        assert bool((sizes.leak == 0).all())


def test_measures_leave_out_padding_and_cover_minibatches() -> None:
    batch = synthetic(SIZES, (1, 2), leak=0.2)
    present = torch.ones_like(batch.blocks, dtype=torch.bool)
    present[0, 0, 4] = False
    tokens = batch.tokens.clone()
    tokens[0, 0, 4] = 1e6
    assert float(measure(replace(batch, tokens=tokens)).input_norm[0]) > 1e6
    sizes = measure(replace(batch, tokens=tokens, present=present))
    assert float(sizes.input_diameter.max()) <= 2 * math.hypot(1, 0.2)
    assert float(sizes.block_norm[0]) <= 1
    assert bool((sizes.sequence_block_norm >= sizes.mean_block_norm).all())


def test_upper_norm_at_the_ends_of_the_range() -> None:
    for scale in (1e-300, 5e-324, 1e300, 1.0, 0.0):
        x = torch.tensor([3.0, 4.0, 0.0], dtype=torch.float64) * scale
        assert square(x) <= Fraction(float(upper_norm(x))) ** 2
        assert float(upper_norm(x)) <= 5 * scale * (1 + 1e-14) + (5e-324 if scale else 0)


@pytest.mark.parametrize("target", [t for t in TARGETS if t != "next"])
def test_targets_mean_what_they_say(target: str) -> None:
    batch = synthetic(SIZES, range(8), target=target, causal=True, in_block=0.6)
    if target == "vector":
        found = (batch.targets[:, :, :, None] == batch.tokens[:, :, None]).all(-1)
        assert bool(found.any(-1).all())
        assert bool(found.float().argmax(-1).le(torch.arange(16)).all())
    elif target == "soft":
        assert bool((batch.targets.gather(-1, batch.blocks[..., None]) == torch.tensor(0.6)).all())
    else:
        share = float((batch.targets == batch.blocks).float().mean())
        # 1,024 draws: standard deviation below 0.016, six of them; a pointer without foreign keys stays inside
        assert share == 1.0 if target == "block" else 0.6 - 0.1 < share < 0.6 + 0.1 + (target == "pointer") * 0.1


def test_a_layer_depends_on_its_seed_alone() -> None:
    fleet = synthetic(SIZES, (3, 4, 5), leak=0.1)
    alone = synthetic(SIZES, (4,), leak=0.1)
    assert torch.equal(fleet.layer(1).tokens, alone.tokens)
    assert torch.equal(fleet.layer(-2).targets, alone.targets)
    assert not torch.equal(fleet.tokens[0], fleet.tokens[1])
    words, word = text_batch(SIZES, (3, 4, 5)), text_batch(SIZES, (4,))
    assert torch.equal(words.layer(1).tokens, word.tokens)
    assert torch.equal(words.layer(1).targets, word.targets)
    assert generator(1, 0).random() != generator(1, 1).random() != generator(2, 1).random()
    counts = torch.nn.functional.one_hot(fleet.blocks, 3).sum(2)
    assert int(counts.max() - counts.min()) <= 1


def test_words_and_blocks() -> None:
    assert words_of("The cat's 3 hats — Straße_x, naïve!") == ["the", "cat's", "hats", "strasse", "x", "naïve"]
    # two topics that never meet become two blocks, whatever the order of the words
    words = ("sun moon star " * 30 + "salt soup bread " * 30).split()
    home = semantic_blocks(words, 2, window=2)
    assert {home["sun"], home["moon"], home["star"]} == {home["sun"]} != {home["salt"]}
    assert {home["salt"], home["soup"], home["bread"]} == {home["salt"]}
    assert semantic_blocks(words, 2, window=2) == home
    text = words_of(read_text())
    home = semantic_blocks(text, 4)
    mass = [sum(home[w] == b for w in text) for b in range(4)]
    assert max(mass) - min(mass) <= max(text.count(w) for w in ("the", "a", "of"))


@pytest.mark.parametrize("leak", [0.0, 0.02])
def test_text_end_to_end(tmp_path: Path, leak: float) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Der Zug fährt spät; the train leaves late, and the station sleeps. " * 20, encoding="utf-8")
    batch = text_batch(SIZES, (1, 2), path=file, tokens=8, leak=leak)
    assert batch.source == str(file)
    assert batch.tokens.shape == (2, 8, 8, 6)
    assert float(measure(batch).leak.max()) <= leak
    assert float(measure(batch).block_norm.max()) <= 1
    assert torch.equal(batch.targets[..., :-1], batch.blocks[..., 1:])  # the block of the next word
    same = batch.tokens.flatten(0, 2).unique(dim=0)
    assert len(same) <= len(set(words_of(file.read_text(encoding="utf-8"))))  # one code per word type
    for target in ("pointer", "mixture"):
        assert text_batch(SIZES, (1,), path=file, tokens=8, target=target).targets.shape == (1, 8, 8)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    good = tmp_path / "good.txt"
    good.write_text("one two three four five six", encoding="utf-8")
    assert text_batch(SIZES, (1,), path=good, tokens=5).layers == 1
    files = {
        "missing.txt": None,
        "latin.txt": "déjà vu".encode("latin-1"),
        "empty.txt": b"",
        "digits.txt": b"1 2 3 " * 99,
        "short.txt": b"one two three",
        "same.txt": b"word " * 99,
    }
    words = {
        "missing.txt": "No such file",
        "latin.txt": "UTF-8; .* byte 0xe9",
        "empty.txt": "has 0 and 0",
        "digits.txt": "has 0",
        "short.txt": "more than 5 words",
        "same.txt": "has 99 and 1",
    }
    for name, content in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=words[name]):
            text_batch(SIZES, (1,), path=tmp_path / name, tokens=5)
    with pytest.raises(DataError, match="readable"):
        text_batch(SIZES, (1,), path=tmp_path, tokens=5)
    with pytest.raises(DataError, match="readable"):
        text_batch(SIZES, (1,), path="a\0b", tokens=5)


@pytest.mark.parametrize(
    "bad",
    [
        {"features": ()},
        {"seeds": ()},
        {"seeds": (-1,)},
        {"tokens": 0},
        {"sequences": 0},
        {"block_norm": 0.0},
        {"leak": -1.0},
        {"leak": math.nan},
        {"in_block": 1.5},
        {"target": "other"},
        {"target": "next"},
        {"block_norm": 1e-44},  # float32 rounds a subnormal up
    ],
)
def test_bad_calls_are_refused(bad: dict) -> None:
    with pytest.raises(DataError):
        synthetic(**{"features": SIZES, "seeds": (1,), **bad})


def test_bad_batches_are_refused() -> None:
    batch = synthetic(SIZES, (1,), tokens=4)
    parts = {
        "tokens": batch.tokens,
        "blocks": batch.blocks,
        "targets": batch.targets,
        "features": SIZES,
        "block_norm": 1.0,
        "leak": 0.0,
    }
    assert Batch(**parts).layers == 1
    bad = [
        {"features": (2, 2)},
        {"targets": batch.targets[:, :, 1:]},
        {"tokens": batch.tokens * math.nan},
        {"blocks": batch.blocks - 1},
        {"blocks": batch.blocks + 1},
        {"present": torch.ones(1, 8, 3, dtype=torch.bool)},
        {"mask": torch.ones(1, 8, 4, 4)},
        {"targets": torch.full((1, 8, 4, 2), math.inf)},
    ]
    for change in bad:
        with pytest.raises(DataError):
            Batch(**{**parts, **change})
