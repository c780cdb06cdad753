"""Look-up pages: every symbol, and the public modules by autodoc."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from checks.book.text import plain, table
from theory import theorems
from theory.export.latex import latex
from theory.symbols import MEANINGS

if TYPE_CHECKING:
    from sphinx.application import Sphinx

THEORY = (
    "theory", "theory.theorem", "theory.steps", "theory.replay", "theory.signs", "theory.formula", "theory.formulas",
    "theory.namespaces", "theory.config", "theory.guarantee", "theory.sweep",
)  # fmt: skip
CHECKS = (
    "checks.verdict", "checks.enclosure", "checks.claims", "checks.controls", "checks.properties", "checks.strategies", "checks.rows",
    "checks.layer", "checks.penalty", "checks.training", "checks.trained", "checks.data", "checks.shards", "checks.run", "checks.status",
    "checks.experiments.statistics", "checks.experiments.printed", "checks.experiments.published",
)  # fmt: skip


_CITATION = re.compile(r'<div(?=[^>]*class="citation(?:-list)?")[^>]*>')

EVERYWHERE = ("localist.js",)  # the scripts of all pages


def symbols_page() -> str:
    """Every symbol of the registry and how often it is used."""
    used: dict[str, int] = {}
    for theorem in theorems():
        for name in {symbol.name for symbol in theorem.claim.free_symbols if hasattr(symbol, "name")}:
            used[name] = used.get(name, 0) + 1
    rows = [
        (f"${latex(m.symbol)}$", f"`{name}`", plain(m.text), plain(m.unit), m.domain, str(used.get(name, 0)))
        for name, m in MEANINGS.items()
    ]
    head = ("symbol", "in code", "meaning", "unit", "domain", "claims that use it")
    return "# Symbols\n\nOne letter has one meaning in every family. Entropies are in nats.\n\n" + table(head, rows)


def api_page(title: str, modules: tuple[str, ...]) -> str:
    """The public names of some modules, from their docstrings."""
    parts = [f"# {title}\n"]
    for module in modules:
        parts.append(f"## {module}\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n   :ignore-module-all:\n```\n")
    return "\n".join(parts)


def as_rst(lines: list[str]) -> list[str]:
    """A docstring of this project, which is plain text, as reStructuredText that shows it: code kept, the rest escaped."""
    out: list[str] = []
    literal = False
    for line in lines:
        if line.startswith("    "):  # a displayed formula
            if not literal:
                out += ["", "::", ""]
            literal = True
            out.append(line)
            continue
        if literal and line.strip():
            out.append("")
            literal = False
        parts = re.split(r"(`[^`]+`)", line.strip() if not literal else line)
        text = "".join(f"`{part}`" if part.startswith("`") else re.sub(r"([\\*_|`])", r"\\\1", part) for part in parts)
        out.append(re.sub(r"^(?=[-+=~.:>#]|\w+[.)] )|(?=::$)", r"\\", text))  # no list, title or directive begins by accident
    return out


def setup(app: Sphinx) -> dict[str, Any]:
    """A Sphinx extension: docstrings here are plain text, citations lose wrong roles, and every page loads only `EVERYWHERE`."""

    def process(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
        lines[:] = as_rst(lines)

    def sign(
        app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returns: str | None
    ) -> Any:
        """A default that a factory makes has no form in Python's grammar, and Sphinx would not link the types beside it."""
        return None if signature is None else (signature.replace("<factory>", "..."), returns)

    def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
        """Citations lose the roles that Sphinx gives them: one is deprecated, the other promises a list and there is none."""
        context["body"] = _CITATION.sub(lambda tag: re.sub(r' role="[^"]*"', "", tag.group(0)), context.get("body", ""))

    def scripts(app: Sphinx, config: Any) -> None:
        """Jupyter Book adds all scripts of _static to every page, after its configuration is read; a page names those it needs."""
        config.html_js_files = list(EVERYWHERE)

    app.connect("config-inited", scripts)
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-process-signature", sign)
    app.connect("html-page-context", mend)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


__all__ = ["CHECKS", "THEORY", "api_page", "as_rst", "setup", "symbols_page"]
