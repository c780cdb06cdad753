"""A run of an experiment as cells: each a pure function of the settings and its own name, written whole, read back, merged once.

A run's name is a digest of everything that its cells depend on: sources, versions, settings, text, checkpoint, device. Cells of an
interrupted run lie in `<out>/<run>.cells/`; the same command finds them there and does the rest. What trains longer than a moment
saves its state beside them (`checks.experiments.training`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from checks.files import write_atomically
from checks.pool import results_of
from checks.run import Report, code_commit
from checks.shards import installed_version, library_versions, sources_digest

FORMAT = 1  # of the evidence file
Cell = TypeVar("Cell")


@dataclass(frozen=True)
class Plan(Generic[Cell]):
    """An experiment to run: its name, what its results depend on besides the code (JSON), its cells by key, and what does one.

    work: called with a cell and the folder where it may save its state, in a process of its own where there are several.
    summary: everything that is reported, from the results by key in the order of the cells.
    """

    experiment: str
    inputs: dict[str, Any]
    cells: dict[str, Cell]
    work: Callable[[tuple[str, Cell, Path]], dict[str, Any]]
    summary: Callable[[dict[str, dict[str, Any]]], dict[str, Any]]


def name_of(plan: Plan[Any]) -> str:
    """The name of the run: the experiment and twelve hex digits."""
    return f"{plan.experiment}-{digest_of([FORMAT, plan.inputs, list(plan.cells)])}"


def digest_of(inputs: Any) -> str:
    """Twelve hex digits of inputs in JSON, of the sources, and of the versions of Python and the libraries."""
    digest = hashlib.sha256(sources_digest())
    digest.update(json.dumps([inputs, sys.version, versions()], sort_keys=True).encode())
    return digest.hexdigest()[:12]


def versions() -> dict[str, str | None]:
    """The versions of the libraries that results depend on."""
    return library_versions() | {name: installed_version(name) for name in ("safetensors", "tokenizers")}


def run(plan: Plan[Cell], out: Path, *, workers: int, report: Report | None = None) -> Path:
    """Do every cell that has no result yet, merge all and write `<out>/<run>.json`; returns that path."""
    name = name_of(plan)
    folder = out / f"{name}.cells"
    folder.mkdir(parents=True, exist_ok=True)
    started = datetime.now(UTC)
    found = {key: result for key in plan.cells if (result := _read(folder / f"{key}.json")) is not None}
    todo = [(key, cell, folder) for key, cell in plan.cells.items() if key not in found]
    if report is not None:
        report(plan.experiment, len(found), len(plan.cells))
    for (key, _, _), result in results_of(todo, plan.work, workers):
        write_atomically(folder / f"{key}.json", _sealed(result))
        for path in folder.glob(f"{key}.state.*"):
            path.unlink()
        found[key] = result
        if report is not None:
            report(key, len(found), len(plan.cells))
    results = {key: found[key] for key in plan.cells}  # what comes out does not depend on who came first
    path = out / f"{name}.json"
    record = {
        "format": FORMAT,
        "experiment": plan.experiment,
        "run": name,
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": {"version": installed_version("localist"), "commit": code_commit()},
        "python": sys.version.split()[0],
        "libraries": versions(),
        "inputs": plan.inputs,
        "summary": plan.summary(results),
        "cells": results,
    }
    write_atomically(path, json.dumps(record, indent=1, allow_nan=False) + "\n")
    shutil.rmtree(folder)
    return path


def _sealed(result: dict[str, Any]) -> str:
    body = json.dumps(result, allow_nan=False)
    return json.dumps({"sha256": hashlib.sha256(body.encode()).hexdigest(), "result": body})


def _read(path: Path) -> dict[str, Any] | None:
    """The result of a cell; None where there is none, or one that was damaged after it was written: it is done again."""
    try:
        sealed = msgspec.json.decode(path.read_bytes(), type=_Sealed)
    except (OSError, msgspec.DecodeError):
        return None
    if hashlib.sha256(sealed.result.encode()).hexdigest() != sealed.sha256:
        return None
    result: dict[str, Any] = json.loads(sealed.result)
    return result


class _Sealed(msgspec.Struct):
    sha256: str
    result: str
