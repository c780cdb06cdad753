"""Anchors from files and from text: .npy, .safetensors, CSV; the topics of the standard library's documentation as pointers."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from checks.anchors_design import unit
from checks.anchors_systems import AnchorError
from checks.data import words_of

Array = NDArray[np.float64]
LARGEST = 50_000_000  # numbers read from a file
LEAST_WORDS = 200  # a topic with fewer says too little


def read_anchors(path: Path) -> tuple[Array, list[str]]:
    """The rows of a file, one anchor each, and names for them; AnchorError says what is wrong with it. Nothing is unpickled."""
    if not path.is_file():
        raise AnchorError(f"{path}: there is no such file. Give a .npy, .safetensors or .csv file with one anchor a row")
    kind = path.suffix.lower()
    try:
        if kind == ".npy":
            array = np.load(path, allow_pickle=False)
        elif kind == ".safetensors":
            array = _safetensors(path)
        elif kind in (".csv", ".txt", ".tsv"):
            return _table(path, "\t" if kind == ".tsv" else ",")
        else:
            raise AnchorError(f"{path}: {kind or 'no ending'} is not known. Give .npy, .safetensors or .csv")
    except (ValueError, OSError) as error:
        if isinstance(error, AnchorError):
            raise
        raise AnchorError(
            f"{path}: it cannot be read as {kind}: {error}. Save plain numbers, without pickled objects"
        ) from error
    return _checked(array, path), [str(index) for index in range(len(array))]


def _checked(array: np.ndarray, path: Path) -> Array:
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise AnchorError(
            f"{path}: an array of {array.dtype} with {array.ndim} axes; anchors are a table of real numbers, a row each. "
            "Save a two-dimensional float array"
        )
    if array.size > LARGEST:
        raise AnchorError(f"{path}: {array.size} numbers, more than {LARGEST}. Take some of the rows")
    if array.dtype.itemsize > 8 or (array.dtype.kind in "iu" and array.size and int(np.abs(array).max()) > 2**53):
        raise AnchorError(f"{path}: {array.dtype} has numbers that float64 does not hold. Save float64")
    return np.asarray(array, np.float64)


def _safetensors(path: Path) -> np.ndarray:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, TypeError) as error:
        raise AnchorError(f"{path}: it is no safetensors file of NumPy's types: {error}") from error
    if len(tensors) != 1:
        raise AnchorError(
            f"{path}: it holds {len(tensors)} tensors ({', '.join(sorted(tensors)[:5])}); save the one with the anchors"
        )
    return next(iter(tensors.values()))


def _table(path: Path, delimiter: str) -> tuple[Array, list[str]]:
    names: list[str] = []
    rows: list[list[float]] = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, cells in enumerate(csv.reader(file, delimiter=delimiter), start=1):
            if not any(cell.strip() for cell in cells):
                continue
            name, numbers = (cells[0], cells[1:]) if not _is_number(cells[0]) else (str(len(rows)), cells)
            bad = next((cell for cell in numbers if not _is_number(cell)), None)
            if bad is not None or (rows and len(numbers) != len(rows[0])):
                what = f"{bad!r} is no number" if bad is not None else f"{len(numbers)} numbers, line 1 has {len(rows[0])}"
                raise AnchorError(f"{path}, line {number}: {what}. Write one anchor a line, a name or not, then its numbers")
            names.append(name)
            rows.append([float(cell) for cell in numbers])
    return _checked(np.array(rows, np.float64).reshape(len(rows), -1), path), names


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def topic_anchors(count: int, width: int) -> tuple[Array, list[str]]:
    """Topics of the standard library's documentation as unit vectors: log word counts, centred, their first `width` singular directions.

    The `count` topics with most words; deterministic. AnchorError where there are not so many topics or directions.
    """
    from pydoc_data.topics import topics

    counted = {name: Counter(words_of(text)) for name, text in topics.items()}
    long = sorted((name for name in counted if counted[name].total() >= LEAST_WORDS), key=lambda n: (-counted[n].total(), n))
    if not 2 <= count <= len(long):
        have = f"the documentation has {len(long)} topics of at least {LEAST_WORDS} words"
        raise AnchorError(f"--topics {count}: {have}. Ask for 2 to {len(long)}")
    if not 1 <= width <= count - 1:
        have = f"{count} centred topics span at most {count - 1} dimensions"
        raise AnchorError(f"--dimensions {width}: {have}. Ask for 1 to {count - 1}")
    names = sorted(long[:count])
    words = sorted({word for name in names for word in counted[name]})
    table = np.log1p(np.array([[counted[name][word] for word in words] for name in names], np.float64))
    table = unit(table)
    table -= table.mean(axis=0)
    left, sizes, _ = np.linalg.svd(table, full_matrices=False)
    rows = left[:, :width] * sizes[:width]
    signs = np.sign(
        rows[np.abs(rows).argmax(axis=0), np.arange(width)]
    )  # of a singular vector the sign is arbitrary: fixed here
    return unit(rows * np.where(signs == 0, 1.0, signs)), names
