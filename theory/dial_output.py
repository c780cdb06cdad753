"""Outputs along the dial: a segment, continuity, the frozen checkpoint, and what cutting attention down to the block costs.

The output is o(d) = F(d) o_G + (1 - F(d)) o_out, and only F moves: everything here follows from the law of F and from |o_G - o_out|.
"""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory.concentration import BLOCK, E, outside_mass
from theory.dial_entropy import ENTROPY, PARTS, entropy_split
from theory.dial_formulas import continuity_bound, continuity_linear, divergence_of_cut, frozen_entropy_floor, loss_shift, output_shift
from theory.dial_law import AT_D, EPS, IN, LEAD, LIFT, MARGINS, MASSES, OUT, SOURCE, SUMS, eq, free_block, margin_law
from theory.entropy_ceiling import ceiling
from theory.entropy_floor import gap_bound
from theory.entropy_formulas import binary_entropy, entropy_ceiling
from theory.lemmas import half_angle_below, logistic_moves, mean_distance, norm_scales, spread_shifts
from theory.steps import Apply, Cite, Combine, Identity, Manifest, SumOver
from theory.symbols import (
    D_x,
    G_loss,
    beta,
    c,
    content_lead,
    content_spread,
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
    lead_bound,
    loss_gap,
    margin,
    mean_gap,
    mean_value_in,
    mean_value_out,
    n,
    output,
    output_gap,
    score_range,
    spread,
    sum_in,
    sum_in0,
    sum_in_other,
    sum_out,
    t,
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

# --- the segment --------------------------------------------------------------------------------------------------------------------

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
    source=f"{SOURCE}; continuous interpolation (N1)",
    kind="identity",
)  # fmt: skip

# --- continuity ---------------------------------------------------------------------------------------------------------------------

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
        "log-odds of the block +x at one setting and -x at the other, all values in G at one point and all values outside at another",
        {output_gap: D_x * (_far / (_far + 1) - 1 / (_far + 1))},
    ),
    free=free_block,
    uses=(segment,),
    source=f"{SOURCE}; continuous interpolation (N1, L4)",
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
    equality=Equality("d' = d; for d' near d and even odds the ratio tends to 1, so the constant is exact", {output_gap: _zero, dial_other: dial}),
    free=free_block,
    uses=(continuity,),
    source=f"{SOURCE}; continuous interpolation (N1)",
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
    source=f"{SOURCE} (N2)",
)

# --- cutting attention down to the block --------------------------------------------------------------------------------------------

cost = Theorem(
    name="dial.cost",
    title="What localising costs the output, exactly",
    claim=eq(cut_gap, eps * mean_gap),
    assumes={"block": BLOCK},
    definitions=SUMS | MASSES,
    steps=(
        Cite("segment", segment, {}),
        Combine("F", eq(1 - fidelity, eps), {"F is": -1, "eps is": -1}),
        # o - o_G = eps (o_out - o_G) in every coordinate
        Combine(
            "cut", eq(output - mean_value_in, eps * (mean_value_out - mean_value_in)), {"segment": 1, "F": mean_value_out - mean_value_in}
        ),
        Cite("claim", norm_scales, {lemmas.v: cut_gap, lemmas.p: eps, lemmas.w: mean_gap}),
    ),
    equality=Equality("an identity"),
    free=free_block,
    uses=(segment,),
    source="2510.09338: localist and distributed modes of one model (T13)",
    kind="identity",
)

cost_bound = Theorem(
    name="dial.cost_bound",
    title="Cutting attention down to the block moves the output by at most eps D_x",
    claim=sp.Le(cut_gap, output_shift.stated, **_rel),
    assumes={"block": BLOCK},
    definitions=SUMS | MASSES,
    steps=(
        Cite("cut", cost, {}),
        Cite("means", mean_distance, {lemmas.v: mean_gap, lemmas.w: D_x}),
        Combine("claim", sp.Le(cut_gap, output_shift.stated, **_rel), {"cut": -1, "means": eps}),
    ),
    equality=Equality("all values in G at one point and all values outside at another", {cut_gap: eps * D_x}),
    free=free_block,
    uses=(cost,),
    source="2510.09338: localist and distributed modes of one model (T13)",
)

cost_loss = Theorem(
    name="dial.cost_loss",
    title="Cutting attention down to the block changes a query's loss by at most G eps D_x",
    claim=sp.Le(loss_gap, loss_shift.stated, **_rel),
    assumes={
        "block": BLOCK,
        "smooth": Hypothesis(sp.Le(loss_gap, G_loss * cut_gap, **_rel), SMOOTH.text, SMOOTH.remedy),
    },
    definitions=SUMS | MASSES,
    steps=(
        Cite("cut", cost_bound, {}),
        Combine("claim", sp.Le(loss_gap, loss_shift.stated, **_rel), {"smooth": 1, "cut": G_loss}),
    ),
    equality=Equality("a loss that is linear in the output, at the equality case of `dial.cost_bound`", {loss_gap: G_loss * eps * D_x}),
    needs={
        "smooth": Witness(
            {n: _two, g: _one, eps: sp.Rational(1, 4), D_x: _one, cut_gap: sp.Rational(1, 4), G_loss: _one, loss_gap: _one},
            text="outputs 1/4 apart and losses 1 apart: G = 1 is no Lipschitz constant",
        )
    },
    free=free_block,
    uses=(cost_bound,),
    source="2510.09338: localist and distributed modes of one model (T13)",
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
        SumOver("inside", Identity("gain of a key", eq(sp.Abs(_cut_weight - _whole_weight), sum_out * _cut_weight / _total)), j_in),
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
    source="2510.09338: localist and distributed modes of one model (T13)",
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
    source="2510.09338: localist and distributed modes of one model (T13)",
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
    source="2510.09338: localist and distributed modes of one model (T13)",
    kind="identity",
)

# --- the frozen checkpoint ----------------------------------------------------------------------------------------------------------

_warranted = beta * dial - lead_bound
_worst_mass, _worst_entropy = E.subs(t, _warranted), entropy_ceiling.stated.subs(t, _warranted)
_outside = sp.exp(-_warranted)  # odds of one outside key against one of the block in the worst row
_normaliser = g + (n - g) * _outside
_WARRANT = (
    Cite("margin law", margin_law, {}),
    Combine("margin enough", sp.Ge(margin, _warranted, **_rel), {"margin law": 1, "lead": 1}),
)
# scores (0, 0): content (-1, 0) at dial 1, which the bound R = 0 does not admit
_lead_broken = {n: _two, g: _one, beta: _one, dial: _one, lead_bound: _zero, content_lead: _one}

frozen_mass = Theorem(
    name="dial.frozen_checkpoint",
    title="One frozen checkpoint, every setting: outside mass",
    claim=sp.Le(eps, _worst_mass, **_rel),
    assumes={"block": BLOCK, "lead": LEAD},
    definitions=SUMS | MASSES | MARGINS,
    steps=(*_WARRANT, Cite("claim", outside_mass, {t: _warranted}, {"margin": "margin enough"})),
    equality=Equality("two-level content that leads outside by exactly R", {eps: (n - g) * _outside / (g + (n - g) * _outside)}),
    needs={"lead": Witness(_lead_broken | {eps: sp.Rational(1, 2)}, text="content (-1, 0) at dial 1: outside mass 1/2 above 0.269")},
    free=free_block,
    uses=(margin_law, outside_mass),
    source=f"{SOURCE} (N2)",
)

_REACH = Hypothesis(sp.Ge(_warranted, 0, **_rel), "beta d >= R", "Raise the dial to R/beta; below it a uniform row may satisfy every hypothesis.")
frozen_entropy = Theorem(
    name="dial.frozen_ceiling",
    title="One frozen checkpoint, every setting: entropy from above",
    claim=sp.Le(entropy, _worst_entropy, **_rel),
    assumes={"block": BLOCK, "lead": LEAD, "reach": _REACH},
    definitions=ENTROPY | MARGINS,
    steps=(*_WARRANT, Cite("claim", ceiling, {t: _warranted}, {"margin": "margin enough", "lead": "reach"})),
    equality=Equality(
        "two-level content that leads outside by exactly R",
        {entropy: -g / _normaliser * sp.log(1 / _normaliser) - (n - g) * _outside / _normaliser * sp.log(_outside / _normaliser)},
    ),
    needs={
        "lead": Witness(_lead_broken | {entropy: sp.log(2)}, text="content (-1, 0) at dial 1: entropy ln 2, above 0.582"),
        "reach": Witness(
            {n: sp.Integer(4), g: _one, beta: _one, dial: -_one, lead_bound: _zero, content_lead: -_one, entropy: sp.log(4)},
            text="content (1, 0, 0, 0) at dial -1: entropy ln 4, above H*(4, 1, -1) = 1.324",
        ),
    },
    free=free_block,
    uses=(margin_law, ceiling),
    source=f"{SOURCE} (N2)",
)  # fmt: skip

_widened = score_range + beta * sp.Abs(dial)
_least_entropy = sp.Ge(entropy, frozen_entropy_floor.stated, **_rel)
frozen_floor = Theorem(
    name="dial.frozen_floor",
    title="One frozen checkpoint, every setting: entropy from below",
    claim=_least_entropy,
    assumes={
        "block": BLOCK,
        "range": Hypothesis(sp.Le(content_spread, score_range, **_rel), "content scores lie within a range R", "Claim the measured range."),
        "positive": Hypothesis(sp.Gt(score_range, 0, **_rel), "R > 0", "Any R above 0 will do, however small."),
    },
    definitions=ENTROPY,
    steps=(
        Cite("moved", spread_shifts, {lemmas.v: spread, lemmas.w: content_spread, lemmas.p: beta * dial}),
        Combine("within", sp.Le(spread, _widened, **_rel), {"moved": 1, "range": 1}),
        Manifest("wide", sp.Gt(_widened, 0, **_rel)),
        Cite("gap", gap_bound, {score_range: _widened}, {"positive": "wide", "range": "within"}),
        Combine("claim", _least_entropy, {"gap": 1}),
    ),
    equality=Equality("not attained at rational ranges; the supremum over n and rows is the bound (`entropy.gap`)"),
    needs={
        "range": Witness(
            {n: _two, g: _one, beta: _one, dial: _zero, score_range: _one, content_spread: sp.Integer(10),
             entropy: sp.log(1 + sp.exp(-10)) + 10 * sp.exp(-10) / (1 + sp.exp(-10))},
            text="content 10 and 0, claimed range 1: entropy 0.0005, floor 0.57",
        ),
    },
    free=free_block | {"positive": "the formula reads 0/0 at R = 0 and d = 0, where the entropy is ln n"},
    uses=(gap_bound,),
    source=f"{SOURCE} (N2)",
)  # fmt: skip

frozen_output = Theorem(
    name="dial.frozen_output",
    title="One frozen checkpoint, every setting: distance from the localist output",
    claim=sp.Le(cut_gap, _worst_mass * D_x, **_rel),
    assumes={"block": BLOCK, "lead": LEAD},
    definitions=SUMS | MASSES | MARGINS,
    steps=(
        Cite("mass", frozen_mass, {}, {"lead": "lead"}),
        Cite("cut", cost_bound, {}),
        Combine("claim", sp.Le(cut_gap, _worst_mass * D_x, **_rel), {"cut": 1, "mass": D_x}),
    ),
    equality=Equality(
        "two-level content that leads outside by exactly R, values in two points", {cut_gap: (n - g) * _outside / _normaliser * D_x}
    ),
    needs={"lead": Witness(_lead_broken | {D_x: _one, cut_gap: sp.Rational(1, 2)}, text="content (-1, 0) at dial 1: 1/2 above 0.269")},
    free=free_block,
    uses=(frozen_mass, cost_bound),
    source=f"{SOURCE} (N2)",
)  # fmt: skip

OUTPUTS: tuple[Theorem, ...] = (
    segment, continuity, continuity_lipschitz, train_elsewhere, frozen_mass, frozen_entropy, frozen_floor, frozen_output,
    cost, cost_bound, cost_loss, cut_distance, cut_divergence, cost_entropy,
)  # fmt: skip
