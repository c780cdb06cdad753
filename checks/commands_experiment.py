"""`localist experiment`: the sweeps of two seed papers, on real text, with the proved bounds on every row."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

BAD_INPUT = 2


@click.command("experiment", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", type=click.Choice(["aila", "progressive"]))
@click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings that differ from the preset.")
@click.option("--size", type=click.Choice(["auto", "small", "full"]), default="auto", show_default=True,
              help="Preset: small for a processor, full for an accelerator; auto is full where there is CUDA.")  # fmt: skip
@click.option("--text", type=click.Path(path_type=Path),
              help="UTF-8 file, or a folder with WikiText's raw files (default: the standard library's documentation).")  # fmt: skip
@click.option("--checkpoint", type=click.Path(path_type=Path),
              help="Folder with GPT-2 in the Hugging Face layout to fine-tune (progressive; default: a small one is made).")  # fmt: skip
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where models are trained."
)
@click.option("--workers", type=click.IntRange(1), help="Processes; by default one a core, and one on an accelerator.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("evidence/experiments"), show_default=True,
              help="Folder of the evidence; an interrupted run lies there too.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the evidence itself instead of tables.")
def experiment(
    name: str, config: Path | None, size: str, text: Path | None, checkpoint: Path | None, device: str, workers: int | None,
    out: Path, as_json: bool,
) -> None:  # fmt: skip
    """Train language models along the dial as a seed paper did, and measure entropy, fidelity and perplexity with proved bounds.

    aila: a two-layer model at every dial from 1 to 0, trained there, and frozen checkpoints turned without retraining (arXiv 2511.03559).
    progressive: one checkpoint fine-tuned with dials that grow over depth, on semantic blocks and on windows (arXiv 2511.18375).

    Interrupted, the same command goes on where it stopped. Exit codes: 0 every bound held on every row; 1 one failed; 2 bad input;
    3 a row was undecided.
    """
    if checkpoint is not None and name == "aila":
        raise click.UsageError(
            "--checkpoint is what progressive fine-tunes; aila trains its models from the start: leave it out"
        )
    from checks.data import DataError
    from theory.config import ConfigError
    from theory.schedule_numbers import ScheduleError

    try:
        path = _run(name, config, size, text, checkpoint, device, workers, out, quiet=as_json)
    except (ConfigError, DataError, ScheduleError) as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(BAD_INPUT) from None
    record = json.loads(path.read_text(encoding="utf-8"))
    if as_json:
        click.echo(json.dumps(record, indent=1))
    else:
        from checks.experiments.report import show

        show(record, path)
    raise SystemExit(_exit_code(record))


def _run(
    name: str, config: Path | None, size: str, text: Path | None, checkpoint: Path | None, device: str, workers: int | None,
    out: Path, *, quiet: bool,
) -> Path:  # fmt: skip
    try:
        from rich.console import Console

        from checks.experiments import aila, progressive, store
        from checks.experiments.settings import Aila, Progressive, load
        from checks.progress import shown
        from checks.training import TrainingError, pick_device
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"experiments need {error.name}; install the extra: pip install 'localist[experiments]'"
        ) from error

    try:
        where = pick_device(device).type
    except TrainingError as error:
        raise click.UsageError(str(error)) from None
    full = size == "full" or (size == "auto" and where == "cuda")
    processes = workers or (1 if where == "cuda" else os.cpu_count() or 1)
    console = Console(stderr=True, quiet=quiet)
    with shown(console) as report:
        if name == "aila":
            plan: store.Plan[Any] = aila.plan(load(Aila, config, full=full), text, where)
        else:
            settings = load(Progressive, config, full=full, checkpoint=checkpoint is not None)
            base = checkpoint or progressive.base_checkpoint(
                settings, text, where, out, lambda done, total: report("checkpoint to fine-tune", done, total)
            )
            plan = progressive.plan(settings, text, where, base, own=checkpoint is None)
        return store.run(plan, out, workers=processes, report=report)


def _exit_code(record: dict[str, Any]) -> int:
    """That of the worst verdict over all rows of all models."""
    from checks.verdict import EXIT_CODES, Verdict, worst

    verdicts = [Verdict[one["verdict"]] for one in record["summary"]["statements"].values()]
    for row in record["summary"].get("configurations", []):
        verdicts += [Verdict[verdict] for verdict in row["containment"]["verdicts"]]
    return EXIT_CODES[worst(verdicts)]
