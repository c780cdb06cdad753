"""Tables of configurations: read as CSV in chunks, results written as CSV or JSON lines.

A results file appears under its name only when it is complete; until then the rows done so far are in `<name>.partial`, which
also stays behind when a run is interrupted.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from theory.config import MISSING, ConfigError
from theory.guarantee import SIDES
from theory.rounding import decimal_text
from theory.sweep import RESULTS, Chunk, check_header, sweep

ROWS_A_CHUNK = 16384


def chunks(source: str, stream: IO[str]) -> Iterator[Chunk]:
    """Evaluated chunks of a CSV stream; ConfigError when the header is no header of configurations."""
    reader = csv.reader(stream, skipinitialspace=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not header:
            raise ConfigError(source, "header", MISSING, "is missing: the table is empty", "Start with a line of field names")
        check_header(header, source)
        rows: list[list[str]] = []
        lines: list[int] = []
        for row in reader:
            if row:
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


def run(
    table: str | Path, out: str | Path | None, stdout: IO[str], form: str, progress: Callable[[int, float], Any]
) -> tuple[int, list[str], int]:
    """Sweep a table into a file, or into a stream when `out` is None: (rows done, first errors, number of errors).

    progress is told the rows done and the fraction of the table read, after each chunk.
    """
    done, bad, first_errors = 0, 0, list[str]()
    partial = None if out is None else Path(f"{out}.partial")
    try:
        stream = Path(table).open(encoding="utf-8", newline="")  # noqa: SIM115 - the with below, once it is known to open
        size = Path(table).stat().st_size
    except OSError as error:
        raise ConfigError(
            str(table), "file", MISSING, f"cannot be read ({error.strerror})", "Name a readable CSV file"
        ) from error
    with stream:
        results = chunks(str(table), stream)
        first_chunk = next(results, None)  # a refused header touches no file
        try:
            sink = stdout if partial is None else partial.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise ConfigError(
                str(out), "--out", MISSING, f"cannot be written ({error.strerror})", "Name a writable file"
            ) from error
        try:
            chunk = first_chunk
            while chunk is not None:
                WRITERS[form](chunk, sink, done == 0)
                done += len(chunk.lines)
                errors = [e for e in chunk.errors if e is not None]
                bad += len(errors)
                first_errors += errors[: max(0, 5 - len(first_errors))]
                progress(done, _share(stream, size))
                chunk = next(results, None)
        finally:
            if sink is not stdout:
                sink.close()
    if partial is not None and out is not None:
        partial.replace(out)
    return done, first_errors, bad


def _share(stream: IO[str], size: int) -> float:
    position = getattr(stream, "buffer", stream).tell()
    return min(1.0, position / size) if size and not math.isnan(position) else 1.0
