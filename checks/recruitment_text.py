"""Streams of labelled tokens from real text: the standard library's help topics, or a file.

Labels are known before the word they stand with, and were fixed before any text was read: the topic of the paragraph (or the part of
a file), and the class of the word before. Paragraphs of the help topics come in a drawn order, so that every topic recurs. Control
labels are coins that no word depends on.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from checks.data import DataError, generator, read_text, words_of
from checks.recruitment_run import Token

_CLOSED = {
    "article": "a an the",
    "preposition": "of in to for by with on from as at into over under after before between",
    "conjunction": "and or but if when while that which because so than",
    "pronoun": "it its this these those they their he she his her we you your i",
    "auxiliary": "is are be been was were has have had do does can could may might must shall should will would",
    "negation": "not no nor never none without",
}
CLASSES: dict[str, frozenset[str]] = {kind: frozenset(words.split()) for kind, words in _CLOSED.items()} | {
    "keyword": frozenset(word.casefold() for word in keyword.kwlist),
    "builtin": frozenset(name.casefold() for name in dir(builtins) if not name.startswith("_")),
}
CONTROLS = 4
PART = 4096  # words of a part of a file
LEAST = 200  # words: a text below that is no stream


@dataclass(frozen=True)
class Stream:
    """Tokens with labels, and what the labels are; `candidates` are all labels, in the order in which their tests begin."""

    source: str
    tokens: tuple[Token, ...]
    candidates: tuple[str, ...]
    partition: tuple[str, ...]  # labels of which every token has exactly one: topics, or parts of a file
    controls: tuple[str, ...]


def classes_of(word: str | None) -> list[str]:
    """The classes of the word before: labels `after KIND`, none at the beginning of a paragraph."""
    return [] if word is None else [f"after {kind}" for kind, words in CLASSES.items() if word in words]


def _labelled(paragraphs: Iterator[tuple[str, list[str]]], seed: int) -> Iterator[Token]:
    coins = generator(seed, 1)
    for label, words in paragraphs:
        before: str | None = None
        group = f"shuffled {coins.integers(0, CONTROLS) + 1}"
        for word in words:
            fair = coins.integers(0, 2, CONTROLS)
            control = [f"coin {index + 1}" for index in range(CONTROLS) if fair[index]]
            yield Token(word, (label, *classes_of(before), *control, group))
            before = word


def _paragraphs(text: str) -> list[list[str]]:
    return [words for words in (words_of(part) for part in text.split("\n\n")) if words]


def topics_stream(seed: int = 0, limit: int | None = None) -> Stream:
    """The help topics, paragraph by paragraph in an order drawn with the seed; `limit` words at most."""
    from pydoc_data.topics import topics

    found = [(f"topic {name}", words) for name in sorted(topics) for words in _paragraphs(topics[name])]
    order = generator(seed, 0).permutation(len(found))
    return _stream("pydoc_data.topics", [found[index] for index in order], seed, limit)


def file_stream(path: Path, seed: int = 0, limit: int | None = None) -> Stream:
    """A UTF-8 file in its own order, in parts of 4096 words; `limit` words at most. Raises DataError for a file that is no text."""
    words = words_of(read_text(path))
    if len(words) < LEAST:
        raise DataError(
            f"recruitment needs a stream of at least {LEAST} words; {path} has {len(words)}: no test could be crossed. "
            "Give a longer text"
        )
    parts = [(f"part {index // PART + 1}", words[index : index + PART]) for index in range(0, len(words), PART)]
    return _stream(str(path), parts, seed, limit)


def _stream(source: str, paragraphs: list[tuple[str, list[str]]], seed: int, limit: int | None) -> Stream:
    partition = tuple(dict.fromkeys(sorted(label for label, _ in paragraphs)))
    controls = tuple(f"{kind} {index + 1}" for kind in ("coin", "shuffled") for index in range(CONTROLS))
    classes = tuple(f"after {kind}" for kind in CLASSES)
    tokens: list[Token] = []
    for token in _labelled(iter(paragraphs), seed):
        if limit is not None and len(tokens) >= limit:
            break
        tokens.append(token)
    return Stream(source, tuple(tokens), (*classes, *controls, *partition), partition, controls)


def label_words(stream: Stream) -> dict[str, np.ndarray]:
    """Counts of words (columns, in sorted order) that each label stands with: `{label: int64[words]}`."""
    words = {word: index for index, word in enumerate(sorted({token.word for token in stream.tokens}))}
    counts = {label: np.zeros(len(words), dtype=np.int64) for label in stream.candidates}
    for token in stream.tokens:
        for label in token.labels:
            counts[label][words[token.word]] += 1
    return counts
