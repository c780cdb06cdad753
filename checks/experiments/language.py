"""What both experiments read before they begin: the text as tokens, with the block of every one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from checks.data import DataError
from checks.experiments.corpus import Corpus, corpus
from checks.experiments.locality import Blocks, blocks_of
from checks.experiments.settings import BlockKind, Locality, Tokens
from checks.experiments.tokens import Encoding, Tokenizer, read_tokenizer, train_tokenizer
from checks.experiments.training import Stream

UNKNOWN = 0  # of the tokens that are words


@dataclass(frozen=True)
class Language:
    """Training and test text in tokens of one vocabulary; `streams` adds blocks of a kind."""

    corpus: Corpus
    tokenizer: Tokenizer
    train: Encoding
    test: Encoding

    def blocks(self, kind: BlockKind, chosen: Locality) -> Blocks:
        """Blocks of the kind, made from the training text."""
        return blocks_of(kind, self.corpus.train, chosen)

    def streams(self, blocks: Blocks) -> tuple[Stream, Stream]:
        """The training and the test text with the block of every token."""
        train, test = (
            Stream(encoding.ids, blocks.of(text, encoding), blocks.batch)
            for text, encoding in ((self.corpus.train, self.train), (self.corpus.test, self.test))
        )
        return train, test

    @property
    def unknown_share(self) -> float:
        """Share of the test tokens that stand for any word outside the vocabulary; they are easy to predict, and perplexity counts them."""
        return float((self.test.ids == UNKNOWN).mean()) if self.tokenizer.kind == "word" else 0.0

    @property
    def inputs(self) -> dict[str, Any]:
        """What is recorded of the text."""
        return {
            "text": self.corpus.source,
            "digest": self.corpus.digest,
            "tokens": {"kind": self.tokenizer.kind, "vocabulary": self.tokenizer.size},
            "unknown_share": self.unknown_share,
            "train_tokens": len(self.train.ids),
            "test_tokens": len(self.test.ids),
        }


def read_language(text: Path | None, chosen: Tokens, context: int, folder: Path | None = None) -> Language:
    """Read a text (by default the standard library's documentation) and tokenise it, by a checkpoint's tokens where one is given.

    Raises DataError when it has less than two sequences of `context` tokens to train on and one to test on.
    """
    found = corpus(text)
    tokenizer = train_tokenizer(chosen.kind, found.train, chosen.vocabulary) if folder is None else read_tokenizer(folder)
    train, test = tokenizer.encode(found.train), tokenizer.encode(found.test)
    for name, encoding, least in (("training", train, 4 * context), ("test", test, context + 1)):
        if len(encoding.ids) < least:
            raise DataError(
                f"the {name} part of {found.source} has {len(encoding.ids)} tokens, and sequences of {context} need at least {least}: "
                "nothing can be learned or measured. Give a longer text, or lower model.context."
            )
    return Language(found, tokenizer, train, test)


def part(stream: Stream, first: float, last: float) -> Stream:
    """The tokens from one share of a stream to another."""
    cut = slice(round(first * len(stream.ids)), round(last * len(stream.ids)))
    return replace(stream, ids=np.ascontiguousarray(stream.ids[cut]), blocks=np.ascontiguousarray(stream.blocks[cut]))
