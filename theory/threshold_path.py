"""Threshold, part 6: what the penalty weight does (N9, N4b). Assembled in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory import lemmas
from theory import threshold_formulas as numbers
from theory.lemmas import bilinear_form, sum_of_norms
from theory.steps import Apply, Cite, Combine, Manifest, SumOver
from theory.symbols import (
    D_K,
    D_V,
    B_c,
    B_q,
    D_c,
    G_loss,
    entropy,
    g,
    gradient_norm,
    i_query,
    inner_K,
    inner_Q,
    j_in,
    j_out,
    lam,
    lam_1,
    lam_2,
    loss_1,
    loss_2,
    loss_m,
    mean_part,
    mean_query,
    mixing,
    move,
    n,
    objective,
    output_gradient,
    penalty_1,
    penalty_2,
    penalty_m,
    queries,
    residual_K,
    residual_Q,
    root_product,
    s,
    score_range,
    size_rows_K,
    size_rows_Q,
    slope,
    spread_c,
    spread_K,
    spread_V,
    sum_in,
    sum_out,
    tau,
    weight_a,
    weight_b,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness
from theory.threshold_gradient import gradient_key, gradient_query

_rel = {"evaluate": False}
_one, _zero, _two = sp.Integer(1), sp.Integer(0), sp.Integer(2)
_half = sp.Rational(1, 2)

# --- T5-converse --------------------------------------------------------------------------------------------------------------

_inner_q, _inner_k = sp.symbols("inner_q inner_k", real=True)
_move_q, _move_k, _grad_q, _grad_k = sp.symbols("move_q move_k grad_q grad_k", nonnegative=True)
uniform_trap = Theorem(
    name="threshold.uniform_trap",
    title="W_Q = W_K = 0 is stationary for every penalty weight: in every direction the objective rises at rate lam",
    claim=sp.Ge(slope, lam * move, **_rel),
    assumes={
        "no keys": Hypothesis(
            sp.Le(spread_K, 0, **_rel), "all keys are equal: W_K = 0", "Away from zero use threshold.gradient_query."
        ),
        "no queries": Hypothesis(
            sp.Le(mean_query, 0, **_rel), "all queries are zero: W_Q = 0", "Away from zero use threshold.gradient_key."
        ),
    },
    definitions={"slope is": sp.Eq(slope, _inner_q + _inner_k + lam * move, **_rel)}
    | gradient_query.definitions
    | {
        "mean query is": gradient_key.definitions["mean is"],
    },
    steps=(
        Cite(
            "query gradient",
            gradient_query,
            {gradient_norm: _grad_q, G_loss: output_gradient, D_V: spread_V, D_K: spread_K, B_c: mean_part},
        ),
        Cite(
            "key gradient",
            gradient_key,
            {gradient_norm: _grad_k, G_loss: output_gradient, D_V: spread_V, D_c: spread_c, B_q: mean_query},
        ),
        Cite("query side", bilinear_form, {lemmas.p: -_inner_q, lemmas.u: _one, lemmas.v: _grad_q, lemmas.w: _move_q}),
        Cite("key side", bilinear_form, {lemmas.p: -_inner_k, lemmas.u: _one, lemmas.v: _grad_k, lemmas.w: _move_k}),
        Combine(
            "claim",
            sp.Ge(slope, lam * move, **_rel),
            {
                "slope is": 1,
                "query side": 1,
                "key side": 1,
                "query gradient": _move_q,
                "key gradient": _move_k,
                "no keys": output_gradient * spread_V * mean_part * _move_q / (4 * tau),
                "no queries": output_gradient * spread_V * spread_c * _move_k / (4 * tau),
            },
        ),
    ),
    equality=Equality("always: both gradients are zero", {slope: move * lam}),
    needs={
        "no keys": Witness(
            {slope: -_one, lam: _one, move: _one, spread_K: _two, mean_query: _zero},
            text="self-attention on x, -x with W_Q = 0, W_K = 1: gradient 1 a unit of loss gradient, here 2",
        ),
        "no queries": Witness(
            {slope: -_one, lam: _one, move: _one, spread_K: _zero, mean_query: _one}, text="the same with the sides exchanged"
        ),
    },
    uses=(gradient_query, gradient_key),
    source="2510.09338: limits of penalties (T5-converse a)",
)

_least = sp.Symbol("least", real=True)
_place = sp.IndexedBase("place", nonnegative=True)  # place of a score in its range, from 0 to 1
_weighted = sp.Symbol("W", real=True)  # sum of s e^s
_top = sp.exp(_least)
_x = sp.Symbol("_x", real=True)
_y = sp.Symbol("_y", positive=True)


def _flat(side: str, j: sp.Symbol) -> tuple[Combine | Apply | SumOver, ...]:
    """Every score of one side is the least one, so the sums of e^s and of s e^s are counts."""
    return (
        Combine(f"s {side}", sp.Eq(s[j], _least, **_rel), {f"place {side}": 1, "flat": _place[j]}),
        Apply(f"e^s {side}", sp.exp(_x), _x, f"s {side}"),
        SumOver(f"sum {side}", Combine(f"term {side}", sp.Eq(sp.exp(s[j]), _top, **_rel), {f"e^s {side}": 1}), j),
        SumOver(
            f"weighted {side}",
            Combine(
                f"weighted term {side}",
                sp.Eq(s[j] * sp.exp(s[j]), _least * _top, **_rel),
                {f"s {side}": sp.exp(s[j]), f"e^s {side}": _least},
            ),
            j,
        ),
    )


uniform_entropy = Theorem(
    name="threshold.uniform_entropy",
    title="With every content group at zero attention is uniform: its entropy is maximal, ln n exactly",
    claim=sp.Eq(entropy, sp.log(n), **_rel),
    assumes={
        "block": Hypothesis(
            sp.Ge(n - g, 1, **_rel), "a key in the block and one outside", "The split into a block only fixes the notation."
        ),
        "flat": Hypothesis(
            sp.Eq(score_range, 0, **_rel),
            "all scores of the row are equal, as when every query or every key is zero and the dial is 0",
            "Exempt the in-block groups, lower their weight (threshold.selectivity_window), or use the dial.",
        ),
    },
    definitions={
        "place in": sp.Eq(s[j_in], _least + score_range * _place[j_in], **_rel),
        "place out": sp.Eq(s[j_out], _least + score_range * _place[j_out], **_rel),
        "I is": sp.Eq(sum_in, sp.Sum(sp.exp(s[j_in]), (j_in, 1, g)), **_rel),
        "O is": sp.Eq(sum_out, sp.Sum(sp.exp(s[j_out]), (j_out, g + 1, n)), **_rel),
        "W is": sp.Eq(
            _weighted,
            sp.Sum(s[j_in] * sp.exp(s[j_in]), (j_in, 1, g)) + sp.Sum(s[j_out] * sp.exp(s[j_out]), (j_out, g + 1, n)),
            **_rel,
        ),
        "H is": sp.Eq(entropy, sp.log(sum_in + sum_out) - _weighted / (sum_in + sum_out), **_rel),
    },
    steps=(
        *_flat("in", j_in),
        *_flat("out", j_out),
        Combine("total", sp.Eq(sum_in + sum_out, n * _top, **_rel), {"I is": 1, "O is": 1, "sum in": 1, "sum out": 1}),
        Combine("W equals", sp.Eq(_weighted, n * _least * _top, **_rel), {"W is": 1, "weighted in": 1, "weighted out": 1}),
        Combine(
            "mean score",
            sp.Eq(_weighted / (sum_in + sum_out), _least, **_rel),
            {"W equals": 1 / (sum_in + sum_out), "total": -_least / (sum_in + sum_out)},
        ),
        Apply("ln total", sp.log(_y), _y, "total"),
        Combine("claim", sp.Eq(entropy, sp.log(n), **_rel), {"H is": 1, "ln total": 1, "mean score": -1}),
    ),
    equality=Equality("an identity"),
    needs={
        "flat": Witness(
            {n: _two, g: _one, score_range: _one, entropy: sp.log(1 + sp.exp(-1)) + sp.exp(-1) / (1 + sp.exp(-1))},
            scores=(_one, _zero),
            block=(0,),
            text="scores 1 and 0: entropy 0.582 < ln 2",
        )
    },
    free={"block": "the claim does not depend on the block; for g = n the same sums run over one side"},
    source="2510.09338: limits of penalties (T5-converse b)",
    kind="identity",
)

_h = sp.Symbol("_h", nonnegative=True)
_steepest = 2 / (3 * sp.sqrt(3))
_example_bound = numbers.gradient_bound_bilinear.stated.subs({G_loss: 1, D_V: 2, D_c: 2, B_c: 1, tau: 1})
a_priori_not_necessary = Theorem(
    name="threshold.a_priori_not_necessary",
    title="The a-priori threshold is sufficient, not necessary: a layer whose gradient stays below 0.39 of it",
    claim=sp.Lt(_steepest, _example_bound, **_rel),
    assumes={},
    steps=(
        # One query x = 1, keys and values +-1, loss o^2/2: o = tanh A, dL/dA = h (1 - h^2) with h = tanh A.
        Manifest(
            "steepest", sp.Le(_h * (1 - _h**2), _steepest, **_rel), form=(_h - 1 / sp.sqrt(3)) ** 2 * (_h + 2 / sp.sqrt(3))
        ),
        Manifest("claim", sp.Lt(_steepest, _example_bound, **_rel)),
    ),
    equality=Equality(
        "one query of norm 1, keys and values +-1, loss o^2/2, G = 1: a-priori bound 1, gradient at most 2/(3 sqrt 3)"
    ),
    source="2510.09338: threshold conditions, necessity (T5-converse c)",
    kind="counterexample",
)

# --- N9: the path of minimisers -----------------------------------------------------------------------------------------------

ORDER = Hypothesis(sp.Gt(lam_2, lam_1, **_rel), "lam_1 < lam_2", "Exchange the two.")
FIRST = Hypothesis(
    sp.Le(loss_1 + lam_1 * penalty_1, loss_2 + lam_1 * penalty_2, **_rel),
    "the first point is a minimiser at lam_1, not worse than the second",
    "Minimise further at lam_1.",
)
SECOND = Hypothesis(
    sp.Le(loss_2 + lam_2 * penalty_2, loss_1 + lam_2 * penalty_1, **_rel),
    "the second point is a minimiser at lam_2, not worse than the first",
    "Minimise further at lam_2.",
)


def _path(text: str, *values: int) -> Witness:
    return Witness(
        dict(zip((lam_1, lam_2, loss_1, penalty_1, loss_2, penalty_2), map(sp.Integer, values), strict=True)), text=text
    )


penalty_path = Theorem(
    name="threshold.penalty_path",
    title="A greater penalty weight never gives a greater penalty: locality is monotone in lambda",
    claim=sp.Le(penalty_2, penalty_1, **_rel),
    assumes={"order": ORDER, "first": FIRST, "second": SECOND},
    steps=(
        Combine("claim", sp.Le(penalty_2, penalty_1, **_rel), {"first": 1 / (lam_2 - lam_1), "second": 1 / (lam_2 - lam_1)}),
    ),
    equality=Equality("one point is a minimiser at both weights", {penalty_2: penalty_1}),
    needs={
        "order": _path("lam_1 = 2 > lam_2 = 1: the penalty grows", 2, 1, 3, 0, 0, 2),
        "first": _path("the first point is no minimiser", 1, 2, 5, 0, 0, 1),
        "second": _path("the second point is no minimiser", 1, 2, 0, 0, 5, 1),
    },
    source="2510.09338: continuous interpolation between localist and distributed (N9 a)",
)

penalty_path_loss = Theorem(
    name="threshold.penalty_path_loss",
    title="A greater penalty weight never gives a smaller loss",
    claim=sp.Ge(loss_2, loss_1, **_rel),
    assumes={"order": ORDER, "first": FIRST, "second": SECOND},
    steps=(
        Cite("penalty", penalty_path, {}, {"order": "order", "first": "first", "second": "second"}),
        Combine("claim", sp.Ge(loss_2, loss_1, **_rel), {"first": 1, "penalty": lam_1}),
    ),
    equality=Equality("one point is a minimiser at both weights", {loss_2: loss_1}),
    needs={
        "order": _path("lam_1 = 2 > lam_2 = 1: the loss falls", 2, 1, 3, 0, 0, 2),
        "first": _path("the first point is no minimiser", 1, 2, 5, 0, 0, 1),
        "second": _path("the second point is no minimiser", 1, 2, 5, 1, 4, 4),
    },
    uses=(penalty_path,),
    source="2510.09338: continuous interpolation between localist and distributed (N9 a)",
)

_between = (1 - mixing) * lam_1 + mixing * lam_2
_value_1, _value_2 = loss_1 + lam_1 * penalty_1, loss_2 + lam_2 * penalty_2
_concave_names = (mixing, lam_1, lam_2, loss_1, penalty_1, loss_2, penalty_2, loss_m, penalty_m)


def _concave(text: str, *values: int | sp.Rational) -> Witness:
    return Witness(dict(zip(_concave_names, map(sp.sympify, values), strict=True)), text=text)


penalty_concave = Theorem(
    name="threshold.penalty_concave",
    title="The least objective is concave in the penalty weight",
    claim=sp.Ge(loss_m + _between * penalty_m, (1 - mixing) * _value_1 + mixing * _value_2, **_rel),
    assumes={
        "share": Hypothesis(sp.Le(mixing, 1, **_rel), "the weight between is a mixture", "Take a share from 0 to 1."),
        "first": Hypothesis(
            sp.Le(_value_1, loss_m + lam_1 * penalty_m, **_rel), "the first point is a minimiser at lam_1", "Minimise further."
        ),
        "second": Hypothesis(
            sp.Le(_value_2, loss_m + lam_2 * penalty_m, **_rel), "the second point is a minimiser at lam_2", "Minimise further."
        ),
    },
    steps=(
        Combine(
            "claim",
            sp.Ge(loss_m + _between * penalty_m, (1 - mixing) * _value_1 + mixing * _value_2, **_rel),
            {"first": 1 - mixing, "second": mixing},
        ),
    ),
    equality=Equality(
        "one point is a minimiser at both weights", {loss_1: loss_m, loss_2: loss_m, penalty_1: penalty_m, penalty_2: penalty_m}
    ),
    needs={
        "share": _concave("a share of 2", 2, 0, 1, -10, 0, 0, 0, 0, 0),
        "first": _concave("the first point is no minimiser", _half, 0, 1, 3, 0, 0, 0, 0, 1),
        "second": _concave("the second point is no minimiser", _half, 0, 1, 0, 0, 3, 1, 0, 1),
    },
    source="2510.09338: continuous interpolation between localist and distributed (N9 a)",
)

_jump = numbers.penalty_jump.stated
_height = numbers.penalty_jump_height.stated
_a, _b = sp.symbols("u_a u_b", nonnegative=True)  # square roots of |a| and |b|
_at_zero = _half  # the objective at a = b = 0


def _scalar(h: sp.Expr, weight: sp.Expr) -> sp.Expr:
    """The objective at a = b = h."""
    return (h**2 - 1) ** 2 / 2 + weight * 2 * h


penalty_jump = Theorem(
    name="threshold.penalty_jump",
    title="Just below the jump the minimiser is far from zero",
    claim=sp.Lt(_scalar(sp.sqrt(_height), _jump - sp.Rational(1, 10**9)), _at_zero, **_rel),
    assumes={},
    steps=(Manifest("claim", sp.Lt(_scalar(sp.sqrt(_height), _jump - sp.Rational(1, 10**9)), _at_zero, **_rel)),),
    equality=Equality(
        "(ab - 1)^2/2 + lam(|a| + |b|) at lam = sqrt(2/3)/3 - 1e-9: a = b = sqrt(2/3) is better than 0, "
        "and by penalty_gap no minimiser has 0 < ab < 2/3"
    ),
    source="2510.09338: continuous interpolation, counterexample in lambda (N9 b)",
    kind="counterexample",
)

_above = _at_zero + 2 * (lam - _jump) * root_product
_ab = sp.Symbol("ab", real=True)
penalty_jump_above = Theorem(
    name="threshold.penalty_jump_above",
    title="Above the jump zero is the minimiser",
    claim=sp.Ge(objective, _above, **_rel),
    assumes={},
    definitions={
        "objective is": sp.Eq(objective, (_ab - 1) ** 2 / 2 + lam * (sp.Abs(weight_a) + sp.Abs(weight_b)), **_rel),
        "ab is": sp.Eq(_ab, weight_a * weight_b, **_rel),
        "|a| is": sp.Eq(sp.Abs(weight_a), _a**2, **_rel),
        "|b| is": sp.Eq(sp.Abs(weight_b), _b**2, **_rel),
        "|ab| is": sp.Eq(sp.Abs(_ab), root_product**2, **_rel),
        "h is": sp.Eq(root_product, _a * _b, **_rel),
    },
    steps=(
        Manifest("sign of ab", sp.Le(_ab, sp.Abs(_ab), **_rel)),
        Manifest("arithmetic over geometric mean", sp.Ge(_a**2 + _b**2, 2 * _a * _b, **_rel), form=(_a - _b) ** 2),
        Manifest(
            "quartic",
            sp.Ge((root_product**2 - 1) ** 2 / 2 + 2 * _jump * root_product, _at_zero, **_rel),
            form=root_product / 2 * (root_product - sp.sqrt(_height)) ** 2 * (root_product + 2 * sp.sqrt(_height)),
        ),
        Combine(
            "claim",
            sp.Ge(objective, _above, **_rel),
            {
                "objective is": 1,
                "sign of ab": 1,
                "arithmetic over geometric mean": lam,
                "quartic": 1,
                "|a| is": lam,
                "|b| is": lam,
                "h is": -2 * lam,
                "|ab| is": (sp.Abs(_ab) + root_product**2) / 2 - 1,
            },
        ),
    ),
    equality=Equality("a = b = sqrt(2/3)", {objective: _scalar(sp.sqrt(_height), lam), root_product: sp.sqrt(_height)}),
    source="2510.09338: continuous interpolation, counterexample in lambda (N9 b)",
)

penalty_gap = Theorem(
    name="threshold.penalty_gap",
    title="No minimiser of the example has 0 < ab < 2/3, whatever the penalty weight",
    claim=sp.Ge(root_product**2, _height, **_rel),
    assumes={
        "alive": Hypothesis(sp.Gt(root_product, 0, **_rel), "the minimiser is not zero", "At zero there is nothing to show."),
        "stationary": Hypothesis(
            sp.Eq(lam, root_product * (1 - root_product**2), **_rel),
            "a = b = h is stationary: 2h(h^2 - 1) + 2 lam = 0",
            "Follow the gradient further.",
        ),
        "not worse than zero": Hypothesis(
            sp.Le(_scalar(root_product, lam), _at_zero, **_rel),
            "the objective is at most its value at zero",
            "Zero is better: take it.",
        ),
    },
    steps=(
        Combine(
            "claim",
            sp.Ge(root_product**2, _height, **_rel),
            {"not worse than zero": 2 / (3 * root_product**2), "stationary": 4 / (3 * root_product)},
        ),
    ),
    equality=Equality("at the jump, lam = sqrt(2/3)/3", {root_product: sp.sqrt(_height)}),
    needs={
        "alive": Witness({root_product: _zero, lam: _zero}, text="zero itself"),
        "stationary": Witness({root_product: _half, lam: _zero}, text="a point on the way down at lam = 0"),
        "not worse than zero": Witness(
            {root_product: _half, lam: sp.Rational(3, 8)}, text="the saddle at lam = 3/8: stationary with ab = 1/4"
        ),
    },
    source="2510.09338: continuous interpolation, counterexample in lambda (N9 b)",
)

# --- N4b: the balance of queries and keys -------------------------------------------------------------------------------------

_scale = sp.Symbol("_scale", real=True)
_along = sp.diff(lam * (sp.exp(_scale) * size_rows_Q + sp.exp(-_scale) * size_rows_K), _scale).subs(_scale, 0)
balance = Theorem(
    name="threshold.balance",
    title="At a stationary point the query groups and the key groups of a row block have the same total norm",
    claim=sp.Eq(size_rows_Q, size_rows_K, **_rel),
    assumes={
        "stationary": Hypothesis(
            sp.Eq(slope, 0, **_rel),
            "the objective is stationary along (e^x W_Q, e^-x W_K), as at every local minimum with no active norm ball",
            "Train further, or use threshold.balance_near.",
        ),
        "penalised": Hypothesis(
            sp.Gt(lam, 0, **_rel), "the groups are penalised", "Without penalty the scale of W_Q against W_K is free."
        ),
    },
    # the loss depends on the products only, so it does not change along the scaling
    definitions={"slope is": sp.Eq(slope, _along, **_rel)},
    steps=(Combine("claim", sp.Eq(size_rows_Q, size_rows_K, **_rel), {"slope is": -1 / lam, "stationary": 1 / lam}),),
    equality=Equality("an identity"),
    needs={
        "stationary": Witness({slope: _one, lam: _one, size_rows_Q: _two, size_rows_K: _one}, text="W_Q twice W_K"),
        "penalised": Witness(
            {slope: _zero, lam: _zero, size_rows_Q: _two, size_rows_K: _one}, text="no penalty: any scale is stationary"
        ),
    },
    source="2510.09338: at stationary points (N4b)",
    kind="identity",
)

_work = sp.IndexedBase(
    "work", real=True
)  # of query i: sum over keys j of (dL/ds_ij) <q_i, k_j>/tau, coordinates of one row block
_all_work = sp.Sum(_work[i_query], (i_query, 1, queries))
scaling = Theorem(
    name="threshold.scaling",
    title="The loss gradient has the same inner product with the query weights and with the key weights of a row block",
    claim=sp.Eq(inner_Q, inner_K, **_rel),
    assumes={},
    # chain rule through s_ij: the part <q_i, k_j>/tau is linear in the query weights and in the key weights of the row block
    definitions={"through queries": sp.Eq(inner_Q, _all_work, **_rel), "through keys": sp.Eq(inner_K, _all_work, **_rel)},
    steps=(Combine("claim", sp.Eq(inner_Q, inner_K, **_rel), {"through queries": 1, "through keys": -1}),),
    equality=Equality("an identity"),
    source="2510.09338: at stationary points (N4b)",
    kind="identity",
)

_residual_inner_q, _residual_inner_k = sp.symbols("residual_inner_q residual_inner_k", real=True)
_distance = residual_Q + residual_K
balance_near = Theorem(
    name="threshold.balance_near",
    title="Near a stationary point they differ by at most the residual",
    claim=sp.Le(lam * (size_rows_Q - size_rows_K), _distance, **_rel),
    assumes={},
    # residual of a group: its loss gradient + lam theta_g/|theta_g|; its inner product with theta_g, summed over the row block
    definitions={
        "query residual": sp.Eq(_residual_inner_q, inner_Q + lam * size_rows_Q, **_rel),
        "key residual": sp.Eq(_residual_inner_k, inner_K + lam * size_rows_K, **_rel),
    },
    steps=(
        Cite("scaling", scaling, {}),
        Cite("query side", sum_of_norms, {lemmas.p: _residual_inner_q, lemmas.v: residual_Q}),
        Cite("key side", sum_of_norms, {lemmas.p: -_residual_inner_k, lemmas.v: residual_K}),
        Combine(
            "claim",
            sp.Le(lam * (size_rows_Q - size_rows_K), _distance, **_rel),
            {"query side": 1, "key side": 1, "query residual": 1, "key residual": -1, "scaling": 1},
        ),
    ),
    equality=Equality(
        "residuals along the weights, outward on the query side and inward on the key side",
        {size_rows_Q: size_rows_K + (residual_Q + residual_K) / lam},
    ),
    uses=(scaling,),
    source="2510.09338: at stationary points (N4b)",
)

PATH: tuple[Theorem, ...] = (
    uniform_trap,
    uniform_entropy,
    a_priori_not_necessary,
    penalty_path,
    penalty_path_loss,
    penalty_concave,
    penalty_gap,
    penalty_jump,
    penalty_jump_above,
    balance,
    scaling,
    balance_near,
)
