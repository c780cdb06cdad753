"""Tokenizers of the experiments: words, bytes with merges, or the files of a GPT-2 checkpoint; by the library `tokenizers`.

Byte-level byte-pair encoding as in GPT-2 (Radford et al. 2019). A text is encoded in pieces, cut before a line end that follows a
visible character: there the rules for words and for bytes both end a token, so pieces give the tokens of the whole.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import decoders, models, pre_tokenizers, trainers

from checks.data import DataError

__all__ = ["Encoding", "Tokenizer", "read_tokenizer", "train_tokenizer"]

Kind = Literal["word", "byte", "gpt2"]
UNKNOWN = "<unk>"  # what WikiText calls it too
END = "<|endoftext|>"  # of GPT-2: one token wherever it stands
BYTES = 256
LEAST_PAIRS = 2  # a pair of tokens seen once is not merged
PIECE = 1 << 16  # characters encoded at a time, or a little more: longer pieces take memory and are no faster


@dataclass(frozen=True)
class Encoding:
    """Tokens of a text: their numbers, and where in the text each one begins."""

    ids: NDArray[np.int64]  # [N]
    starts: NDArray[np.int64]  # [N], in characters: the first that is no space; the first of all in a token of spaces


@dataclass(frozen=True, eq=False)
class Tokenizer:
    """Text to token numbers 0 ... size - 1, the same on every run.

    "word": runs of letters, digits and _, and runs of other marks; space is no token, and every other word is token 0, `<unk>`.
    "byte" and "gpt2": every text has tokens, and they decode to it.
    """

    kind: Kind
    size: int  # V, added tokens included
    model: tokenizers.Tokenizer

    def encode(self, text: str) -> Encoding:
        """The tokens of a text, none for an empty one; nothing is added, cut off or padded."""
        ids: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        starts: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        for place, piece in [(0, text)] if self._looks_around else _pieces(text):
            found = self.model.encode(piece, add_special_tokens=False)
            spans = np.array(found.offsets, np.int64).reshape(-1, 2)
            ids.append(np.array(found.ids, np.int64))
            starts.append(place + _first_visible(piece, spans[:, 0], spans[:, 1]))
        return Encoding(np.concatenate(ids), np.concatenate(starts))

    def text_of(self, index: int) -> str:
        """The text of one token; bytes that are no whole character are shown as U+FFFD."""
        if not 0 <= index < self.size:
            raise DataError(
                f"tokens are numbered 0 to {self.size - 1}; got {index}: there is no such token. Encode with this tokenizer."
            )
        return str(self.model.decode([index], skip_special_tokens=False))

    def save(self) -> str:
        """JSON that `load` reads."""
        return json.dumps({"kind": self.kind, "tokenizer": json.loads(self.model.to_str())}, ensure_ascii=False)

    @staticmethod
    def load(text: str) -> Tokenizer:
        """The tokenizer that `save` wrote; DataError for anything else."""
        found = _json(text, "a saved tokenizer")
        if found.get("kind") not in get_args(Kind) or not isinstance(found.get("tokenizer"), dict):
            raise DataError(
                f"a saved tokenizer has a kind, one of {', '.join(get_args(Kind))}, and a tokenizer; this one has "
                f"{', '.join(map(repr, found)) or 'nothing'} (kind {found.get('kind')!r}). Write it with Tokenizer.save()."
            )
        return _built(found["kind"], found["tokenizer"], "a saved tokenizer")

    @property
    def _looks_around(self) -> bool:
        """Whether an added token takes spaces with it or has some: then only the whole text gives its tokens."""
        added = self.model.get_added_tokens_decoder().values()
        return any(token.lstrip or token.rstrip or any(map(str.isspace, token.content)) for token in added)


def train_tokenizer(kind: Literal["word", "byte"], text: str, size: int) -> Tokenizer:
    """A tokenizer of exactly `size` tokens from a text; the same text gives the same tokens, in the same order, on every run.

    "byte": 256 bytes, then the most frequent pairs of tokens, merged one after the other (none at size 256). "word": `<unk>` and the
    size - 1 most frequent words, ties in the order of the alphabet. DataError where the text has too few of them.
    """
    least = {"word": 2, "byte": BYTES}.get(kind)
    if least is None:
        raise DataError(
            f"a tokenizer is trained on 'word' or 'byte', not {kind!r}: there is no other rule for tokens. Choose one."
        )
    if size < least:
        raise DataError(
            f"a {kind} tokenizer has at least {least} tokens; got {size}: "
            f"{'every byte has one' if kind == 'byte' else 'one is for unknown words'}. Raise the size."
        )
    if kind == "byte":
        model = _byte_level(models.BPE())
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer: Any = trainers.BpeTrainer(
            vocab_size=size, min_frequency=LEAST_PAIRS, show_progress=False, initial_alphabet=alphabet
        )
        pieces = (piece for _, piece in _pieces(text))
    else:
        model = tokenizers.Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        model.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.WordLevelTrainer(vocab_size=size, show_progress=False, special_tokens=[UNKNOWN])
        # <unk> in the text has its number already, and its letters are no words.
        pieces = (piece.replace(UNKNOWN, " ") for _, piece in _pieces(text))
    model.train_from_iterator(pieces, trainer)
    found = model.get_vocab_size()
    if found != size:
        what = "different words" if kind == "word" else f"bytes and pairs of tokens that occur {LEAST_PAIRS} times or more"
        raise DataError(
            f"a {kind} tokenizer of {size} tokens needs a text with so many {what}; this one of {len(text)} characters gives {found}: "
            f"the other tokens would never be seen. Ask for at most {found}, or give a longer text."
        )
    return _built(kind, json.loads(model.to_str()), "the trained tokenizer")


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a GPT-2 checkpoint: `tokenizer.json`, or else `vocab.json` and `merges.txt`.

    DataError for files that are missing or malformed, and for tokenizers with other rules than GPT-2's: they would need code of their own.
    """
    single, vocabulary, merges = (folder / name for name in ("tokenizer.json", "vocab.json", "merges.txt"))
    if single.is_file():
        return _built("gpt2", _json(_read(single), str(single)), str(single))
    if not (vocabulary.is_file() and merges.is_file()):
        raise DataError(
            f"a GPT-2 tokenizer is tokenizer.json, or vocab.json and merges.txt; {folder} has neither: text cannot become its tokens. "
            "Put the files that came with the checkpoint there."
        )
    numbers, pairs = _json(_read(vocabulary), str(vocabulary)), list(_merges(_read(merges), merges))
    try:
        model = _byte_level(models.BPE(vocab=numbers, merges=pairs))
    except Exception as error:  # the library raises plain exceptions
        raise DataError(
            f"a vocabulary has a number for every token, and for both parts and the result of every merge; {vocabulary} and {merges} "
            f"do not fit together ({error}). Take both files from the same checkpoint."
        ) from error
    if END in numbers:
        model.add_special_tokens([END])
    return _built("gpt2", json.loads(model.to_str()), str(vocabulary))


def _byte_level(model: models.BPE) -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"a tokenizer's file is readable UTF-8; {path} is not ({error}). Copy it again from the checkpoint."
        ) from error


def _json(text: str, place: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"a tokenizer's file is JSON; {place} is not ({error}). Copy it again from the checkpoint.") from error
    if not isinstance(found, dict):
        raise DataError(f"a tokenizer's file holds a JSON object; {place} holds a {type(found).__name__}. Give the right file.")
    return found


def _merges(text: str, path: Path) -> Iterator[tuple[str, str]]:
    """The pairs of merges.txt, one a line, after a line with the version."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        left, _, right = line.partition(" ")
        if not left or not right or " " in right:
            raise DataError(
                f"a merge is two tokens with a space between; {path}, line {number}, is {line!r}. Copy the file again."
            )
        yield left, right


def _built(kind: Kind, parts: dict[str, Any], place: str) -> Tokenizer:
    """A tokenizer from the library's JSON, refused unless its rules are those of its kind."""
    _check_rules(kind, parts, place)
    # A post-processor adds tokens and moves offsets; truncation would drop text without a word.
    parts = parts | {"truncation": None, "padding": None, "post_processor": None}
    try:
        model = tokenizers.Tokenizer.from_str(json.dumps(parts))
    except Exception as error:  # the library raises plain exceptions
        raise DataError(
            f"{place} is no tokenizer of the library `tokenizers` ({error}). Copy it again from the checkpoint."
        ) from error
    numbers = model.get_vocab(with_added_tokens=True)
    if sorted(numbers.values()) != list(range(len(numbers))):
        wrong = next(n for n, have in enumerate(sorted(numbers.values())) if n != have)
        raise DataError(
            f"tokens are numbered 0, 1, ... without a gap, each number once; {place} with {len(numbers)} tokens breaks this at {wrong}: "
            "a row of the embedding would have no token, or two. Take the file from the same checkpoint as the weights."
        )
    if kind != "word":
        absent = sorted(set(pre_tokenizers.ByteLevel.alphabet()) - numbers.keys())
        if absent:
            raise DataError(
                f"a byte-level vocabulary has all {BYTES} bytes; {place} lacks {len(absent)} of them, the first written {absent[0]!r}: "
                "text with them would lose characters without a word. Take a complete vocabulary."
            )
    return Tokenizer(kind, len(numbers), model)


def _check_rules(kind: Kind, parts: dict[str, Any], place: str) -> None:
    def of(name: str) -> dict[str, Any]:
        found = parts.get(name)
        return found if isinstance(found, dict) else {}

    model, words = of("model"), of("pre_tokenizer")
    want_model, want_words = ("WordLevel", "Whitespace") if kind == "word" else ("BPE", "ByteLevel")
    rules = {
        "model.type": (model.get("type"), want_model),
        "pre_tokenizer.type": (words.get("type"), want_words),
        "pre_tokenizer.add_prefix_space": (words.get("add_prefix_space", False), False),
        "pre_tokenizer.use_regex": (words.get("use_regex", True), True),
        "normalizer": (parts.get("normalizer"), None),
        "model.dropout": (model.get("dropout") or None, None),  # tokens drawn at random
    }
    for field, (found, wanted) in rules.items():
        if found != wanted:
            raise DataError(
                f"a tokenizer of kind {kind!r} has {field} = {json.dumps(wanted)}; {place} has {json.dumps(found)[:80]}: text would "
                "become tokens by a rule that is not known here. Use the tokenizer of a GPT-2 checkpoint."
            )


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Pieces of a text with the character each begins at, cut before a line end that follows a visible character."""
    start = 0
    while len(text) - start > PIECE:
        place = text.find("\n", start + PIECE)
        while place >= 0 and text[place - 1].isspace():
            place = text.find("\n", place + 1)
        if place < 0:
            break
        yield start, text[start:place]
        start = place
    if start < len(text):
        yield start, text[start:]


def _first_visible(piece: str, first: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first character of each span that is no space; of a span of spaces, its first."""
    codes = np.frombuffer(piece.encode("utf-32-le"), "<u4")
    here = np.where(np.isin(codes, _spaces()), len(codes), np.arange(len(codes)))
    after = np.append(np.minimum.accumulate(here[::-1])[::-1], len(codes))
    found = after[first]
    return np.where(found < end, found, first).astype(np.int64)


@cache
def _spaces() -> NDArray[np.uint32]:
    return np.array([code for code in range(sys.maxunicode + 1) if chr(code).isspace()], np.uint32)
