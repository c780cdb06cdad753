"""Extinction in floating-point arithmetic: zeros stay when gamma >= (p_g + 8) u (G_bar + gamma), and come if rounding leaves
slack.

    gamma_f = gamma - (p_g + 16) u (2 G_bar + gamma + theta0/eta):   zero after ceil(theta0/(eta gamma_f)) steps

u is the unit roundoff of the floats that the layer is trained in, G_bar bounds the *computed* vectors (clipping does), norms
and factors of the prox are computed in float64. Staying needs no theta0/eta; coming does: for eta gamma below u theta0/2 a
group may never move (`extinction.float_stagnation`). Statements of the family `extinction`.
"""

from __future__ import annotations

import sympy as sp

from theory.extinction_formulas import extinction_steps
from theory.extinction_lemmas import LAST_STEP, RUN, rel
from theory.extinction_runs import ALIVE, FREE, HUNDRED, VECTORS
from theory.extinction_steps import BOUNDED, ONE, SOURCE, TWO
from theory.steps import Cases, Cite, Combine, Induction, Manifest
from theory.symbols import (
    computed_norm,
    computed_threshold,
    eta,
    extinct_at,
    float_slack,
    gamma,
    group_next,
    group_norm,
    k_step,
    lam,
    norm_at,
    parameters,
    roundoff,
    step_bound,
    theta0,
    vector_at,
    vector_max,
    vector_norm,
)
from theory.theorem import Equality, Hypothesis, Lemma, Theorem, Witness

STAY = (parameters + 8) * roundoff
COME = (parameters + 16) * roundoff

# The arithmetic of floats: exact real norms of computed floats, relative error u for each operation. p_g u <= 1/2 and eta lam
# is far above the underflow threshold (2^-100 sqrt(p_g) for float32). The tests sample these on the layers' own operations,
# exactly.
computed_from_zero = Lemma(
    "computed_from_zero",
    sp.Le(computed_norm, (1 + (parameters + 5) * roundoff) * eta * vector_norm, **rel),
    reason="computed |0 - eta v|: eta rounded to the dtype and one product, (1 + u)^2; a sum of p_g squares and a root, (p_g/2 "
    "+ 1) u; the "
    "rest of (p_g + 5) u covers second order and underflow.",
)
threshold_computed = Lemma(
    "threshold_computed",
    sp.Ge(computed_threshold, (1 - 3 * roundoff) * eta * lam, **rel),
    reason="lam = lambda w and eta lam are two products, (1 - u)^2; the third u covers underflow.",
)
_up, _down = (1 + 8 * roundoff), (1 - (parameters + 8) * roundoff)
float_step = Lemma(
    "float_step",
    sp.Le(group_next, sp.Max(0, _up * (group_norm + eta * vector_norm) - _down * eta * lam), **rel),
    reason="z = decayed theta - eta v has entries at most (1 + u)^3 (|theta_i| + eta |v_i|), as decay is a product with a "
    "float <= 1. Dead "
    "groups are 0. A living one is multiplied by the computed 1 - T/N, T >= (1 - u)^2 eta lam, N <= (1 + u)^(p_g/2 + 1) |z|: "
    "the quotient "
    "loses u, and difference, cast and product gain (1 + u)^3, so |theta+| <= (1 + u)^6 (|theta| + eta |v|) - (1 - u)^3 eta "
    "lam "
    "(1 + u)^-(p_g/2 + 1). A projection after it is a product with a float <= 1. 8u and (p_g + 8) u cover second order and "
    "underflow.",
)

PENALTY = Hypothesis(
    sp.Ge(lam, step_bound + gamma, **rel),
    "the penalty weight exceeds the bound on computed vectors by gamma",
    "Raise the penalty weight.",
)

float_stays = Theorem(
    name="extinction.float_stays",
    title="In floats a zero group stays exactly zero when gamma >= (p_g + 8) u (G_bar + gamma)",
    claim=sp.Le(computed_norm, computed_threshold, **rel),
    assumes={
        "bounded": BOUNDED,
        "penalty": PENALTY,
        "slack": Hypothesis(
            sp.Ge(gamma, STAY * (step_bound + gamma), **rel),
            "the slack covers the rounding of norm and threshold",
            "Raise the penalty weight.",
        ),
    },
    steps=(
        Cite("norm", computed_from_zero, {}),
        Cite("threshold", threshold_computed, {}),
        Manifest("rounding", sp.Ge(STAY * step_bound / gamma, 0, **rel)),
        Combine("few units", sp.Ge(1 - STAY, 0, **rel), {"slack": 1 / gamma, "rounding": 1}),
        Manifest("more units", sp.Ge((parameters + 5) * roundoff, 0, **rel)),
        Combine("three units", sp.Ge(1 - 3 * roundoff, 0, **rel), {"few units": 1, "more units": 1}),
        Manifest("to spare", sp.Ge(eta * (parameters + 5) * roundoff * gamma, 0, **rel)),
        Combine(
            "claim",
            sp.Le(computed_norm, computed_threshold, **rel),
            {
                "threshold": 1,
                "norm": 1,
                "penalty": (1 - 3 * roundoff) * eta,
                "bounded": (1 + (parameters + 5) * roundoff) * eta,
                "slack": eta,
                "to spare": 1,
            },
        ),
    ),
    equality=Equality("not attained: the bound on rounding is not reached by one norm and one threshold at once"),
    needs={
        "bounded": Witness(
            {
                eta: ONE,
                gamma: ONE,
                step_bound: ONE,
                lam: TWO,
                vector_norm: sp.Integer(3),
                parameters: ONE,
                roundoff: sp.Rational(1, 2**24),
                computed_norm: sp.Integer(3),
                computed_threshold: TWO,
            },
            text="a vector of length 3 against a threshold of 2: the group revives",
        ),
        "penalty": Witness(
            {
                eta: ONE,
                gamma: ONE,
                step_bound: TWO,
                lam: ONE,
                vector_norm: TWO,
                parameters: ONE,
                roundoff: sp.Rational(1, 2**24),
                computed_norm: TWO,
                computed_threshold: ONE,
            },
            text="a penalty weight below the bound: the group revives",
        ),
        "slack": Witness(
            {
                eta: sp.Rational(13421773, 2**27),
                gamma: sp.Rational(1, 2**52),
                step_bound: ONE,
                lam: 1 + sp.Rational(1, 2**52),
                vector_norm: ONE,
                parameters: ONE,
                roundoff: sp.Rational(1, 2**24),
                computed_norm: sp.Rational(13421773, 2**27),
                computed_threshold: sp.Rational(1, 10),
            },
            text="float32, eta = 0.1: the product eta v is rounded up to 13421773/2^27 = 0.10000000149, above the threshold "
            "0.1",
        ),
    },
    source=SOURCE + ", in floats",
)

_here, _there = norm_at[k_step], norm_at[k_step + 1]
_raw = _up * (_here + eta * vector_at[k_step]) - _down * eta * lam
_spare = sp.Ge(
    (parameters + 8) * roundoff * theta0 + (parameters + 16) * roundoff * eta * step_bound + 8 * roundoff * eta * gamma,
    0,
    **rel,
)


def _net(below: str) -> Combine:
    """What a step leaves, before it is cut at 0, is at most |theta_k| - eta gamma_f; `below` names |theta_k| <= theta0."""
    return Combine(
        "net",
        sp.Le(_raw, _here - eta * float_slack, **rel),
        {"slack": eta, "penalty": _down * eta, "vector at most": _up * eta, below: 8 * roundoff, "spare": 1},
    )


def _cut(name: str, bound: sp.Expr, positive: Combine) -> Cases:
    """|theta_(k+1)| <= bound, from a bound that is not negative and `positive`: the same where the step leaves something."""
    goal = sp.Le(_there, bound, **rel)
    return Cases(
        name,
        goal,
        _raw,
        (
            Manifest("dead", sp.Eq(sp.Max(0, _raw), 0, **rel)),
            Combine("low", goal, {"float step": 1, "dead": -1, "bound not negative": 1}),
        ),
        (Manifest("kept", sp.Eq(sp.Max(0, _raw), _raw, **rel)), positive),
    )


_after = sp.Max(0, _here - eta * float_slack)
_float_extinct = sp.Le(extinct_at, extinction_steps.stated.subs(gamma, float_slack), **rel)

float_zero = Theorem(
    name="extinction.float_zero",
    title="In floats a group is exactly zero after ceil(theta0/(eta gamma_f)) steps, gamma_f the slack that rounding leaves",
    claim=_float_extinct,
    assumes={
        "alive": ALIVE,
        "bounded": VECTORS,
        "penalty": PENALTY,
        "slack": Hypothesis(
            sp.Le(float_slack, gamma - COME * (2 * step_bound + gamma + theta0 / eta), **rel),
            "gamma_f is what rounding leaves of gamma",
            "Raise the penalty weight, or take larger steps: rounding costs (p_g + 16) u theta0 in every step.",
        ),
    },
    definitions=RUN | {"greatest is": sp.Le(vector_at[k_step], vector_max, **rel)},
    steps=(
        Combine("vector at most", sp.Le(vector_at[k_step], step_bound, **rel), {"greatest is": 1, "bounded": 1}),
        Cite("float step", float_step, {group_next: _there, group_norm: _here, vector_norm: vector_at[k_step]}),
        Manifest("spare", _spare),
        Manifest("used", sp.Gt(COME * (2 * step_bound + theta0 / eta) / gamma + float_slack / gamma, 0, **rel)),
        Combine("few units", sp.Gt(1 - COME, 0, **rel), {"slack": 1 / gamma, "used": 1}),
        Manifest("fewer", sp.Ge(8 * roundoff, 0, **rel)),
        Combine("enough left", sp.Ge(_down, 0, **rel), {"few units": 1, "fewer": 1}),
        Induction(
            "below the start",
            sp.Le(_here, theta0, **rel),
            (Combine("first", sp.Le(norm_at[0], theta0, **rel), {"start is": 1}),),
            (
                _net("below the start.at"),
                Manifest("bound not negative", sp.Ge(theta0, 0, **rel)),
                Manifest("falls", sp.Ge(eta * float_slack, 0, **rel)),
                _cut(
                    "still below",
                    theta0,
                    Combine(
                        "high",
                        sp.Le(_there, theta0, **rel),
                        {"float step": 1, "kept": -1, "net": 1, "below the start.at": 1, "falls": 1},
                    ),
                ),
            ),
            k_step,
        ),
        _net("below the start"),
        Manifest("bound not negative", sp.Ge(_after, 0, **rel)),
        Manifest("not cut", sp.Ge(_after, _here - eta * float_slack, **rel)),
        _cut(
            "each step",
            _after,
            Combine("high", sp.Le(_there, _after, **rel), {"float step": 1, "kept": -1, "net": 1, "not cut": 1}),
        ),
        Cite("claim", LAST_STEP.of, {gamma: float_slack}, LAST_STEP.given),
    ),
    equality=Equality(
        "not attained: rounding is never as bad as its bound in every step; without rounding (u = 0) it is `finite_time`",
        {roundoff: sp.Integer(0), extinct_at: extinction_steps.stated.subs(gamma, float_slack)},
    ),
    needs={
        "bounded": Witness(
            {
                theta0: ONE,
                eta: ONE,
                gamma: ONE,
                extinct_at: HUNDRED,
                step_bound: ONE,
                lam: TWO,
                vector_max: sp.Integer(3),
                parameters: ONE,
                roundoff: sp.Rational(1, 2**24),
                float_slack: sp.Rational(1, 2),
            },
            text="vectors of length 3 push out faster than lam = 2 pulls in",
        ),
        "penalty": Witness(
            {
                theta0: ONE,
                eta: ONE,
                gamma: ONE,
                extinct_at: HUNDRED,
                step_bound: ONE,
                lam: ONE,
                vector_max: ONE,
                parameters: ONE,
                roundoff: sp.Rational(1, 2**24),
                float_slack: sp.Rational(1, 2),
            },
            text="lam equal to the bound: an outward adversary keeps it at 1",
        ),
        "slack": Witness(
            {
                theta0: ONE,
                eta: sp.Rational(1, 2**30),
                gamma: ONE,
                extinct_at: sp.Integer(2**40),
                step_bound: ONE,
                lam: TWO,
                vector_max: ONE,
                parameters: ONE,
                roundoff: sp.Rational(1, 2**24),
                float_slack: sp.Rational(1, 2),
            },
            text="float32, eta = 2^-30: every step is rounded back to 1, so K exceeds any number "
            "(`extinction.float_stagnation`)",
        ),
    },
    free=FREE,
    source=SOURCE + ", in floats",
)

STAGNANT = {"theta": ONE, "eta": sp.Rational(1, 2**30), "lam": TWO, "G_bar": ONE, "u": sp.Rational(1, 2**24)}
_moves = STAGNANT["eta"] * (STAGNANT["lam"] + STAGNANT["G_bar"])

float_stagnation = Theorem(
    name="extinction.float_stagnation",
    title="gamma >= (p_g + 8) u (G_bar + gamma) does not make zeros come: with eta = 2^-30 a float32 group at 1 never moves",
    # the float below 1 is 1 - u; whatever lies above the midpoint 1 - u/2 is rounded back to 1
    claim=sp.Gt(STAGNANT["theta"] - _moves, 1 - STAGNANT["u"] / 2, **rel),
    assumes={},
    steps=(
        Manifest("zeros would stay", sp.Ge(ONE, 9 * STAGNANT["u"] * (STAGNANT["G_bar"] + 1), **rel)),
        Manifest("claim", sp.Gt(STAGNANT["theta"] - _moves, 1 - STAGNANT["u"] / 2, **rel)),
    ),
    equality=Equality("a strict inequality between numbers: 3 * 2^-30 < 2^-25"),
    kind="counterexample",
    source=SOURCE + ", in floats",
)
