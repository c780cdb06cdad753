"""Whole runs of proximal steps: the step by which a group is zero, for every kind of vector that it may be moved by.

    K <= ceil(theta0 / (eta gamma)),    lam >= bound + gamma;  bound = G_bar, C (clipping), G_bar (averaging), G_bar/(1 - mu)
    (momentum)

K is the number of the first zero state of a group that starts alive with norm at most theta0. Statements of the family
`extinction`.
"""

from __future__ import annotations

import sympy as sp

from theory.extinction_formulas import extinction_steps, momentum_ratio
from theory.extinction_lemmas import (
    LAST_STEP,
    RUN,
    VARYING,
    after_total,
    dies,
    every_step,
    falls_varying,
    one_step,
    penalised,
    positive_part,
    rel,
    soft_threshold,
)
from theory.extinction_prox import prox_norm
from theory.extinction_steps import ONE, SOURCE, THREE, TWO
from theory.lemmas import triangle, u, v, w
from theory.steps import Cases, Cite, Combine, Manifest
from theory.symbols import (
    clip,
    decay,
    decay_at,
    eta,
    extinct_at,
    gamma,
    group_later,
    group_next,
    group_norm,
    k_step,
    lam,
    momentum,
    moved_at,
    moved_norm,
    norm_at,
    radial,
    radial_at,
    raw_at,
    scale_at,
    soft_at,
    soft_scale,
    step_at,
    step_bound,
    steps,
    theta0,
    total_at,
    total_step,
    vector_at,
    vector_max,
    vector_norm,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_next = k_step + 1
HUNDRED = sp.Integer(100)
ALIVE = Hypothesis(sp.Ge(extinct_at, 1, **rel), "the group starts alive", "A group that starts at zero is dead in state 0.")
VECTORS = Hypothesis(
    sp.Le(vector_max, step_bound, **rel), "every vector is at most G_bar long", "Clip the gradients, or use a bound that holds."
)
PENALTY = Hypothesis(
    sp.Ge(lam, step_bound + gamma, **rel),
    "the penalty weight exceeds the bound by gamma",
    "Raise the penalty weight, or claim a smaller gamma.",
)
FREE = {"alive": "it only says that there is a last living state; a group that is zero from the start has K = 0"}
IN_TIME = sp.Le(extinct_at, extinction_steps.stated, **rel)
ATTAINED = {extinct_at: extinction_steps.stated}
UNIT = {theta0: ONE, eta: ONE, gamma: ONE, extinct_at: HUNDRED}  # it should be dead after one step and lives for 99
_greatest = {"greatest is": sp.Le(vector_at[k_step], vector_max, **rel)}
_bounded = Combine("vector at most", sp.Le(vector_at[k_step], step_bound, **rel), {"greatest is": 1, "bounded": 1})

finite_time = Theorem(
    name="extinction.finite_time",
    title="Zero after ceil(theta0/(eta gamma)) steps, for any vectors of norm at most G_bar",
    claim=IN_TIME,
    assumes={"alive": ALIVE, "bounded": VECTORS, "penalty": PENALTY},
    definitions=RUN | soft_threshold(eta) | _greatest,
    steps=(_bounded, *dies(prox_norm, step_bound)),
    equality=Equality("every vector has length G_bar and points away from the group; lam = G_bar + gamma", ATTAINED),
    needs={
        "bounded": Witness(
            UNIT | {step_bound: ONE, lam: TWO, vector_max: THREE},
            text="vectors of length 3 push out faster than lam = 2 pulls in",
        ),
        "penalty": Witness(
            UNIT | {step_bound: ONE, lam: ONE, vector_max: ONE},
            text="lam equal to the bound: an outward adversary keeps it at 1",
        ),
    },
    free=FREE,
    uses=(prox_norm,),
    source=SOURCE,
)

clipping = Theorem(
    name="extinction.clipping",
    title="Clipping at C: the threshold C + gamma, whatever the architecture, the loss and the depth",
    claim=IN_TIME,
    assumes={
        "alive": ALIVE,
        "penalty": Hypothesis(
            sp.Ge(lam, clip + gamma, **rel),
            "the penalty weight exceeds the clipping bound by gamma",
            "Raise the penalty weight, or clip lower.",
        ),
    },
    definitions=RUN
    | soft_threshold(eta)
    | {"clipped is": sp.Eq(vector_at[k_step], raw_at[k_step] * clip / sp.Max(raw_at[k_step], clip), **rel)},
    steps=(
        Manifest(
            "clipped",
            sp.Le(raw_at[k_step] * clip / sp.Max(raw_at[k_step], clip), clip, **rel),
            form=clip * (sp.Max(raw_at[k_step], clip) - raw_at[k_step]) / sp.Max(raw_at[k_step], clip),
        ),
        Combine("vector at most", sp.Le(vector_at[k_step], clip, **rel), {"clipped is": -1, "clipped": 1}),
        *dies(prox_norm, clip),
    ),
    equality=Equality("every gradient is at least C long and points away from the group; lam = C + gamma", ATTAINED),
    needs={
        "penalty": Witness(
            UNIT | {clip: ONE, lam: ONE}, text="lam = C: outward gradients of length C or more keep the group at 1"
        )
    },
    free=FREE,
    uses=(prox_norm,),
    source=SOURCE,
)

_ratio = momentum_ratio.stated
BELOW_ONE = Hypothesis(
    sp.Lt(momentum, 1, **rel), "the momentum coefficient is below 1", "Use mu < 1: with mu = 1 the vectors add up without end."
)

decay_and_balls = Theorem(
    name="extinction.decay_and_balls",
    title="Zero in time under weight decay, division by a norm, and Frobenius balls after the prox",
    claim=IN_TIME,
    assumes={
        "alive": ALIVE,
        "bounded": VECTORS,
        "penalty": PENALTY,
        "decay": Hypothesis(sp.Le(decay, 1, **rel), "weight decay multiplies by at most 1", "Use 0 <= step * decay <= 1."),
        "radial": Hypothesis(
            sp.Le(radial, 1, **rel),
            "the scaling after the prox is by at most 1",
            "Project on a centred ball, or divide by a norm >= 1.",
        ),
    },
    definitions=RUN
    | _greatest
    | {
        "prox is": sp.Eq(soft_at[k_step], scale_at[k_step] * moved_at[k_step], **rel),
        "scale is": soft_threshold(eta)["scale is"],
        "scaled": sp.Eq(norm_at[_next], radial_at[k_step] * soft_at[k_step], **rel),
        "greatest decay is": sp.Le(decay_at[k_step], decay, **rel),
        "greatest scaling is": sp.Le(radial_at[k_step], radial, **rel),
    },
    steps=(
        _bounded,
        *penalised(step_bound),
        Cite(
            "prox alone",
            prox_norm,
            {group_next: soft_at[k_step], moved_norm: moved_at[k_step], soft_scale: scale_at[k_step]},
            {"penalised": "penalised"},
        ),
        Combine(
            "prox",
            sp.Le(norm_at[_next], sp.Max(0, moved_at[k_step] - eta * lam), **rel),
            {"prox alone": -1, "scaled": -1, "greatest scaling is": soft_at[k_step], "radial": soft_at[k_step]},
        ),
        Cite(
            "decayed and moved",
            triangle,
            {u: moved_at[k_step], v: decay_at[k_step] * norm_at[k_step], w: eta * vector_at[k_step]},
        ),
        Combine(
            "moved",
            sp.Le(moved_at[k_step], norm_at[k_step] + eta * vector_at[k_step], **rel),
            {"decayed and moved": 1, "greatest decay is": norm_at[k_step], "decay": norm_at[k_step]},
        ),
        Cite(
            "each step",
            one_step,
            {
                group_next: norm_at[_next],
                group_norm: norm_at[k_step],
                moved_norm: moved_at[k_step],
                vector_norm: vector_at[k_step],
            },
            {"prox": "prox", "moved": "moved", "bounded": "vector at most", "penalty": "penalty"},
        ),
        LAST_STEP,
    ),
    equality=Equality(
        "no decay, no scaling, an outward adversary: as `extinction.finite_time`", {decay: ONE, radial: ONE, **ATTAINED}
    ),
    needs={
        "bounded": Witness(
            UNIT | {decay: ONE, radial: ONE, step_bound: ONE, lam: TWO, vector_max: THREE}, text="vectors of length 3"
        ),
        "penalty": Witness(
            UNIT | {decay: ONE, radial: ONE, step_bound: ONE, lam: ONE, vector_max: ONE},
            text="lam equal to the bound, an outward adversary",
        ),
        "decay": Witness(
            UNIT | {decay: TWO, radial: ONE, step_bound: ONE, lam: TWO, vector_max: ONE},
            text="doubling before each step: 2 * 1 + 1 - 2 = 1 for ever",
        ),
        "radial": Witness(
            {
                theta0: TWO,
                eta: ONE,
                gamma: ONE,
                extinct_at: HUNDRED,
                decay: ONE,
                radial: TWO,
                step_bound: ONE,
                lam: TWO,
                vector_max: ONE,
            },
            text="doubling after each prox: 2 (2 + 1 - 2) = 2 for ever",
        ),
    },
    free=FREE,
    uses=(prox_norm,),
    source=SOURCE,
)

_varying = {
    "start is": RUN["start is"],
    **VARYING,
    **soft_threshold(step_at[k_step]),
    **_greatest,
}


_every_state = {"start": "start is", "no step": "no step", "one more step": "one more step", "each step": "each step"}
_left, _left_at = theta0 - gamma * total_step, theta0 - gamma * total_at[steps]
_later = sp.Le(group_later, after_total, **rel)

norm_after = Theorem(
    name="extinction.norm_after",
    title="The norm in every state, for varying step sizes: max(0, theta0 - gamma times their sum)",
    claim=_later,
    assumes={"bounded": VECTORS, "penalty": PENALTY},
    definitions=_varying
    | {"later is": sp.Eq(group_later, norm_at[steps], **rel), "total is": sp.Eq(total_step, total_at[steps], **rel)},
    steps=(
        _bounded,
        *every_step(prox_norm, step_bound, step_at[k_step]),
        Cite("state", falls_varying, {}, _every_state),
        Combine("left", sp.Eq(_left_at, _left, **rel), {"total is": gamma}),
        Manifest("clipped", sp.Ge(after_total, 0, **rel)),
        Manifest("not clipped", sp.Ge(after_total, _left, **rel)),
        Cases(
            "claim",
            _later,
            _left_at,
            (
                Manifest("used up", sp.Eq(sp.Max(0, _left_at), 0, **rel)),
                Combine("low", _later, {"later is": -1, "state": 1, "used up": -1, "clipped": 1}),
            ),
            (
                Manifest("some left", sp.Eq(sp.Max(0, _left_at), _left_at, **rel)),
                Combine("high", _later, {"later is": -1, "state": 1, "some left": -1, "left": -1, "not clipped": 1}),
            ),
        ),
    ),
    equality=Equality(
        "vectors of length G_bar that point away from the group; lam = G_bar + gamma", {group_later: after_total}
    ),
    needs={
        "bounded": Witness(
            {theta0: ONE, gamma: ONE, total_step: TWO, step_bound: ONE, lam: TWO, vector_max: THREE, group_later: THREE},
            text="two steps of size 1 with outward vectors of length 3: 1, 2, 3",
        ),
        "penalty": Witness(
            {theta0: ONE, gamma: ONE, total_step: TWO, step_bound: ONE, lam: ONE, vector_max: ONE, group_later: ONE},
            text="lam equal to the bound: the norm stays 1",
        ),
    },
    uses=(prox_norm,),
    source=SOURCE,
)

_before = theta0 - gamma * total_at[extinct_at - 1]
varying_steps = Theorem(
    name="extinction.varying_steps",
    title="Zero as soon as gamma times the sum of the step sizes reaches theta0",
    claim=sp.Lt(total_step, theta0 / gamma, **rel),
    assumes={"alive": ALIVE, "bounded": VECTORS, "penalty": PENALTY},
    definitions=_varying
    | {"alive before": RUN["alive before"], "total is": sp.Eq(total_step, total_at[extinct_at - 1], **rel)},
    steps=(
        _bounded,
        *every_step(prox_norm, step_bound, step_at[k_step]),
        Cite("last living state", falls_varying, {steps: extinct_at - 1}, _every_state),
        Combine("something left", sp.Gt(sp.Max(0, _before), 0, **rel), {"last living state": 1, "alive before": 1}),
        Cite("not all used", positive_part, {positive_part.relation.lhs: _before}, {"positive": "something left"}),
        Combine("claim", sp.Lt(total_step, theta0 / gamma, **rel), {"not all used": 1 / gamma, "total is": -1}),
    ),
    equality=Equality(
        "not attained, but approached: with an outward adversary the last living state may be as near to zero as one likes"
    ),
    needs={
        "bounded": Witness(
            {
                theta0: ONE,
                gamma: ONE,
                total_step: sp.Integer(99),
                extinct_at: HUNDRED,
                step_bound: ONE,
                lam: TWO,
                vector_max: THREE,
            },
            text="vectors of length 3 for 99 steps of size 1, then an inward one",
        ),
        "penalty": Witness(
            {
                theta0: ONE,
                gamma: ONE,
                total_step: sp.Integer(99),
                extinct_at: HUNDRED,
                step_bound: ONE,
                lam: ONE,
                vector_max: ONE,
            },
            text="lam equal to the bound: 99 outward steps of size 1, then an inward one",
        ),
    },
    free=FREE,
    uses=(prox_norm,),
    source=SOURCE,
)
