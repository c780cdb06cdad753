"""Two domains of real text as windows of words, the alphabet that a hierarchy of experts codes, and its partitions into blocks.

The alphabet is the classes of words. It is the same for every model: articles, prepositions, other function words, and three classes of
all other words by how much more frequent they are in the first domain than in the last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from checks.data import DataError, generator, read_text, words_of
from checks.recruitment_text import CLASSES as KINDS

CLASSES = 6  # classes of words: the alphabet that is coded
FUNCTION = ("article", "preposition")  # kinds of function words with a class of their own; all others share the next class
CLOSED = ("article", "preposition", "conjunction", "pronoun", "auxiliary", "negation")
FEATURES = CLASSES  # of the router: the share of each class among the words of the window
TOKENS = 16  # words of a window that are coded
LEAST_WORDS = 400  # of a domain


@dataclass(frozen=True)
class Domain:
    """The words of one domain, in order."""

    name: str
    words: tuple[str, ...]


# Two groups of the standard library's help topics, each about one subject.
GROUPS = {
    "classes and data model": (
        "attribute-access", "attribute-references", "callable-types", "class", "context-managers", "customization", "numeric-types",
        "objects", "sequence-types", "specialnames", "typesmodules", "types", "function",
    ),
    "strings and debugger": ("debugger", "formatstrings", "strings", "typesseq", "string-methods", "f-strings", "bltin-file-objects"),
}  # fmt: skip


def topic_domains() -> tuple[Domain, Domain]:
    """The two default domains, from `pydoc_data.topics`; topics that this Python does not have are left out."""
    from pydoc_data.topics import topics

    first, second = (
        Domain(name, tuple(word for topic in names if topic in topics for word in words_of(topics[topic])))
        for name, names in GROUPS.items()
    )
    return first, second


def file_domain(path: str | Path) -> Domain:
    """A domain from a UTF-8 file; DataError if it is none, or too short."""
    words = tuple(words_of(read_text(path)))
    if len(words) < LEAST_WORDS:
        raise DataError(
            f"a domain needs at least {LEAST_WORDS} words; {path} has {len(words)}: no expert could be learned from it. "
            "Give a longer text"
        )
    return Domain(str(path), words)


@dataclass(frozen=True)
class Windows:
    """Windows as word numbers [S, T + 1], the domain of each, their classes and the router's features; nothing is learned here."""

    words: np.ndarray  # int64 [S, T + 1]
    domain: np.ndarray  # int64 [S]
    classes: np.ndarray  # int64 by word
    features: np.ndarray  # float64 [S, FEATURES], dyadic rationals
    vocabulary: int

    def only(self, chosen: np.ndarray) -> Windows:
        """Some of the windows."""
        return replace(self, words=self.words[chosen], domain=self.domain[chosen], features=self.features[chosen])


def make_windows(domains: Sequence[Domain], count: int, seed: int) -> Windows:
    """So many windows of each domain, places drawn with the seed.

    The alphabet is fixed before anything is learned, and is the same for every model: articles, prepositions, other function words, and
    three classes of equal mass for all other words, by how much more frequent they are in the first domain than in the last.
    """
    counts = [Counter(domain.words) for domain in (domains[0], domains[-1])]
    number = {word: index for index, word in enumerate(sorted({word for domain in domains for word in domain.words}))}
    kinds = {word: FUNCTION.index(kind) if kind in FUNCTION else len(FUNCTION) for kind in CLOSED for word in KINDS[kind]}
    fixed = np.array([kinds.get(word, -1) for word in number], dtype=np.int64)
    classes = _alphabet([[count[word] for word in number] for count in counts], fixed)
    rng, found, domain = generator(seed, 5), [], []
    for index, part in enumerate(domains):
        order = np.array([number[word] for word in part.words], dtype=np.int64)
        starts = rng.integers(0, len(order) - TOKENS - 1, count)
        found.append(order[starts[:, None] + np.arange(TOKENS + 1)])
        domain += [index] * count
    words = np.concatenate(found)
    share = np.stack([(classes[words[:, :TOKENS]] == k).mean(1) for k in range(FEATURES)], 1)  # sixteenths: exact
    return Windows(words, np.array(domain), classes, share, len(number))


def _alphabet(counts: list[list[int]], fixed: np.ndarray) -> np.ndarray:
    """The class of each word: its fixed one, else a third of the mass along (first + 1/2)/(last + 1/2), ties in the order of the words."""
    free = np.flatnonzero(fixed < 0)
    first, last = (np.array(part, dtype=np.float64)[free] for part in counts)
    order = np.argsort((first + 0.5) / (last + 0.5), kind="stable")
    mass = np.cumsum((first + last)[order]) / max(float((first + last).sum()), 1.0)
    kinds, classes = len(FUNCTION) + 1, fixed.copy()
    classes[free[order]] = kinds + np.minimum((mass * (CLASSES - kinds)).astype(np.int64), CLASSES - kinds - 1)
    return classes


def class_blocks(windows: Windows, blocks: int) -> np.ndarray:
    """A partition of the classes into blocks that predict alike: means of the next-class shares in these windows, int64 [CLASSES]."""
    now, after = (windows.classes[windows.words[:, part]].ravel() for part in (slice(0, TOKENS), slice(1, TOKENS + 1)))
    table = np.zeros((CLASSES, CLASSES))
    np.add.at(table, (now, after), 1.0)
    weight = table.sum(1) + 1
    share = (table + 1 / CLASSES) / weight[:, None]
    centres = [share[int(weight.argmax())]]
    while len(centres) < blocks:
        centres.append(share[int(np.min([np.square(share - c).sum(1) for c in centres], axis=0).argmax())])
    home = np.zeros(CLASSES, dtype=np.int64)
    for _ in range(20):
        home = np.square(share[:, None] - np.stack(centres)).sum(2).argmin(1)
        centres = [
            np.average(share[home == k], axis=0, weights=weight[home == k]) if (home == k).any() else centres[k]
            for k in range(blocks)
        ]
    return home
