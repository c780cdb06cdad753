"""The dependency graph of the statements: nodes from the registry, edges from `uses` and from Coq, colours from the evidence.

Every view is laid out here, by a layered layout with few crossings; the page only draws it. Views: the families, each family with its
neighbours, every statement with its ancestors and consequences, and all statements at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fast_sugiyama import from_edges
from fast_sugiyama.layout import Layouts

from checks.book.evidence import Evidence
from checks.book.text import anchor, block, link
from checks.files import write_atomically
from theory import FAMILIES, theorems
from theory.theorem import Theorem

COLUMNS = 5
"""Ranks beside each other before components are stacked: five labels fit on a laptop screen."""

STATUSES: Mapping[str, str] = {
    "proved": "a closed theorem in Coq, its assumptions audited, compared with the statement",
    "checked": "derived, and attacked on rows and trained layers without a failure",
    "derived": "every step of the derivation replayed",
    "stated": "typed, and no checker has run",
}

Edge = tuple[str, str]


@dataclass(frozen=True)
class Graph:
    """Statements by name in reading order, and the edges (used, user) by where they come from."""

    nodes: tuple[Theorem, ...]
    by_code: frozenset[Edge]
    by_coq: frozenset[Edge]

    @property
    def edges(self) -> frozenset[Edge]:
        """All edges, from the code or from Coq."""
        return self.by_code | self.by_coq


def graph_of(statements: Iterable[Theorem], proofs: Mapping[str, Mapping[str, Any]]) -> Graph:
    """The graph of some statements; `proofs` is the record of `localist prove` by statement, whose `uses` are Coq's own."""
    nodes = tuple(statements)
    names = {theorem.name for theorem in nodes}
    code = {(used.name, t.name) for t in nodes for used in t.uses if isinstance(used, Theorem) and used.name in names}
    coq = {(used, t.name) for t in nodes for used in proofs.get(t.name, {}).get("uses", ()) if used in names}
    return Graph(nodes, frozenset(code), frozenset(coq))


def reach(start: str, edges: Iterable[Edge]) -> frozenset[str]:
    """Everything that can be reached from a node along edges (from, to), the node itself left out."""
    ahead: dict[str, list[str]] = {}
    for source, target in edges:
        ahead.setdefault(source, []).append(target)
    seen, waiting = {start}, [start]
    while waiting:
        new = [name for name in ahead.get(waiting.pop(), ()) if name not in seen]
        seen.update(new)
        waiting += new
    return frozenset(seen - {start})


def ancestors(name: str, graph: Graph) -> frozenset[str]:
    """All statements that a statement rests on."""
    return reach(name, ((target, source) for source, target in graph.edges))


def consequences(name: str, graph: Graph) -> frozenset[str]:
    """All statements that rest on a statement."""
    return reach(name, graph.edges)


def layout(names: Iterable[str], edges: Iterable[Edge]) -> dict[str, Any]:
    """Places of some nodes and bends of the edges between them, in columns (what is used stands left) and rows.

    Returns at: name -> [column, row]; bends: "used user" -> places between the two; columns and rows: the extent.
    """
    chosen = list(dict.fromkeys(names))
    inside = sorted({(a, b) for a, b in edges if a in chosen and b in chosen and a != b})
    places = from_edges(inside, dummy_vertices=True, vertex_spacing=1, ranking_type="minimize") if inside else Layouts()
    linked = {name for edge in inside for name in edge}
    places.extend(([(name, (0.0, 0.0))], 0.0, 0.0, []) for name in chosen if name not in linked)
    at: dict[str, list[float]] = {}
    bends: dict[str, list[list[float]]] = {}
    shelves = _Shelves()
    for positions, height, width, links in sorted(places, key=lambda part: (-part[2], -part[1])):
        column, row = shelves.place(round(width) + 1, height + 1)
        top = min(x for _, (x, _) in positions)
        last = max(y for _, (_, y) in positions)
        here = {node: [column + last - y, row + x - top] for node, (x, y) in positions}
        at |= {str(node): spot for node, spot in here.items() if isinstance(node, str)}
        for path in _paths(links or ()):
            middle = [here[node] for node in path[1:-1]]
            if middle:
                start, end = path[0], path[-1]
                flipped = (start, end) not in inside  # the layout turns an edge around to break a cycle
                bends[f"{end} {start}" if flipped else f"{start} {end}"] = middle[::-1] if flipped else middle
    return {
        "at": at,
        "bends": bends,
        "columns": 1 + max((x for x, _ in at.values()), default=0),
        "rows": 1 + max((y for _, y in at.values()), default=0),
    }


class _Shelves:
    """Puts boxes side by side on shelves of COLUMNS columns, the widest first."""

    def __init__(self) -> None:
        self._heights = [0.0] * COLUMNS

    def place(self, width: int, height: float) -> tuple[int, float]:
        """The highest place where a box of some columns fits; a box that is too wide gets a shelf of its own."""
        if width > len(self._heights):
            self._heights += [max(self._heights)] * (width - len(self._heights))
        starts = range(len(self._heights) - width + 1)
        column = min(starts, key=lambda c: max(self._heights[c : c + width]))
        row = max(self._heights[column : column + width])
        self._heights[column : column + width] = [row + height] * width
        return column, row


def _paths(links: Iterable[tuple[Any, Any]]) -> list[list[Any]]:
    """Edges of the layout joined through its helper nodes, which are numbers and have one way in and one way out."""
    following = {source: target for source, target in links if not isinstance(source, str)}
    paths = []
    for source, target in links:
        if isinstance(source, str):
            path = [source, target]
            while not isinstance(path[-1], str):
                path.append(following[path[-1]])
            paths.append(path)
    return paths


def views(graph: Graph) -> dict[str, dict[str, Any]]:
    """Every view of the page by its address: `families`, `all`, `family=…` and `focus=…`."""
    edges = graph.edges
    names = [theorem.name for theorem in graph.nodes]
    families = [family for family in FAMILIES if any(t.family == family for t in graph.nodes)]
    across = {(a.partition(".")[0], b.partition(".")[0]) for a, b in edges}
    found = {"families": layout(families, {(a, b) for a, b in across if a != b}), "all": layout(names, edges)}
    for family in families:
        own = [name for name in names if name.startswith(f"{family}.")]
        near = {end for edge in edges for end in edge if set(edge) & set(own)} - set(own)
        found[f"family={family}"] = layout([*own, *sorted(near)], {e for e in edges if set(e) & set(own)})
    for name in names:
        found[f"focus={name}"] = layout([*ancestors(name, graph), name, *consequences(name, graph)], edges)
    return found


def graph_data(graph: Graph, evidence: Evidence) -> dict[str, Any]:
    """What the page draws, as plain data."""
    index = {theorem.name: number for number, theorem in enumerate(graph.nodes)}
    nodes = []
    for theorem in graph.nodes:
        status = evidence.status(theorem)
        node = {"name": theorem.name, "title": theorem.title, "kind": theorem.kind, "status": status.word, "why": status.why}
        nodes.append({**node, "stale": bool(status.missing), "href": _place(theorem)})
    edges = [
        [index[a], index[b], ("code" if (a, b) in graph.by_code else "") + ("coq" if (a, b) in graph.by_coq else "")]
        for a, b in sorted(graph.edges)
    ]
    return {"nodes": nodes, "edges": edges, "statuses": dict(STATUSES), "views": views(graph)}


def _place(theorem: Theorem) -> str:
    """The address of a statement from the page of the graph."""
    return f"families/{theorem.family}.html#{anchor(theorem.name)}"


def write_graph(folder: Path, evidence: Evidence) -> list[Path]:
    """Write the page `graph.md` and its data `_static/graph-data.js` into the sources of the book.

    Returns both, relative to the folder.
    """
    graph = graph_of(theorems(), evidence.proofs)
    data = json.dumps(graph_data(graph, evidence), separators=(",", ":"), ensure_ascii=True)
    script, page = Path("_static", "graph-data.js"), Path("graph.md")
    # A script, not JSON to be fetched: a page opened from a file may not fetch.
    (folder / script).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / script, f"window.localistGraph = {data};\n")
    write_atomically(folder / page, _page(graph, evidence))
    return [script, page]


def _page(graph: Graph, evidence: Evidence) -> str:
    counts = {word: sum(evidence.status(t).word == word for t in graph.nodes) for word in STATUSES}
    both = len(graph.by_code & graph.by_coq)
    legend = ", ".join(f"{count} {word}" for word, count in counts.items())
    return f"""---
html_theme.sidebar_secondary.remove: true
---
# Dependency graph

{len(graph.nodes)} statements ({legend}) and {len(graph.edges)} edges: {len(graph.by_code)} from the `uses` of the code,
{len(graph.by_coq)} from the proofs in Coq, {both} from both. An edge runs from what is used, left, to what uses it, right.
Python and Coq may prove a statement by different routes; that is why their edges differ.

```{{raw}} html
<div id="statement-graph" class="statement-graph">
  <noscript>The picture is drawn by a script of this page. The same edges are listed below.</noscript>
</div>
<script src="_static/graph-data.js"></script>
<script src="_static/graph.js"></script>
```

## The same as a list

{_lists(graph)}
"""


def _lists(graph: Graph) -> str:
    """Every statement with what it uses, family by family, folded: the picture in words."""
    parts = []
    for family in dict.fromkeys(theorem.family for theorem in graph.nodes):
        lines = []
        for theorem in graph.nodes:
            if theorem.family == family:
                used = sorted(a for a, b in graph.edges if b == theorem.name)
                uses = f" uses {', '.join(map(link, used))}" if used else " uses no other statement"
                lines.append(f"- {link(theorem.name)}{uses}")
        parts.append(block("dropdown", family, "\n".join(lines)))
    return "\n".join(parts)
