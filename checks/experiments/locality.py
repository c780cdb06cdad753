"""The block of every token of a text: semantic blocks, certified by `checks.partition_linkage`, or windows of fixed length.

Semantic: the most frequent words are embedded by what they stand beside, partitioned by single linkage (`partition.recovery`), the rest
of the vocabulary of the partition joins the block it is most like, and all other words and signs are in a rest block. A token is in
the block of the word that it begins in, whatever the tokeniser. Windows: tokens of one sequence, so many in a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checks.data import WORD, words_of
from checks.experiments.settings import BlockKind, Locality
from checks.experiments.tokens import Encoding
from checks.partition_embeddings import word_embeddings
from checks.partition_linkage import partition
from checks.partition_similarity import Similarity

LEAST, COVER, LARGEST = 4, 0.25, 0.25  # of `localist partition`: smallest block, least share in blocks, greatest share in one


@dataclass(frozen=True)
class Blocks:
    """Blocks of words, and what is known of them; for windows, their length."""

    kind: BlockKind
    window: int
    home: dict[str, int]
    rest: int
    about: dict[str, Any]

    def of(self, text: str, encoding: Encoding) -> NDArray[np.int64]:
        """The block of every token of a text; windows depend on the place in a sequence alone and are made in `batch`."""
        if self.kind == "windows":
            return np.zeros(len(encoding.ids), dtype=np.int64)
        spans = [
            (found.start(), found.end(), self.home.get(found.group().casefold(), self.rest)) for found in WORD.finditer(text)
        ]
        starts = np.array([span[0] for span in spans], dtype=np.int64)
        ends = np.array([span[1] for span in spans], dtype=np.int64)
        of_word = np.array([span[2] for span in spans], dtype=np.int64)
        at = np.searchsorted(starts, encoding.starts, side="right") - 1
        inside = (at >= 0) & (encoding.starts < ends[np.maximum(at, 0)]) if len(spans) else np.zeros(len(at), dtype=bool)
        return np.where(inside, of_word[np.maximum(at, 0)] if len(spans) else 0, self.rest)

    def batch(self, blocks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The blocks of sequences [S, T] cut from the text: as given, or the number of each position's window."""
        if self.kind == "windows":
            return np.broadcast_to(np.arange(blocks.shape[1]) // self.window, blocks.shape)
        return blocks


def blocks_of(kind: BlockKind, text: str, chosen: Locality) -> Blocks:
    """Blocks made from the training text. Raises DataError when its words cannot be partitioned."""
    if kind == "windows":
        return Blocks(kind, chosen.window, {}, 0, {"window": chosen.window})
    embeddings = word_embeddings(words_of(text), "training text", tokens=chosen.words)
    similarity = Similarity(embeddings.vectors)
    found = partition(embeddings.words, similarity, least=LEAST, cover=COVER, largest=LARGEST)
    certificate = found.certificate.plain()
    filled = found.filled(similarity)
    rest = filled.blocks - 1 if filled.rest else filled.blocks
    about = {
        "words": len(filled.words),
        "blocks": int(rest),
        "sizes": list(filled.sizes[:rest]),
        "certain_words": int(filled.core.sum()),
        "certificate": {name: certificate[name] for name in ("verdict", "gap_at_least") if name in certificate},
    }
    return Blocks(kind, chosen.window, filled.home, rest, about)
