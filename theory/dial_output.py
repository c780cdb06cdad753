"""Outputs along the dial: a segment, continuity, and what cutting attention down to the block costs.

The output is o(d) = F(d) o_G + (1 - F(d)) o_out, and only F moves: everything here follows from the law of F and from |o_G
- o_out|.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.concentration import BLOCK
from theory.dial_entropy import ENTROPY, PARTS, entropy_split
from theory.dial_formulas import (
    continuity_bound,
    continuity_linear,
    divergence_of_cut,
    loss_shift,
    output_shift,
)
from theory.dial_law import AT_D, EPS, IN, LIFT, MASSES, OUT, SOURCE, SUMS, eq, free_block
from theory.entropy_formulas import binary_entropy
from theory.lemmas import half_angle_below, logistic_moves, mean_distance, norm_scales
from theory.steps import Apply, Cite, Combine, Identity, SumOver
from theory.symbols import (
    D_x,
    G_loss,
    beta,
    c,
    cut_gap,
    dial,
    dial_other,
    divergence,
    entropy,
    entropy_in,
    entropy_out,
    eps,
    fidelity,
    fidelity_other,
    g,
    j_in,
    j_out,
    loss_gap,
    mean_gap,
    mean_value_in,
    mean_value_out,
    n,
    output,
    output_gap,
    sum_in,
    sum_in0,
    sum_in_other,
    sum_out,
    total_variation,
    v,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_rel = {"evaluate": False}
_x = sp.Symbol("x", real=True)
_y = sp.Symbol("y", positive=True)
_one, _two, _zero = sp.Integer(1), sp.Integer(2), sp.Integer(0)
_total = sum_in + sum_out
_weight_in, _weight_out = sp.exp(c[j_in] + beta * dial), sp.exp(c[j_out])  # of one key, before the division by I + O

# --- the segment ------------------------------------------------------------------------------------------------------

_values_in, _values_out = sp.Sum(v[j_in] * sp.exp(c[j_in]), IN), sp.Sum(v[j_out] * sp.exp(c[j_out]), OUT)
_on_segment = fidelity * mean_value_in + (1 - fidelity) * mean_value_out
segment = Theorem(
    name="dial.segment",
    title="The output moves along one fixed segment",
    claim=eq(output, _on_segment),
    assumes={"block": BLOCK},
    definitions=SUMS
    | MASSES
    | {
        "o is": eq(output, sp.Sum(v[j_in] * _weight_in / _total, IN) + sp.Sum(v[j_out] * _weight_out / _total, OUT)),
        "o_G is": eq(mean_value_in, sp.Sum(v[j_in] * sp.exp(c[j_in]) / sum_in0, IN)),
        "o_out is": eq(mean_value_out, sp.Sum(v[j_out] * sp.exp(c[j_out]) / sum_out, OUT)),
    },
    steps=(
        AT_D,
        Combine(
            "claim", eq(output, _on_segment),
            {
                "o is": 1, "o_G is": -fidelity, "o_out is": -(1 - fidelity),
                "F is": _values_out / sum_out - _values_in / sum_in0, "I at d": -_values_in / (_total * sum_in0),
            },
        ),
    ),
    equality=Equality("an identity, in every coordinate; the ends of the segment do not depend on d"),
    free=free_block,
    source=f"{SOURCE}; continuous interpolation",
    kind="identity",
)  # fmt: skip

# --- continuity -------------------------------------------------------------------------------------------------------

_lift_other = LIFT.subs(dial, dial_other)
_log_odds0 = sp.log(sum_in0) - sp.log(sum_out)
_here, _there = (sp.sympify(1 / (1 + sp.exp(-beta * at - _log_odds0))) for at in (dial, dial_other))
_moved = sp.Abs(_here - _there)
_bound, _linear = continuity_bound.stated, continuity_linear.stated
_turn = beta * sp.Abs(dial - dial_other) / 2
_far = sp.exp(_turn)  # odds of the block when its log-odds are half the turn
_TWO_SETTINGS = SUMS | MASSES | {
    "I_2 is": eq(sum_in_other, sp.Sum(sp.exp(c[j_in] + beta * dial_other), IN)),
    "F_2 is": eq(fidelity_other, sum_in_other / (sum_in_other + sum_out)),
}  # fmt: skip
_two_keys = {n: _two, g: _one, beta: _one, dial: _one, dial_other: _zero, D_x: _one}

continuity = Theorem(
    name="dial.continuity",
    title="Outputs at two settings differ by at most D_x tanh(beta |d - d'|/4)",
    claim=sp.Le(output_gap, _bound, **_rel),
    assumes={"block": BLOCK},
    definitions=_TWO_SETTINGS,
    steps=(
        AT_D,
        Combine("I at d'", eq(sum_in_other, _lift_other * sum_in0), {"I_2 is": 1, "I_0 is": -_lift_other}),
        Combine("F at d", eq(fidelity, _here), {"F is": 1, "I at d": sum_out / (_total * (LIFT * sum_in0 + sum_out))}),
        Combine(
            "F at d'", eq(fidelity_other, _there),
            {"F_2 is": 1, "I at d'": sum_out / ((sum_in_other + sum_out) * (_lift_other * sum_in0 + sum_out))},
        ),
        Combine("masses", eq(fidelity - fidelity_other, _here - _there), {"F at d": 1, "F at d'": -1}),
        Apply("moved", sp.Abs(_x), _x, "masses"),
        Cite("outputs", norm_scales, {lemmas.v: output_gap, lemmas.p: fidelity - fidelity_other, lemmas.w: mean_gap}),
        Cite("means", mean_distance, {lemmas.v: mean_gap, lemmas.w: D_x}),
        Cite("turn", logistic_moves, {lemmas.q: beta * dial + _log_odds0, lemmas.p: beta * dial_other + _log_odds0}),
        Combine(
            "claim", sp.Le(output_gap, _bound, **_rel),
            {"outputs": -1, "moved": -mean_gap, "means": _moved, "turn": D_x},
        ),
    ),
    equality=Equality(
        "log-odds of the block +x at one setting and -x at the other, values in G at one point and values outside at another",
        {output_gap: D_x * (_far / (_far + 1) - 1 / (_far + 1))},
    ),
    free=free_block,
    uses=(segment,),
    source=f"{SOURCE}; continuous interpolation",
)  # fmt: skip

continuity_lipschitz = Theorem(
    name="dial.continuity_linear",
    title="The output is Lipschitz in the dial with constant beta D_x/4",
    claim=sp.Le(output_gap, _linear, **_rel),
    assumes={"block": BLOCK},
    definitions=_TWO_SETTINGS,
    steps=(
        Cite("curve", continuity, {}),
        Cite("below the tangent", half_angle_below, {lemmas.v: _turn}),
        Combine("claim", sp.Le(output_gap, _linear, **_rel), {"curve": 1, "below the tangent": D_x}),
    ),
    equality=Equality(
        "d' = d; for d' near d and even odds the ratio tends to 1, so the constant is exact",
        {output_gap: _zero, dial_other: dial},
    ),
    free=free_block,
    uses=(continuity,),
    source=f"{SOURCE}; continuous interpolation",
)

SMOOTH = Hypothesis(
    sp.Le(loss_gap, G_loss * output_gap, **_rel), "the query's loss is G-Lipschitz in its output",
    "Take G from the loss (cross-entropy: the diameter of the readout rows).",
)  # fmt: skip
train_elsewhere = Theorem(
    name="dial.train_elsewhere",
    title="Train at one setting, run at another: what a query's loss can change by",
    claim=sp.Le(loss_gap, G_loss * _bound, **_rel),
    assumes={"block": BLOCK, "smooth": SMOOTH},
    definitions=_TWO_SETTINGS,
    steps=(
        Cite("outputs", continuity, {}),
        Combine("claim", sp.Le(loss_gap, G_loss * _bound, **_rel), {"smooth": 1, "outputs": G_loss}),
    ),
    equality=Equality(
        "a loss that is linear in the output along the segment, at the equality case of continuity",
        {loss_gap: G_loss * D_x * (_far / (_far + 1) - 1 / (_far + 1))},
    ),
    needs={
        "smooth": Witness(
            _two_keys | {output_gap: sp.Rational(1, 5), G_loss: _one, loss_gap: _one},
            text="outputs 1/5 apart and losses 1 apart: G = 1 is no Lipschitz constant",
        )
    },
    free=free_block,
    uses=(continuity,),
    source=SOURCE,
)

# --- cutting attention down to the block ------------------------------------------------------------------------------

cost = Theorem(
    name="dial.cost",
    title="What localising costs the output, exactly",
    claim=eq(cut_gap, eps * mean_gap),
    assumes={"block": BLOCK},
    definitions=MASSES | dict(segment.definitions),
    steps=(
        Cite("segment", segment, {}),
        Combine("F", eq(1 - fidelity, eps), {"F is": -1, "eps is": -1}),
        # o - o_G = eps (o_out - o_G) in every coordinate
        Combine(
            "cut",
            eq(output - mean_value_in, eps * (mean_value_out - mean_value_in)),
            {"segment": 1, "F": mean_value_out - mean_value_in},
        ),
        Cite("claim", norm_scales, {lemmas.v: cut_gap, lemmas.p: eps, lemmas.w: mean_gap}),
    ),
    equality=Equality("an identity"),
    free=free_block,
    uses=(segment,),
    source="2510.09338: localist and distributed modes of one model",
    kind="identity",
)

cost_bound = Theorem(
    name="dial.cost_bound",
    title="Cutting attention down to the block moves the output by at most eps D_x",
    claim=sp.Le(cut_gap, output_shift.stated, **_rel),
    assumes={"block": BLOCK},
    definitions=dict(cost.definitions),
    steps=(
        Cite("cut", cost, {}),
        Cite("means", mean_distance, {lemmas.v: mean_gap, lemmas.w: D_x}),
        Combine("claim", sp.Le(cut_gap, output_shift.stated, **_rel), {"cut": -1, "means": eps}),
    ),
    equality=Equality("all values in G at one point and all values outside at another", {cut_gap: eps * D_x}),
    free=free_block,
    uses=(cost,),
    source="2510.09338: localist and distributed modes of one model",
)

cost_loss = Theorem(
    name="dial.cost_loss",
    title="Cutting attention down to the block changes a query's loss by at most G eps D_x",
    claim=sp.Le(loss_gap, loss_shift.stated, **_rel),
    assumes={
        "block": BLOCK,
        "smooth": Hypothesis(sp.Le(loss_gap, G_loss * cut_gap, **_rel), SMOOTH.text, SMOOTH.remedy),
    },
    definitions=dict(cost_bound.definitions),
    steps=(
        Cite("cut", cost_bound, {}),
        Combine("claim", sp.Le(loss_gap, loss_shift.stated, **_rel), {"smooth": 1, "cut": G_loss}),
    ),
    equality=Equality(
        "a loss that is linear in the output, at the equality case of `dial.cost_bound`", {loss_gap: G_loss * eps * D_x}
    ),
    needs={
        "smooth": Witness(
            {n: _two, g: _one, eps: sp.Rational(1, 4), D_x: _one, cut_gap: sp.Rational(1, 4), G_loss: _one, loss_gap: _one},
            text="outputs 1/4 apart and losses 1 apart: G = 1 is no Lipschitz constant",
        )
    },
    free=free_block,
    uses=(cost_bound,),
    source="2510.09338: localist and distributed modes of one model",
)

_cut_weight, _whole_weight = _weight_in / sum_in, _weight_in / _total
cut_distance = Theorem(
    name="dial.cut_distance",
    title="Total variation of the cut is the outside mass",
    claim=eq(total_variation, eps),
    assumes={"block": BLOCK},
    definitions=SUMS
    | MASSES
    | {"TV is": eq(2 * total_variation, sp.Sum(sp.Abs(_cut_weight - _whole_weight), IN) + sp.Sum(_weight_out / _total, OUT))},
    steps=(
        SumOver("inside", Identity("gain of a key", eq(sp.Abs(_cut_weight - _whole_weight), sum_out * _cut_weight / _total)),
            j_in),
        Combine(
            "claim", eq(total_variation, eps),
            {
                "TV is": sp.Rational(1, 2), "inside": sp.Rational(1, 2), "eps is": -1,
                "I is": -sum_out / (2 * sum_in * _total), "O is": -1 / (2 * _total),
            },
        ),
    ),
    equality=Equality("an identity"),
    free=free_block,
    source="2510.09338: localist and distributed modes of one model",
    kind="identity",
)  # fmt: skip

_divergence = divergence_of_cut.stated
cut_divergence = Theorem(
    name="dial.cut_divergence",
    title="KL divergence of the cut is -ln(1 - eps); the other way round it is infinite",
    claim=eq(divergence, _divergence),
    assumes={"block": BLOCK},
    definitions=SUMS | MASSES | {"KL is": eq(divergence, sp.Sum(_cut_weight * sp.log(_cut_weight / _whole_weight), IN))},
    steps=(
        *EPS,
        Combine(
            "claim", eq(divergence, _divergence),
            {"KL is": 1, "ln(1 - eps)": 1, "I is": -(sp.log(_total) - sp.log(sum_in)) / sum_in},
        ),
    ),
    equality=Equality("an identity"),
    free=free_block,
    source="2510.09338: localist and distributed modes of one model",
    kind="identity",
)  # fmt: skip

_entropy_cost = binary_entropy.stated + eps * (entropy_out - entropy_in)
cost_entropy = Theorem(
    name="dial.cost_entropy",
    title="Entropy that the cut removes; it may be negative",
    claim=eq(entropy - entropy_in, _entropy_cost),
    assumes={"block": BLOCK},
    definitions=ENTROPY | PARTS | MASSES,
    steps=(Cite("split", entropy_split, {}), Combine("claim", eq(entropy - entropy_in, _entropy_cost), {"split": 1})),
    equality=Equality("an identity"),
    free=free_block,
    uses=(entropy_split,),
    source="2510.09338: localist and distributed modes of one model",
    kind="identity",
)

OUTPUTS: tuple[Theorem, ...] = (
    segment, continuity, continuity_lipschitz, train_elsewhere, cost, cost_bound, cost_loss, cut_distance, cut_divergence,
    cost_entropy,
)  # fmt: skip
