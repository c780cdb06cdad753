"""Rules: nats added to the scores of a set of keys at run time, taken off again without residue.

    logit F' = logit F_0 + b,     KL(a' || a) = F' b - ln(1 + F_0 (e^b - 1)) = kl(F' || F_0) <= b^2/8

a is an attention row, S a set of visible keys (some, not all) of mass F_0, a' the row with b nats added to their scores. Attention
among the keys of S, and among the others, does not move. a' is the one distribution closest to a, in KL(p || a), of those that give S
the mass F'; any other pays more by at least the squared distance of the square roots. The strength for a mass phi is logit phi - logit F_0.

Several rules (S_k, b_k), overlapping or not, add their strengths key by key; order does not matter. The exact law leaves one out:

    logit F_k = b_k + logit F_k(all rules but k)

Shifts of log-odds do *not* add: disjoint rules of 1 and 2 nats on weights (.25, .25, .5) move the log-odds of their keys by -0.141 and
1.547. They add where the other rules lift S_k and the rest alike, as for independent sets; in general the others move it by at most
the oscillation of what they add, and that is at most the sum of their absolute strengths (sharp). The row with all rules is the cheapest
distribution with its masses. Two rule sets give one row iff they differ by a constant on all keys: strengths are unique iff no
combination of the key sets is constant. Targets that exclude each other have a certificate: weights on the rules under which the targets
ask for more than any key carries. In floats a rule cannot be subtracted: (0.1 + 100) - 100 = 0.0999985 in float32.
"""

from __future__ import annotations

from theory.rules_formulas import FORMULAS
from theory.rules_projection import PROJECTIONS
from theory.rules_several import SEVERAL
from theory.rules_single import SINGLE
from theory.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (*SINGLE, *SEVERAL, *PROJECTIONS)

__all__ = ["FORMULAS", "THEOREMS"]
