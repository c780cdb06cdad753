"""Hierarchy: a router over specialised experts, and recruitment of blocks and of whole experts on one potential.

    1 - F_total <= eps_r + eps_b - eps_r eps_b,       H(expert, pointer) = H(router) + mean H(expert's row)
    sum eta |P|^2/2 + N_b gamma_b + N_L gamma_L <= Phi_0 - Phi_inf + T

*Composition.* A router gives weight at least 1 - eps_r to the experts that are right for a query, and their rows stay in their blocks
up to eps_b. Then the pair of expert and pointer is right up to eps_r + eps_b - eps_r eps_b, and this is attained. Its entropy is that
of the router plus the mean of the rows' (chain rule), so at most H_r + (1 - eps_r) H_b + eps_r ln n_max. The pointer alone has less
entropy wherever experts share keys, and exactly as much where they do not.

*Convergence.* A full-batch proximal step of size eta <= 1/L_s lowers the objective by eta |P|^2/2, P = (theta - theta+)/eta. Moves
at both levels are accepted only if they lower the same potential, by gamma_b and gamma_L. So a run has at most (Phi_0 - Phi_inf +
T)/min(gamma_b, gamma_L) accepted moves and at most 2 (Phi_0 - Phi_inf + T)/(eta nu^2) steps with |P| >= nu, T being what new data
add. Where it stops no candidate pays that was tested in the last state, after the last move, step and batch of new data; candidates
tested before may (`hierarchy.stale_test`), and so may two together (`hierarchy.joint_moves`). With longer steps, with minibatches,
or with a potential of its own for each level none of this is true (`hierarchy.rising_step`, `hierarchy.minibatch`,
`hierarchy.two_potentials`).
"""

from __future__ import annotations

from theory.hierarchy_budget import BUDGET
from theory.hierarchy_compose import COMPOSE
from theory.hierarchy_descent import DESCENT
from theory.hierarchy_formulas import FORMULAS
from theory.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (*COMPOSE, *DESCENT, *BUDGET)

__all__ = ["FORMULAS", "THEOREMS"]
