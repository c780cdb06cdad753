"""Semantic blocks from similarity: single linkage, the cut of the largest gap, and certificates of what was found.

A cut of the similarity graph has components; those of at least `least` tokens are the blocks, all other tokens form one rest block. The
certificate is about the components: while they stay the same, so do blocks and rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from flint import arb
from jaxtyping import Bool, Int
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.cluster.vq import kmeans2
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial.distance import squareform

from checks.data import DataError
from checks.layer import Structure
from checks.partition_similarity import Exact, Similarity, above, below, difference, extreme
from checks.verdict import FAILS, HOLDS, UNDECIDED, Verdict

Method = Literal["single", "average", "complete", "kmeans"]
METHODS: tuple[Method, ...] = ("single", "average", "complete", "kmeans")
Labels = Int[np.ndarray, " N"]


@dataclass(frozen=True)
class Tree:
    """A maximum spanning tree of the float similarities, strongest edge first; a witness only: its edges are evaluated exactly."""

    first: Int[np.ndarray, " E"]
    second: Int[np.ndarray, " E"]
    strength: np.ndarray  # float64 [E], descending


@dataclass(frozen=True)
class Certificate:
    """What is certain of a partition: weakest link inside (at least), greatest similarity across (exactly), their difference.

    verdict: HOLDS if the linkage gap is positive, FAILS if it certainly is not, else UNDECIDED. The weakest link is that of spanning
    trees inside the blocks; a path that leaves its block is no stronger than what is cut, so it cannot make a gap positive.
    HOLDS means: these are exactly the components of the cut at the middle of the gap (`partition.recovery_inside`,
    `.recovery_across`), they stay so while no similarity moves by half of the gap (`partition.midpoint`), and no other partition into
    as many components or more has so little across (`partition.single_linkage`, `.unique_cut`).
    """

    components: int
    link: Exact | None  # None: every component is a single token
    cross: Exact | None  # None: there is one component
    margin: Exact | None  # least similarity inside minus greatest across
    weakest: tuple[int, int] | None  # tokens of the weakest link
    strongest: tuple[int, int] | None  # tokens of the greatest similarity across
    error: float = 0.0  # bound on the error of the float similarities in which the trees were found

    @property
    def gap(self) -> Exact | None:
        """The linkage gap, a lower bound by the width of its ball; None without a pair of either kind."""
        return None if self.link is None or self.cross is None else difference(self.link, self.cross)

    @property
    def verdict(self) -> Verdict:
        """Whether the gap is positive."""
        gap = self.gap
        if gap is None:
            return UNDECIDED
        if gap > 0:
            return HOLDS
        # the trees were found among float similarities, so the weakest link may be stronger by twice their error
        return FAILS if arb(gap) + 4 * arb(self.error) < 0 else UNDECIDED

    @property
    def optimal(self) -> Verdict:
        """Whether no partition into as many components or more has less across: a gap of 0 is enough."""
        gap = self.gap
        if gap is None:
            return UNDECIDED
        return HOLDS if gap >= 0 else UNDECIDED

    @property
    def budget(self) -> float:
        """Every similarity may move by less than this and the components stay; 0 without a certificate. Rounded down."""
        gap = self.gap
        return below(gap) / 2 if gap is not None and gap > 0 else 0.0  # halving a float is exact

    def plain(self) -> dict[str, Any]:
        """The certificate in JSON; bounds are rounded to the safe side."""
        gap = self.gap
        return {
            "verdict": self.verdict.name,
            "components": self.components,
            "weakest_link_at_least": None if self.link is None else below(self.link),
            "greatest_across_at_most": None if self.cross is None else above(self.cross),
            "gap_at_least": None if gap is None else below(gap),
            "pair_margin_at_least": None if self.margin is None else below(self.margin),
            "budget": self.budget,
            "optimal": self.optimal.name,
        }


@dataclass(frozen=True)
class Partition:
    """Blocks of tokens: `block[i]` is the block of token i, 0 the largest; with `rest`, the last one is for all other tokens.

    The certificate is about `component`. A filled partition has put rest tokens into blocks by similarity; `core` says which tokens are
    where their component put them, and only of these is anything certain.
    """

    words: tuple[str, ...]
    component: Labels
    block: Labels
    rest: bool
    method: Method
    certificate: Certificate
    blocks: int  # the rest block included
    core: Bool[np.ndarray, " N"]

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words)}

    @property
    def sizes(self) -> tuple[int, ...]:
        """Tokens of every block, the rest block last."""
        return tuple(np.bincount(self.block, minlength=self.blocks).tolist())

    def members(self, block: int) -> tuple[str, ...]:
        """The tokens of one block, the certain ones first, each in the order of the vocabulary."""
        inside = self.block == block
        return tuple(self.words[i] for part in (inside & self.core, inside & ~self.core) for i in np.flatnonzero(part))

    def filled(self, similarity: Similarity) -> Partition:
        """Every rest token in the block whose certain tokens it is most similar to on average; the rest block stays, for other words."""
        if not self.rest:
            return self
        values, blocks = similarity.values, self.blocks - 1
        means = np.stack([values[:, self.core & (self.block == block)].mean(1) for block in range(blocks)], 1)
        rest = self.block == blocks
        return replace(self, block=np.where(rest, means.argmax(1), self.block), core=self.core & ~rest)

    @property
    def home(self) -> dict[str, int]:
        """The block of every token of the vocabulary, as `checks.data.text_batch` takes it."""
        return {word: int(self.block[index]) for index, word in enumerate(self.words)}

    def block_of(self, words: Sequence[str]) -> list[int]:
        """The block of each word; a word outside the vocabulary is in the rest block. DataError without a rest block."""
        missing = next((word for word in words if word not in self._number), None)
        if missing is not None and not self.rest:
            raise DataError(
                f"{missing!r} is in no block, and this partition has no rest block: leave it out, or partition with least > 1."
            )
        return [int(self.block[self._number[word]]) if word in self._number else self.blocks - 1 for word in words]

    def structure(self, features: int | Sequence[int] = 4, **rest: Any) -> Structure:
        """A structure of `checks.layer` with one feature block a block of tokens: of equal width, or of the widths given."""
        widths = (features,) * self.blocks if isinstance(features, int) else tuple(features)
        if len(widths) != self.blocks:
            raise DataError(
                f"the partition has {self.blocks} blocks (rest block included), and {len(widths)} widths were given."
            )
        return Structure(features=widths, **rest)

    def plain(self) -> dict[str, Any]:
        """The partition in JSON: method, certificate, tokens of each block."""
        names = [f"block {index}" for index in range(self.blocks)]
        if self.rest:
            names[-1] = "rest"
        return {
            "method": self.method,
            "certificate": self.certificate.plain(),
            "certain_tokens": int(self.core.sum()),
            "blocks": {name: list(self.members(index)) for index, name in enumerate(names)},
        }


def spanning_tree(similarity: Similarity) -> Tree:
    """A maximum spanning tree by SciPy's minimum spanning tree of (top - similarity + 1), whose weights are all positive."""
    values = similarity.values
    distance = values.max() - values + 1
    np.fill_diagonal(distance, 0)
    found = minimum_spanning_tree(distance).tocoo()
    strength = values[found.row, found.col]
    order = np.lexsort((found.col, found.row, -strength))
    return Tree(found.row[order].astype(int), found.col[order].astype(int), strength[order])


def components(tree: Tree, tokens: int, count: int) -> Labels:
    """The `count` components that are left when the weakest edges of the tree are cut, numbered from the largest."""
    keep = slice(0, tokens - count)
    ones = np.ones(tokens - count)
    graph = coo_array((ones, (tree.first[keep], tree.second[keep])), shape=(tokens, tokens))
    return by_size(connected_components(graph, directed=False)[1])


def by_size(labels: Labels) -> Labels:
    """The same partition with blocks numbered by size, equal sizes by their first token."""
    _, first, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), dtype=int)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[inverse]


def certify(similarity: Similarity, labels: Labels, tree: Tree | None = None) -> Certificate:
    """The certificate of any partition of the tokens; `tree` spares the spanning trees inside the blocks when they are known."""
    inside = labels[:, None] == labels[None, :]
    edges = _inner_edges(similarity, labels, tree)
    strengths: list[tuple[Exact, tuple[int, int]]] = [(similarity.exact(i, j), (i, j)) for i, j in _weak(similarity, edges)]
    cross, low = similarity.greatest(~inside), similarity.least(inside)
    return Certificate(
        components=len(np.unique(labels)),
        link=extreme([value for value, _ in strengths], min) if strengths else None,
        cross=None if cross is None else cross[0],
        margin=None if cross is None or low is None else difference(low[0], cross[0]),
        weakest=min(strengths, key=lambda pair: float(arb(pair[0]).mid()))[1] if strengths else None,
        strongest=None if cross is None else cross[1],
        error=similarity.error,
    )


def _inner_edges(similarity: Similarity, labels: Labels, tree: Tree | None) -> list[tuple[int, int]]:
    """Edges that span every block."""
    if tree is not None:
        kept = [(int(i), int(j)) for i, j in zip(tree.first, tree.second, strict=True) if labels[i] == labels[j]]
        if len(kept) == len(labels) - len(np.unique(labels)):
            return kept
    edges = []
    for block in np.unique(labels):
        members = np.flatnonzero(labels == block)
        if len(members) > 1:
            values = similarity.values[np.ix_(members, members)]
            distance = values.max() - values + 1
            np.fill_diagonal(distance, 0)
            found = minimum_spanning_tree(distance).tocoo()
            edges += [(int(members[i]), int(members[j])) for i, j in zip(found.row, found.col, strict=True)]
    return edges


def _weak(similarity: Similarity, edges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges that can be the weakest: within twice the error bound of the least float value."""
    values = [similarity.values[i, j] for i, j in edges]
    level = min(values, default=0.0) + 2 * similarity.error * (1 + 2.0**-20)
    return [edge for edge, value in zip(edges, values, strict=True) if value <= level]


def merged(labels: Labels, least: int) -> tuple[Labels, bool]:
    """Components of at least that many tokens as blocks, all other tokens as one rest block; whether there is one."""
    ordered = by_size(labels)
    large = int((np.bincount(ordered) >= least).sum())
    return np.minimum(ordered, large), bool((ordered >= large).any())


def choose(tree: Tree, tokens: int, *, least: int = 1, most: int = 32, cover: float = 0.0, largest: float = 1.0) -> int:
    """The number of components whose cut has the largest gap, among the cuts that make usable blocks.

    Usable: 2 to `most` components have `least` tokens or more, they hold a share `cover` of all tokens, and none holds more than a share
    `largest`. Raises DataError when no cut is.
    """
    found: tuple[float, int] | None = None
    size, label = np.ones(tokens, dtype=int), np.arange(tokens)
    large, held = (tokens, tokens) if least <= 1 else (0, 0)
    for index in range(len(tree.strength) - 1):  # adding the strongest edges one by one; the last would leave one component
        a, b = label[tree.first[index]], label[tree.second[index]]
        for part in (size[a], size[b]):
            large, held = large - (part >= least), held - (part if part >= least else 0)
        size[a] += size[b]
        label[label == b] = a
        large, held = large + (size[a] >= least), held + (size[a] if size[a] >= least else 0)
        gap = float(tree.strength[index] - tree.strength[index + 1])
        if size[a] > largest * tokens:
            break  # it only grows
        if 2 <= large <= most and held >= cover * tokens and (found is None or gap > found[0]):
            found = gap, tokens - index - 1
    if found is None:
        raise DataError(
            f"no cut of these {tokens} tokens has 2 to {most} blocks of at least {least} tokens, none with more than a share {largest} of "
            f"all tokens, that together hold a share {cover}: chains join too early. Lower --least or --cover, raise --most or --largest, "
            "or fix the number of components with --components."
        )
    return found[1]


def partition(
    words: Sequence[str],
    similarity: Similarity,
    *,
    count: int | None = None,
    method: Method = "single",
    least: int = 1,
    most: int = 32,
    cover: float = 0.0,
    largest: float = 1.0,
    seed: int = 0,
) -> Partition:
    """Partition tokens into semantic blocks and certify it.

    count: components; None takes the cut of the largest gap, for every method.  least: smaller components go to the rest block.
    """
    tokens = similarity.tokens
    if len(words) != tokens:
        raise DataError(f"{len(words)} words were given for {tokens} vectors: one word a vector.")
    if count is not None and not 2 <= count < tokens:
        raise DataError(f"the number of components must lie between 2 and {tokens - 1} for {tokens} tokens, got {count}.")
    if method not in METHODS:
        raise DataError(f"the method is one of {', '.join(METHODS)}, got {method!r}.")
    tree = spanning_tree(similarity)
    count = choose(tree, tokens, least=least, most=most, cover=cover, largest=largest) if count is None else count
    labels = components(tree, tokens, count) if method == "single" else other_partition(similarity, count, method, seed)
    block, rest = merged(labels, least)
    certificate = certify(similarity, labels, tree if method == "single" else None)
    core = np.ones(tokens, dtype=bool)
    return Partition(tuple(words), labels, block, rest, method, certificate, int(block.max()) + 1, core)


def other_partition(similarity: Similarity, count: int, method: Method, seed: int = 0) -> Labels:
    """Average or complete linkage of SciPy on (top - similarity), or its k-means on the vectors (unit vectors for a cosine)."""
    if method == "kmeans":
        points = similarity.vectors
        if similarity.kind == "cosine":
            points = points / np.linalg.norm(points, axis=1, keepdims=True)
        return by_size(kmeans2(points, count, minit="++", seed=seed, missing="warn")[1])
    distance = similarity.values.max() - similarity.values
    np.fill_diagonal(distance, 0)
    return by_size(fcluster(linkage(squareform(distance, checks=False), method), count, "maxclust"))


def compare(similarity: Similarity, count: int, seed: int = 0) -> dict[Method, Certificate]:
    """The certificates of all methods for one number of components; a method may return fewer (k-means loses empty ones)."""
    tree = spanning_tree(similarity)
    found: dict[Method, Certificate] = {"single": certify(similarity, components(tree, similarity.tokens, count), tree)}
    for method in METHODS[1:]:
        found[method] = certify(similarity, other_partition(similarity, count, method, seed))
    return found


def value_of(value: Exact | None) -> float | None:
    """A float near an exact value, for people."""
    if value is None:
        return None
    return float(value.mid()) if isinstance(value, arb) else float(arb(value).mid())


__all__ = [
    "METHODS", "Certificate", "Partition", "Tree", "by_size", "certify", "choose", "compare", "components", "merged",
    "other_partition", "partition", "spanning_tree", "value_of",
]  # fmt: skip
