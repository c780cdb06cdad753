"""`localist book`."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
from rich.console import Console


@click.command("book")
@click.option(
    "--evidence",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("evidence"),
    show_default=True,
    help="Folder of evidence.",
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder of the build; default: book/_build."
)
@click.option("--strict/--no-strict", default=None, help="Fail when evidence is missing or stale; the default where CI is set.")
@click.option(
    "--fresh", is_flag=True, help="First run `localist verify` and `localist prove` where their evidence is missing or stale."
)
@click.option("--serve", is_flag=True, help="Then serve the book on localhost until interrupted.")
def book(evidence: Path, out: Path | None, strict: bool | None, fresh: bool, serve: bool) -> None:
    """Build the proof book: statements, proofs, evidence and calculator as pages that need no network.

    Exit codes: 0 built, 1 Sphinx warned of something, or --strict and evidence is missing or stale, 2 usage.
    """
    try:
        import jupyter_book  # noqa: F401

        from checks.book.benchmarks import RecordError
        from checks.book.build import BOOK, BookError, build
        from checks.status import EvidenceError
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"the book needs {error.name}; install the extra: pip install 'localist[book,checks]'"
        ) from error
    if not BOOK.exists():
        raise click.UsageError(
            f"the sources of the book are not part of an installed package; {BOOK} is not there. Use a checkout."
        )
    console = Console(stderr=True)
    started = time.monotonic()
    try:
        if fresh:
            make_evidence(evidence, console)
        done = build(evidence, out or BOOK / "_build", lambda what: console.print(what, style="dim"))
    except (BookError, EvidenceError, RecordError) as error:
        console.print(str(error), style="bold red", markup=False, highlight=False)
        sys.exit(1)
    console.print(f"{done.index}, {time.monotonic() - started:.0f} s", highlight=False)
    for name, missing in list(done.problems.items())[:10]:
        console.print(f"{name}: {'; '.join(missing)}", style="yellow", markup=False, highlight=False)
    if done.problems:
        console.print(f"{len(done.problems)} statements with missing or stale evidence; the pages say so.", highlight=False)
    if serve:
        _serve(done.index.parent, console)
    sys.exit(1 if done.problems and (bool(os.environ.get("CI")) if strict is None else strict) else 0)


def make_evidence(folder: Path, console: Console) -> None:
    """Run what the evidence lacks; what these commands find is for the pages to say."""
    from checks.book.evidence import read_evidence
    from theory import theorems

    known = read_evidence(folder)
    runs = [(known.findings.get(theorem.name), theorem.hash) for theorem in theorems()]
    if any(run is None or run.source.stale or run.record["hash"] != now for run, now in runs):
        _run("verify", folder, console)
    proofs = [(known.proofs.get(theorem.name, {}), theorem.hash) for theorem in theorems()]
    if any(proof.get("status") == "stale" or proof.get("hash") != now for proof, now in proofs):
        _run("prove", folder, console)


def _run(command: str, folder: Path, console: Console) -> None:
    console.print(f"localist {command}", style="dim")
    code = "from checks.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, command, "--out", str(folder)], check=False, stdout=subprocess.DEVNULL)


def server(folder: Path) -> ThreadingHTTPServer:
    """A server of a folder on a free port of localhost."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Requests are not news."""

    return ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))


def _serve(folder: Path, console: Console) -> None:
    with server(folder) as http:
        address = f"http://127.0.0.1:{http.server_address[1]}/"
        console.print(f"The book is at {address} until you press Ctrl-C.", highlight=False)
        screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if sys.stdout.isatty() and screen:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        try:
            http.serve_forever()
        except KeyboardInterrupt:
            console.print("stopped")


__all__ = ["book", "make_evidence", "server"]
