"""Schedules of the dial over the layers of a stack, and what leaves a block on the way through it.

    d_l = d_min + (d_max - d_min) (l/m)^q,  l = 0..m = L - 1 >= 1,      budget = L d_min + (d_max - d_min) S_q(m)/m^q

Layers are numbered from 0, and one layer is no schedule (l/m = 0/0). S_q(m) = 1^q + ... + m^q is a polynomial in m for every
whole q, by Faulhaber's formula with Bernoulli's numbers; for real q >= 1, m/(q+1) + 1/2 <= S_q(m)/m^q <= m/(q+1) + 1/2 + q/(8m).

Rollout, the product of the attention matrices, leaks at most 1 - product of (1 - eps_l): attained, and at least eps_0, so an
unlocalised first layer makes it vacuous. Rollout is not information flow. Along the values, x <- x + A x W with |W| <= w_l, a
share of at most 1 - product of (1 - eps_l w_l/(1 + w_l)) of what can flow into a block comes from outside it: attained as well.
Through the scores more can flow.

With block-diagonal value maps off-block parts obey delta_L <= B_0 product of (1 + w_l) - (B_0 - delta_0) product of
(1 + w_l (1 - eps_l)), attained; it is what `blocks.margin_bilinear` needs at the next layer.
"""

from __future__ import annotations

from theory.schedule_budget import BUDGETS
from theory.schedule_formulas import FORMULAS
from theory.schedule_norms import NORMS_AND_OUTPUTS
from theory.schedule_rollout import ROLLOUT
from theory.schedule_values import VALUES
from theory.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (*BUDGETS, *ROLLOUT, *VALUES, *NORMS_AND_OUTPUTS)

__all__ = ["FORMULAS", "THEOREMS"]
