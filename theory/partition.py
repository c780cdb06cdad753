"""Partition: semantic blocks from similarity, and how long they stay what they are.

    weakest link inside >= th_hi,  greatest similarity across <= th_lo,  no similarity moves by more than eta_S,
    th_lo + eta_S < kappa <= th_hi - eta_S        =>        the components of {similarity >= kappa} are the blocks

Tokens have similarities S_ij of any kind: a cosine, a score x_i' A x_j / tau. A link of two tokens is a path; its strength is the least
similarity along it, maximised over paths. The linkage gap of a partition is its weakest link inside a block minus its greatest
similarity across blocks. A gap above 0 is a certificate, three times over:

- of *recovery*: a cut inside the gap finds exactly these blocks; with a margin of pairs (least similarity inside instead of weakest link)
  every block is a complete component;
- of *stability*: while similarities move by less than half of the gap the cut at its middle goes on finding them. At half of the gap
  they can be lost. A form that moves by x in norm moves similarities by at most B_x^2 x / tau, so a partition survives all training
  until that reaches half of the gap; a bound on the length of a step turns this into a number of steps;
- of *optimality*: every other partition into as many blocks or more cuts something at least as strong as the weakest link. Single
  linkage (cut the k - 1 weakest edges of a maximum spanning tree) never has a negative gap, so it has the least greatest similarity
  across blocks among all partitions into k blocks, and at most one partition into k blocks has a positive gap. Average linkage is not
  optimal in this sense.

Refinement: a block that grows loses outside mass, by exactly the mass that it takes in; its margin may rise or fall. Splits and
merges that each lower a potential by gamma_P come to an end after (Phi_P - Phi_P_inf)/gamma_P of them.
"""

from __future__ import annotations

from theory.partition_drift import DRIFT
from theory.partition_formulas import FORMULAS
from theory.partition_optimal import OPTIMAL
from theory.partition_recovery import RECOVERY
from theory.partition_refine import REFINE
from theory.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (*RECOVERY, *DRIFT, *OPTIMAL, *REFINE)

__all__ = ["FORMULAS", "THEOREMS"]
