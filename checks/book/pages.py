"""The page of a family, and the section of a statement on it. All of it comes from the registry, the evidence and the audit."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import sympy as sp

from checks.book.coq import companions, sources, spread
from checks.book.evidence import Evidence, Status
from checks.book.lemmas import lemma_link
from checks.book.proof import proof
from checks.book.text import anchor, block, code, link, plain, plural, table
from theory import theorem_named, theorems
from theory.export.__main__ import every_formula
from theory.export.latex import latex
from theory.formula import Formula
from theory.symbols import MEANINGS
from theory.theorem import Lemma, Theorem, Witness

KINDS = {"bound": "prf:theorem", "identity": "prf:proposition", "counterexample": "prf:example"}
LONGEST_ROW = 1200  # characters of an exact row that a page shows; the evidence file has all of it


def family_page(family: str, evidence: Evidence) -> str:
    """The whole page of a family as MyST."""
    statements = theorems(family)
    rows = [(link(t.name), plain(t.title), badges(t, evidence.status(t))) for t in statements]
    parts = [
        f"(family-{anchor(family)})=\n",
        f"# {family.capitalize()}\n",
        _prose((inspect.getdoc(import_module(f"theory.{family}")) or "").removeprefix(f"{family.capitalize()}: ")),
        warning(statements, evidence),
        table(("statement", "what it says", "status"), rows),
        symbols_table(statements),
        *(section(theorem, evidence) for theorem in statements),
        _rest(family, evidence),
    ]
    return "\n".join(part for part in parts if part)


def _prose(text: str) -> str:
    """A module's docstring: paragraphs as prose, what is indented as it stands."""
    text = text[:1].upper() + text[1:]
    blocks = []
    for part in re.split(r"\n\s*\n", text.strip()):
        if all(line.startswith("    ") for line in part.split("\n")):
            blocks.append(code(inspect.cleandoc(part), "text"))
        else:
            # *words* of a docstring are meant as emphasis; a lone asterisk is a product
            blocks.append(re.sub(r"(?<!\w)\\\*([A-Za-z][\w .,'-]*?)\\\*(?!\w)", r"*\1*", plain(part)) + "\n")
    return "\n".join(blocks)


def warning(statements: Iterable[Theorem], evidence: Evidence) -> str:
    """What is missing or stale among these statements, for all to see; nothing when all is in order."""
    problems = evidence.problems(statements)
    if not problems:
        return ""
    reasons: dict[str, list[str]] = {}
    for name, missing in problems.items():
        for reason in missing:
            reasons.setdefault(reason, []).append(name)
    lines = [f"- {plain(reason)} ({plural(len(found), 'statement')}: {_some(found)})" for reason, found in reasons.items()]
    return block("warning", "", "Evidence on this page is missing or stale.\n\n" + "\n".join(lines))


def _some(found: list[str], most: int = 6) -> str:
    shown = ", ".join(map(link, found[:most]))
    return shown if len(found) <= most else f"{shown} and {len(found) - most} more"


def badges(theorem: Theorem, status: Status) -> str:
    """The computed status as words with a class, never by colour alone."""
    words = [status.word]
    if status.word == "proved":
        words.append(status.checked)
    shown = [_badge(word) for word in words]
    if status.lemmas:
        shown.append(_badge("by lemma"))
    if theorem.kind == "counterexample":
        shown.append(_badge("counterexample"))
    if status.missing:
        shown.append(_badge("incomplete"))
    return " ".join(shown)


def _badge(word: str) -> str:
    return f"[{word}]{{.status .status-{word.replace(' ', '-')}}}"


def symbols_table(statements: Iterable[Theorem]) -> str:
    """The letters of these statements: meaning and unit, in the registry's order; folded."""
    used = {symbol.name for theorem in statements for symbol in _symbols(theorem.name)}
    rows = [(f"${latex(m.symbol)}$", plain(m.text), plain(m.unit)) for name, m in MEANINGS.items() if name in used]
    return block("dropdown", "Symbols on this page", table(("symbol", "meaning", "unit"), rows)) if rows else ""


@cache
def _symbols(name: str) -> frozenset[sp.Symbol]:
    theorem = theorem_named(name)
    relations = [theorem.claim, *(h.relation for h in theorem.assumes.values()), *theorem.definitions.values()]
    return frozenset(symbol for relation in relations for symbol in relation.free_symbols if isinstance(symbol, sp.Symbol))


def section(theorem: Theorem, evidence: Evidence) -> str:
    """One statement: claim, hypotheses, equality, links; folded proof, Coq, evidence and controls."""
    status = evidence.status(theorem)
    parts = [
        f"({anchor(theorem.name)})=\n",
        f"## {plain(theorem.title)}\n",
        f"`{theorem.name}` {badges(theorem, status)}\n",
        "".join(f"**Incomplete.** {plain(reason)}\n\n" for reason in status.missing),
        _statement(theorem),
        _needed(theorem),
        f"**Equality.** {plain(theorem.equality.text)}\n",
        _links(theorem),
        _definitions(theorem),
        block("dropdown", f"Proof, {plural(len(theorem.steps), 'step')}", _proof(theorem, status)),
        _coq(theorem, evidence),
        _formulas(theorem),
        _findings(theorem, evidence),
        _controls(theorem, evidence),
    ]
    return "\n".join(part for part in parts if part)


def _statement(theorem: Theorem) -> str:
    assumes = "".join(f"- *{plain(key)}*: {_hypothesis(h.relation, h.text)}\n" for key, h in theorem.assumes.items())
    body = (f"If\n\n{assumes}\nthen\n\n" if assumes else "") + f"$$\n{latex(theorem.claim)}\n$$\n"
    title = f"Counterexample: {plain(theorem.title)}" if theorem.kind == "counterexample" else plain(theorem.title)
    return block(KINDS[theorem.kind], title, body, ("nonumber:", f"label: prf-{anchor(theorem.name)}"))


def _hypothesis(relation: sp.Basic, text: str) -> str:
    return f"${latex(relation)}$, that is, {plain(text)}"


def _needed(theorem: Theorem) -> str:
    if not theorem.assumes:
        return "**Hypotheses.** None: the claim is closed.\n" if not theorem.claim.free_symbols else "**Hypotheses.** None.\n"
    lines = [
        f"- *{plain(key)}* is needed: {_witness(theorem.needs[key])}" if key in theorem.needs
        else f"- *{plain(key)}* has no witness: {plain(theorem.free[key])}"
        for key in theorem.assumes
    ]  # fmt: skip
    return "**Why these hypotheses.**\n\n" + "\n".join(lines) + "\n"


def _witness(witness: Witness) -> str:
    values = ", ".join(f"${latex(symbol)} = {latex(sp.sympify(value))}$" for symbol, value in witness.values.items())
    row = ""
    if witness.scores:
        scores = ", ".join(latex(score) for score in witness.scores)
        row = f"scores $({scores})$ with {_keys(witness.block)} in the block; "
    return f"{plain(witness.text) + '. ' if witness.text else ''}Without it the claim is false at {row}{values}."


def _keys(block: tuple[int, ...]) -> str:
    return f"{'key' if len(block) == 1 else 'keys'} {', '.join(str(key + 1) for key in block)}"


@cache
def used_by() -> Mapping[str, tuple[str, ...]]:
    """For every statement the statements whose derivations use it."""
    found: dict[str, list[str]] = {}
    for theorem in theorems():
        for used in theorem.uses:
            if isinstance(used, Theorem):
                found.setdefault(used.name, []).append(theorem.name)
    return {name: tuple(users) for name, users in found.items()}


def _links(theorem: Theorem) -> str:
    uses = [lemma_link(used) if isinstance(used, Lemma) else link(used.name) for used in theorem.uses]
    users = [link(name) for name in used_by().get(theorem.name, ())]
    lines = [f"**Promise.** {plain(theorem.source)}"]
    lines += [f"**Uses** {', '.join(uses)}"] if uses else []
    lines += [f"**Used by** {', '.join(users)}"] if users else []
    return "\n\n".join(lines) + "\n"


def _definitions(theorem: Theorem) -> str:
    used = _symbols(theorem.name)
    meanings = [(f"${latex(m.symbol)}$", plain(m.text), plain(m.unit)) for m in MEANINGS.values() if m.symbol in used]
    body = table(("symbol", "meaning", "unit"), meanings) if meanings else ""
    if theorem.definitions:
        body += "\nWhat the letters are, as facts that the proof may use:\n\n"
        body += "".join(f"- *{plain(key)}*: ${latex(d)}$\n" for key, d in theorem.definitions.items())
    return block("dropdown", "Symbols and definitions", body) if body else ""


def _proof(theorem: Theorem, status: Status) -> str:
    known = status.word != "stated"
    opening = "Every step was replayed by the kernel." if known else "No replay of these steps is on record for this statement."
    rests = "".join(f"\n- {plain(reading)}" for reading in status.lemmas)
    if rests:
        opening += f" It rests on argued lemmas, used as\n{rests}"
    return f"{opening}\n\n{proof(theorem)}"


def _coq(theorem: Theorem, evidence: Evidence) -> str:
    word = theorem.name.partition(".")[2]
    row = evidence.proofs.get(theorem.name)
    beside = companions(evidence.further).get(theorem.name, [])
    if row is None:
        return block("dropdown", "In Coq: not run", "No record of the proofs. Run `localist prove`.\n")
    if "coq" not in row:
        return block("dropdown", f"In Coq: {row['status']}", plain(row["why"]) + "\n")
    why = f" {plain(row['why'])}." if row["why"] else ""
    body = f"`{theorem.family}.{word}` is {row['status']}.{why} As Coq prints it:\n\n{code(spread(row['coq']['statement']), 'coq')}"
    for other in beside:
        body += f"\nBeside it, `{other['module']}.{other['name']}`:\n\n{code(spread(other['statement']), 'coq')}"
    texts = sources(theorem.family)
    shown = [texts[name] for name in (word, *(other["name"] for other in beside)) if name in texts]
    if shown:
        body += "\n" + block("dropdown", f"Source, theory/coq/{theorem.family}.v", code("\n\n".join(shown), "coq"))
    title = f"In Coq: {row['status']}" + (f", with {plural(len(beside), 'further theorem')}" if beside else "")
    return block("dropdown", title, body)


@cache
def _formulas_of() -> Mapping[str, tuple[Formula, ...]]:
    found: dict[str, list[Formula]] = {}
    for formula in every_formula():
        found.setdefault(formula.theorem, []).append(formula)
    return {name: tuple(formulas) for name, formulas in found.items()}


def _formulas(theorem: Theorem) -> str:
    parts = []
    for formula in _formulas_of().get(theorem.name, ()):
        arguments = ", ".join(latex(argument) for argument in formula.args)
        domain = ", ".join(f"${latex(relation)}$" for relation in formula.domain)
        parts.append(
            f"`theory.formulas.{formula.name}`, in {plain(formula.unit)}: {plain(formula.doc)} Arguments ${arguments}$"
            f"{f', for {domain}' if domain else ''}.\n\n$$\n{latex(formula.stated)}\n$$\n\nThe form that is computed, shown equal:\n\n"
            f"$$\n{latex(formula.stable)}\n$$\n"
        )
    return block("dropdown", plural(len(parts), "formula", "formulas").capitalize(), "\n".join(parts)) if parts else ""


def _findings(theorem: Theorem, evidence: Evidence) -> str:
    finding = evidence.findings.get(theorem.name)
    if finding is None:
        return block("dropdown", "Evidence: not run", "No evidence. Run `localist verify`.\n")
    record, tally = finding.record, finding.record["tally"]
    cases = sum(tally["counts"].values())
    rows = [
        ("verdict", record["verdict"]),
        (
            "cases judged",
            f"{cases:,}: " + ", ".join(f"{n:,} {name.lower().replace('_', ' ')}" for name, n in tally["counts"].items() if n),
        ),
        ("settled symbolically at equality", f"{tally['settled']:,}"),
        ("layers trained by its attacks", f"{record['layers']:,}"),
        ("smallest gap seen", "none" if tally["worst_slack"] is None else f"{tally['worst_slack']:.3g}"),
        ("tightness, worst over bound", _tightness(tally["tightness"])),
        ("run", f"`{finding.source.name}`, {finding.source.record['finished']}"),
    ]
    body = table(("what", "found"), rows)
    if tally["worst"] is not None:
        worst = tally["worst"]
        sides = f"Left side {_ball(worst['lhs'])}, right side {_ball(worst['bound'])}, gap {_ball(worst['slack'])}"
        body += f"\nThe tightest case: {plain(worst['origin'])}. {sides} ({plain(worst['certificate'])}). Exactly:\n\n"
        body += code(_shortened(worst["exact"]), "text")
    title = f"Evidence: {plural(cases, 'case')}, {plural(record['layers'], 'trained layer')}, {record['verdict']}"
    return block("dropdown", title, body)


def _tightness(value: float | None) -> str:
    if value is None:
        return "none"
    return "attained" if value == 1.0 else f"{min(value, 0.999999):.6f}"


def _ball(text: str) -> str:
    return f"`{text}`"


def _shortened(exact: Any) -> str:
    text = json.dumps(exact)
    return text if len(text) <= LONGEST_ROW else f"{text[:LONGEST_ROW]} … ({len(text):,} characters; the evidence file has all)"


def _controls(theorem: Theorem, evidence: Evidence) -> str:
    finding = evidence.findings.get(theorem.name)
    if finding is None or not finding.record["controls"]:
        return ""
    controls = finding.record["controls"]
    killed = sum(control["outcome"] == "killed" for control in controls)
    survived = sum(control["outcome"] == "survived" for control in controls)
    rows = [
        (
            plain(control["change"]), control["outcome"],
            plain(control["witness"]["origin"]) if control["witness"] else "",
            " against ".join(map(_ball, control["bound"])) if control["bound"] else "",
        )
        for control in controls
    ]  # fmt: skip
    body = (
        "Each control is this statement with one thing changed so that it claims more. *Killed*: the case named refutes it. *Implied*: it "
        "turned out to claim less on every case. *True*: it claims more and is right, for the reason given. *Survived* fails the run.\n\n"
    )
    title = f"Controls: {killed} killed" + (f", {survived} survived" if survived else "")
    return block("dropdown", title, body + table(("change", "outcome", "by the case", "left side against changed bound"), rows))


def _rest(family: str, evidence: Evidence) -> str:
    beside = companions(evidence.further).get(f"{family}.", [])
    if not beside:
        return ""
    texts = sources(family)
    parts = [f"`{p['module']}.{p['name']}`\n\n{code(texts.get(p['name'], spread(p['statement'])), 'coq')}" for p in beside]
    return "## Further theorems in Coq\n\n" + block("dropdown", plural(len(beside), "theorem"), "\n".join(parts))


__all__ = ["badges", "family_page", "section", "symbols_table", "used_by", "warning"]
