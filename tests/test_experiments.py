"""The experiments: the model, resumable training, certified measures, whole runs that a kill does not change."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from click.testing import CliRunner
from pretend_gpu import pretend_gpu

from checks.cli import main
from checks.experiments import aila, progressive, store
from checks.experiments.bounds import STATEMENTS, Rows, bounded
from checks.experiments.containment import contained
from checks.experiments.language import part, read_language
from checks.experiments.locality import Blocks, blocks_of
from checks.experiments.measures import evaluate, over_layers
from checks.experiments.model import Shape, Transformer, fresh
from checks.experiments.settings import FULL, Aila, Locality, Measuring, Progressive, Tokens, Training, load, settings_of
from checks.experiments.tokens import train_tokenizer
from checks.experiments.training import LostTrainingError, Stream, rate_at, starts_of, train
from checks.properties import Tally
from checks.training import one_thread, pick_device
from checks.verdict import HOLDS
from theory.config import ConfigError

SHAPE = Shape(layers=2, heads=2, width=16, context=16, vocabulary=40)
SHORT = Training(steps=12, batch=3, save_every=4, warmup=2)
TINY: dict[str, Any] = {
    "model": {"width": 8, "heads": 2, "context": 16},
    "tokens": {"vocabulary": 64},
    "locality": {"words": 40},
    "training": {"steps": 6, "batch": 2, "save_every": 2, "warmup": 1},
    "measuring": {"sequences": 3},
    "seeds": [0, 1],
}
TINY_AILA = TINY | {"dials": [1.0, 0.5, 0.0], "frozen": [1.0]}
TINY_PROGRESSIVE = TINY | {"model": TINY["model"] | {"layers": 3}, "base": TINY["training"], "degrees": [1, 2]}


@pytest.fixture(scope="module")
def stream() -> Stream:
    rng = np.random.default_rng(5)
    ids = rng.integers(0, SHAPE.vocabulary, 400)
    return Stream(ids, ids % 3, lambda blocks: blocks)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


def weights(model: Transformer) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in model.state_dict().values()]


# --- model ------------------------------------------------------------------------------------------------------------


def test_a_token_never_sees_what_comes_after_it(stream: Stream) -> None:
    tokens, blocks, _ = stream.at(np.array([0, 50]), 16)
    model = fresh(SHAPE, 0)
    changed = tokens.clone()
    changed[:, 9:] = (changed[:, 9:] + 1) % SHAPE.vocabulary
    before, after = model(tokens, blocks, [3.0, 3.0]), model(changed, blocks, [3.0, 3.0])
    assert torch.equal(before[:, :9], after[:, :9])
    assert not torch.equal(before[:, 9:], after[:, 9:])


def test_the_dial_adds_its_nats_to_the_scores_of_the_own_block_and_nothing_else(stream: Stream) -> None:
    tokens, blocks, _ = stream.at(np.array([0]), 16)
    model = fresh(SHAPE, 0).double()
    scores: dict[float, list[torch.Tensor]] = {0.0: [], 2.5: []}
    for bonus, kept in scores.items():
        model(tokens, blocks, [bonus, 0.0], keep=lambda _, found, kept=kept: kept.append(found))
    same = blocks[:, None, :, None] == blocks[:, None, None, :]
    moved = scores[2.5][0] - scores[0.0][0]
    assert torch.allclose(moved, 2.5 * same.double().expand_as(moved), atol=1e-12)
    assert 0 < int(same.sum()) < same.numel()


def test_a_fresh_model_is_a_function_of_its_seed() -> None:
    one, same, other = (fresh(SHAPE, seed) for seed in (3, 3, 4))
    assert all(torch.equal(x, y) for x, y in zip(weights(one), weights(same), strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(weights(one), weights(other), strict=True))


def test_dials_without_blocks_and_sequences_too_long_are_refused(stream: Stream) -> None:
    tokens, blocks, _ = stream.at(np.array([0]), 17)
    with pytest.raises(ValueError, match="at most 16 tokens here, got 17"):
        fresh(SHAPE, 0)(tokens)
    with pytest.raises(ValueError, match="no blocks"):
        fresh(SHAPE, 0)(tokens[:, :16], None, [1.0, 1.0])
    with pytest.raises(ValueError, match="each of 2 layers, got 1"):
        fresh(SHAPE, 0)(tokens[:, :16], blocks[:, :16], [1.0])


# --- training ---------------------------------------------------------------------------------------------------------


class StopError(Exception):
    pass


def test_an_interrupted_training_ends_in_the_same_weights_bit_for_bit(stream: Stream, tmp_path: Path) -> None:
    whole = fresh(SHAPE, 1)
    loss = train(whole, stream, [1.0, 1.0], SHORT, 7)
    saved = tmp_path / "state.safetensors"
    for stop in (4, 8):

        def tell(done: int, total: int, stop: int = stop) -> None:
            if done == stop:
                raise StopError

        with pytest.raises(StopError):
            train(fresh(SHAPE, 1), stream, [1.0, 1.0], SHORT, 7, saved=saved, tell=tell)
    resumed = fresh(SHAPE, 1)
    steps: list[int] = []
    assert train(resumed, stream, [1.0, 1.0], SHORT, 7, saved=saved, tell=lambda done, _: steps.append(done)) == loss
    assert steps == [12]
    assert all(torch.equal(x, y) for x, y in zip(weights(whole), weights(resumed), strict=True))


@pytest.mark.parametrize("damage", ["truncated", "another seed", "no safetensors"])
def test_a_saved_state_that_is_damaged_or_of_another_training_is_not_used(stream: Stream, tmp_path: Path, damage: str) -> None:
    whole = fresh(SHAPE, 1)
    train(whole, stream, [1.0, 1.0], SHORT, 7)
    saved = tmp_path / "state.safetensors"
    train(fresh(SHAPE, 1), stream, [1.0, 1.0], SHORT, 8 if damage == "another seed" else 7, saved=saved)
    if damage == "truncated":
        saved.write_bytes(saved.read_bytes()[:-50])
    elif damage == "no safetensors":
        saved.write_bytes(b"not a state")
    again = fresh(SHAPE, 1)
    steps: list[int] = []
    train(again, stream, [1.0, 1.0], SHORT, 7, saved=saved, tell=lambda done, _: steps.append(done))
    assert steps == [4, 8, 12]
    assert all(torch.equal(x, y) for x, y in zip(weights(whole), weights(again), strict=True))


def test_training_learns(stream: Stream) -> None:
    ids = np.tile(np.arange(8), 60)
    steady = Stream(ids, ids % 2, lambda blocks: blocks)
    loss = train(fresh(SHAPE, 0), steady, [0.0, 0.0], replace_struct(SHORT, steps=80, batch=8, rate=0.01), 0)
    assert loss < math.log(8) / 2


def replace_struct(chosen: Training, **changes: Any) -> Training:
    import msgspec

    return msgspec.structs.replace(chosen, **changes)


def test_a_loss_that_is_no_number_stops_the_training_and_says_so(stream: Stream) -> None:
    model = fresh(SHAPE, 0)
    with torch.no_grad():
        model.ln_f.weight.fill_(math.inf)
    with pytest.raises(LostTrainingError, match=r"loss nan at step 4 of 12.*Lower training.rate"):
        train(model, stream, [0.0, 0.0], SHORT, 0)


def test_rates_rise_then_fall_to_a_tenth_and_batches_depend_on_seed_and_step_alone(stream: Stream) -> None:
    chosen = Training(steps=100, warmup=10, rate=1.0)
    rates = [rate_at(step, chosen) for step in range(101)]
    assert rates[0] == 0.1
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[100] == pytest.approx(0.1)
    assert all(x >= y for x, y in itertools.pairwise(rates[10:]))
    first, same, other = (starts_of(step, seed, stream, 16, chosen) for step, seed in ((3, 0), (3, 0), (3, 1)))
    assert (first == same).all()
    assert (first != other).any()
    assert (first != starts_of(4, 0, stream, 16, chosen)).any()


# --- measures ---------------------------------------------------------------------------------------------------------


def direct(model: Transformer, stream: Stream, bonuses: list[float], sequences: int) -> dict[str, float]:
    """The measures by the plainest loops in float64, without the screen."""
    entropies, fidelities, losses, right = [], [], [], 0
    for sequence in range(sequences):
        tokens, blocks, targets = stream.at(np.array([16 * sequence]), 16)
        kept: list[torch.Tensor] = []
        with torch.no_grad():
            logits = model(tokens, blocks, bonuses, keep=lambda _, scores, kept=kept: kept.append(scores))[0].double()
        for place in range(16):
            losses.append(float(torch.logsumexp(logits[place], 0) - logits[place, targets[0, place]]))
            right += int(logits[place].argmax() == targets[0, place])
        for scores in kept:
            for head in scores[0].double():
                for i in range(16):
                    weights = head[i, : i + 1].softmax(0)
                    entropies.append(float(-(weights * weights.log2()).sum()))
                    fidelities.append(float(weights[blocks[0, : i + 1] == blocks[0, i]].sum()))
    count = len(losses)
    return {
        "entropy_bits": float(np.mean(entropies)), "fidelity": float(np.mean(fidelities)),
        "perplexity": math.exp(sum(losses) / count), "accuracy": right / count,
    }  # fmt: skip


@pytest.mark.parametrize("bonus", [0.0, 1.5, 8.0])
def test_measures_agree_with_the_plain_definitions_and_lie_between_floor_and_ceiling(stream: Stream, bonus: float) -> None:
    model = fresh(SHAPE, 2)
    with torch.no_grad():
        for block in model.h:
            block.attn.c_attn.weight.mul_(20)
    found = evaluate(model, stream, [bonus, bonus], Measuring(sequences=4, sample=0.05), 0)
    want = direct(model, stream, [bonus, bonus], 4)
    for name in ("entropy_bits", "fidelity"):
        assert over_layers(found, name) == pytest.approx(want[name], rel=1e-9)
    assert found["perplexity"] == pytest.approx(want["perplexity"], rel=1e-4)
    assert found["accuracy"] == want["accuracy"]
    for layer in found["layers"]:
        assert layer["floor_bits"] <= layer["entropy_bits"] <= layer["ceiling_bits"]
        assert layer["rows"] == 4 * 2 * 16
    for theorem in STATEMENTS:
        tally = Tally(**found["statements"][theorem.name])
        assert tally.verdict is HOLDS
        assert 0 < tally.screened < sum(tally.counts.values())


def some_rows(count: int = 200) -> Rows:
    rng = np.random.default_rng(11)
    scores = rng.normal(0, 3, (count, 12))
    block = rng.random((count, 12)) < 0.4
    return Rows(scores, block, np.ones_like(block), "made up")


def test_each_rows_entropy_lies_between_its_own_floor_and_ceiling() -> None:
    tallies = {theorem.name: Tally() for theorem in STATEMENTS}
    found = bounded(some_rows(), tallies, np.random.default_rng(0), 0.1)
    assert (found.floor < found.entropy).all()
    assert (found.entropy < found.ceiling).all()
    assert 0 < found.led.sum() < found.usable.sum() <= 200
    assert all(tally.verdict is HOLDS for tally in tallies.values())


@pytest.mark.parametrize("name", ["entropy.ceiling", "entropy.floor", "concentration.outside_mass"])
def test_a_wrong_bound_is_refuted_on_the_rows(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The statement lowered (or its floor raised) by a tenth: screen and Arb both see it, and the verdict is FAILS."""
    import checks.experiments.bounds as module

    theorem = next(one for one in STATEMENTS if one.name == name)
    claim = theorem.claim
    factor = sp.Rational(11, 10) if name == "entropy.floor" else sp.Rational(9, 10)
    wrong = replace(theorem, claim=claim.func(claim.lhs, factor * claim.rhs))
    monkeypatch.setattr(module, "STATEMENTS", tuple(wrong if one is theorem else one for one in STATEMENTS))
    tallies = {one.name: Tally() for one in STATEMENTS}
    rows = some_rows(40)
    for k in range(1, 12):
        rows.scores[k] = np.where(np.arange(12) < k, 1.0, -1.0)  # attains ceiling and outside mass for the block of the first k
        rows.block[k] = np.arange(12) < k
    module.bounded(rows, tallies, np.random.default_rng(0), 1.0)
    assert tallies[name].verdict.name == "FAILS"
    assert all(tally.verdict is HOLDS for other, tally in tallies.items() if other != name)


# --- containment ------------------------------------------------------------------------------------------------------


def test_the_rollout_of_a_stack_is_enclosed_and_below_its_bound() -> None:
    rng = np.random.default_rng(2)
    scores = [torch.from_numpy(rng.normal(0, 2, (2, 9, 9))) for _ in range(3)]
    blocks = torch.from_numpy(rng.integers(0, 3, 9))
    found = contained(scores, blocks)
    visible = torch.ones(9, 9).tril().bool()
    matrices = [layer.masked_fill(~visible, -torch.inf).softmax(-1).mean(0) for layer in scores]
    outside = blocks[:, None] != blocks[None, :]
    product = matrices[2] @ matrices[1] @ matrices[0]
    assert float(found.leak.mid()) == pytest.approx(float((product * outside).sum(-1).max()), rel=1e-12)
    for mass, matrix in zip(found.masses, matrices, strict=True):
        assert float(mass.mid()) == pytest.approx(float((matrix * outside).sum(-1).max()), rel=1e-12)
    assert found.leak < found.bound
    assert found.verdict is HOLDS


def test_a_query_that_nothing_comes_back_to_attains_the_bound_and_that_is_settled() -> None:
    """Two tokens of two blocks, the same scores in every layer: what leaves the second token stays out."""
    scores = [torch.tensor([[[0.0, 0.0], [1.0, 0.25]]], dtype=torch.float64)] * 3
    found = contained(scores, torch.tensor([0, 1]))
    assert found.verdict is HOLDS
    assert found.leak.overlaps(found.bound)


def test_one_layer_alone_is_its_own_bound_and_is_not_judged() -> None:
    found = contained([torch.zeros(1, 4, 4, dtype=torch.float64)], torch.tensor([0, 1, 0, 1]))
    assert found.verdict is None
    assert found.leak.overlaps(found.bound)


# --- blocks -----------------------------------------------------------------------------------------------------------


def test_a_token_is_in_the_block_of_the_word_that_it_begins_in() -> None:
    blocks = Blocks("semantic", 4, {"one": 0, "two": 1}, 2, {})
    text = "One two, three two's TWO"
    for kind, size in (("byte", 256), ("word", 8)):
        tokenizer = train_tokenizer(kind, text * 20, size)  # type: ignore[arg-type]  # a literal of each kind
        encoding = tokenizer.encode(text)
        found = blocks.of(text, encoding)
        for start, block in zip(encoding.starts.tolist(), found.tolist(), strict=True):
            word = next((w for w in ((0, 3, 0), (4, 7, 1), (21, 24, 1)) if w[0] <= start < w[1]), (0, 0, 2))
            assert block == word[2], (kind, start)


def test_windows_are_counted_from_the_start_of_a_sequence() -> None:
    blocks = blocks_of("windows", "", Locality(window=3))
    stream = Stream(np.arange(30), np.zeros(30, dtype=np.int64), blocks.batch)
    _, found, _ = stream.at(np.array([0, 5]), 7)
    assert found.tolist() == [[0, 0, 0, 1, 1, 1, 2]] * 2


def test_semantic_blocks_are_certified_and_come_from_the_training_text_alone() -> None:
    language = read_language(None, Tokens(vocabulary=300), 32)
    found = language.blocks("semantic", Locality())
    assert found.about["certificate"]["verdict"] == "HOLDS"
    assert found.about["blocks"] > 2
    learn, test = language.streams(found)
    assert len(set(test.blocks.tolist())) > 2
    assert part(learn, 0.5, 1.0).ids.tolist() == learn.ids[round(len(learn.ids) / 2) :].tolist()


# --- another device ---------------------------------------------------------------------------------------------------


def test_on_a_gpu_everything_that_is_trained_and_measured_is_where_it_has_to_be(stream: Stream, tmp_path: Path) -> None:
    """On pretended GPU tensors, which refuse to be mixed with others: the same numbers as on the CPU, to the bit."""
    from checks.experiments.checkpoint import Gpt2Config, read_checkpoint, write_checkpoint

    def done(device: str) -> tuple[float, dict[str, Any], list[dict[str, Any]]]:
        model = fresh(SHAPE, 1).to(pick_device(device))
        loss = train(model, stream, [1.0, 2.0], SHORT, 7, saved=tmp_path / f"{device}.safetensors")
        again = fresh(SHAPE, 1).to(pick_device(device))
        assert train(again, stream, [1.0, 2.0], SHORT, 7, saved=tmp_path / f"{device}.safetensors") == loss
        config = Gpt2Config(SHAPE.layers, SHAPE.heads, SHAPE.width, SHAPE.context, SHAPE.vocabulary, SHAPE.epsilon)
        write_checkpoint(tmp_path / device, config, again.state_dict())
        found = evaluate(again, stream, [1.0, 2.0], Measuring(sequences=3), 0)
        return loss, found, progressive._containment(again, stream, [1.0, 2.0], 0)

    with pretend_gpu():
        there = done("cuda")
    assert there == done("cpu")
    assert read_checkpoint(tmp_path / "cuda").digest == read_checkpoint(tmp_path / "cpu").digest


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Aila, Progressive])
@pytest.mark.parametrize("full", [False, True])
def test_presets_are_valid_and_have_the_seeds_an_interval_needs(kind: Any, full: bool) -> None:
    settings = settings_of(kind, {}, full=full)
    assert len(settings.seeds) >= 5
    if full:
        assert set(FULL[kind]) <= set(type(settings).__struct_fields__)


def test_the_sweep_is_the_papers() -> None:
    assert Aila().dials == tuple(round(1 - k / 10, 1) for k in range(11))
    assert Aila().model.layers == 2
    assert Progressive().degrees == (1, 2, 3, 4, 5)
    assert settings_of(Progressive, {}, full=True).model.layers == 12


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        (Aila, {"model": {"width": 65}}, "model.width = 65.*multiple of model.heads = 4"),
        (Aila, {"model": {"layer": 2}}, "model.layer.*not a known field.*layers, heads, width, context"),
        (Aila, {"dials": [1.5]}, "dials.*<= 1"),
        (Aila, {"dials": [1.0, 1.0]}, "dials.*different"),
        (Aila, {"frozen": [0.35]}, "frozen.*among dials"),
        (Aila, {"seeds": [0]}, "seeds.*at least 2"),
        (Aila, {"seeds": [0, -1]}, "seeds.*>= 0"),
        (Aila, {"blocks": "words"}, "blocks.*not one of the choices.*semantic"),
        (Aila, {"training": {"rate": math.nan}}, "training.rate.*"),
        (Aila, {"training": {"rate": math.inf}}, "training.rate.*finite"),
        (Aila, {"locality": {"strength": 0}}, "locality.strength.*> 0"),
        (Aila, {"tokens": {"kind": "byte", "vocabulary": 100}}, "tokens.vocabulary = 100.*256 bytes"),
        (Progressive, {"model": {"layers": 1}}, "model.layers = 1.*a dial for the first layer and one for the last"),
        (Progressive, {"degrees": []}, "degrees.*at least 1"),
        (Progressive, {"threshold": 0}, "threshold.*> 0"),
        (Progressive, {"blocks": ["sentences"]}, "blocks.*not one of the choices"),
    ],
)  # fmt: skip
def test_settings_are_refused_with_field_value_reason_and_remedy(kind: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        settings_of(kind, given, source="my.toml")
    assert str(caught.value).startswith("my.toml: ")
    assert caught.value.remedy


def test_a_checkpoint_of_one_layer_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    from checks.experiments.checkpoint import Gpt2Config, write_checkpoint
    from checks.experiments.corpus import corpus

    tokenizer = train_tokenizer("byte", corpus().train[:20_000], 270)
    folder = tmp_path / "gpt2"
    write_checkpoint(folder, Gpt2Config(1, 2, 8, 16, 270, 1e-5), fresh(Shape(1, 2, 8, 16, 270), 9).state_dict())
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.save())["tokenizer"]))
    arguments = ["experiment", "progressive", "--checkpoint", str(folder), "--out", str(tmp_path / "out"), "--workers", "1"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 2
    assert "at least 2 layers, got 1" in result.output
    assert not list((tmp_path / "out").glob("*.cells"))


def test_what_a_checkpoint_decides_is_refused_beside_one(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text("[model]\nwidth = 32\n")
    with pytest.raises(ConfigError, match=r"model: has no meaning with --checkpoint.*Remove"):
        load(Progressive, path, checkpoint=True)


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text("seeds = [4, 5]\n[model]\nwidth = 32\n")
    settings = load(Aila, path)
    assert settings.seeds == (4, 5)
    assert (settings.model.width, settings.model.layers) == (32, Aila().model.layers)
    assert settings.training == Aila().training


# --- runs -------------------------------------------------------------------------------------------------------------


def run(name: str, given: dict[str, Any], out: Path, *more: str) -> dict[str, Any]:
    import tomli_w

    config = out / "given.toml"
    out.mkdir(parents=True, exist_ok=True)
    config.write_text(tomli_w.dumps(given))
    arguments = ["experiment", name, "--config", str(config), "--out", str(out), "--workers", "1", "--json", *more]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    record: dict[str, Any] = json.loads(result.stdout)
    return record


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run("aila", TINY_AILA, tmp_path_factory.mktemp("aila"))


@pytest.fixture(scope="module")
def progressed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run("progressive", TINY_PROGRESSIVE, tmp_path_factory.mktemp("progressive"))


def results_in(record: dict[str, Any]) -> dict[str, Any]:
    """Everything but when it was made."""
    return {key: value for key, value in record.items() if key not in ("started", "finished")}


def test_a_sweep_measures_every_dial_trained_and_frozen(swept: dict[str, Any]) -> None:
    assert list(swept["cells"]) == [f"dial-{dial}-seed-{seed}" for dial in ("1", "0.5", "0") for seed in (0, 1)]
    summary = swept["summary"]
    assert list(summary["trained"]) == list(summary["frozen"]["1"]) == ["1", "0.5", "0"]
    assert summary["frozen"]["1"]["1"] == summary["trained"]["1"]
    assert summary["frozen"]["1"]["0"] != summary["trained"]["0"]
    assert summary["trained"]["1"]["fidelity"]["mean"] > summary["trained"]["0"]["fidelity"]["mean"]
    for name, one in summary["statements"].items():
        assert one["verdict"] == "HOLDS", name
        assert one["screened"] > 0
    rows = sum(len(cell["at"]) for cell in swept["cells"].values()) * 3 * 16 * 2 * 2
    for one in summary["statements"].values():
        assert sum(one["counts"].values()) <= rows


def test_a_run_records_what_it_depends_on(swept: dict[str, Any]) -> None:
    assert swept["inputs"]["settings"]["seeds"] == [0, 1]
    assert swept["inputs"]["language"]["text"] == "pydoc_data.topics"
    assert len(swept["inputs"]["language"]["digest"]) == 64
    assert swept["libraries"]["torch"]
    assert swept["code"]["version"]


def test_schedules_are_the_papers_and_the_ratio_is_to_the_same_seed(progressed: dict[str, Any]) -> None:
    rows = {(row["configuration"], row["blocks"]): row for row in progressed["summary"]["configurations"]}
    names = ["distributed", "localist", "degree-1", "degree-2"]
    assert set(rows) == {(name, kind) for name in names for kind in ("semantic", "windows")}
    assert rows["degree-2", "windows"]["dials"] == ["0", "1/4", "1"]
    assert rows["degree-1", "semantic"]["first_localised"] == 1
    assert rows["degree-2", "semantic"]["first_localised"] == 2
    assert rows["distributed", "semantic"]["first_localised"] is None
    assert rows["distributed", "windows"]["over_seeds"]["ratio"]["mean"] == 1.0
    cells = progressed["cells"]
    ratios = [
        cells[f"localist-windows-seed-{seed}"]["at"]["windows"]["perplexity"]
        / cells[f"distributed-semantic-seed-{seed}"]["at"]["semantic"]["perplexity"]
        for seed in (0, 1)
    ]
    assert rows["localist", "windows"]["over_seeds"]["ratio"]["mean"] == pytest.approx(np.mean(ratios), rel=1e-15)
    contained_row = rows["degree-1", "semantic"]["containment"]
    assert contained_row["verdicts"] == ["HOLDS"]
    assert 0 < contained_row["leak_at_most"] <= contained_row["bound"] <= 1


def test_a_checkpoint_of_the_users_is_fine_tuned_with_its_own_tokens(tmp_path: Path) -> None:
    from checks.experiments.checkpoint import Gpt2Config, write_checkpoint
    from checks.experiments.corpus import corpus

    tokenizer = train_tokenizer("byte", corpus().train[:20_000], 270)
    shape = Shape(3, 2, 8, 16, tokenizer.size)
    folder = tmp_path / "gpt2"
    write_checkpoint(folder, Gpt2Config(3, 2, 8, 16, tokenizer.size, 1e-5), fresh(shape, 9).state_dict())
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.save())["tokenizer"]))
    given = {name: value for name, value in TINY_PROGRESSIVE.items() if name not in ("model", "tokens", "base")} | {
        "degrees": [1]
    }
    record = run("progressive", given, tmp_path / "out", "--checkpoint", str(folder))
    assert "model" not in record["inputs"]["settings"]
    assert record["inputs"]["checkpoint"]["width"] == 8
    assert record["inputs"]["checkpoint"]["own"] is False
    assert record["inputs"]["language"]["tokens"]["vocabulary"] == tokenizer.size
    assert str(tmp_path) not in json.dumps(record)
    write_checkpoint(folder, Gpt2Config(3, 2, 8, 16, 269, 1e-5), fresh(Shape(3, 2, 8, 16, 269), 9).state_dict())
    done = CliRunner().invoke(
        main, ["experiment", "progressive", "--checkpoint", str(folder), "--out", str(tmp_path / "other")]
    )
    assert done.exit_code == 2
    assert "has 270 tokens and the model 269 rows" in " ".join(done.output.split())


def test_wikitext_in_its_published_layout_is_swept_on_its_own_parts(tmp_path: Path) -> None:
    from checks.data import read_text

    folder, text = tmp_path / "wikitext-2-raw", read_text()
    folder.mkdir()
    for name, piece in (("train", text[:60_000]), ("valid", text[60_000:62_000]), ("test", text[62_000:66_000])):
        (folder / f"wiki.{name}.raw").write_text(piece)
    given = TINY_AILA | {"dials": [1.0, 0.0], "frozen": []}
    record = run("aila", given, tmp_path / "out", "--text", str(folder))
    language = record["inputs"]["language"]
    assert language["text"] == "wikitext-2-raw"
    assert 5 < language["train_tokens"] / language["test_tokens"] < 40
    assert str(tmp_path) not in json.dumps(record)
    assert record["summary"]["frozen"] == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["aila", "--checkpoint", "x"], "progressive fine-tunes"),
        (["aila", "--text", "missing.txt"], "missing.txt"),
        (["progressive", "--checkpoint", "missing"], "missing"),
        (["aila", "--config", "missing.toml"], "missing.toml.*cannot be read"),
        (["aila", "--device", "cuda"], "CUDA absent"),
        (["semantics"], "aila.*progressive"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_2_and_says_what_and_why(arguments: list[str], words: str, tmp_path: Path) -> None:
    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is CUDA here")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        result = CliRunner().invoke(main, ["experiment", *arguments], catch_exceptions=False)
    assert result.exit_code == 2
    assert re.search(words, result.output.replace("\n", " ")), result.output


def test_the_tables_name_every_dial_and_how_rows_were_judged(swept: dict[str, Any], progressed: dict[str, Any]) -> None:
    from checks.experiments.report import show

    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        from rich.console import Console

        real = Console.print

        def keep(self: Console, *objects: Any, **rest: Any) -> None:
            with self.capture() as capture:
                real(self, *objects, **rest)
            printed.append(capture.get())

        patch.setattr(Console, "print", keep)
        show(swept, Path("here.json"))
        show(progressed, Path("there.json"))
    text = "\n".join(printed)
    for words in (
        "Trained at every dial",
        "frozen, turned to",
        "degree-2",
        "float64 screen",
        "Evidence: there.json",
        "50.00%",
        "7.18 bits",
        "that dial was not run",
        "degree 5 on semantic",
    ):
        assert words in text


# --- kills ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["aila", "progressive"])
def test_two_kills_change_nothing_in_the_result(
    name: str, swept: dict[str, Any], progressed: dict[str, Any], tmp_path: Path
) -> None:
    """The process and its workers are killed with -9 after the first cell and again later; the third run finishes."""
    import tomli_w

    config = tmp_path / "given.toml"
    config.write_text(tomli_w.dumps(TINY_AILA if name == "aila" else TINY_PROGRESSIVE))
    out = tmp_path / "out"
    command = [
        sys.executable, "-c", "from checks.cli import main; main()", "experiment", name,
        "--config", str(config), "--out", str(out), "--workers", "1", "--json",
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for cells in (1, 3):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(list(out.glob("*.cells/*.json"))) < cells:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not list(out.glob("*.json"))
    left = next(out.glob("*.cells"))
    kept = {path.name: path.stat().st_mtime_ns for path in left.glob("*.json")}
    assert len(kept) >= 3
    damaged = left / sorted(kept)[0]
    damaged.write_text(damaged.read_text()[:-9])
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    whole = swept if name == "aila" else progressed
    assert results_in(json.loads(finished.stdout)) == results_in(whole)
    assert not list(out.glob("*.cells"))


def test_a_cell_is_done_once_and_a_damaged_one_again(tmp_path: Path) -> None:
    done: list[str] = []

    def work(task: tuple[str, int, Path]) -> dict[str, Any]:
        done.append(task[0])
        return {"twice": 2 * task[1]}

    def stop(doing: str, cells: int, total: int) -> None:
        if cells == 2:
            raise StopError

    plan = store.Plan(
        "toy", {}, {"a": 1, "b": 2, "c": 3}, work, lambda results: {"sum": sum(r["twice"] for r in results.values())}
    )
    with pytest.raises(StopError):
        store.run(plan, tmp_path, workers=1, report=stop)
    cell = next(tmp_path.glob("*.cells")) / "b.json"
    cell.write_text(cell.read_text().replace("4", "5"))
    record = json.loads(store.run(plan, tmp_path, workers=1).read_text())
    assert done == ["a", "b", "b", "c"]
    assert record["summary"] == {"sum": 12}


def test_cells_of_a_run_go_through_several_processes_and_come_out_in_order(tmp_path: Path) -> None:
    settings = settings_of(Aila, TINY_AILA)
    plan = aila.plan(settings, None, "cpu")
    one = store.run(plan, tmp_path / "one", workers=1)
    two = store.run(plan, tmp_path / "two", workers=2)
    assert results_in(json.loads(one.read_text())) == results_in(json.loads(two.read_text()))


def test_the_experiments_name_their_cells_apart() -> None:
    names = [name for name, _, _ in progressive.configurations(Progressive())]
    assert len(names) == 1 + 2 * 6
    assert names.count("distributed") == 1
