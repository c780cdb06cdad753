"""Recruitment: blocks are allocated when they pay, in nats of description length, and not before.

    P{ exists t: sum_(i<=t) ln(q_i/p_i) >= K } <= e^-K,    K_m = ln(m (m + 1)/alpha),    recruitments <= (DL_0 - DL_inf + T)/gamma

p is the current model, q the alternative with one more block; both predict a token from those before it, and p is the law of the
data where nothing is to be found. Then the m-th test, with threshold K_m, may look after every token for ever, and any false
recruitment in any test has probability at most alpha, below it in finitely many. An alternative that gains D nats a sample under
the truth is recruited after between K/D and (K + b)/D samples on average, b its greatest gain; no test of level alpha is faster
than ln(1/alpha)/D.

What does *not* pay for a block: likelihood after fitting (p parameters feign p/2 nats, `recruitment.gaussian_fitted`), a group norm
(`recruitment.lasso`), a density (`recruitment.density`). What does: prediction before learning, data held out, or quantised
parameters whose penalties satisfy Kraft's inequality. Recruitment ends if what training and new data add to the description length
is bounded, and may go on for ever if not (`recruitment.endless`).
"""

from __future__ import annotations

from theory.recruitment_budget import BUDGETS
from theory.recruitment_codes import CODES
from theory.recruitment_formulas import FORMULAS
from theory.recruitment_learned import LEARNED
from theory.recruitment_power import POWERS
from theory.recruitment_sequential import TESTS
from theory.recruitment_time import TIMES
from theory.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (*BUDGETS, *CODES, *TESTS, *POWERS, *TIMES, *LEARNED)

__all__ = ["FORMULAS", "THEOREMS"]
