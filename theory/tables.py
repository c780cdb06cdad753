"""Tables of configurations: read as CSV in chunks, results written as CSV or JSON lines.

A results file appears under its name only when it is complete; until then the rows done so far are in `<name>.partial`, and
`<name>.partial.json` says of which table, by which version and how far. Both stay behind when a run is interrupted; the same
command goes on after the last whole chunk, and the finished file is that of a run without interruption, bit for bit.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from theory.config import MISSING, ConfigError
from theory.guarantee import SIDES
from theory.rounding import decimal_text
from theory.sweep import RESULTS, Chunk, check_header, sweep

ROWS_A_CHUNK = 16384


def chunks(source: str, stream: IO[str], skip: int = 0) -> Iterator[Chunk]:
    """Evaluated chunks of a CSV stream, after `skip` rows; ConfigError when the header is no header of configurations."""
    reader = csv.reader(stream, skipinitialspace=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not header:
            raise ConfigError(source, "header", MISSING, "is missing: the table is empty", "Start with a line of field names")
        check_header(header, source)
        rows: list[list[str]] = []
        lines: list[int] = []
        for row in reader:
            if row and skip:
                skip -= 1
            elif row:
                rows.append(row)
                lines.append(reader.line_num)
            if len(rows) == ROWS_A_CHUNK:
                yield sweep(header, rows, lines, source)
                rows, lines = [], []
        if rows:
            yield sweep(header, rows, lines, source)
    except csv.Error as error:
        raise ConfigError(source, f"line {reader.line_num}", MISSING, f"is not CSV: {error}", "Correct the quoting") from error
    except UnicodeDecodeError as error:
        raise ConfigError(source, "file", MISSING, f"is not UTF-8 ({error.reason})", "Save it as UTF-8") from error


def _columns(chunk: Chunk, missing: str) -> list[list[str]]:
    """Results as text; exact rows by the safe decimal, the others by the shortest one, which the budget covers."""
    columns = []
    for name in RESULTS:
        values = chunk.columns[name]
        text = (
            ["true" if v else "false" for v in values]
            if name == "vacuous"
            else [missing if v is None else repr(v) for v in values]
        )
        for i in chunk.exact:
            if name in SIDES and values[i] is not None:
                text[i] = decimal_text(values[i], SIDES[name])
        for i, error in enumerate(chunk.errors):
            if error is not None:
                text[i] = missing
        columns.append(text)
    return columns


def write_csv(chunk: Chunk, stream: IO[str], first: bool) -> None:
    """A line for each row: its line in the table, the results, the error; with a header before the first chunk."""
    if first:
        stream.write(",".join(["line", *RESULTS, "error"]) + "\n")
    errors = ["" if e is None else '"' + e.replace('"', '""') + '"' for e in chunk.errors]
    stream.writelines(",".join(row) + "\n" for row in zip(map(str, chunk.lines), *_columns(chunk, ""), errors, strict=True))


def write_jsonl(chunk: Chunk, stream: IO[str], first: bool) -> None:
    """An object for each row with the same names; `error` is null for a good row."""
    names = [f'"{name}": ' for name in ("line", *RESULTS, "error")]
    errors = ["null" if e is None else json.dumps(e) for e in chunk.errors]
    for row in zip(map(str, chunk.lines), *_columns(chunk, "null"), errors, strict=True):
        stream.write("{" + ", ".join(map(str.__add__, names, row)) + "}\n")


WRITERS: dict[str, Callable[[Chunk, IO[str], bool], None]] = {"csv": write_csv, "jsonl": write_jsonl}


@dataclass
class Progress:
    """How far a sweep into a file has come: what it is of, and what the rows written so far are."""

    table: str  # SHA-256 of the table
    version: str  # SHA-256 of the code that computes, with NumPy's version
    form: str
    rows: int = 0
    size: int = 0  # bytes of the rows in the partial file
    digest: str = hashlib.sha256().hexdigest()  # of those bytes
    bad: int = 0
    errors: list[str] = field(default_factory=list)  # the first five


def _version() -> str:
    import numpy

    digest = hashlib.sha256(numpy.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _hash(path: Path, size: int | None = None) -> hashlib._Hash:
    """SHA-256 of a file, or of its first bytes, ready for more."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(2**20 if size is None else min(2**20, size)):
            digest.update(block)
            size = None if size is None else size - len(block)
    return digest


def _saved(partial: Path, note: Path, fresh: Progress) -> tuple[Progress, hashlib._Hash]:
    """What an interrupted run of the same sweep left behind, or `fresh`: rows count only if every byte of them is there."""
    try:
        found = Progress(**json.loads(note.read_text(encoding="utf-8")))
        digest = _hash(partial, found.size)
        if (found.table, found.version, found.form, found.digest) == (
            fresh.table,
            fresh.version,
            fresh.form,
            digest.hexdigest(),
        ):
            return found, digest
    except (OSError, ValueError, TypeError):
        pass
    return fresh, hashlib.sha256()


def _replace(path: Path, text: str) -> None:
    written = Path(f"{path}.tmp")
    written.write_text(text, encoding="utf-8")
    os.replace(written, path)


def run(
    table: str | Path, out: str | Path | None, stdout: IO[str], form: str, progress: Callable[[int, float], Any]
) -> tuple[int, list[str], int]:
    """Sweep a table into a file, or into a stream when `out` is None: (rows done, first errors, number of errors).

    progress is told the rows done and the fraction of the table read, after each chunk, and at first what is already there.
    """
    try:
        stream = Path(table).open(encoding="utf-8", newline="")  # noqa: SIM115 - the with below, once it is known to open
        size = Path(table).stat().st_size
    except OSError as error:
        raise ConfigError(
            str(table), "file", MISSING, f"cannot be read ({error.strerror})", "Name a readable CSV file"
        ) from error
    with stream:
        if out is None:
            state = Progress("", "", form)
            for chunk in chunks(str(table), stream):
                _write(chunk, stdout, state)
                progress(state.rows, _share(stream, size))
        else:
            state = _into_file(Path(table), Path(out), stream, size, form, progress)
    return state.rows, state.errors, state.bad


def _into_file(
    table: Path, out: Path, stream: IO[str], size: int, form: str, progress: Callable[[int, float], Any]
) -> Progress:
    partial, note = Path(f"{out}.partial"), Path(f"{out}.partial.json")
    whole = table.is_file()  # a pipe is read once, and no run of it goes on where another stopped
    state, digest = Progress("", "", form), hashlib.sha256()
    if whole:
        state, digest = _saved(partial, note, Progress(_hash(table).hexdigest(), _version(), form))
    results = chunks(str(table), stream, state.rows)
    chunk = next(results, None)  # a refused header touches no file
    try:
        if state.rows:
            os.truncate(partial, state.size)
            progress(state.rows, _share(stream, size))
        sink = partial.open("ab" if state.rows else "wb")
    except OSError as error:
        raise ConfigError(
            str(out), "--out", MISSING, f"cannot be written ({error.strerror})", "Name a writable file"
        ) from error
    with sink:
        while chunk is not None:
            text = io.StringIO(newline="")
            _write(chunk, text, state)
            data = text.getvalue().encode()
            sink.write(data)
            sink.flush()
            digest.update(data)
            state.size += len(data)
            state.digest = digest.hexdigest()
            if whole:
                _replace(note, json.dumps(asdict(state)))
            progress(state.rows, _share(stream, size))
            chunk = next(results, None)
    partial.replace(out)
    note.unlink(missing_ok=True)
    return state


def _write(chunk: Chunk, sink: IO[str], state: Progress) -> None:
    """Write a chunk and count it."""
    WRITERS[state.form](chunk, sink, state.rows == 0)
    errors = [e for e in chunk.errors if e is not None]
    state.rows += len(chunk.lines)
    state.bad += len(errors)
    state.errors += errors[: max(0, 5 - len(state.errors))]


def _share(stream: IO[str], size: int) -> float:
    position = getattr(stream, "buffer", stream).tell()
    return min(1.0, position / size) if size and not math.isnan(position) else 1.0
