"""Adam followed by an unscaled group prox: a threshold that does not depend on the loss.

    |m|/sqrt(v) <= C_A = (1 - beta1)/sqrt((1 - beta2)(1 - beta1^2/beta2))    per coordinate, for every sequence of gradients
    lam >= C_A sqrt(p_g) + gamma:  zero after ceil(theta0/(eta gamma)) steps

m, v are Adam's moments, both corrected for bias; an epsilon > 0 in the denominator only lowers the ratio. The values A_1, A_2
are sums of beta1^j g_j and beta2^j g_j^2, g_j the gradient j steps ago; W_1, W_2, W_3 the sums of beta1^j, beta2^j,
(beta1^2/beta2)^j. Statements of the family `extinction`.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.extinction_formulas import adam_ratio, adam_threshold
from theory.extinction_lemmas import RUN, dies, rel, soft_threshold
from theory.extinction_prox import prox_norm
from theory.extinction_runs import ALIVE, ATTAINED, FREE, HUNDRED, IN_TIME
from theory.extinction_steps import ONE, SOURCE
from theory.lemmas import cauchy_schwarz, p, v, w
from theory.steps import Apply, Cite, Combine, Induction, Manifest, Step, SumOver
from theory.symbols import (
    adam_first,
    adam_first_at,
    adam_second,
    adam_second_at,
    adam_value,
    adam_value_at,
    beta1,
    beta2,
    coordinate,
    eta,
    extinct_at,
    gamma,
    k_step,
    lam,
    parameters,
    steps,
    theta0,
    vector_at,
    weight1_at,
    weight2_at,
    weight_ratio_at,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

C_A = adam_ratio.stated
_rho = beta1**2 / beta2
_t = steps + 1  # steps counts those before this one
_half = sp.Rational(1, 2)

MOMENTS = {
    "first below one": Hypothesis(sp.Lt(beta1, 1, **rel), "beta1 < 1", "Use beta1 < 1: with 1 the first moment never moves."),
    "second below one": Hypothesis(sp.Lt(beta2, 1, **rel), "beta2 < 1", "Use beta2 < 1: with 1 the second moment never moves."),
    "slower second": Hypothesis(
        sp.Lt(beta1**2, beta2, **rel), "beta1^2 < beta2: the second moment forgets slowly enough", "Raise beta2 above beta1^2."
    ),
}
_DOMAIN = {
    "first below one": "for beta1 = 1 the first moment is never anything but 0",
    "second below one": "for beta2 = 1 the second moment is never anything but 0",
    "slower second": "for beta1^2 >= beta2 the number C_A does not exist: an old gradient outlives its own square, and the "
    "ratio has no bound",
}


def _weights(base: sp.IndexedBase, q: sp.Expr) -> dict[str, Relational]:
    return {
        f"{base} first": sp.Eq(base[0], 1, **rel),
        f"{base} next": sp.Eq(base[k_step + 1], base[k_step] + q ** (k_step + 1), **rel),
    }


def _geometric(base: sp.IndexedBase, q: sp.Expr) -> Induction:
    """(1 - q) W_k = 1 - q^(k+1), at the state `steps`."""
    return Induction(
        f"{base} sum",
        sp.Eq((1 - q) * base[k_step], 1 - q ** (k_step + 1), **rel),
        (Combine(f"{base} one", sp.Eq((1 - q) * base[0], 1 - q, **rel), {f"{base} first": 1 - q}),),
        (
            Combine(
                f"{base} more",
                sp.Eq((1 - q) * base[k_step + 1], 1 - q ** (k_step + 2), **rel),
                {f"{base} sum.at": 1, f"{base} next": 1 - q},
            ),
        ),
        steps,
    )


WEIGHTS = _weights(weight1_at, beta1) | _weights(weight2_at, beta2) | _weights(weight_ratio_at, _rho)
_w1, _w2, _w3 = weight1_at[steps], weight2_at[steps], weight_ratio_at[steps]
_root = sp.sqrt(_w2) * sp.sqrt(_w3)
_scale = 1 / ((1 - beta2) * (1 - _rho))
_bias: tuple[Step, ...] = (
    Combine("second weights fade", sp.Gt(1 - beta2, 0, **rel), {"second below one": 1}),
    Combine("first weights fade", sp.Gt(1 - beta1, 0, **rel), {"first below one": 1}),
    Combine("mixed weights fade", sp.Gt(1 - _rho, 0, **rel), {"slower second": 1 / beta2}),
    _geometric(weight1_at, beta1),
    _geometric(weight2_at, beta2),
    _geometric(weight_ratio_at, _rho),
    Manifest(
        "bias corrections",
        sp.Ge((1 - beta1**_t) ** 2, (1 - beta2**_t) * (1 - _rho**_t), **rel),
        form=(beta2**_t - beta1**_t) ** 2 / beta2**_t,
    ),
    Combine(
        "squares",
        sp.Le(_w2 * _w3, _w1**2 * C_A**2, **rel),
        {
            f"{weight1_at} sum": _scale * ((1 - beta1) * _w1 + 1 - beta1**_t),
            f"{weight2_at} sum": -_scale * (1 - _rho) * _w3,
            f"{weight_ratio_at} sum": -_scale * (1 - beta2**_t),
            "bias corrections": _scale,
        },
    ),
    Combine("roots", sp.Le(_root, _w1 * C_A, **rel), {"squares": 1 / (_root + _w1 * C_A)}),
)


def _value(value: sp.Expr, first: sp.Expr, second: sp.Expr, at: sp.Expr) -> sp.Eq:
    """|m|/sqrt(v) with m = A_1/W_1 and v = A_2/W_2."""
    return sp.Eq(value, sp.Abs(first) * sp.sqrt(weight2_at[at]) / (weight1_at[at] * sp.sqrt(second)), **rel)


adam_ratio_bound = Theorem(
    name="extinction.adam_ratio",
    title="A coordinate of Adam's direction is at most C_A, whatever the gradients",
    claim=sp.Le(adam_value, C_A, **rel),
    assumes=MOMENTS,
    definitions=WEIGHTS | {"value is": _value(adam_value, adam_first, adam_second, steps)},
    steps=(
        *_bias,
        Cite("products", cauchy_schwarz, {p: adam_first, v: sp.sqrt(adam_second), w: sp.sqrt(_w3)}),
        Combine(
            "claim",
            sp.Le(adam_value, C_A, **rel),
            {"value is": -1, "products": sp.sqrt(_w2) / (_w1 * sp.sqrt(adam_second)), "roots": 1 / _w1},
        ),
    ),
    equality=Equality(
        "beta1 = beta2 and a constant gradient, where both sides are 1; for other betas gradients proportional to "
        "(beta1/beta2)^j, j the "
        "age, come as near as one likes after enough steps",
        {beta1: _half, beta2: _half, adam_value: ONE},
    ),
    free=_DOMAIN,
    source=SOURCE,
)

_c = coordinate
adam = Theorem(
    name="extinction.adam",
    title="Zero in time under Adam with an unscaled prox: the threshold C_A sqrt(p_g) + gamma knows no loss",
    claim=IN_TIME,
    assumes=MOMENTS
    | {
        "alive": ALIVE,
        "penalty": Hypothesis(
            sp.Ge(lam, adam_threshold.stated + gamma, **rel),
            "the penalty weight exceeds C_A sqrt(p_g) by gamma",
            "Raise the penalty weight.",
        ),
    },
    definitions=RUN
    | soft_threshold(eta)
    | WEIGHTS
    | {
        "value is": _value(adam_value_at[k_step, _c], adam_first_at[k_step, _c], adam_second_at[k_step, _c], k_step),
        "vector is": sp.Eq(vector_at[k_step] ** 2, sp.Sum(adam_value_at[k_step, _c] ** 2, (_c, 1, parameters)), **rel),
    },
    steps=(
        Cite(
            "each coordinate",
            adam_ratio_bound,
            {
                adam_value: adam_value_at[k_step, _c],
                adam_first: adam_first_at[k_step, _c],
                adam_second: adam_second_at[k_step, _c],
                steps: k_step,
            },
            {key: key for key in MOMENTS},
        ),
        Combine("mixed weights fade", sp.Gt(1 - _rho, 0, **rel), {"slower second": 1 / beta2}),
        Combine("second weights fade", sp.Gt(1 - beta2, 0, **rel), {"second below one": 1}),
        Combine("first weights fade", sp.Gt(1 - beta1, 0, **rel), {"first below one": 1}),
        SumOver("coordinates", Apply("squared", v**2, v, "each coordinate"), coordinate),
        Combine(
            "square at most", sp.Le(vector_at[k_step] ** 2, parameters * C_A**2, **rel), {"vector is": -1, "coordinates": 1}
        ),
        Combine(
            "vector at most",
            sp.Le(vector_at[k_step], adam_threshold.stated, **rel),
            {"square at most": 1 / (vector_at[k_step] + adam_threshold.stated)},
        ),
        *dies(prox_norm, adam_threshold.stated),
    ),
    equality=Equality(
        "beta1 = beta2, constant gradients, all coordinates outward: every coordinate is 1 in every step",
        {beta1: _half, beta2: _half, **ATTAINED},
    ),
    needs={
        "penalty": Witness(
            {
                beta1: _half,
                beta2: _half,
                parameters: sp.Integer(4),
                theta0: ONE,
                eta: ONE,
                gamma: ONE,
                extinct_at: HUNDRED,
                lam: sp.Integer(2),
            },
            text="lam = C_A sqrt(p_g) = 2: the outward direction of length 2 holds the group at 1",
        ),
    },
    free=FREE | _DOMAIN,
    uses=(adam_ratio_bound, prox_norm),
    source=SOURCE,
)

_b1, _b2, _n = sp.Rational(9, 10), sp.Rational(999, 1000), 400
_r = _b1**2 / _b2
QUOTED = (1 - _b1) / sp.sqrt(1 - _b2)  # 3.162..., often given as the largest step of Adam
REACHED = (1 - _b1) / (1 - _b1**_n) * sp.sqrt((1 - _b2**_n) * (1 - _r**_n) / ((1 - _b2) * (1 - _r)))

quoted = Theorem(
    name="extinction.adam_quoted",
    title="The often quoted (1 - beta1)/sqrt(1 - beta2) = 3.16 is no bound: 4.175 is reached after 400 steps",
    claim=sp.Gt(REACHED, QUOTED, **rel),
    assumes={},
    steps=(Manifest("claim", sp.Gt(REACHED, QUOTED, **rel)),),
    equality=Equality("a strict inequality between numbers: 4.175 > 3.163"),
    kind="counterexample",
    source=SOURCE,
)
