"""A router over localist experts, and its potential: what everything together costs, in nats.

    Phi = sum over experts (-ln p of the classes of its windows + penalty) + (-ln r of the expert of each window) + structure

A window is a run of words of one domain; what is coded is, for every word of it, the class of the next word. Each window belongs to one
expert, and the router pays for saying which. An expert has blocks of its own (classes that predict alike in its own windows), localist
codes, a content form, frozen values and a readout. Structure: a price for each parameter of a readout, of the in-block groups and of
the router, ln(k (k + 1)) for each count k, ln(blocks) for the block of each class. Off-block groups pay the group penalty, which is no
code, so Phi is a potential and not a description length: its moves carry no error rate (`recruitment.lasso`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
import torch
from flint import arb, fmpq

from checks.data import Batch, DataError, generator, read_text, upper_norm, words_of
from checks.enclosure import rational
from checks.extinction_exact import bits, upper
from checks.hierarchy_trained import loss_of, norm_of, penalty_of
from checks.layer import Parameters, Structure, equal_blocks
from checks.penalty import off_block_penalty
from checks.recruitment_text import CLASSES as KINDS
from checks.training import initialise, sgd, train
from theory import formulas
from theory.namespaces import FLINT

CLASSES = 6  # classes of words: the alphabet that is coded
FUNCTION = ("article", "preposition")  # kinds of function words with a class of their own; all others share the next class
CLOSED = ("article", "preposition", "conjunction", "pronoun", "auxiliary", "negation")
WIDTH = 2  # features of a block
FEATURES = CLASSES  # of the router: the share of each class among the words of the window
TOKENS = 16  # words of a window that are coded
WORKING = 96  # bits of the balls of a potential
LEAST_WORDS = 400  # of a domain


@dataclass(frozen=True)
class Domain:
    """The words of one domain, in order."""

    name: str
    words: tuple[str, ...]


# Two groups of the standard library's help topics, each about one subject.
GROUPS = {
    "classes and data model": (
        "attribute-access", "attribute-references", "callable-types", "class", "context-managers", "customization", "numeric-types",
        "objects", "sequence-types", "specialnames", "typesmodules", "types", "function",
    ),
    "strings and debugger": ("debugger", "formatstrings", "strings", "typesseq", "string-methods", "f-strings", "bltin-file-objects"),
}  # fmt: skip


def topic_domains() -> tuple[Domain, Domain]:
    """The two default domains, from `pydoc_data.topics`; topics that this Python does not have are left out."""
    from pydoc_data.topics import topics

    first, second = (
        Domain(name, tuple(word for topic in names if topic in topics for word in words_of(topics[topic])))
        for name, names in GROUPS.items()
    )
    return first, second


def file_domain(path: object) -> Domain:
    """A domain from a UTF-8 file; DataError if it is none, or too short."""
    words = tuple(words_of(read_text(path)))  # type: ignore[arg-type]
    if len(words) < LEAST_WORDS:
        raise DataError(
            f"a domain needs at least {LEAST_WORDS} words; {path} has {len(words)}: no expert could be learned from it. "
            "Give a longer text"
        )
    return Domain(str(path), words)


@dataclass(frozen=True)
class Windows:
    """Windows as word numbers [S, T + 1], the domain of each, their classes and the router's features; nothing is learned here."""

    words: np.ndarray  # int64 [S, T + 1]
    domain: np.ndarray  # int64 [S]
    classes: np.ndarray  # int64 by word
    features: np.ndarray  # float64 [S, FEATURES], dyadic rationals
    vocabulary: int

    def only(self, chosen: np.ndarray) -> Windows:
        """Some of the windows."""
        return replace(self, words=self.words[chosen], domain=self.domain[chosen], features=self.features[chosen])


def make_windows(domains: Sequence[Domain], count: int, seed: int) -> Windows:
    """So many windows of each domain, places drawn with the seed.

    The alphabet is fixed before anything is learned, and is the same for every model: articles, prepositions, other function words, and
    three classes of equal mass for all other words, by how much more frequent they are in the first domain than in the last.
    """
    counts = [Counter(domain.words) for domain in (domains[0], domains[-1])]
    number = {word: index for index, word in enumerate(sorted({word for domain in domains for word in domain.words}))}
    kinds = {word: FUNCTION.index(kind) if kind in FUNCTION else len(FUNCTION) for kind in CLOSED for word in KINDS[kind]}
    fixed = np.array([kinds.get(word, -1) for word in number], dtype=np.int64)
    classes = _alphabet([[count[word] for word in number] for count in counts], fixed)
    rng, found, domain = generator(seed, 5), [], []
    for index, part in enumerate(domains):
        order = np.array([number[word] for word in part.words], dtype=np.int64)
        starts = rng.integers(0, len(order) - TOKENS - 1, count)
        found.append(order[starts[:, None] + np.arange(TOKENS + 1)])
        domain += [index] * count
    words = np.concatenate(found)
    share = np.stack([(classes[words[:, :TOKENS]] == k).mean(1) for k in range(FEATURES)], 1)  # sixteenths: exact
    return Windows(words, np.array(domain), classes, share, len(number))


def _alphabet(counts: list[list[int]], fixed: np.ndarray) -> np.ndarray:
    """The class of each word: its fixed one, else a third of the mass along (first + 1/2)/(last + 1/2), ties in the order of the words."""
    free = np.flatnonzero(fixed < 0)
    first, last = (np.array(part, dtype=np.float64)[free] for part in counts)
    order = np.argsort((first + 0.5) / (last + 0.5), kind="stable")
    mass = np.cumsum((first + last)[order]) / max(float((first + last).sum()), 1.0)
    kinds, classes = len(FUNCTION) + 1, fixed.copy()
    classes[free[order]] = kinds + np.minimum((mass * (CLASSES - kinds)).astype(np.int64), CLASSES - kinds - 1)
    return classes


def class_blocks(windows: Windows, blocks: int) -> np.ndarray:
    """A partition of the classes into blocks that predict alike: means of the next-class shares in these windows, int64 [CLASSES]."""
    now, after = (windows.classes[windows.words[:, part]].ravel() for part in (slice(0, TOKENS), slice(1, TOKENS + 1)))
    table = np.zeros((CLASSES, CLASSES))
    np.add.at(table, (now, after), 1.0)
    weight = table.sum(1) + 1
    share = (table + 1 / CLASSES) / weight[:, None]
    centres = [share[int(weight.argmax())]]
    while len(centres) < blocks:
        centres.append(share[int(np.min([np.square(share - c).sum(1) for c in centres], axis=0).argmax())])
    home = np.zeros(CLASSES, dtype=np.int64)
    for _ in range(20):
        home = np.square(share[:, None] - np.stack(centres)).sum(2).argmin(1)
        centres = [
            np.average(share[home == k], axis=0, weights=weight[home == k]) if (home == k).any() else centres[k]
            for k in range(blocks)
        ]
    return home


@dataclass(frozen=True)
class Expert:
    """One localist layer with its own blocks: the block of each word, a code for each word, and weights."""

    name: str
    home: np.ndarray  # int64 by word
    codes: torch.Tensor  # float64 [vocabulary, width]
    structure: Structure
    parameters: Parameters
    dial: float

    @property
    def blocks(self) -> int:
        """Its blocks."""
        return self.structure.blocks

    @property
    def priced(self) -> int:
        """Parameters that the structure code pays for: readout and in-block groups."""
        return CLASSES * self.structure.width + sum(size * size for size in self.structure.features)

    def batch(self, windows: Windows) -> Batch:
        """The windows in the codes of this expert."""
        words = torch.from_numpy(windows.words[:, :TOKENS])
        goal = torch.from_numpy(windows.classes[windows.words[:, 1:]])
        blocks = torch.from_numpy(self.home)[words]
        return Batch(self.codes[words][None], blocks[None], goal[None], self.structure.features, 1.0, 0.0, source="windows")


def localist_codes(home: np.ndarray, blocks: int, seed: int) -> torch.Tensor:
    """A code for each word, zero outside its block: 4/5 along its axis, 3/5 in a direction drawn for it; norm at most 1."""
    own = generator(seed, 6).standard_normal((len(home), WIDTH - 1))
    own *= 0.6 / np.linalg.norm(own, axis=1, keepdims=True)
    code = np.zeros((len(home), blocks, WIDTH))
    code[np.arange(len(home)), home, 0] = 0.8
    code[np.arange(len(home)), home, 1:] = own
    made = torch.from_numpy(code.reshape(len(home), blocks * WIDTH) * (1 - 2.0**-40))
    if not bool((upper_norm(made) <= 1).all()):
        raise DataError(
            "a localist code must have norm at most 1, and one has not; the step sizes rest on it. Shorten the codes"
        )
    return made


def new_expert(name: str, windows: Windows, blocks: int, seed: int, dial: float) -> Expert:
    """A fresh expert whose blocks are classes that predict alike in its windows."""
    home = class_blocks(windows, blocks)[windows.classes]
    structure = equal_blocks(blocks, WIDTH * blocks, causal=True, classes=CLASSES)
    codes = localist_codes(home, blocks, seed)
    start = initialise(structure, [seed], group_norm=0.5, readout_norm=0.0, dtype=torch.float64)
    start = replace(
        start, values=torch.eye(structure.width, dtype=torch.float64)[None]
    )  # values are the codes, of norm at most 1
    return Expert(name, home, codes, structure, start, dial)


@dataclass(frozen=True)
class Model:
    """Experts, a router (weights [E, FEATURES]) and the expert of every window."""

    experts: tuple[Expert, ...]
    router: np.ndarray
    owner: np.ndarray  # int64 [S]


@dataclass(frozen=True)
class Prices:
    """What is paid in nats beside the codes of the data: per parameter, and per unit of an off-block group's norm."""

    parameter: float
    penalty: float


def count_code(k: int) -> float:
    """Nats for a count k >= 1: probabilities 1/(k (k + 1)) sum to 1."""
    return log(k * (k + 1))


def structure_cost(model: Model, prices: Prices) -> arb:
    """Nats of the structure: counts, the block of each class in each expert, and parameters at their price."""
    experts = len(model.experts)
    paid = sum(expert.priced for expert in model.experts) + (experts * FEATURES if experts > 1 else 0)
    counts = [experts, *(expert.blocks for expert in model.experts)]
    partitions = sum((CLASSES * arb(expert.blocks).log() for expert in model.experts), arb(0))
    return arb(rational(prices.parameter)) * paid + partitions + sum((arb(k * (k + 1)).log() for k in counts), arb(0))


def router_logits(model: Model, windows: Windows) -> list[list[fmpq]]:
    """Exact logits of every window: dyadic weights times sixteenths."""
    weights = [[rational(float(w)) for w in row] for row in model.router]
    shares = [[rational(float(f)) for f in row] for row in windows.features]
    return [[sum((a * b for a, b in zip(w, f, strict=True)), fmpq(0)) for w in weights] for f in shares]


def router_cost(model: Model, windows: Windows) -> arb:
    """Nats for the expert of every window."""
    found = arb(0)
    if len(model.experts) == 1:
        return found
    for logits, owner in zip(router_logits(model, windows), model.owner, strict=True):
        top = max(logits)
        found += sum((arb(z - top).exp() for z in logits), arb(0)).log() - arb(logits[int(owner)] - top)
    return found


def expert_cost(expert: Expert, windows: Windows, prices: Prices) -> arb:
    """Nats of the classes of its windows, and its penalty."""
    penalty = penalty_of(expert.parameters, off_block_penalty(expert.structure, prices.penalty), 0)
    if not len(windows.words):
        return penalty
    return loss_of(expert.parameters, expert.batch(windows), expert.structure, 0, expert.dial) + penalty


def potential(model: Model, windows: Windows, prices: Prices) -> arb:
    """Phi, in nats: a ball."""
    with bits(WORKING):
        parts = [expert_cost(e, windows.only(model.owner == k), prices) for k, e in enumerate(model.experts)]
        return sum(parts, structure_cost(model, prices) + router_cost(model, windows))


@dataclass(frozen=True)
class Steps:
    """Proximal steps that were taken: eta |P|^2/2 of each in nats (balls), and step sizes in the scale of Phi."""

    halves: tuple[arb, ...] = ()
    sizes: tuple[fmpq, ...] = ()

    def __add__(self, other: Steps) -> Steps:
        """One after the other."""
        return Steps(self.halves + other.halves, self.sizes + other.sizes)


def _half(before: torch.Tensor, after: torch.Tensor, size: fmpq) -> arb:
    """|move|^2/(2 eta) = eta |P|^2/2, from exact floats."""
    moved = (before.flatten().tolist(), after.flatten().tolist())
    square = sum(((arb(b) - arb(a)) ** 2 for a, b in zip(*moved, strict=True)), arb(0))
    return square / (2 * arb(size))


def train_expert(expert: Expert, windows: Windows, prices: Prices, rounds: int, least: float) -> tuple[Expert, Steps]:
    """Rounds of one content step and one readout step, each of size at most 1/L_s on the full batch.

    L_s of the content form: `threshold.smoothness`, from the readout as it is; values are the codes, of norm at most 1. L_s of the
    readout: half the square of the greatest output, the curvature of log-sum-exp being at most 1/2. Stops when a round requires less
    than `least` nats.
    """
    if not len(windows.words):
        return expert, Steps()
    batch, structure, steps = expert.batch(windows), expert.structure, Steps()
    queries = batch.blocks.numel()
    readout_step = _below(fmpq(2))
    penalty = off_block_penalty(structure, prices.penalty / queries)
    now = expert.parameters
    for _ in range(rounds):
        spread = upper(norm_of(now.readout[0]))
        bound = upper(arb(formulas.smoothness_bilinear(FLINT, arb(2).sqrt() * spread, 1, arb(spread), 1, 1)))
        content_step = min(_below(1 / bound), 1e3) if bound > 0 else 1e3
        halves = []
        for name, size in (("content", content_step), ("readout", readout_step)):
            moved = train(now, batch, structure, penalty, sgd(size), 1, dial=expert.dial, trainable=(name,)).parameters
            scaled = rational(size) / queries
            halves.append(_half(getattr(now, name), getattr(moved, name), scaled))
            steps += Steps((halves[-1],), (scaled,))
            now = moved
        if all(half < arb(least) for half in halves):
            break
    return replace(expert, parameters=now), steps


def _below(bound: fmpq) -> float:
    """A float at most the bound, close to it."""
    found = 0.999 * float(int(bound.p)) / float(int(bound.q))
    while rational(found) > bound:
        found *= 0.999
    return found


def train_router(model: Model, windows: Windows, rounds: int, least: float) -> tuple[Model, Steps]:
    """Gradient steps of size at most 1/L_s, L_s = half the sum of the squared features, on the code of the owners."""
    if len(model.experts) == 1:
        return model, Steps()
    squares = sum((rational(float(f)) ** 2 for f in windows.features.flatten()), fmpq(0))
    size = _below(2 / squares)
    now, steps = model.router, Steps()
    goal = np.eye(len(model.experts))[model.owner]
    for _ in range(rounds):
        logits = windows.features @ now.T
        weights = np.exp(logits - logits.max(1, keepdims=True))
        moved = now - size * ((weights / weights.sum(1, keepdims=True) - goal).T @ windows.features)
        half = _half(torch.from_numpy(now), torch.from_numpy(moved), rational(size))
        steps += Steps((half,), (rational(size),))
        now = moved
        if half < arb(least):
            break
    return replace(model, router=now), steps
