"""`make bench`: every benchmark, or some, into one file of evidence.

python -m benchmarks [training growth sweep screen start proofs] [--rounds 5] [--proofs] [--record] [--out FILE]
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.machine import command, facts, load
from benchmarks.record import RECORD, SUBJECTS, entry, merged, new_file, text_of
from benchmarks.show import tables
from checks.files import write_atomically


@click.command()
@click.argument("subjects", nargs=-1, metavar="[SUBJECT]...")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Interleaved rounds.")
@click.option("--proofs", is_flag=True, help="Also a clean build of the Coq proofs, which takes minutes.")
@click.option("--record", is_flag=True, help="Also replace these subjects in the run that the book shows.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File of the run; default: below evidence/."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def main(subjects: tuple[str, ...], rounds: int, proofs: bool, record: bool, out: Path | None, as_json: bool) -> None:
    """Time what SUBJECTs name, or everything but the proofs: training, growth, sweep, screen, start, proofs.

    Exit codes: 0 measured, 1 a backend trained something else and was refused, 2 usage.
    """
    for name in subjects:
        if name not in SUBJECTS:
            raise click.UsageError(f"no subject {name!r}; there are {', '.join(SUBJECTS)}")
    chosen = [SUBJECTS[name] for name in subjects or [s for s in SUBJECTS if s != "proofs"]]
    if proofs and SUBJECTS["proofs"] not in chosen:
        chosen.append(SUBJECTS["proofs"])
    console = Console(stderr=True, highlight=False)
    machine = facts()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    found = {}
    with Progress(*columns, console=console, transient=True) as progress:
        whole = progress.add_task("", total=len(chosen))
        part = progress.add_task("", total=None)

        def tell(what: str, done: int, total: int) -> None:
            progress.update(part, description=f"  {what}", completed=done, total=total if total > 1 else None)

        for subject in chosen:
            progress.update(whole, description=subject.name)
            busy = load()
            results, seconds = subject.measure(rounds, tell)
            found[subject.name] = entry(subject, results, seconds, rounds, command(), machine, (busy, load()))
            progress.advance(whole)
    out = out or new_file()
    write_atomically(out, text_of({"subjects": found}))
    if record:
        write_atomically(RECORD, text_of(merged(RECORD, found)))
    if as_json:
        click.echo(text_of({"subjects": found}), nl=False)
    else:
        screen = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
        for table in tables(found):
            screen.print(table)
    console.print(f"{out}{f' and {RECORD}' if record else ''}", soft_wrap=True)
    refused = [
        reason
        for one in found.values()
        for reason in one["results"].get("left_out", {}).values()
        if reason.startswith("refused")
    ]
    for reason in refused:
        console.print(reason, style="bold red", markup=False)
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
