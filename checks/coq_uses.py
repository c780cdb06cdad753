"""Which theorem of Coq uses which, read from the references that the compiler writes down (`.glob` files).

A reference belongs to the declaration whose text it stands in. Lemmas are passed through: a theorem uses every theorem that it reaches
by way of lemmas and definitions alone, so the graph has the edges that the proofs have and no others.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from pathlib import Path

Name = tuple[str, str]
"""Module and name of a declaration."""

_DECLARED = re.compile(r"^(?:prf|def|ind|constr|rec|proj|inst|class|abbrev|not) (\d+):\d+ \S+ (\S+)$")
_REFERS = re.compile(r"^R(\d+):\d+ Localist\.(\w+) (\S+) (\S+) (?:thm|def|ind|constr|rec|proj|inst|class|abbrev|lem|not)$")


def references(glob: Path) -> dict[Name, frozenset[Name]]:
    """For every declaration of one compiled module, the declarations of this project that its text names.

    glob: the file that coqc wrote beside the compiled module; its stem is the module's name.
    """
    module = glob.stem
    lines = glob.read_text(encoding="utf-8").split("\n")
    declared = sorted((int(m.group(1)), m.group(2)) for line in lines if (m := _DECLARED.match(line)))
    starts = [start for start, _ in declared]
    found: dict[Name, set[Name]] = {(module, name): set() for _, name in declared}
    for line in lines:
        match = _REFERS.match(line)
        if match is None:
            continue
        place = bisect_right(starts, int(match.group(1))) - 1
        if place < 0:
            continue
        home, target = (module, declared[place][1]), (match.group(2), match.group(4))
        if target != home:
            found[home].add(target)
    return {name: frozenset(targets) for name, targets in found.items()}


def theorem_uses(direct: Mapping[Name, Iterable[Name]], theorems: Iterable[Name]) -> dict[Name, tuple[Name, ...]]:
    """For every theorem, the theorems that its proof or statement reaches without passing through a third one."""
    ends = frozenset(theorems)
    result: dict[Name, tuple[Name, ...]] = {}
    for theorem in ends:
        reached: set[Name] = set()
        seen = {theorem}
        ahead = list(direct.get(theorem, ()))
        while ahead:
            name = ahead.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in ends:
                reached.add(name)
            else:
                ahead += direct.get(name, ())
        result[theorem] = tuple(sorted(reached))
    return result


def uses_in(folder: Path, modules: Iterable[str], theorems: Iterable[Name]) -> dict[Name, tuple[Name, ...]]:
    """`theorem_uses` of the modules compiled in a folder; a module without its references is an error that names the file."""
    direct: dict[Name, frozenset[Name]] = {}
    for module in modules:
        glob = folder / f"{module}.glob"
        if not glob.exists():
            raise FileNotFoundError(
                f"{glob.name}: the compiler's references of module {module!r} are missing; compile it again"
            )
        direct |= references(glob)
    return theorem_uses(direct, theorems)
