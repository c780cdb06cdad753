"""Threshold, part 4: constants of the loss. Assembled in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory import threshold_formulas as numbers
from theory.lemmas import bilinear_form, mean_distance, sum_of_norms
from theory.steps import Cite, Combine, Manifest, SumOver
from theory.symbols import (
    D_U,
    B_v,
    B_y,
    classes,
    k_class,
    norm_U,
    output_gradient,
    output_norm,
    spread_U,
    target_distance,
    target_norm,
    target_probability,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness
from theory.threshold_covariance import norm_lemma

_rel = {"evaluate": False}
_one, _zero, _two = sp.Integer(1), sp.Integer(0), sp.Integer(2)
_half = sp.Rational(1, 2)
_p = sp.IndexedBase("p", nonnegative=True)  # probability of class k
_dist = sp.IndexedBase("dist", nonnegative=True)  # |u_k - u_y|

READOUT = Hypothesis(sp.Le(spread_U, D_U, **_rel), "any two readout rows are at most D_U apart", "Measure D_U on the readout.")
_ce = numbers.loss_gradient_ce.stated
_wrong_readout = "readout rows 4 apart, and 2 claimed"

CROSS_ENTROPY = {
    # dl/do = U'(p - e_y) = sum over k != y of p_k (u_k - u_y)
    "p_y is": sp.Eq(1 - target_probability, sp.Sum(_p[k_class], (k_class, 2, classes)), **_rel),
    "rows apart": sp.Le(_dist[k_class], spread_U, **_rel),
}

loss_gradient = Theorem(
    name="threshold.loss_gradient",
    title="Gradient of the cross-entropy of logits U o in the output o",
    claim=sp.Le(output_gradient, _ce, **_rel),
    assumes={"readout": READOUT},
    definitions=CROSS_ENTROPY,
    steps=(
        norm_lemma("triangle", sum_of_norms, output_gradient, sp.Sum(_p[k_class] * _dist[k_class], (k_class, 2, classes))),
        SumOver(
            "summed",
            Combine(
                "one class", sp.Le(_p[k_class] * _dist[k_class], _p[k_class] * spread_U, **_rel), {"rows apart": _p[k_class]}
            ),
            k_class,
        ),
        Manifest("shares", sp.Ge(sp.Sum(_p[k_class], (k_class, 2, classes)), 0, **_rel)),
        Combine(
            "claim",
            sp.Le(output_gradient, _ce, **_rel),
            {"triangle": 1, "summed": 1, "p_y is": D_U, "readout": sp.Sum(_p[k_class], (k_class, 2, classes))},
        ),
    ),
    equality=Equality("two classes, readout rows D_U apart", {output_gradient: D_U - target_probability * D_U}),
    needs={
        "readout": Witness(
            {output_gradient: _two, target_probability: _half, D_U: _two, spread_U: sp.Integer(4)}, text=_wrong_readout
        )
    },
    source="2510.09338: explicit threshold conditions, loss constant",
)

loss_gradient_strict = Theorem(
    name="threshold.loss_gradient_strict",
    title="The loss constant D_U is never reached",
    claim=sp.Lt(output_gradient, D_U, **_rel),
    assumes={
        "readout": READOUT,
        "target": Hypothesis(
            sp.Gt(target_probability, 0, **_rel), "the target has positive probability", "Finite logits give one."
        ),
        "apart": Hypothesis(
            sp.Gt(D_U, 0, **_rel), "the claimed diameter is positive", "With equal readout rows the loss does not depend on o."
        ),
    },
    definitions=CROSS_ENTROPY,
    steps=(
        Cite("bound", loss_gradient, {}, {"readout": "readout"}),
        Manifest("below", sp.Gt(target_probability * D_U, 0, **_rel)),
        Combine("claim", sp.Lt(output_gradient, D_U, **_rel), {"bound": 1, "below": 1}),
    ),
    equality=Equality("never: the supremum is approached as the target's probability falls to 0"),
    needs={
        "readout": Witness(
            {output_gradient: _two, target_probability: _half, D_U: _two, spread_U: sp.Integer(4)}, text=_wrong_readout
        ),
        "target": Witness(
            {output_gradient: _two, target_probability: _zero, D_U: _two, spread_U: _two}, text="a target of probability 0"
        ),
        "apart": Witness(
            {output_gradient: _zero, target_probability: _half, D_U: _zero, spread_U: _zero}, text="equal readout rows: 0 < 0"
        ),
    },
    uses=(loss_gradient,),
    source="2510.09338: explicit threshold conditions, loss constant",
)

_means_apart = sp.Symbol("means_apart", nonnegative=True)
loss_gradient_soft = Theorem(
    name="threshold.loss_gradient_soft",
    title="The same with soft targets: total variation times diameter",
    claim=sp.Le(output_gradient, target_distance * D_U, **_rel),
    assumes={"readout": READOUT},
    # p - T = TV (P - N): its positive and its negative part have the same mass TV, so U'(p - T) = TV (E_P u - E_N u).
    definitions={"g is": sp.Eq(output_gradient, target_distance * _means_apart, **_rel)},
    steps=(
        Cite("means", mean_distance, {lemmas.v: _means_apart, lemmas.w: spread_U}),
        Combine(
            "claim",
            sp.Le(output_gradient, target_distance * D_U, **_rel),
            {"g is": -1, "means": target_distance, "readout": target_distance},
        ),
    ),
    equality=Equality("two classes, readout rows D_U apart", {output_gradient: D_U * target_distance}),
    needs={
        "readout": Witness(
            {output_gradient: _two, target_distance: _half, D_U: _two, spread_U: sp.Integer(4)}, text=_wrong_readout
        )
    },
    source="2510.09338: explicit threshold conditions, loss constant",
)

_mse = numbers.loss_gradient_mse.stated
_prediction = sp.Symbol("z_norm", nonnegative=True)  # |U o|
_error = sp.Symbol("e_norm", nonnegative=True)  # |U o - y|
loss_gradient_mse = Theorem(
    name="threshold.loss_gradient_mse",
    title="Gradient of half the squared error of U o in the output o",
    claim=sp.Le(output_gradient, _mse, **_rel),
    assumes={
        "output": Hypothesis(
            sp.Le(output_norm, B_v, **_rel), "outputs have norm at most B_v", "Values have: an output is a mean of values."
        ),
        "target": Hypothesis(sp.Le(target_norm, B_y, **_rel), "targets have norm at most B_y", "Measure B_y on the targets."),
    },
    steps=(
        # dl/do = U'(U o - y); norm_U is at least the spectral norm of U
        norm_lemma("gradient", bilinear_form, output_gradient, norm_U, _error),
        norm_lemma("error", sum_of_norms, _error, _prediction + target_norm),
        norm_lemma("prediction", bilinear_form, _prediction, norm_U, output_norm),
        Combine(
            "claim",
            sp.Le(output_gradient, _mse, **_rel),
            {"gradient": 1, "error": norm_U, "prediction": norm_U, "output": norm_U**2, "target": norm_U},
        ),
    ),
    equality=Equality("U a number, o = -B_v, y = B_y", {output_gradient: norm_U**2 * B_v + norm_U * B_y}),
    needs={
        "output": Witness(
            {output_gradient: _two, norm_U: _one, output_norm: _two, B_v: _one, target_norm: _zero, B_y: _zero},
            text="an output of norm 2, and 1 claimed",
        ),
        "target": Witness(
            {output_gradient: _two, norm_U: _one, output_norm: _zero, B_v: _zero, target_norm: _two, B_y: _one},
            text="a target of norm 2, and 1 claimed",
        ),
    },
    source="2510.09338: explicit threshold conditions, loss constant",
)

LOSS: tuple[Theorem, ...] = (loss_gradient, loss_gradient_strict, loss_gradient_soft, loss_gradient_mse)
