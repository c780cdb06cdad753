"""Text and tokens of the experiments: parts put together are the text, tokens are the same on every run, refusals say why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers

from checks.data import DataError, read_text
from checks.experiments import tokens
from checks.experiments.corpus import _cut, corpus
from checks.experiments.tokens import Tokenizer, read_tokenizer, train_tokenizer

ROOT = Path(__file__).parent.parent
TEXT = read_text()[:60_000]
PART = " \n = The dial = \n \n The <unk> of attention @-@ rows is low , or high . \n \n"  # spaced as WikiText is


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def wikitext(folder: Path, ending: str = "raw") -> Path:
    for part, times in (("train", 9), ("valid", 2), ("test", 1)):
        write(folder / f"wiki.{part}.{ending}", PART * times)
    return folder


# --- text ---


def test_parts_put_together_are_the_text() -> None:
    found = corpus()
    text = read_text()
    assert found.source == "pydoc_data.topics"
    assert found.train + found.valid + found.test == text
    for part, low, high in ((found.train, 0.875, 0.9), (found.valid, 0.025, 0.075), (found.test, 0.05, 0.075)):
        assert low < len(part) / len(text) <= high
    assert found.train.endswith("\n\n")
    assert found.valid.endswith("\n\n")
    assert corpus() == found


@settings(max_examples=30)
@given(st.text(alphabet="ab \n", min_size=200, max_size=300))
def test_no_cut_is_inside_a_word(text: str) -> None:
    text = "A title.\n\n" + text * 5 + " the end"
    assume(any(end in text[len(text) * 9 // 10 - len(text) // 40 :][: len(text) // 40] for end in " \n"))
    assume(any(end in text[len(text) * 19 // 20 - len(text) // 40 :][: len(text) // 40] for end in " \n"))
    found = _cut(text, "drawn")
    assert found.train + found.valid + found.test == text
    assert found.train[-1].isspace()
    assert found.valid[-1].isspace()


def test_a_file_and_its_digest(tmp_path: Path) -> None:
    plain = corpus(write(tmp_path / "book.txt", TEXT))
    assert plain.source == "book.txt"
    assert plain.train + plain.valid + plain.test == TEXT
    other_platform = corpus(write(tmp_path / "windows.txt", b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()))
    assert other_platform.digest == plain.digest
    assert corpus(write(tmp_path / "book.txt", TEXT.replace("the", "The", 1))).digest != plain.digest
    short = corpus(tmp_path / "windows.txt", limit=2000)
    assert short.train + short.valid + short.test == TEXT[:2000]


@pytest.mark.parametrize("ending", ["raw", "tokens"])
def test_wikitext_has_parts_of_its_own(tmp_path: Path, ending: str) -> None:
    found = corpus(wikitext(tmp_path / "wikitext-2", ending))
    assert (found.source, found.train, found.valid, found.test) == ("wikitext-2", PART * 9, PART * 2, PART)
    assert str(tmp_path) not in repr(found)
    assert len(corpus(tmp_path / "wikitext-2", limit=100).train) == 100
    moved = tmp_path / "moved"
    for part, times in (("train", 8), ("valid", 3), ("test", 1)):
        write(moved / f"wiki.{part}.raw", PART * times)
    assert corpus(moved).digest != found.digest  # the same text, cut elsewhere


def test_the_raw_release_is_preferred(tmp_path: Path) -> None:
    wikitext(tmp_path, "tokens")
    wikitext(tmp_path)
    write(tmp_path / "wiki.test.raw", "raw")
    assert corpus(tmp_path).test == "raw"


@pytest.mark.parametrize(("content", "says"), [
    (None, "No such file"),
    ("déjà vu ".encode("latin-1") * 500, "UTF-8; .* byte 0xe9"),
    (b"", "at least 1000 characters; text.txt has 0"),
    (b"short and sweet\n", "has 16"),
    (b" \n" * 2000, "the train part of text.txt has .* all of them space"),
    (b"word\n" * 900 + b"\n" * 700, "the valid part"),
    (b"x" * 5000, "would split a word"),
    (TEXT.encode("utf-16-le"), "NUL|UTF-8"),
    (b"a\0b " * 500, "NUL characters; .* at character 1"),
])  # fmt: skip
def test_bad_text_is_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        write(tmp_path / "text.txt", content)
    with pytest.raises(DataError, match=says):
        corpus(tmp_path / "text.txt")


def test_bad_folders_and_limits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"layout of WikiText, wiki\.\{train,valid,test\}\.raw or .* has nothing"):
        corpus(tmp_path)
    wikitext(tmp_path)
    (tmp_path / "wiki.valid.raw").unlink()
    with pytest.raises(DataError, match=r"has wiki\.test\.raw, wiki\.train\.raw"):
        corpus(tmp_path)
    write(tmp_path / "wiki.valid.raw", " \n")
    with pytest.raises(DataError, match="the valid part"):
        corpus(tmp_path)
    with pytest.raises(DataError, match="from 1; got 0"):
        corpus(limit=0)


# --- tokens ---


def bytes_of(model: Tokenizer, ids: np.ndarray) -> str:
    return model.model.decode(ids.tolist(), skip_special_tokens=False)


@pytest.mark.parametrize("size", [256, 600])
def test_bytes_decode_to_the_text(size: int) -> None:
    made = train_tokenizer("byte", TEXT, size)
    assert (made.kind, made.size) == ("byte", size)
    for text in (TEXT[:5000], "Hi 🙂 there\n\n  naïve  日本 \r\n", "", " ", "\u2028\x1c é"):
        found = made.encode(text)
        assert bytes_of(made, found.ids) == text
        assert found.ids.dtype == found.starts.dtype == np.int64
        assert found.ids.shape == found.starts.shape
        assert bool((np.diff(found.starts) >= 0).all())
        if size == 256:
            assert len(found.ids) == len(text.encode())
    assert len({made.text_of(index) for index in range(made.size)}) > size - 130  # half a character has no text of its own


def test_starts_are_the_first_visible_characters() -> None:
    made = train_tokenizer("byte", "alpha beta gamma\n\n\nalpha beta gamma\n\n\n" * 9, 270)
    text = " beta  🙂 gamma\n\n\nalpha"
    found = made.encode(text)
    shown = [(made.text_of(index), text[start]) for index, start in zip(found.ids.tolist(), found.starts.tolist(), strict=True)]
    for word, first in shown:
        assert word.strip()[:1] in (first, "\ufffd") or (not word.strip() and first.isspace())
    assert (" beta", "b") in shown
    assert (" gamma", "g") in shown
    assert text[found.starts[-1]] == "a"


def test_words_are_the_most_frequent_ones() -> None:
    made = train_tokenizer("word", "b b b <unk> <unk> a a c c , , , , rare", 5)
    assert [made.text_of(index) for index in range(5)] == ["<unk>", ",", "b", "a", "c"]  # ties in alphabetical order
    found = made.encode("c, <unk>\nrare  b")
    assert found.ids.tolist() == [4, 1, 0, 0, 2]
    assert found.starts.tolist() == [0, 1, 3, 9, 15]


def test_two_processes_make_the_same_tokenizers() -> None:
    code = (
        "import sys; from checks.data import read_text; from checks.experiments.tokens import train_tokenizer\n"
        "for kind, size in (('byte', 500), ('word', 300)): print(train_tokenizer(kind, read_text()[:60_000], size).save())\n"
        "assert 'huggingface_hub' not in sys.modules"  # nothing that could ask the network
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=True,
        env={"PYTHONHASHSEED": "7", "RAYON_NUM_THREADS": "3", "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    here = [train_tokenizer("byte", TEXT, 500), train_tokenizer("word", TEXT, 300)]
    assert done.stdout.splitlines() == [made.save() for made in here]
    for made in here:
        again = Tokenizer.load(made.save())
        assert (again.kind, again.size, again.save()) == (made.kind, made.size, made.save())
        assert again.encode(TEXT).ids.tolist() == made.encode(TEXT).ids.tolist()


@pytest.mark.parametrize("kind", ["byte", "word"])
def test_pieces_give_the_tokens_of_the_whole(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TEXT[:20_000] + "\n \n\n  x\r\n\ty\n" * 50 + "é🙂\n日本\n" * 50
    whole = train_tokenizer(kind, text, 400)
    found = whole.encode(text)
    monkeypatch.setattr(tokens, "PIECE", 50)
    pieces = [piece for _, piece in tokens._pieces(text)]
    assert "".join(pieces) == text
    assert len(pieces) > 100
    assert train_tokenizer(kind, text, 400).save() == whole.save()
    again = whole.encode(text)
    assert again.ids.tolist() == found.ids.tolist()
    assert again.starts.tolist() == found.starts.tolist()


def gpt2_files(folder: Path, single: bool) -> tuple[Path, Tokenizer]:
    """The files of a GPT-2 tokenizer, made from a trained one, with <|endoftext|> as the last token."""
    made = train_tokenizer("byte", TEXT, 300)
    parts = json.loads(made.save())["tokenizer"]
    vocabulary, merges = parts["model"]["vocab"] | {"<|endoftext|>": 300}, parts["model"]["merges"]
    if single:
        model = made.model
        model.add_special_tokens(["<|endoftext|>"])
        model.post_processor = tokenizers.processors.ByteLevel(trim_offsets=False)
        model.enable_truncation(7)
        model.enable_padding(length=9)
        write(folder / "tokenizer.json", model.to_str())
    else:
        write(folder / "vocab.json", json.dumps(vocabulary))
        write(folder / "merges.txt", "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in merges))
    return folder, train_tokenizer("byte", TEXT, 300)


@pytest.mark.parametrize("single", [True, False])
def test_the_files_of_gpt2_are_read(tmp_path: Path, single: bool) -> None:
    folder, trained = gpt2_files(tmp_path, single)
    found = read_tokenizer(folder)
    assert (found.kind, found.size) == ("gpt2", 301)
    text = "the statement\n<|endoftext|>the statement " * 9
    ids = found.encode(text)
    assert ids.ids.tolist().count(300) == 9
    assert bytes_of(found, ids.ids) == text
    assert found.encode(TEXT).ids.tolist() == trained.encode(TEXT).ids.tolist()  # not truncated, not padded
    assert found.encode(TEXT).starts.tolist() == trained.encode(TEXT).starts.tolist()
    assert Tokenizer.load(found.save()).encode(text).ids.tolist() == ids.ids.tolist()


def test_both_layouts_are_one_tokenizer(tmp_path: Path) -> None:
    one, other = (read_tokenizer(gpt2_files(tmp_path / str(single), single)[0]) for single in (True, False))
    assert one.model.get_vocab(with_added_tokens=True) == other.model.get_vocab(with_added_tokens=True)


def test_an_added_token_that_takes_spaces_is_found_across_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = gpt2_files(tmp_path, True)
    parts = json.loads((folder / "tokenizer.json").read_text())
    parts["added_tokens"][0]["rstrip"] = True
    write(folder / "tokenizer.json", json.dumps(parts))
    found, text = read_tokenizer(folder), "word <|endoftext|>\n" * 9
    whole = found.encode(text)
    monkeypatch.setattr(tokens, "PIECE", 3)
    assert found.encode(text).ids.tolist() == whole.ids.tolist()
    assert "Ċ" not in {found.model.id_to_token(index) for index in whole.ids.tolist()}


@pytest.mark.parametrize(("kind", "text", "size", "says"), [
    ("word", "one two two", 5, "needs a text with so many different words; this one of 11 characters gives 3"),
    ("byte", "ab ab", 300, "occur 2 times or more; this one of 5 characters gives 257"),
    ("byte", "", 257, "of 0 characters gives 256"),
    ("word", "", 2, "gives 1"),
    ("word", "one two", 1, "at least 2 tokens; got 1: one is for unknown words"),
    ("byte", "one two", 255, "at least 256 tokens; got 255: every byte has one"),
    ("gpt2", "one two", 300, "'word' or 'byte', not 'gpt2'"),
])  # fmt: skip
def test_a_vocabulary_that_the_text_does_not_have_is_refused(kind: Any, text: str, size: int, says: str) -> None:
    with pytest.raises(DataError, match=says):
        train_tokenizer(kind, text, size)


def changed(folder: Path, **changes: Any) -> None:
    """tokenizer.json with other values at dotted places."""
    parts = json.loads((folder / "tokenizer.json").read_text())
    for place, value in changes.items():
        *path, last = place.split("__")
        at = parts
        for step in path:
            at = at[step]
        at[last] = value
    write(folder / "tokenizer.json", json.dumps(parts))


@pytest.mark.parametrize(("changes", "says"), [
    ({"normalizer": {"type": "NFC"}}, "normalizer = null; .*NFC"),
    ({"pre_tokenizer": {"type": "Whitespace"}}, 'pre_tokenizer.type = "ByteLevel"; .*"Whitespace"'),
    ({"pre_tokenizer": None}, "pre_tokenizer.type"),
    ({"pre_tokenizer__add_prefix_space": True}, "add_prefix_space = false"),
    ({"pre_tokenizer__use_regex": False}, "use_regex = true"),
    ({"model__type": "WordPiece"}, 'model.type = "BPE"'),
    ({"model__dropout": 0.1}, "model.dropout"),
    ({"model__merges": [["q", "zz"]]}, "is no tokenizer of the library"),
    ({"added_tokens": []}, None),
])  # fmt: skip
def test_tokenizers_of_other_rules_are_refused(tmp_path: Path, changes: dict[str, Any], says: str | None) -> None:
    folder, _ = gpt2_files(tmp_path, True)
    changed(folder, **changes)
    if says is None:
        assert read_tokenizer(folder).size == 300
        return
    with pytest.raises(DataError, match=says):
        read_tokenizer(folder)


@pytest.mark.parametrize(("name", "content", "says"), [
    ("vocab.json", None, "has neither"),
    ("vocab.json", b"{", "is JSON; .*vocab.json is not"),
    ("vocab.json", b"[1]", "JSON object; .* holds a list"),
    ("vocab.json", b"\xff", "readable UTF-8"),
    ("vocab.json", b'{"a": 0}', "do not fit together"),
    ("vocab.json", b'{"a": "0"}', "do not fit together"),
    ("merges.txt", b"#version: 0.2\na b\nabc\n", "line 3, is 'abc'"),
    ("merges.txt", b"a b c\n", "line 1, is 'a b c'"),
])  # fmt: skip
def test_broken_files_are_refused(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    folder, _ = gpt2_files(tmp_path, False)
    (folder / name).unlink()
    if content is not None:
        write(folder / name, content)
    with pytest.raises(DataError, match=says):
        read_tokenizer(folder)


@pytest.mark.parametrize(("vocabulary", "says"), [
    (lambda rows: {word: n for word, n in rows.items() if word != "Ġ"}, "lacks 1 of them, the first written 'Ġ'"),
    (lambda rows: rows | {"!": 999}, "breaks this at 0"),
    (lambda rows: rows | {"!": 7}, "breaks this at 0"),
])  # fmt: skip
def test_incomplete_vocabularies_are_refused(tmp_path: Path, vocabulary: Any, says: str) -> None:
    rows = {byte: n for n, byte in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    kept = vocabulary(rows)
    if len(kept) < len(rows):
        kept = {word: n for n, word in enumerate(kept)}
    write(tmp_path / "vocab.json", json.dumps(kept))
    write(tmp_path / "merges.txt", "#version: 0.2\n")
    with pytest.raises(DataError, match=says):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "other", "tokenizer": {}}', '{"kind": "word", "tokenizer": 3}'])
def test_only_saved_tokenizers_are_loaded(text: str) -> None:
    with pytest.raises(DataError, match=r"saved tokenizer|JSON"):
        Tokenizer.load(text)


def test_a_number_that_is_no_token_is_refused() -> None:
    made = Tokenizer.load(train_tokenizer("word", "one two", 3).save())
    assert isinstance(made.model.model, models.WordLevel)
    for index in (-1, 3):
        with pytest.raises(DataError, match=f"0 to 2; got {index}"):
            made.text_of(index)
