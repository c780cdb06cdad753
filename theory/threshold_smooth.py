"""Threshold, part 5: curvature of the loss in the bilinear form. Assembled in `theory.threshold`."""

from __future__ import annotations

import sympy as sp

from theory import threshold_formulas as numbers
from theory.lemmas import bilinear_form, cauchy_schwarz, norm_of_sum, popoviciu, sum_of_norms
from theory.steps import Cite, Combine, Manifest, SumOver
from theory.symbols import (
    D_U,
    B_v,
    B_x,
    curvature,
    i_query,
    moment_slope,
    norm_U,
    output_gradient,
    queries,
    spread_U,
    target_probability,
    tau,
    third_moment,
    token_norm,
    value_norm,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness
from theory.threshold_covariance import norm_lemma
from theory.threshold_loss import CROSS_ENTROPY, READOUT, loss_gradient

_rel = {"evaluate": False}
_one, _zero, _two = sp.Integer(1), sp.Integer(0), sp.Integer(2)
_half = sp.Rational(1, 2)

# Sums over the keys of e^s, r e^s, r^2 e^s and of y e^s, r y e^s, r^2 y e^s. Along s + x r the derivative of each is the next.
_S0 = sp.Symbol("S_0", positive=True)
_S1, _S2, _Y0, _Y1, _Y2 = sp.symbols("S_1 S_2 Y_0 Y_1 Y_2", real=True)
_cov_ry = _Y1 / _S0 - _S1 * _Y0 / _S0**2
_next = {_S0: _S1, _S1: _S2, _Y0: _Y1, _Y1: _Y2}
_third = (_Y2 - 2 * _S1 / _S0 * _Y1 + _S1**2 / _S0**2 * _Y0) / _S0 - _Y0 / _S0 * (_S2 - _S1**2 / _S0) / _S0
softmax_curvature = Theorem(
    name="threshold.softmax_curvature",
    title="When scores move along r, the covariance of r and y changes by their third central moment",
    claim=sp.Eq(moment_slope, third_moment, **_rel),
    assumes={},
    definitions={
        "derivative is": sp.Eq(moment_slope, sum(sp.diff(_cov_ry, sum_) * next_ for sum_, next_ in _next.items()), **_rel),
        "moment is": sp.Eq(third_moment, _third, **_rel),  # E[(r - E r)^2 (y - E y)]
    },
    steps=(Combine("claim", sp.Eq(moment_slope, third_moment, **_rel), {"derivative is": 1, "moment is": -1}),),
    equality=Equality("an identity"),
    source="2510.09338: step size for a threshold to act",
    kind="identity",
)

_curve = sp.IndexedBase("curv", real=True)  # second derivative of the loss of query i
_cubic = sp.IndexedBase("cubic", real=True)  # its third-moment part
_bend = sp.IndexedBase("bend", nonnegative=True)  # its part from the curvature of the loss: sd^2 of U do/dx under p
_sd_r, _sd_v, _sd_z, _range_r, _top_r, _low_r, _range_v, _range_z, _size_do, _size_z = sp.symbols(
    "sd_r sd_v sd_z range_r top_r low_r range_v range_z size_do size_z", nonnegative=True
)
_score_move = B_x**2 / tau
_cubic_bound = 2 * D_U * B_v * _score_move**2
_bend_bound = norm_U**2 * B_v**2 / 2 * _score_move**2
_smooth = numbers.smoothness_bilinear.stated
_row = (
    # r_j = x_i' D x_j / tau with |D| = 1, from -top to top
    norm_lemma("score moves up", bilinear_form, _top_r, token_norm, token_norm / tau),
    norm_lemma("score moves down", bilinear_form, _low_r, token_norm, token_norm / tau),
    norm_lemma("score range", sum_of_norms, _range_r, _top_r + _low_r),
    norm_lemma("sd of r", popoviciu, _sd_r, _range_r),
    Combine("tokens squared", sp.Le(token_norm**2, B_x**2, **_rel), {"token": token_norm + B_x}),
    Combine(
        "sd r within",
        sp.Le(_sd_r, _score_move, **_rel),
        {"sd of r": 1, "score range": _half, "score moves up": _half, "score moves down": _half, "tokens squared": 1 / tau},
    ),
    Combine("variance of r", sp.Le(_sd_r**2, _score_move**2, **_rel), {"sd r within": _sd_r + _score_move}),
    # third moment: E[(r - E r)^2 (y - E y)], |y - E y| <= |g| times the diameter of the values
    norm_lemma("values apart", sum_of_norms, _range_v, 2 * value_norm),
    Combine("values within", sp.Le(_range_v, 2 * B_v, **_rel), {"values apart": 1, "value": 2}),
    norm_lemma("third", norm_of_sum, sp.Abs(_cubic[i_query]), _sd_r**2, output_gradient * _range_v),
    Cite("loss constant", loss_gradient, {}, {"readout": "readout"}),
    Manifest("below", sp.Ge(target_probability * D_U, 0, **_rel)),
    Combine("g within", sp.Le(output_gradient, D_U, **_rel), {"loss constant": 1, "below": 1}),
    Combine(
        "third within",
        sp.Le(sp.Abs(_cubic[i_query]), _cubic_bound, **_rel),
        {
            "third": 1,
            "variance of r": output_gradient * _range_v,
            "g within": _score_move**2 * _range_v,
            "values within": _score_move**2 * D_U,
        },
    ),
    # loss curvature: variance of z' = U do/dx under p, do/dx = Cov(r, v)
    norm_lemma("sd of v", popoviciu, _sd_v, _range_v),
    norm_lemma("do", cauchy_schwarz, _size_do, _sd_r, _sd_v),
    norm_lemma("z", bilinear_form, _size_z, norm_U, _size_do),
    norm_lemma("range of z", bilinear_form, _range_z, sp.sqrt(2), _size_z),  # <e_k - e_l, z'>
    norm_lemma("sd of z", popoviciu, _sd_z, _range_z),
    Combine("sd v within", sp.Le(_sd_v, B_v, **_rel), {"sd of v": 1, "values within": _half}),
    Combine(
        "do within", sp.Le(_size_do, _score_move * B_v, **_rel), {"do": 1, "sd r within": _sd_v, "sd v within": _score_move}
    ),
    Combine(
        "sd z within",
        sp.Le(_sd_z, norm_U * _score_move * B_v / sp.sqrt(2), **_rel),
        {"sd of z": 1, "range of z": _half, "z": 1 / sp.sqrt(2), "do within": norm_U / sp.sqrt(2)},
    ),
    Combine(
        "bend within", sp.Le(_sd_z**2, _bend_bound, **_rel), {"sd z within": _sd_z + norm_U * _score_move * B_v / sp.sqrt(2)}
    ),
)
smoothness = Theorem(
    name="threshold.smoothness",
    title="Curvature of the cross-entropy in the bilinear form A, along every line",
    claim=sp.Le(sp.Abs(curvature), _smooth, **_rel),
    assumes={
        "readout": READOUT,
        "value": Hypothesis(
            sp.Le(value_norm, B_v, **_rel), "values have norm at most B_v", "Hold W_V on a Frobenius ball: B_v <= rho_V B_x."
        ),
        "token": Hypothesis(sp.Le(token_norm, B_x, **_rel), "tokens have norm at most B_x", "Measure B_x on the tokens."),
    },
    definitions=CROSS_ENTROPY
    | {
        "curvature is": sp.Eq(curvature, sp.Sum(_curve[i_query], (i_query, 1, queries)) / queries, **_rel),
        # chain rule: d/dx Cov(r, <g, v>) = third moment at fixed g (softmax_curvature) + <Cov(r, v), dg/dx>
        "query is": sp.Eq(_curve[i_query], _cubic[i_query] + _bend[i_query], **_rel),
        "bend is": sp.Eq(_bend[i_query], _sd_z**2, **_rel),
    },
    steps=(
        *_row,
        Manifest("cubic below", sp.Le(_cubic[i_query], sp.Abs(_cubic[i_query]), **_rel)),
        Manifest("cubic above", sp.Ge(_cubic[i_query], -sp.Abs(_cubic[i_query]), **_rel)),
        SumOver(
            "above",
            Combine(
                "one above",
                sp.Le(_curve[i_query], _smooth, **_rel),
                {"query is": -1, "bend is": -1, "cubic below": 1, "third within": 1, "bend within": 1},
            ),
            i_query,
        ),
        Manifest("bend positive", sp.Ge(_bend[i_query], 0, **_rel)),
        Manifest("bend bound positive", sp.Ge(_bend_bound, 0, **_rel)),
        SumOver(
            "below zero",
            Combine(
                "one below",
                sp.Ge(_curve[i_query], -_smooth, **_rel),
                {"query is": 1, "cubic above": 1, "third within": 1, "bend positive": 1, "bend bound positive": 1},
            ),
            i_query,
        ),
        Combine("from above", sp.Le(curvature, _smooth, **_rel), {"curvature is": -1, "above": 1 / queries}),
        Combine("from below", sp.Ge(curvature, -_smooth, **_rel), {"curvature is": 1, "below zero": 1 / queries}),
        Manifest("claim", sp.Le(sp.Abs(curvature), _smooth, **_rel)),
    ),
    equality=Equality(
        "not attained; approached at A = 0 by tokens +-1, values +-v, readout +-u, weights 1/2: ratio 1/(1 + 4/(uv)), uv large"
    ),
    needs={
        "readout": Witness(
            {
                curvature: sp.Integer(3),
                spread_U: _two,
                D_U: _zero,
                norm_U: _one,
                value_norm: _one,
                B_v: _one,
                token_norm: _one,
                B_x: _one,
                tau: _one,
            },
            text="a readout of diameter 2, and 0 claimed",
        ),
        "value": Witness(
            {
                curvature: _half,
                spread_U: _one,
                D_U: _one,
                norm_U: _one,
                value_norm: _one,
                B_v: _zero,
                token_norm: _one,
                B_x: _one,
                tau: _one,
            },
            text="values of norm 1, and 0 claimed",
        ),
        "token": Witness(
            {
                curvature: _half,
                spread_U: _one,
                D_U: _one,
                norm_U: _one,
                value_norm: _one,
                B_v: _one,
                token_norm: _one,
                B_x: _zero,
                tau: _one,
            },
            text="tokens of norm 1, and 0 claimed",
        ),
    },
    uses=(loss_gradient, softmax_curvature),
    source="2510.09338: step size for a threshold to act",
)

SMOOTH: tuple[Theorem, ...] = (softmax_curvature, smoothness)
