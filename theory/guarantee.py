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
from theory.reasons import HYPOTHESES, NO_TARGET, REASONS, VACUOUS
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
    return replace(values_of(x, source), because=because_of(config, x))


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


def because_of(config: Config, x: Inputs) -> dict[str, Because]:
    """Theorem, hypotheses and, where the value says nothing, the reason, for every value: the data of `theory.reasons`."""
    margin = _margin(x)
    shown = {name: _show(value) for name, value in vars(x).items() if value is not None}
    shown |= {
        "form": config.attention.parametrisation,
        "loss": config.loss.kind,
        "added": _show(x.beta * x.d),
        "lead": _show(x.beta * x.d - margin),
        "margin": _show(margin),
    }
    because = {}
    for name, reason in REASONS.items():
        missing = name == "dial_for_target" and x.eps_target is None
        nothing = reason.by_margin and margin <= 0
        keys = reason.without_margin if nothing and reason.without_margin is not None else reason.hypotheses
        because[name] = Because(
            reason.theorem.format_map(shown),
            () if missing else tuple(HYPOTHESES[key.format_map(shown)].format_map(shown) for key in keys),
            NO_TARGET if missing else VACUOUS.format_map(shown) if nothing else None,
        )
    return because


def _show(value: Fraction | int) -> str:
    """A number for a sentence: six digits, no promise about its last one; a count in full."""
    if isinstance(value, int):
        return str(value)
    return f"{float(value) + 0.0:.6g}" if abs(value) <= Fraction(LARGEST) else "more than 1.8e308"


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
