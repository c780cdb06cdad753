"""Lemmas of the family `extinction`: one proximal step, many of them, and the step in which the last living state must lie.

All but the first are replayed. The first is the definition of the ceiling; the arithmetic of floats is in
`theory.extinction_float`.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.extinction_formulas import extinction_steps, norm_after_steps
from theory.lemmas import triangle, u, v, w
from theory.steps import Cases, Cite, Combine, Identity, Induction, Manifest, Step
from theory.symbols import (
    eta,
    extinct_at,
    gamma,
    group_next,
    group_norm,
    k_step,
    lam,
    moved_at,
    moved_norm,
    norm_at,
    scale_at,
    soft_scale,
    step_at,
    step_bound,
    steps,
    theta0,
    total_at,
    total_step,
    vector_at,
    vector_norm,
)
from theory.theorem import Lemma, Theorem

rel = {"evaluate": False}
_i = sp.Symbol("_i", integer=True)
_p = sp.Symbol("_p", real=True)
_zero = sp.Integer(0)

after_one = norm_after_steps.stated.subs({theta0: group_norm, steps: 1})  # max(0, |theta| - eta gamma)
after_total = norm_after_steps.stated.subs({steps: 1, eta: total_step})  # after steps whose sizes add up to S_eta

ceiling = Lemma(
    "ceiling",
    sp.Le(_i, sp.ceiling(_p), **rel),
    {"below": sp.Lt(_i, _p + 1, **rel)},
    reason="i is an integer and i - 1 < p <= ceiling(p): integers i - 1 < k have i <= k.",
)

positive_part = Lemma(
    "positive_part",
    sp.Gt(_p, 0, **rel),
    {"positive": sp.Gt(sp.Max(0, _p), 0, **rel)},
    (
        Cases(
            "claim",
            sp.Gt(_p, 0, **rel),
            _p,
            (
                Manifest("no part", sp.Eq(sp.Max(0, _p), 0, **rel)),
                Combine("absurd", sp.Gt(_p, 0, **rel), {"no part": _p / sp.Max(0, _p) - 1, "positive": 1}),
            ),
            (
                Manifest("all of it", sp.Eq(sp.Max(0, _p), _p, **rel)),
                Combine("itself", sp.Gt(_p, 0, **rel), {"all of it": -1, "positive": 1}),
            ),
        ),
    ),
)

one_step = Lemma(
    "one_step",
    sp.Le(group_next, after_one, **rel),
    {
        "prox": sp.Le(group_next, sp.Max(0, moved_norm - eta * lam), **rel),
        "moved": sp.Le(moved_norm, group_norm + eta * vector_norm, **rel),
        "bounded": sp.Le(vector_norm, step_bound, **rel),
        "penalty": sp.Ge(lam, step_bound + gamma, **rel),
    },
    (
        Combine(
            "net", sp.Le(moved_norm - eta * lam, group_norm - eta * gamma, **rel), {"moved": 1, "bounded": eta, "penalty": eta}
        ),
        Cases(
            "claim",
            sp.Le(group_next, after_one, **rel),
            moved_norm - eta * lam,
            (
                Manifest("dead", sp.Eq(sp.Max(0, moved_norm - eta * lam), 0, **rel)),
                Manifest("clipped", sp.Ge(after_one, 0, **rel)),
                Combine("low", sp.Le(group_next, after_one, **rel), {"prox": 1, "dead": -1, "clipped": 1}),
            ),
            (
                Manifest("alive", sp.Eq(sp.Max(0, moved_norm - eta * lam), moved_norm - eta * lam, **rel)),
                Manifest("part", sp.Ge(after_one, group_norm - eta * gamma, **rel)),
                Combine("high", sp.Le(group_next, after_one, **rel), {"prox": 1, "alive": -1, "net": 1, "part": 1}),
            ),
        ),
    ),
)


def falling(size: sp.Expr, total: sp.Expr, used: Step, at: sp.Expr) -> Induction:
    """|theta_k| <= max(0, theta0 - gamma S_k) in the state `at`, from `each step`: |theta_(k+1)| <= max(0, |theta_k| - size
    gamma).

    used: the step that establishes S_(k+1) = S_k + size, times gamma, under the name "used".
    """
    here, there = norm_at[k_step], norm_at[k_step + 1]
    level, lower = theta0 - gamma * total, theta0 - gamma * total.subs(k_step, k_step + 1)
    drop, goal = sp.Max(0, here - size * gamma), sp.Max(0, lower)
    after = sp.Le(there, goal, **rel)
    return Induction(
        "all steps",
        sp.Le(here, sp.Max(0, level), **rel),
        (
            Manifest(
                "state 0",
                sp.Ge(sp.Max(0, theta0 - gamma * total.subs(k_step, 0)), theta0 - gamma * total.subs(k_step, 0), **rel),
            ),
            Combine(
                "so far",
                sp.Le(norm_at[0], sp.Max(0, theta0 - gamma * total.subs(k_step, 0)), **rel),
                {"start": 1, "state 0": 1} | ({"no step": -gamma} if total.has(total_at) else {}),
            ),
        ),
        (
            used,
            Manifest("clipped", sp.Ge(goal, 0, **rel)),
            Manifest("not clipped", sp.Ge(goal, lower, **rel)),
            Manifest("size", sp.Ge(size * gamma, 0, **rel)),
            Cases(
                "next state",
                after,
                here - size * gamma,
                (Manifest("dead", sp.Eq(drop, 0, **rel)), Combine("low", after, {"each step": 1, "dead": -1, "clipped": 1})),
                (
                    Manifest("alive", sp.Eq(drop, here - size * gamma, **rel)),
                    Cases(
                        "high",
                        after,
                        level,
                        (
                            Manifest("used up", sp.Eq(sp.Max(0, level), 0, **rel)),
                            Combine(
                                "spent",
                                after,
                                {"each step": 1, "alive": -1, "all steps.at": 1, "used up": -1, "size": 1, "clipped": 1},
                            ),
                        ),
                        (
                            Manifest("left", sp.Eq(sp.Max(0, level), level, **rel)),
                            Combine(
                                "unspent",
                                after,
                                {"each step": 1, "alive": -1, "all steps.at": 1, "left": -1, "used": 1, "not clipped": 1},
                            ),
                        ),
                    ),
                ),
            ),
        ),
        at,
    )


_start = {"start": sp.Le(norm_at[0], theta0, **rel)}
_constant = {"each step": sp.Le(norm_at[k_step + 1], sp.Max(0, norm_at[k_step] - eta * gamma), **rel)}
_used = Identity("used", sp.Eq(theta0 - gamma * (k_step + 1) * eta, theta0 - gamma * k_step * eta - eta * gamma, **rel))
falls = Lemma(
    "falls",
    sp.Le(norm_at[steps], norm_after_steps.stated, **rel),
    _start | _constant,
    (falling(eta, k_step * eta, _used, steps),),
)

VARYING = {
    "no step": sp.Eq(total_at[0], 0, **rel),
    "one more step": sp.Eq(total_at[k_step + 1], total_at[k_step] + step_at[k_step], **rel),
}
_more = Combine(
    "used",
    sp.Eq(theta0 - gamma * total_at[k_step + 1], theta0 - gamma * total_at[k_step] - step_at[k_step] * gamma, **rel),
    {"one more step": -gamma},
)
falls_varying = Lemma(
    "falls_varying",
    sp.Le(norm_at[steps], sp.Max(0, theta0 - gamma * total_at[steps]), **rel),
    _start | VARYING | {"each step": sp.Le(norm_at[k_step + 1], sp.Max(0, norm_at[k_step] - step_at[k_step] * gamma), **rel)},
    (falling(step_at[k_step], total_at[k_step], _more, steps),),
)

last_alive = Lemma(
    "last_alive",
    sp.Le(extinct_at, extinction_steps.stated, **rel),
    _start
    | _constant
    | {"alive before": sp.Gt(norm_at[extinct_at - 1], 0, **rel), "at least one": sp.Ge(extinct_at, 1, **rel)},
    (
        Cite("last living state", falls, {steps: extinct_at - 1}, {"start": "start", "each step": "each step"}),
        Combine(
            "something left",
            sp.Gt(norm_after_steps.stated.subs(steps, extinct_at - 1), 0, **rel),
            {"last living state": 1, "alive before": 1},
        ),
        Cite("not all used", positive_part, {_p: theta0 - (extinct_at - 1) * eta * gamma}, {"positive": "something left"}),
        Combine("steps below", sp.Lt(extinct_at, theta0 / (eta * gamma) + 1, **rel), {"not all used": 1 / (eta * gamma)}),
        Cite("claim", ceiling, {_i: extinct_at, _p: theta0 / (eta * gamma)}, {"below": "steps below"}),
    ),
)


# --- what every statement about a whole run has in common
# -------------------------------------------------------------------------

RUN = {  # the states of one group: theta_0, ..., the first zero one being number K
    "start is": sp.Le(norm_at[0], theta0, **rel),
    "alive before": sp.Gt(norm_at[extinct_at - 1], 0, **rel),
}


def soft_threshold(size: sp.Expr) -> dict[str, Relational]:
    """The prox as it is computed in every step, with step size `size`."""
    return {
        "prox is": sp.Eq(norm_at[k_step + 1], scale_at[k_step] * moved_at[k_step], **rel),
        "scale is": sp.Eq(scale_at[k_step], 1 - size * lam / sp.Max(moved_at[k_step], size * lam), **rel),
    }


def penalised(bound: sp.Expr) -> tuple[Step, ...]:
    """Lam > 0 from lam >= bound + gamma: the weight is a penalty."""
    return (
        Manifest("bound and slack", sp.Gt(bound + gamma, 0, **rel)),
        Combine("penalised", sp.Gt(lam, 0, **rel), {"penalty": 1, "bound and slack": 1}),
    )


def every_step(prox_norm: Theorem, bound: sp.Expr, size: sp.Expr) -> tuple[Step, ...]:
    """From `vector at most` (|v_k| <= bound) and `penalty` (lam >= bound + gamma) to what each step does to the norm."""
    here = {eta: size, moved_norm: moved_at[k_step]}
    return (
        *penalised(bound),
        Cite(
            "prox",
            prox_norm,
            here | {group_next: norm_at[k_step + 1], soft_scale: scale_at[k_step]},
            {"penalised": "penalised"},
        ),
        Cite("moved", triangle, {u: moved_at[k_step], v: norm_at[k_step], w: size * vector_at[k_step]}),
        Cite(
            "each step",
            one_step,
            here
            | {group_next: norm_at[k_step + 1], group_norm: norm_at[k_step], vector_norm: vector_at[k_step], step_bound: bound},
            {"prox": "prox", "moved": "moved", "bounded": "vector at most", "penalty": "penalty"},
        ),
    )


LAST_STEP = Cite(
    "claim",
    last_alive,
    {},
    {"start": "start is", "each step": "each step", "alive before": "alive before", "at least one": "alive"},
)


def dies(prox_norm: Theorem, bound: sp.Expr) -> tuple[Step, ...]:
    """The steps from `vector at most` and `penalty` to the claim about K, for a constant step size."""
    return (*every_step(prox_norm, bound, eta), LAST_STEP)


LEMMAS = (ceiling, positive_part, one_step, falls, falls_varying, last_alive)
