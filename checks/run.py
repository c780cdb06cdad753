"""Run checks: shards over processes, progress, evidence; what was finished before an interruption is kept and not done again."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from checks.evaluators import EvaluatorResult
from checks.files import write_atomically
from checks.pool import results_of
from checks.properties import Options
from checks.shards import (
    RESULT_KEYS,
    Shard,
    StatementResult,
    fingerprint,
    installed_version,
    layers_trained,
    library_versions,
    merge,
    merge_evaluators,
    plan,
    run_shard,
)
from checks.verdict import EXIT_CODES, Verdict, worst

Report = Callable[[str, int, int], None]  # what is being done, shards done, shards in all


@dataclass(frozen=True)
class RunResult:
    """A finished run: a result a statement and an evaluator, the layers trained and by what, and where the evidence lies."""

    statements: tuple[StatementResult, ...]
    evaluators: tuple[EvaluatorResult, ...]
    layers: int
    evidence: Path
    backends: dict[str, int]  # layers by what trained them, those of shrinking included
    stale: tuple[str, ...]  # what is wrong with generated formulas: not what the statements say, or of no statement

    @property
    def verdict(self) -> Verdict:
        """FAILS when any statement or evaluator fails or a generated formula is stale."""
        parts = [Verdict[statement.verdict] for statement in self.statements] + [one.verdict for one in self.evaluators]
        return worst(parts + [Verdict.FAILS] * bool(self.stale))

    @property
    def exit_code(self) -> int:
        """0 all hold, 1 something fails, 3 undecided."""
        return EXIT_CODES[self.verdict]


def run_checks(
    families: Sequence[str], options: Options, out: Path, *, workers: int | None = None, report: Report | None = None
) -> RunResult:
    """Run every shard of these families that has no result yet, merge all and write `<out>/<run>.json`.

    An interrupted run leaves its finished shards in `<out>/<run>.shards/`; the same command picks them up, because the run's name is a
    digest of the sources, the options and the text. Raises what a shard raises, naming the shard.
    """
    name = fingerprint(families, options)
    folder = out / f"{name}.shards"
    shards = plan(families, options)
    results = _finished(folder, shards)
    total, done = len(shards), len(results)
    todo = [shard for shard in shards if shard not in results]
    started = datetime.now(UTC)
    for shard, result in _compute(todo, options, workers or os.cpu_count() or 1):
        write_atomically(folder / f"{shard.key}.json", json.dumps(result))
        results[shard] = result
        done += 1
        if report is not None:
            report(f"{shard.kind} {shard.family}: {shard.subject.rpartition('.')[2]}", done, total)
    if report is not None:
        report("formulas against statements", done, total)
    results = {shard: results[shard] for shard in shards}  # which case is the worst does not depend on who came first
    statements = merge(families, results)
    stale = _stale_formulas()
    evidence = out / f"{name}.json"
    evaluators = tuple(merge_evaluators(results))
    run = RunResult(tuple(statements), evaluators, layers_trained(results), evidence, _backends(results), stale)
    write_atomically(evidence, json.dumps(_evidence(run, name, options, started, results), indent=1))
    for shard in shards:
        (folder / f"{shard.key}.json").unlink(missing_ok=True)
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()
    return run


def _finished(folder: Path, shards: Iterable[Shard]) -> dict[Shard, dict[str, Any]]:
    found = {}
    for shard in shards:
        path = folder / f"{shard.key}.json"
        if path.exists():
            try:
                result = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                continue  # damaged after it was written: it is done again
            if isinstance(result, dict) and result.keys() >= RESULT_KEYS[shard.kind]:
                found[shard] = result
    return found


def _compute(shards: Sequence[Shard], options: Options, workers: int) -> Iterable[tuple[Shard, dict[str, Any]]]:
    """Results as they come. One process owns the accelerator, which only properties use: the rest is spread over the cores first."""
    call = partial(_named, options=options)
    spread = [shard for shard in shards if options.device == "cpu" or shard.kind != "property"]
    yield from results_of(spread, call, workers)
    yield from results_of([shard for shard in shards if shard not in set(spread)], call, 1)


def _named(shard: Shard, *, options: Options) -> dict[str, Any]:
    try:
        return run_shard(shard, options)
    except Exception as error:
        raise RuntimeError(f"shard {shard.key}: {type(error).__name__}: {error}") from error


def _stale_formulas() -> tuple[str, ...]:
    """Functions of theory/formulas.py that are not what the statements generate now, and formulas that no statement contains."""
    import theory
    import theory.formulas
    from theory.export.__main__ import every_formula, stale
    from theory.export.equal import NotEqualError
    from theory.export.numbers import source
    from theory.export.tied import untied

    formulas = every_formula()
    loose = [f"{name}: its statement does not contain it" for name in untied(formulas, theory.theorems())]
    try:
        new = source(formulas)
    except NotEqualError as error:
        return (str(error), *loose)
    differing = stale(Path(theory.formulas.__file__).read_text(encoding="utf-8"), new)
    return (*(f"{name} in theory/formulas.py is stale: run `make formulas`" for name in differing), *loose)


def _backends(results: dict[Shard, dict[str, Any]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for shard, result in results.items():
        if shard.kind == "property":
            counts.update(result["backends"])
    return dict(sorted(counts.items()))


def _evidence(
    run: RunResult, name: str, options: Options, started: datetime, results: dict[Shard, dict[str, Any]]
) -> dict[str, Any]:
    devices = sorted({device for shard, result in results.items() if shard.kind == "property" for device in result["devices"]})
    return {
        "run": name,
        "verdict": run.verdict.name,
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": {"version": installed_version("localist"), "commit": code_commit()},
        "libraries": library_versions(),
        "options": dataclasses.asdict(options) | {"text": None if options.text is None else options.text.name},
        "devices": devices,
        "backends": run.backends,
        "layers": run.layers,
        "stale_formulas": list(run.stale),
        "evaluators": [
            dataclasses.asdict(one) | {"verdict": one.verdict.name, "problems": one.problems} for one in run.evaluators
        ],
        "statements": [
            dataclasses.asdict(statement) | {"verdict": statement.verdict, "problems": statement.problems}
            for statement in run.statements
        ],
    }


def code_commit() -> str | None:
    """The commit of the checkout, with a plus sign if tracked files differ; None outside a checkout or without git."""
    root = Path(__file__).parent.parent
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=root, capture_output=True, check=False).returncode
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + "+" * bool(changed)
