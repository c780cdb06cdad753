"""What attention carries out of the blocks from the first localised layer on: the rollout of the stack, enclosed.

Rollout is the product of the layers' attention matrices, each the mean over its heads. Where every query of layer l has at most eps_l
outside its block, no query's rollout has more than 1 - product of (1 - eps_l) there: `schedule.rollout`. Residual paths and values are
not in it. Under a causal mask the first tokens of a sequence are a stack of their own, so long sequences are cut to TOKENS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from flint import arb, arb_mat
from torch import Tensor

from checks.claims import Case, judge
from checks.enclosure import BITS
from checks.entropy_cases import at
from checks.schedule_stack import softmax_rows
from checks.verdict import Verdict
from theory import symbols as sym
from theory.schedule_rollout import rollout

TOKENS = 48


@dataclass(frozen=True)
class Contained:
    """One sequence: worst outside mass of a query per layer, of the rollout, the bound on that, and the verdict (None for one layer)."""

    masses: tuple[arb, ...]
    leak: arb
    bound: arb
    verdict: Verdict | None


def contained(scores: Sequence[Tensor], blocks: Tensor) -> Contained:
    """The rollout of layers with scores [H, T, T] each under a causal mask, blocks [T]: enclosed, and judged from two layers on."""
    return at(BITS, lambda: _contained(scores, blocks))


def _contained(scores: Sequence[Tensor], blocks: Tensor) -> Contained:
    length = min(TOKENS, int(blocks.shape[0]))
    same = (blocks[:length, None] == blocks[None, :length]).tolist()
    matrices = [_attention(layer[:, :length, :length]) for layer in scores]
    outside = [[j for j in range(i) if not same[i][j]] for i in range(length)]

    def leaks(matrix: arb_mat) -> list[arb]:
        return [sum((matrix[i, j] for j in outside[i]), arb(0)) for i in range(length)]

    by_layer = [leaks(matrix) for matrix in matrices]
    masses = tuple(_worst(found) for found in by_layer)
    product = reduce(lambda below, above: above * below, matrices)
    leak = _worst(leaks(product))
    stay = reduce(lambda x, y: x * y, [1 - mass for mass in masses])
    verdict = None
    if len(matrices) > 1:
        case = Case({sym.rollout_leak: leak, sym.stay: stay}, "rollout", extremal=_absorbing(by_layer, same))
        verdict = judge(rollout, case).verdict
    return Contained(masses, leak, 1 - stay, verdict)


def _attention(scores: Tensor) -> arb_mat:
    """The mean of the heads' attention matrices under a causal mask."""
    visible = scores.new_ones(scores.shape[1:]).bool().tril()
    total = reduce(lambda x, y: x + y, [softmax_rows(head, visible) for head in scores])
    return total / arb(int(scores.shape[0]))


def _worst(found: Sequence[arb]) -> arb:
    return reduce(lambda x, y: x.max(y), found)


def _absorbing(by_layer: Sequence[Sequence[arb]], same: list[list[bool]]) -> bool:
    """Whether one query is the worst in every layer and sees no other key of its block: nothing that leaves it comes back under a
    causal mask, so its rollout attains the bound exactly.
    """
    alone = [i for i in range(len(same)) if not any(same[i][:i])]
    return any(all(all(i == k or rows[i] > rows[k] for k in range(len(same))) for rows in by_layer) for i in alone)
