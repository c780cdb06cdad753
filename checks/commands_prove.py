"""`localist prove`: compile the Coq proofs, audit what they assume, and say which statements they prove.

A proof counts when its source compiles, its file holds no forbidden word, it is a `Theorem` named after the statement in the module
named after the family, it names every hypothesis of the statement, and nothing but the axioms of Coq's real numbers is behind it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

import theory
from checks.coq_uses import uses_in
from checks.files import write_atomically

if TYPE_CHECKING:
    from theory.theorem import Theorem

SOURCES = Path(theory.__file__).parent / "coq"
AXIOMS = frozenset(
    {
        "ClassicalDedekindReals.sig_not_dec",
        "ClassicalDedekindReals.sig_forall_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }
)
# Modules that are no family, and whose theorems are audited all the same: what the float64 screen rests on.
EVALUATORS = ("Rounding", "Exponential", "Screen")
# Words by which a statement can pass for proved: dropped, assumed, or accepted with a check switched off.
FORBIDDEN = re.compile(
    r"\b(Abort|Admitted|admit|give_up|Axioms?|Parameters?|Conjectures?|Primitive|bypass_check|Admit\s+Obligations|"
    r"Unset\s+(?:Guard\s+Checking|Positivity\s+Checking|Universe\s+Checking)|Declare\s+ML\s+Module|Local\s+Axiom)\b"
)
INSTALL = "apt-get install --no-install-recommends coq libcoq-coquelicot libcoq-interval"


@dataclass(frozen=True)
class Proof:
    """One theorem of Coq as Coq prints it: `arguments` are its variables and hypotheses by name, in order, `hypotheses` the latter."""

    module: str
    name: str
    statement: str
    arguments: tuple[str, ...]
    hypotheses: tuple[str, ...]


@dataclass
class Audit:
    """What compiled, what it says and what it rests on; `problems` is empty when everything is in order."""

    version: str
    seconds: float
    compiled: tuple[str, ...]
    axioms: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()
    problems: list[str] = field(default_factory=list)


def code_of(text: str) -> str:
    """Coq source without comments (they nest) and strings, line breaks kept."""
    out, depth, i = [], 0, 0
    while i < len(text):
        two = text[i : i + 2]
        if two == "(*":
            depth, i = depth + 1, i + 2
        elif two == "*)" and depth:
            depth, i = depth - 1, i + 2
        elif text[i] == '"':
            end = text.find('"', i + 1)
            end = len(text) if end < 0 else end
            out.append("\n" * text.count("\n", i, end))
            i = end + 1
        else:
            if not depth or text[i] == "\n":
                out.append(text[i])
            i += 1
    return "".join(out)


def forbidden_words(path: Path) -> list[str]:
    """Each forbidden word of a file with its line."""
    code = code_of(path.read_text(encoding="utf-8"))
    return [f"{path.name}:{code.count(chr(10), 0, m.start()) + 1}: {m.group(0)}" for m in FORBIDDEN.finditer(code)]


def theorem_names(path: Path) -> list[str]:
    """Names declared by `Theorem`; a `Lemma` is a step on the way."""
    return re.findall(r"^\s*Theorem\s+(\w+)", code_of(path.read_text(encoding="utf-8")), flags=re.MULTILINE)


def modules(folder: Path) -> dict[str, Path]:
    """The modules of `_CoqProject` by name, in its order."""
    lines = (folder / "_CoqProject").read_text(encoding="utf-8").split("\n")
    return {line.strip().removesuffix(".v"): folder / line.strip() for line in lines if line.strip().endswith(".v")}


def audited(folder: Path) -> list[str]:
    """The modules whose theorems are audited: the families, and what the float64 screen rests on."""
    return [*theory.FAMILIES, *(name for name in EVALUATORS if name in modules(folder))]


def dependencies(path: Path, known: Iterable[str]) -> list[str]:
    """The modules of this project that a file requires."""
    required = re.findall(
        r"From\s+Localist\s+Require\s+(?:Import\s+|Export\s+)?([^.]*)\.", code_of(path.read_text(encoding="utf-8"))
    )
    return [name for name in known if any(name in words.split() for words in required)]


def digests(folder: Path, version: str) -> dict[str, str]:
    """For every module a hash of its source, of what it requires and of the compiler."""
    known = modules(folder)
    result: dict[str, str] = {}

    def digest(name: str) -> str:
        if name not in result:
            parts = [version, known[name].read_text(encoding="utf-8"), *(digest(d) for d in dependencies(known[name], known))]
            result[name] = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        return result[name]

    for name in known:
        digest(name)
    return result


def _coqc(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    warnings = "-notation-overridden,-ambiguous-paths"
    return subprocess.run(
        ["coqc", "-q", "-Q", ".", "Localist", "-w", warnings, f"{name}.v"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def build(folder: Path, into: Path, jobs: int = 2, tell: Callable[[str, int], None] = lambda name, total: None) -> list[str]:
    """Compile what has changed in a copy of the sources; returns what went wrong, by module."""
    version = subprocess.run(["coqc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    into.mkdir(parents=True, exist_ok=True)
    known, new = modules(folder), digests(folder, version)
    stamp = into / "built.json"
    built: dict[str, str] = json.loads(stamp.read_text(encoding="utf-8")) if stamp.exists() else {}
    made = (".vo", ".glob")
    todo = [name for name in known if built.get(name) != new[name] or not all((into / f"{name}{s}").exists() for s in made)]
    for name in todo:
        shutil.copyfile(known[name], into / f"{name}.v")
    problems: list[str] = []
    done = set(known) - set(todo)
    running: dict[Future[subprocess.CompletedProcess[str]], str] = {}
    waiting = list(todo)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        while waiting or running:
            for name in [w for w in waiting if set(dependencies(known[w], known)) <= done]:
                waiting.remove(name)
                running[pool.submit(_coqc, into, name)] = name
            if not running:
                problems += [f"{name}: not compiled, because a module that it requires was not" for name in waiting]
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name, result = running.pop(future), future.result()
                if result.returncode:
                    problems.append(f"{name}: {(result.stderr or result.stdout).strip()}")
                else:
                    done.add(name)
                    built[name] = new[name]
                tell(name, len(todo))
    stamp.write_text(json.dumps({name: built[name] for name in known if name in done}, indent=1), encoding="utf-8")
    return problems


def _query(into: Path, name: str, text: str) -> str:
    """What Coq answers to a file of queries; cached, because it depends on nothing but the compiled modules."""
    key = hashlib.sha256((text + (into / "built.json").read_text(encoding="utf-8")).encode()).hexdigest()
    answer = into / f"{name}.answer"
    if answer.exists() and answer.read_text(encoding="utf-8").startswith(key):
        return answer.read_text(encoding="utf-8").partition("\n")[2]
    (into / f"{name}.v").write_text(text, encoding="utf-8")
    result = _coqc(into, name)
    if result.returncode:
        raise click.ClickException(f"Coq refuses the audit {name}.v: {result.stderr.strip()}")
    answer.write_text(f"{key}\n{result.stdout}", encoding="utf-8")
    return result.stdout


def _axioms(answer: str) -> list[str]:
    """Names in the answer to Print Assumptions; section variables and opaque escapes are listed with them."""
    return re.findall(
        r"^([A-Za-z_][\w.']*)\s*(?::|$|\s+relies|\s+is assumed)", answer.partition("Axioms:")[2], flags=re.MULTILINE
    )


def _clean(statement: str) -> str:
    return re.sub(r"\\big\[Rplus/0\]", r"\\sum", re.sub(r"\s+", " ", statement)).strip()


_SORTS = """Ltac sorts := lazymatch goal with
  | |- let _ := _ in _ => intro; sorts
  | |- forall x : ?A, _ => let s := type of A in idtac s; intro; sorts
  | _ => idtac
  end.
"""


def _sorts_of(name: tuple[str, str]) -> str:
    """A query that prints the sort of the type of every argument of a theorem, in order: Prop for what it assumes."""
    full = ".".join(name)
    return f'Goal True. idtac "@@ {full}". let T := type of @{full} in assert T; [sorts|]. Abort.\n'


def audit(folder: Path, into: Path, families: Iterable[str]) -> tuple[list[Proof], list[str], list[str]]:
    """(the theorems as Coq prints them, the axioms behind all of them, problems)."""
    known = modules(folder)
    problems = [f"forbidden word {where}" for path in known.values() for where in forbidden_words(path)]
    names = [(family, name) for family in families if family in known for name in theorem_names(known[family])]
    if not names:
        return [], [], [*problems, "no theorem to audit: no family has a module in _CoqProject"]
    head = (
        "From Coq Require Import Reals.\nFrom mathcomp Require Import all_ssreflect.\nFrom Coquelicot Require Import Coquelicot.\n"
        "From Localist Require Import Sums Vectors.\n"
        + f"From Localist Require {' '.join(known)}.\nOpen Scope R_scope.\nSet Printing Width 200.\n"
    )
    about = "".join(f"About {family}.{name}.\n" for family, name in names)
    printed, *kinds = _query(into, "AuditStatements", head + about + _SORTS + "".join(map(_sorts_of, names))).split("@@ ")
    sorts = {words[0]: words[1:] for words in map(str.split, kinds)}
    proofs = []
    for part in re.split(r"^(?=\w+\.\w+ :\s)", printed, flags=re.MULTILINE):
        start = re.match(r"(\w+)\.(\w+) :\s", part)
        if start:
            body = re.split(r"\n\s*\n|\n\S+ is not universe polymorphic", part[start.end() :])[0]
            listed = re.search(r"^Arguments \S+ (.*?)(?=\n\S|\Z)", part, flags=re.MULTILINE | re.DOTALL)
            arguments = re.findall(r"[A-Za-z_][\w']*", re.sub(r"%\w+", "", listed.group(1))) if listed else []
            pairs = zip(arguments, sorts[f"{start.group(1)}.{start.group(2)}"], strict=False)
            assumed = tuple(argument for argument, sort in pairs if sort == "Prop")
            proofs.append(Proof(start.group(1), start.group(2), _clean(body), tuple(arguments), assumed))
    lost = set(names) - {(p.module, p.name) for p in proofs}
    problems += [f"{family}.{name}: declared in the source, but Coq does not know it" for family, name in sorted(lost)]
    tied = [
        f"{module}.{name}"
        for module in ("Links", "Pins")
        if module in known
        for name in re.findall(
            r"^(?:Lemma|Definition)\s+(\w+)", code_of(known[module].read_text(encoding="utf-8")), flags=re.MULTILINE
        )
    ]
    every = [f"{family}.{name}" for family, name in names] + tied
    conjunction = "Definition every :=\n  (" + ",\n   ".join(f"@{name}" for name in every) + ").\nPrint Assumptions every.\n"
    axioms = sorted(set(_axioms(_query(into, "AuditAssumptions", head + conjunction))))
    foreign = [axiom for axiom in axioms if axiom not in AXIOMS]
    if foreign:
        single = head + "".join(f'Goal True. idtac "@@ {name}". Abort.\nPrint Assumptions {name}.\n' for name in every)
        for part in _query(into, "AuditBlame", single).split("@@ ")[1:]:
            guilty = [axiom for axiom in _axioms(part) if axiom in foreign]
            if guilty:
                problems.append(f"{part.split()[0]} rests on {', '.join(guilty)}; only the axioms of Coq.Reals are allowed")
    return proofs, axioms, problems


def recheck(into: Path, families: Iterable[str]) -> list[str]:
    """What Coq's stand-alone kernel says against the compiled families; what they require is taken as checked when it was compiled."""
    answer, stamp = into / "coqchk.answer", (into / "built.json").read_text(encoding="utf-8")
    if answer.exists() and answer.read_text(encoding="utf-8") == stamp:
        return []
    chosen = [word for family in families for word in ("-norec", f"Localist.{family}")]
    result = subprocess.run(
        ["coqchk", "-silent", "-Q", ".", "Localist", *chosen], cwd=into, capture_output=True, text=True, check=False
    )
    if result.returncode:
        return [f"coqchk refuses the compiled proofs: {(result.stderr or result.stdout).strip()}"]
    answer.write_text(stamp, encoding="utf-8")
    return []


def hypothesis_name(key: str) -> str:
    """The name in Coq of a hypothesis of a statement."""
    return re.sub(r"\W+", "_", key.strip())


def _load(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _fingerprint(proof: Proof) -> str:
    text = " ".join([proof.statement, *proof.arguments])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def unmatched(statement: Theorem, proof: Proof, table: dict[str, dict[str, list[str]]]) -> list[str]:
    """Hypotheses of the statement that the theorem does not assume under their names; a variable of that name assumes nothing.

    `hypotheses.json` says where the names differ: a hypothesis may be several in Coq, or none, when the theorem does without it.
    """
    said = table.get(statement.name, {})
    return [key for key in statement.assumes if not set(said.get(key, [hypothesis_name(key)])) <= set(proof.hypotheses)]


def statuses(proofs: Iterable[Proof], sound: bool, sources: Path = SOURCES) -> list[dict[str, Any]]:
    """Every statement of the registry with its proof, or why it has none.

    `accepted.json` holds, for every statement, the hash in Python and the fingerprint in Coq at which the two were last read side by
    side; when one of them has changed since, the proof is stale.
    """
    known = {(p.module, p.name): p for p in proofs}
    table, accepted = _load(sources / "hypotheses.json"), _load(sources / "accepted.json")
    rows = []
    for statement in theory.theorems():
        proof = known.get((statement.family, statement.name.partition(".")[2]))
        missing = [] if proof is None else unmatched(statement, proof, table)
        row: dict[str, Any] = {"name": statement.name, "hash": statement.hash, "status": "proved", "why": ""}
        if proof is None:
            row |= {"status": "stated", "why": "no theorem of this name in Coq"}
        elif missing:
            row |= {"status": "stale", "why": f"the theorem in Coq has no hypothesis named {', '.join(missing)}"}
        elif not sound:
            row |= {"status": "unsound", "why": "the audit found a problem"}
        elif accepted.get(statement.name) != [statement.hash, _fingerprint(proof)]:
            changed = "has changed since it was compared" if statement.name in accepted else "has not been compared"
            row |= {"status": "stale", "why": f"{changed} with the theorem in Coq: read both, then `localist prove --accept`"}
        if proof is not None:
            row |= {"coq": asdict(proof), "fingerprint": _fingerprint(proof)}
        rows.append(row)
    return rows


def _add_uses(rows: list[dict[str, Any]], into: Path, known: Iterable[str]) -> None:
    """Give every row with a theorem the statements whose theorems its proof uses, by name."""
    compiled = [name for name in known if (into / f"{name}.glob").exists()]
    by_theorem = {(row["coq"]["module"], row["coq"]["name"]): row["name"] for row in rows if "coq" in row}
    uses = uses_in(into, compiled, by_theorem)
    for row in rows:
        if "coq" in row:
            row["uses"] = [by_theorem[end] for end in uses[row["coq"]["module"], row["coq"]["name"]]]


def accept(proofs: Iterable[Proof], sources: Path = SOURCES) -> None:
    """Record that statements and theorems, as they are now, say the same."""
    known = {f"{p.module}.{p.name}": p for p in proofs}
    pairs = {t.name: [t.hash, _fingerprint(known[t.name])] for t in theory.theorems() if t.name in known}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(pair)}" for name, pair in pairs.items())
    (sources / "accepted.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def source_digest(folder: Path = SOURCES) -> str:
    """Sixteen hex digits of every Coq source and of what was accepted: a record of other sources is stale."""
    digest = hashlib.sha256()
    for path in sorted((*folder.glob("*.v"), *folder.glob("*.json"), folder / "_CoqProject")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def default_build() -> Path:
    """A folder of the user's cache, one for every checkout: compiled proofs are not part of the sources."""
    checkout = hashlib.sha256(str(SOURCES.resolve()).encode()).hexdigest()[:8]
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "localist" / f"coq-{checkout}"


@click.command("prove")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Compilers at work at a time.")
@click.option(
    "--build",
    "into",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder of compiled proofs; default: the user's cache.",
)
@click.option("--sources", type=click.Path(exists=True, file_okay=False, path_type=Path), default=SOURCES, hidden=True)
@click.option("--accept", "accepting", is_flag=True, help="Record that statements and theorems, as they are now, say the same.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("evidence"),
    show_default=True,
    help="Folder of the record.",
)
def prove(as_json: bool, jobs: int, into: Path | None, sources: Path, accepting: bool, out: Path) -> None:
    """Compile the Coq proofs, audit what they assume, list what they prove.

    The record, `proofs.json`, is what `localist theorems` computes the status *proved* from.

    Exit codes: 0 every statement is proved, 1 one is not or the audit found a problem, 3 Coq is not installed.
    """
    if shutil.which("coqc") is None:
        click.echo(
            f"Not run: coqc not found. The proofs are for Coq 8.16 as Debian packages it; install it with\n  {INSTALL}",
            err=True,
        )
        sys.exit(3)
    console = Console(stderr=True)
    started = time.monotonic()
    folder = into or default_build()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task("compiling", total=None)
        problems = build(
            sources,
            folder,
            jobs,
            lambda name, total: progress.update(task, total=total, advance=1, description=f"compiled {name}"),
        )
        proofs: list[Proof] = []
        axioms: list[str] = []
        if not problems:
            progress.update(task, description="auditing", total=None)
            proofs, axioms, found = audit(sources, folder, audited(sources))
            problems += found
            progress.update(task, description="checking once more")
            problems += recheck(folder, audited(sources))
    if accepting and not problems:
        accept(proofs, sources)
    rows = statuses(proofs, not problems, sources)
    proved = sum(row["status"] == "proved" for row in rows)
    seconds = time.monotonic() - started
    extra = {(p.module, p.name): p for p in proofs}
    _add_uses(rows, folder, modules(sources))
    for row in rows:
        extra.pop(tuple(row["name"].split(".", 1)), None)
    report = {
        "sources": source_digest(sources),
        "seconds": round(seconds, 1),
        "axioms": axioms,
        "problems": problems,
        "statements": rows,
        "further": [asdict(p) for p in extra.values()],
    }
    write_atomically(out / "proofs.json", json.dumps(report, indent=1))
    if as_json:
        click.echo(json.dumps(report, indent=1))
    else:
        _table(rows, problems, axioms, seconds, proved, len(proofs))
    sys.exit(0 if proved == len(rows) and not problems else 1)


def _table(
    rows: list[dict[str, Any]], problems: list[str], axioms: list[str], seconds: float, proved: int, theorems: int
) -> None:
    console = Console(width=None if sys.stdout.isatty() else 150)
    table = Table(header_style="bold")
    for heading in ("statement", "status", "hypotheses by name"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        names = " ".join(row["coq"]["arguments"]) if "coq" in row else ""
        table.add_row(Text(row["name"]), Text(f"{row['status']}{': ' if row['why'] else ''}{row['why']}"), Text(names))
    console.print(table)
    for problem in problems:
        console.print(Text(problem), style="red")
    counted = f"{proved} of {len(rows)} statements proved ({theorems} theorems in Coq), {seconds:.0f} s."
    console.print(f"{counted} Axioms: {', '.join(axioms) or 'none printed'}")
