"""One proximal step on a group: how far it falls, when a zero group stays zero, that a living one is no fixed point.

    |theta+| <= max(0, |theta| - eta gamma),    theta+ = prox(theta - eta v),  |v| <= G_bar,  lam >= G_bar + gamma

Statements of the family `extinction`; v is any vector.
"""

from __future__ import annotations

import sympy as sp

from theory.extinction_lemmas import after_one, one_step, penalised, rel
from theory.extinction_prox import prox_norm
from theory.lemmas import triangle, u, v, w
from theory.steps import Cite, Combine, Manifest
from theory.symbols import (
    clip,
    decay,
    eta,
    gamma,
    group_next,
    group_norm,
    group_soft,
    lam,
    moved_norm,
    radial,
    raw_norm,
    residual,
    soft_scale,
    step_bound,
    vector_norm,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

SOURCE = "2510.09338: penalties exceed certain threshold values, for training as it is run"
ONE, TWO, THREE = sp.Integer(1), sp.Integer(2), sp.Integer(3)

SOFT = {
    "prox is": sp.Eq(group_next, soft_scale * moved_norm, **rel),
    "scale is": sp.Eq(soft_scale, 1 - eta * lam / sp.Max(moved_norm, eta * lam), **rel),
}
BOUNDED = Hypothesis(
    sp.Le(vector_norm, step_bound, **rel),
    "the vector of the step is at most G_bar long",
    "Clip the gradient, or use a bound that holds.",
)
PENALTY = Hypothesis(
    sp.Ge(lam, step_bound + gamma, **rel),
    "the penalty weight exceeds the bound by gamma",
    "Raise the penalty weight, or claim a smaller gamma.",
)

decrease = Theorem(
    name="extinction.decrease",
    title="A step shortens a group by at least eta gamma",
    claim=sp.Le(group_next, after_one, **rel),
    assumes={"bounded": BOUNDED, "penalty": PENALTY},
    definitions=SOFT,
    steps=(
        *penalised(step_bound),
        Cite("prox", prox_norm, {}, {"penalised": "penalised"}),
        Cite("moved", triangle, {u: moved_norm, v: group_norm, w: eta * vector_norm}),
        Cite("claim", one_step, {}, {"prox": "prox", "moved": "moved", "bounded": "bounded", "penalty": "penalty"}),
    ),
    equality=Equality(
        "a vector of length G_bar that points away from the group, and lam = G_bar + gamma", {group_next: after_one}
    ),
    needs={
        "bounded": Witness(
            {group_norm: ONE, eta: ONE, gamma: ONE, step_bound: ONE, lam: TWO, vector_norm: THREE, group_next: TWO},
            text="pushed out by 3 instead of 1, then shortened by 2: the norm goes from 1 to 2",
        ),
        "penalty": Witness(
            {group_norm: ONE, eta: ONE, gamma: ONE, step_bound: ONE, lam: ONE, vector_norm: ONE, group_next: ONE},
            text="lam equal to the bound: the outward vector and the prox cancel, and the norm stays 1",
        ),
    },
    uses=(prox_norm,),
    source=SOURCE,
)

stays_zero = Theorem(
    name="extinction.stays_zero",
    title="A zero group stays zero; slack 0 is enough",
    claim=sp.Eq(group_next, 0, **rel),
    assumes={
        "zero": Hypothesis(
            sp.Eq(group_norm, 0, **rel), "the group is zero", "Wait for the step that `extinction.finite_time` gives."
        ),
        "bounded": BOUNDED,
        "penalised": Hypothesis(sp.Gt(lam, 0, **rel), "the penalty weight is positive", "Leave a group with weight 0 alone."),
        "penalty": Hypothesis(
            sp.Ge(lam, step_bound, **rel), "the penalty weight is at least the bound", "Raise the penalty weight."
        ),
    },
    definitions=SOFT,
    steps=(
        Cite("prox", prox_norm, {}, {"penalised": "penalised"}),
        Cite("moved", triangle, {u: moved_norm, v: group_norm, w: eta * vector_norm}),
        Combine(
            "below the threshold",
            sp.Le(moved_norm - eta * lam, 0, **rel),
            {"moved": 1, "zero": -1, "bounded": eta, "penalty": eta},
        ),
        Manifest("nothing left", sp.Eq(sp.Max(0, moved_norm - eta * lam), 0, **rel)),
        Combine("claim", sp.Eq(group_next, 0, **rel), {"prox": 1, "nothing left": 1}),
    ),
    equality=Equality("an identity"),
    needs={
        "zero": Witness(
            {group_norm: THREE, eta: ONE, step_bound: ONE, lam: ONE, vector_norm: ONE, group_next: THREE},
            text="a living group at slack 0 may stay as long as it is",
        ),
        "bounded": Witness(
            {group_norm: sp.Integer(0), eta: ONE, step_bound: ONE, lam: ONE, vector_norm: TWO, group_next: ONE},
            text="a vector of length 2 revives the group: its norm becomes 1",
        ),
        "penalty": Witness(
            {group_norm: sp.Integer(0), eta: ONE, step_bound: TWO, lam: ONE, vector_norm: TWO, group_next: ONE},
            text="lam below the bound: the group revives",
        ),
    },
    free={"penalised": "with lam = 0 = G_bar the scale is 0/0; the group does stay zero"},
    uses=(prox_norm,),
    kind="identity",
    source=SOURCE,
)

CLIPPED = sp.Eq(vector_norm, raw_norm * clip / sp.Max(raw_norm, clip), **rel)  # |v| = min(|gradient|, C)

fixed_points = Theorem(
    name="extinction.fixed_points",
    title="Fixed points of the clipped proximal map have theta_g = 0: a living group is moved by min(|theta|, eta gamma)",
    claim=sp.Ge(residual, group_norm - after_one, **rel),
    assumes={
        "penalty": Hypothesis(
            sp.Ge(lam, clip + gamma, **rel),
            "the penalty weight exceeds the clipping bound by gamma",
            "Raise the penalty weight, or clip lower.",
        )
    },
    definitions=SOFT | {"clipped is": CLIPPED},
    steps=(
        Manifest(
            "clipped",
            sp.Le(raw_norm * clip / sp.Max(raw_norm, clip), clip, **rel),
            form=clip * (sp.Max(raw_norm, clip) - raw_norm) / sp.Max(raw_norm, clip),
        ),
        Combine("bounded", sp.Le(vector_norm, clip, **rel), {"clipped is": -1, "clipped": 1}),
        Cite("fallen", decrease, {step_bound: clip}, {"bounded": "bounded", "penalty": "penalty"}),
        Cite("there and back", triangle, {u: group_norm, v: group_next, w: residual}),
        Combine("claim", sp.Ge(residual, group_norm - after_one, **rel), {"there and back": 1, "fallen": 1}),
    ),
    equality=Equality("an outward gradient of length C or more, and lam = C + gamma", {residual: group_norm - after_one}),
    needs={
        "penalty": Witness(
            {group_norm: ONE, eta: ONE, gamma: ONE, clip: ONE, lam: ONE, residual: sp.Integer(0)},
            text="lam = C: with an outward gradient every group is a fixed point",
        )
    },
    uses=(decrease,),
    source=SOURCE,
)

decay_step = Theorem(
    name="extinction.decay_step",
    title="Weight decay before the prox and scaling down after it shorten the group no less",
    claim=sp.Le(group_next, after_one, **rel),
    assumes={
        "bounded": BOUNDED,
        "penalty": PENALTY,
        "decay": Hypothesis(sp.Le(decay, 1, **rel), "weight decay multiplies by at most 1", "Use 0 <= step * decay <= 1."),
        "radial": Hypothesis(
            sp.Le(radial, 1, **rel),
            "the scaling after the prox is by at most 1",
            "Project on a centred ball, or divide by a norm >= 1.",
        ),
    },
    definitions={
        "prox is": sp.Eq(group_soft, soft_scale * moved_norm, **rel),
        "scale is": SOFT["scale is"],
        "scaled": sp.Eq(group_next, radial * group_soft, **rel),
    },
    steps=(
        *penalised(step_bound),
        Cite("prox alone", prox_norm, {group_next: group_soft}, {"penalised": "penalised"}),
        Combine(
            "prox",
            sp.Le(group_next, sp.Max(0, moved_norm - eta * lam), **rel),
            {"prox alone": -1, "scaled": -1, "radial": group_soft},
        ),
        Cite("decayed and moved", triangle, {u: moved_norm, v: decay * group_norm, w: eta * vector_norm}),
        Combine(
            "moved", sp.Le(moved_norm, group_norm + eta * vector_norm, **rel), {"decayed and moved": 1, "decay": group_norm}
        ),
        Cite("claim", one_step, {}, {"prox": "prox", "moved": "moved", "bounded": "bounded", "penalty": "penalty"}),
    ),
    equality=Equality(
        "no decay, no scaling, and an outward vector of length G_bar", {decay: ONE, radial: ONE, group_next: after_one}
    ),
    needs={
        "bounded": Witness(
            {
                group_norm: ONE,
                eta: ONE,
                gamma: ONE,
                step_bound: ONE,
                lam: TWO,
                vector_norm: THREE,
                group_next: TWO,
                decay: ONE,
                radial: ONE,
            },
            text="a longer vector, as in `extinction.decrease`",
        ),
        "penalty": Witness(
            {
                group_norm: ONE,
                eta: ONE,
                gamma: ONE,
                step_bound: ONE,
                lam: ONE,
                vector_norm: ONE,
                group_next: ONE,
                decay: ONE,
                radial: ONE,
            },
            text="lam equal to the bound, as in `extinction.decrease`",
        ),
        "decay": Witness(
            {
                group_norm: TWO,
                eta: ONE,
                gamma: ONE,
                step_bound: ONE,
                lam: TWO,
                vector_norm: ONE,
                group_next: THREE,
                decay: TWO,
                radial: ONE,
            },
            text="growth by 2 before the step: from 2 to 2 * 2 + 1 - 2 = 3",
        ),
        "radial": Witness(
            {
                group_norm: TWO,
                eta: ONE,
                gamma: ONE,
                step_bound: ONE,
                lam: TWO,
                vector_norm: ONE,
                group_next: TWO,
                decay: ONE,
                radial: TWO,
            },
            text="scaling up by 2 after the prox: from 2 to 2 (2 + 1 - 2) = 2",
        ),
    },
    uses=(prox_norm,),
    source=SOURCE,
)
