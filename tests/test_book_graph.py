"""The dependency graph: edges of code and Coq, ancestors and consequences, and a layout that loses nothing."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from checks.book.evidence import Evidence
from checks.book.graph import ancestors, consequences, graph_of, layout, views, write_graph
from theory import theorem_named, theorems

PROOFS = {"dial.target": {"uses": ["concentration.outside_mass"]}}


@pytest.fixture(scope="module")
def graph():
    return graph_of(theorems(), PROOFS)


def test_edges_are_those_of_the_code_and_of_coq(graph):
    assert ("concentration.outside_mass", "entropy.ceiling") in graph.by_code
    assert graph.by_coq == {("concentration.outside_mass", "dial.target")}
    assert graph.edges == graph.by_code | graph.by_coq


def test_focus_is_transitive_and_has_two_directions(graph):
    ceiling, mass, frozen = "entropy.ceiling", "concentration.outside_mass", "dial.frozen_ceiling"
    assert {mass, ceiling} <= ancestors(frozen, graph)
    assert frozen in consequences(mass, graph)
    assert not ancestors(mass, graph) & consequences(mass, graph)


def test_what_is_used_stands_left_of_what_uses_it():
    placed = layout("abcd", [("a", "b"), ("b", "c"), ("a", "c")])
    column = {name: x for name, (x, _) in placed["at"].items()}
    assert column["a"] < column["b"] < column["c"]
    assert set(placed["at"]) == set("abcd"), "a statement without edges is shown too"
    assert len(placed["bends"]["a c"]) == 1, "the long edge bends where it passes the column between"


def test_places_are_distinct_and_a_cycle_is_drawn():
    placed = layout("abcdefgh", [("a", "b"), ("b", "c"), ("c", "a"), ("e", "f")])
    spots = [tuple(place) for place in placed["at"].values()]
    assert len(set(spots)) == 8
    assert all(0 <= x < placed["columns"] and 0 <= y < placed["rows"] for x, y in spots)


def test_every_statement_has_a_view_and_no_two_nodes_overlap(graph):
    made = views(graph)
    names = {theorem.name for theorem in graph.nodes}
    assert set(made["all"]["at"]) == names
    for name in names:
        assert name in made[f"focus={name}"]["at"]
    for view, placed in made.items():
        rows: dict[float, list[float]] = {}
        for x, y in placed["at"].values():
            rows.setdefault(x, []).append(y)
        for column in rows.values():
            ordered = sorted(column)
            assert all(b - a >= 1 for a, b in pairwise(ordered)), f"{view}: two boxes on one spot"


def test_a_family_view_fits_a_laptop_screen(graph):
    """At most five labels beside each other and, with one line each, about sixty statements below a scroll and a half."""
    for name, placed in views(graph).items():
        if name.startswith("family="):
            assert placed["columns"] <= 8, name
            assert len(placed["at"]) <= 80, name


def test_the_page_holds_every_edge_in_words_and_the_data_is_plain_json(graph, tmp_path: Path):
    script, page = (tmp_path / path for path in write_graph(tmp_path, Evidence(proofs={})))
    data = json.loads(script.read_text(encoding="utf-8").removeprefix("window.localistGraph = ").rstrip(";\n"))
    assert len(data["nodes"]) == len(theorems())
    edges = {(data["nodes"][a]["name"], data["nodes"][b]["name"]) for a, b, _ in data["edges"]}
    assert edges == set(graph.by_code)
    words = page.read_text(encoding="utf-8")
    for used, user in edges:
        line = next(line for line in words.split("\n") if line.startswith(f"- [`{user}`]("))
        assert f"[`{used}`](" in line
    assert {node["status"] for node in data["nodes"]} == {"stated"}, "without evidence nothing is more than stated"
    assert theorem_named("entropy.ceiling").title in script.read_text(encoding="utf-8")
