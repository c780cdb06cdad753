"""Put the book together: sources of `book/`, pages made from the registry and the evidence, one Sphinx build, warnings as errors."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

import theory
from checks.book import benchmarks, intro, reference, trust
from checks.book.claims import claims_page
from checks.book.drawing import Picture
from checks.book.evidence import Evidence, read_evidence
from checks.book.experiment_runs import Run, read_runs
from checks.book.experiments import experiments_page, write_experiment_figures
from checks.book.figures import FOLDER as FIGURES
from checks.book.figures import figures_page, shown, write_figures
from checks.book.graph import write_graph
from checks.book.lemma_page import lemmas_page
from checks.book.pages import family_page
from checks.book.picture import panels
from checks.run import code_commit
from checks.shards import installed_version

BOOK = Path(theory.__file__).parent.parent / "book"
# Extensions that Jupyter Book always loads and that could only ask the network for something.
DROPPED = frozenset({"sphinx_thebe", "sphinx.ext.intersphinx", "sphinx_jupyterbook_latex"})
FAMILIES = "families"  # the entry of _toc.yml that stands for all families
Tell = Callable[[str], None]


class BookError(Exception):
    """The book could not be built; the message says where to look."""


@dataclass(frozen=True)
class Book:
    """A finished build: where it lies, and what is missing or stale, by statement."""

    index: Path
    problems: dict[str, tuple[str, ...]]


def build(evidence_folder: Path, out: Path, tell: Tell = lambda what: None, sources: Path = BOOK) -> Book:
    """Build the book into `out`/html from a copy of the sources in `out`/source. Raises BookError when Sphinx warns of anything."""
    tell("reading the evidence")
    evidence = read_evidence(evidence_folder)
    runs = read_runs((sources / "experiments", evidence_folder / "experiments"))
    source = out / "source"
    tell("drawing the figures")
    pictures = write_figures(source, evidence)
    of_runs = write_experiment_figures(source, runs)
    tell("writing the pages")
    record = benchmarks.read_record(sources)
    generated = pages(evidence, pictures) | {"experiments.md": experiments_page(runs, of_runs)}
    generated |= benchmark_parts(record, benchmarks.pictures(source / FIGURES, record))
    assemble(sources, source, generated, evidence, runs)
    tell("building")
    shutil.rmtree(out / "html", ignore_errors=True)  # Sphinx leaves pages there that are no more
    _sphinx(source, out / "html", stamp(evidence, runs=runs))
    return Book(out / "html" / "index.html", evidence.problems())


def pages(evidence: Evidence, pictures: Sequence[Picture] = ()) -> dict[str, str]:
    """The generated pages, and the parts that written pages include, by path in the book; without those that bring files along."""
    made = {f"{FAMILIES}/{family}.md": family_page(family, evidence) for family in theory.FAMILIES}
    for picture in pictures:
        if picture.family:
            made[f"{FAMILIES}/{picture.family}.md"] += f"\n{shown(picture, f'../{FIGURES.as_posix()}/')}\n"
    if pictures:
        made["figures.md"] = figures_page(pictures)
    parts = intro.fragments(evidence) | trust.fragments(evidence)
    return made | {
        "claims.md": claims_page(evidence),
        "lemmas.md": lemmas_page(),
        "symbols.md": reference.symbols_page(),
        "api-theory.md": reference.api_page("Theory in Python", reference.THEORY),
        "api-checks.md": reference.api_page("Checks in Python", reference.CHECKS),
        **{f"_static/{name}": text for name, text in panels().items()},
        **{f"generated/{name}.md": text for name, text in parts.items()},
    }


def benchmark_parts(record: Mapping[str, Any], pictures: Sequence[Picture]) -> dict[str, str]:
    """What the page of benchmarks includes: tables of the recorded run, and its figures."""
    parts = benchmarks.fragments(record) | {f"bench-{name}-figure": "" for name in ("training", "growth")}
    parts |= {
        f"bench-{picture.name.removeprefix('benchmark-')}-figure": shown(picture, f"{FIGURES.as_posix()}/")
        for picture in pictures
    }
    return {f"generated/{name}.md": text for name, text in parts.items()}


def assemble(
    sources: Path, into: Path, generated: dict[str, str], evidence: Evidence, runs: Mapping[str, Run] | None = None
) -> None:
    """A folder that Jupyter Book can build: the sources, the generated pages and files, and a table of contents of what is there."""
    into.mkdir(parents=True, exist_ok=True)
    kept = {into / path for path in generated}
    for path in sources.rglob("*"):
        relative = path.relative_to(sources)
        if path.is_file() and relative.parts[0] != "_build":
            _copy(path, into / relative)
            kept.add(into / relative)
    for name, text in generated.items():
        _write(into / name, text)
    kept |= set(_extra(into, evidence, runs or {}))
    for path in list(into.rglob("*")):
        if path.is_file() and path not in kept:
            path.unlink()  # of a page that is no more
    toc = yaml.safe_load((sources / "_toc.yml").read_text(encoding="utf-8"))
    _write(into / "_toc.yml", yaml.safe_dump(contents(toc, into), sort_keys=False))


def contents(toc: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The table of contents with the families put in, and without pages that are not there."""
    parts = []
    for part in toc["parts"]:
        chapters: list[dict[str, Any]] = []
        for chapter in part["chapters"]:
            if chapter["file"] == FAMILIES:
                chapters += [{"file": f"{FAMILIES}/{family}"} for family in theory.FAMILIES]
            elif (folder / f"{chapter['file']}.md").exists():
                chapters.append(chapter)
        if chapters:
            parts.append(part | {"chapters": chapters})
    return toc | {"parts": parts}


def _extra(into: Path, evidence: Evidence, runs: Mapping[str, Run]) -> Iterable[Path]:
    """The files of evidence themselves, to be read beside the pages, and what the graph and the figures write."""
    for path in (*(source.path for source in evidence.sources), *(run.path for run in runs.values())):
        if path is not None:
            _copy(path, into / "_static" / "evidence" / path.name)
            yield into / "_static" / "evidence" / path.name
    yield from (into / path for path in write_graph(into, evidence))
    yield from (into / FIGURES).glob("*.svg")


def _copy(path: Path, to: Path) -> None:
    if not to.exists() or to.read_bytes() != path.read_bytes():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)


def _write(path: Path, text: str) -> None:
    """Write only what has changed: Sphinx reads a page again when its file is newer."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def stamp(evidence: Evidence, now: datetime | None = None, runs: Mapping[str, Run] | None = None) -> str:
    """The line below every page: when it was built, of which code, and the hash of every file of evidence that it renders."""
    date = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    commit = code_commit()
    version = f"Localist {installed_version('localist') or ''}, commit {commit[:12] + '+' * commit.endswith('+') if commit else 'unknown'}"
    parts = [f"Built {date}", version]
    for source in evidence.sources:
        made = source.record.get("finished", "")
        state = f" <strong>stale</strong>: {_code(source.stale)}" if source.stale else ""
        parts.append(
            f"evidence {html.escape(source.name)}.json{', ' + made if made else ''}, SHA-256 <code>{source.short}</code>{state}"
        )
    for run in (runs or {}).values():
        parts.append(
            f"experiment {html.escape(run.path.name)}, {html.escape(run.made)}, SHA-256 <code>{run.sha256[:12]}</code>"
        )
    missing = len(evidence.problems())
    if missing:
        parts.append(f"<strong>{missing} of {len(theory.theorems())} statements with missing or stale evidence</strong>")
    elif not evidence.sources:
        parts.append("<strong>no evidence</strong>")
    return f'<p class="stamp">{". ".join(parts)}.</p>'


def _code(words: str) -> str:
    """Words in HTML, with what stands between backticks as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(words))


def _sphinx(source: Path, out: Path, footer: str) -> None:
    from jupyter_book.config import get_final_config
    from jupyter_book.sphinx import build_sphinx

    config = source / "_config.yml"
    first, _ = get_final_config(user_yaml=config, cli_config={"latex_individualpages": False}, sourcedir=source)
    overrides = {
        "latex_individualpages": False,
        "extensions": [*(name for name in first["extensions"] if name not in DROPPED), "checks.book.reference"],
        "html_theme_options": {
            "extra_footer": footer,
            "navbar_persistent": [],
            "back_to_top_button": False,
            "use_download_button": False,
        },
    }
    code = build_sphinx(
        source,
        out,
        path_config=config,
        confoverrides=overrides,
        noconfig=True,
        warningiserror=True,
        keep_going=True,
        quiet=True,
    )
    if code != 0:
        raise BookError(
            f"Sphinx refused the book in {source}: {code if isinstance(code, Exception) else 'see its warnings above'}"
        )


__all__ = ["BOOK", "Book", "BookError", "assemble", "benchmark_parts", "build", "contents", "pages", "stamp"]
