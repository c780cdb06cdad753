"""What a configuration guarantees: penalty, steps, margin, outside mass, fidelity, entropy and dial, before any training.

The chain is that of the `blocks.guarantee_` statements. A penalty above the gradient bound leaves no cross-block group alive;
then content can lead by at most rho (B + delta)^2 / tau, the dial adds beta d, and the margin bounds outside mass, fidelity
and entropy of every row.

Every value is computed from the exact inputs, in fractions or in Arb balls, and rounded to the float64 on its safe side:
thresholds, entropies, outside mass, steps and dial up, margin and fidelity down (`SIDES`; the rounding is
`theory.rounding`'s). Relative loss is below 2^-52, except where a value below 2.2e-308 becomes a subnormal. Starts without
SymPy, torch, SciPy or numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

from flint import arb

from theory.config import Config, ConfigError, value_of
from theory.formulas import (
    content_bound,
    dial_for_outside_mass,
    entropy_ceiling,
    extinction_steps,
    fidelity_bound,
    gradient_bound_bilinear,
    gradient_bound_qk,
    loss_gradient_ce,
    margin_bilinear,
    margin_qk,
    outside_mass_bound,
)
from theory.namespaces import EXACT, FLINT
from theory.rounding import LARGEST, Side, round_ball, round_fraction

# Which side of the exact value each number is on; counts and booleans are exact.
SIDES: dict[str, Side] = {
    "penalty_threshold": "up",
    "penalty": "up",
    "margin": "down",
    "outside_mass": "up",
    "fidelity": "down",
    "entropy_nats": "up",
    "entropy_bits": "up",
    "dial_for_target": "up",
}


@dataclass(frozen=True)
class Because:
    """Why a value holds: its theorem, the hypotheses used, and the reason if it says nothing."""

    theorem: str
    hypotheses: tuple[str, ...]
    vacuous: str | None = None


@dataclass(frozen=True)
class Guarantee:
    """The guaranteed values of one configuration; norms in the units of the configuration, margin and entropy_nats in nats.

    vacuous: the margin is not positive, so entropy is only ln n and outside mass no better than a uniform row's.
    """

    penalty_threshold: float
    penalty: float
    extinction_steps: int
    margin: float
    outside_mass: float
    fidelity: float
    entropy_nats: float
    entropy_bits: float
    dial_for_target: float | None
    vacuous: bool
    because: dict[str, Because] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values under the names of the JSON output."""
        return asdict(self)


@dataclass(frozen=True)
class Inputs:
    """The configuration as exact numbers under the letters of the theory; finer data defaulted."""

    n: int
    g: int
    tau: Fraction
    bilinear: bool
    B_x: Fraction
    B: Fraction
    delta: Fraction
    D_V: Fraction
    D_c: Fraction
    B_c: Fraction
    D_X: Fraction
    rho_A: Fraction
    rho_Q: Fraction
    rho_K: Fraction
    G: Fraction
    beta: Fraction
    d: Fraction
    eta: Fraction
    gamma: Fraction
    theta0: Fraction
    eps_target: Fraction | None


def exact_inputs(config: Config) -> Inputs:
    """Each number of the configuration as the exact real it stands for."""
    norms, loss, target = config.norms, config.loss, config.target

    def given(name: str, default: Fraction = Fraction(0)) -> Fraction:
        value = value_of(config, name)
        return default if value is None else Fraction(value)

    eps = None
    if target is not None:
        eps = given("target.outside_mass") if target.outside_mass is not None else 1 - given("target.fidelity")
    cross_entropy = loss.kind == "cross-entropy"
    return Inputs(
        n=config.attention.keys,
        g=config.attention.block,
        tau=Fraction(config.attention.temperature),
        bilinear=config.attention.parametrisation == "bilinear",
        B_x=Fraction(norms.input),
        B=Fraction(norms.block_input),
        delta=Fraction(norms.leak),
        D_V=Fraction(norms.value_diameter),
        D_c=given("norms.block_diameter", 2 * Fraction(norms.block_input)),
        B_c=given("norms.mean_block_norm", Fraction(norms.block_input)),
        D_X=given("norms.input_diameter", 2 * Fraction(norms.input)),
        rho_A=given("norms.content"),
        rho_Q=given("norms.query"),
        rho_K=given("norms.key"),
        # The a-priori bound for cross-entropy: nothing is known of the probability of the target.
        G=loss_gradient_ce(EXACT, given("loss.readout_diameter"), 0) if cross_entropy else given("loss.gradient"),
        beta=Fraction(config.dial.strength),
        d=Fraction(config.dial.setting),
        eta=Fraction(config.training.step),
        gamma=Fraction(config.training.slack),
        theta0=Fraction(config.training.initial_norm),
        eps_target=eps,
    )


def guarantee(config: Config, source: str = "configuration") -> Guarantee:
    """The guarantees of a configuration; ConfigError if one of them is too large for a float64."""
    x = exact_inputs(config)
    return replace(values_of(x, source), because=_because(config, x, _margin(x)))


def _margin(x: Inputs) -> Fraction:
    if x.bilinear:
        return Fraction(margin_bilinear(EXACT, x.beta, x.d, x.rho_A, x.B, x.delta, x.tau))
    return Fraction(margin_qk(EXACT, x.beta, x.d, x.rho_Q, x.rho_K, x.B, x.delta, x.tau))


def values_of(x: Inputs, source: str) -> Guarantee:
    """The guaranteed values alone; ConfigError if one of them is too large for a float64."""
    margin = _margin(x)
    if x.bilinear:
        bound = gradient_bound_bilinear(EXACT, x.G, x.D_V, x.D_c, x.B_c, x.tau)
        content = content_bound(EXACT, x.rho_A, x.B, x.delta, x.tau)
    else:
        bound = gradient_bound_qk(EXACT, x.G, x.D_V, x.rho_K, x.D_X, x.B_c, x.rho_Q, x.B_x, x.D_c, x.tau)
        content = content_bound(EXACT, x.rho_Q * x.rho_K, x.B, x.delta, x.tau)

    def fit(name: str, value: float) -> float:
        if math.isinf(value):
            raise ConfigError(
                source, name, value, "the guaranteed value is beyond the float64 range", "Use a smaller unit for norms"
            )
        return value

    vacuous = margin <= 0
    nats, bits = _entropies(x, margin)
    return Guarantee(
        penalty_threshold=fit("penalty_threshold", round_fraction(bound, "up")),
        penalty=fit("penalty", round_fraction(bound + x.gamma, "up")),
        extinction_steps=extinction_steps(EXACT, x.theta0, x.eta, x.gamma),
        margin=fit("margin", round_fraction(margin, "down")),
        # Below 1 for every margin, which a ball does not know when the margin is very negative.
        outside_mass=min(1.0, _at_margin(outside_mass_bound, x, margin, "up")),
        fidelity=max(0.0, _at_margin(fidelity_bound, x, margin, "down")),
        entropy_nats=nats,
        entropy_bits=bits,
        dial_for_target=None if x.eps_target is None else fit("dial_for_target", _dial(x, content, x.eps_target)),
        vacuous=vacuous,
    )


def _at_margin(formula: Callable[..., Any], x: Inputs, margin: Fraction, side: Side) -> float:
    if margin == 0:  # rational: e^0 has no enclosure narrower than a point, and a float may be hit exactly
        outside = Fraction(x.n - x.g, x.n)
        return round_fraction(outside if side == "up" else 1 - outside, side)
    return round_ball(lambda: formula(FLINT, x.n, x.g, margin), side)


def _entropies(x: Inputs, margin: Fraction) -> tuple[float, float]:
    def nats() -> arb:
        return arb(x.n).log() if margin <= 0 else entropy_ceiling(FLINT, x.n, x.g, margin)

    if margin <= 0 and x.n & (x.n - 1) == 0:  # ln n / ln 2 is an integer, which no ball tells from its neighbours
        return round_ball(nats, "up"), float(x.n.bit_length() - 1)
    return round_ball(nats, "up"), round_ball(lambda: nats() / arb(2).log(), "up")


def _dial(x: Inputs, content: Fraction, eps: Fraction) -> float:
    """The smallest float d >= 0 with E(n, g, beta d - content) <= eps, E falling in d."""
    odds = Fraction(x.n - x.g, x.g) * (1 - eps) / eps
    if odds == 1:  # the only case in which the exact setting is rational
        return max(0.0, round_fraction(content / x.beta, "up"))
    setting = round_ball(lambda: dial_for_outside_mass(FLINT, x.n, x.g, content, x.beta, eps), "up")
    return max(0.0, setting)


def _because(config: Config, x: Inputs, margin: Fraction) -> dict[str, Because]:
    form = "A^(c,c')" if x.bilinear else "W_Q^(b,c), W_K^(b,c)"
    kind = "bilinear" if x.bilinear else "qk"
    values = f"value vectors of a row lie within a diameter of {_show(x.D_V)}"
    loss = f"the loss is a mean over queries of losses of one output each, with gradient norm at most {_show(x.G)}"
    if config.loss.kind == "cross-entropy":
        loss += " (cross-entropy on a readout of that diameter)"
    if x.bilinear:
        tokens = f"block parts of tokens: mean norm at most {_show(x.B_c)}, diameter at most {_show(x.D_c)}"
    else:
        tokens = (
            f"tokens: norm at most {_show(x.B_x)}, diameter at most {_show(x.D_X)}; "
            f"block parts: mean norm at most {_show(x.B_c)}, diameter at most {_show(x.D_c)}; "
            f"Frobenius balls {_show(x.rho_Q)} on W_Q and {_show(x.rho_K)} on W_K"
        )
    ball = f"||A||_F <= {_show(x.rho_A)}" if x.bilinear else f"||W_Q||_F <= {_show(x.rho_Q)} and ||W_K||_F <= {_show(x.rho_K)}"
    gradient = (values, loss, tokens, f"scores divided by temperature {_show(x.tau)}", "these bounds hold throughout training")
    penalised = f"every cross-block group {form} has penalty weight at least `penalty`, strictly above the gradient bound"
    dead = "all cross-block groups are zero (after `extinction_steps` proximal steps, or at any stationary point)"
    parts = (
        f"tokens: own-block part at most {_show(x.B)}, off-block part at most {_show(x.delta)}, the smaller bound of the two"
    )
    row = f"{x.n} visible keys, {x.g} of them in the query's block"
    dial = f"dial {_show(x.beta)} x {_show(x.d)} on in-block keys"
    scores = f"scores are content / {_show(x.tau)} + dial: no position bias, no query or key bias, rotations only inside blocks"
    lead = (penalised, dead, parts, ball, scores, dial)
    reason = None
    if margin <= 0:
        reason = (
            f"the dial adds {_show(x.beta * x.d)} nats and content may lead by {_show(x.beta * x.d - margin)}: the margin "
            f"{_show(margin)} is not positive, and a uniform row satisfies every hypothesis; "
            "raise dial.setting or lower the content norm"
        )
    ceiling = "margin > 0" if margin > 0 else "none: ln n bounds every row"
    because = {
        "penalty_threshold": Because(f"threshold.gradient_{kind}", gradient),
        "penalty": Because(
            "threshold.stationarity", (*gradient, f"slack {_show(x.gamma)} > 0: at the threshold itself it is false")
        ),
        "extinction_steps": Because(
            "extinction.finite_time",
            (
                penalised,
                f"proximal steps of constant size {_show(x.eta)}, slack {_show(x.gamma)}",
                f"initial group norms at most {_show(x.theta0)}",
                "gradients bounded as for penalty_threshold at every step (minibatches included)",
            ),
        ),
        "margin": Because(f"blocks.margin_{kind}", lead, reason),
        "outside_mass": Because("concentration.outside_mass", (row, *lead), reason),
        "fidelity": Because("concentration.fidelity_floor", (row, *lead), reason),
        "entropy_nats": Because("entropy.ceiling", (row, ceiling, *(lead if margin > 0 else ())), reason),
        "entropy_bits": Because("entropy.ceiling", (row, ceiling, *(lead if margin > 0 else ())), reason),
    }
    if x.eps_target is None:
        because["dial_for_target"] = Because("dial.target", (), "no [target] is given")
    else:
        goal = f"target: outside mass at most {_show(x.eps_target)}"
        because["dial_for_target"] = Because("dial.target", (row, goal, *lead[:-1], f"dial strength {_show(x.beta)}"))
    return because


def _show(value: Fraction) -> str:
    """A number for a sentence: six digits, no promise about its last one."""
    return f"{float(value):.6g}" if abs(value) <= Fraction(LARGEST) else "more than 1.8e308"
