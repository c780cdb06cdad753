"""The numbers of the anchors family, each once: as stated and as computed. The statements are in `theory.anchors`."""

from __future__ import annotations

import sympy as sp
from sympy.codegen.cfunctions import log1p

from theory.export.python import kl_gap
from theory.formula import Formula
from theory.symbols import (
    anchors,
    coherence_bound,
    eps,
    fidelity,
    g,
    g_more,
    n,
    norm_budget,
    phi,
    t,
    top_anchor,
    width,
)

_M, _D, _kappa = anchors, width, norm_budget
_block = (g >= 1, g < n)
_target = (eps > 0, eps < 1)
_w = sp.exp(-sp.Abs(t))

# --- redundancy -------------------------------------------------------------------------------------------------------

least_anchors = Formula(
    name="least_anchors",
    doc="Real number of anchors among n keys from which a margin t (nats, any sign) gives fidelity phi; the least whole one is above.",
    args=(n, phi, t),
    stated=n * phi * sp.exp(-t) / (1 - phi + phi * sp.exp(-t)),
    stable=sp.Piecewise((n * phi * _w / (1 - phi + phi * _w), t >= 0), (n * phi / ((1 - phi) * _w + phi), True)),
    theorem="anchors.redundancy",
    unit="keys",
    domain=(phi > 0, phi < 1),
)

margin_saved = Formula(
    name="margin_saved",
    doc="Margin (nats) that g' anchors instead of g save at the same fidelity, n keys in all.",
    args=(n, g, g_more),
    stated=sp.log(g_more / g) + sp.log((n - g) / (n - g_more)),
    stable=sp.log(g_more / g) + sp.log((n - g) / (n - g_more)),
    theorem="anchors.replace",
    unit="nats",
    domain=(*_block, g_more >= 1, g_more < n),
)

exchange_rate = Formula(
    name="exchange_rate",
    doc="dH/dt at fixed fidelity F of a two-level row: minus the entropy that a nat of margin costs when anchors replace it.",
    args=(n, g, fidelity),
    stated=g / n - fidelity,
    stable=g / n - fidelity,
    theorem="anchors.exchange_rate",
    domain=_block,
)

spread_entropy = Formula(
    name="spread_entropy",
    doc="Least entropy (nats) of a row with fidelity F, 0 < F < 1, none of whose anchors carries more than rho_max.",
    args=(fidelity, top_anchor),
    stated=-(1 - fidelity) * sp.log(1 - fidelity) - fidelity * sp.log(top_anchor),
    stable=-(1 - fidelity) * log1p(-fidelity) - fidelity * sp.log(top_anchor),
    theorem="anchors.spread",
    unit="nats",
    domain=(fidelity > 0, fidelity < 1, top_anchor > 0, top_anchor <= 1),
)

# --- norm budget and coherence ----------------------------------------------------------------------------------------

NEED = sp.log(_M - 1) + sp.log((1 - eps) / eps)  # margin against M - 1 others that gives outside mass eps
_need = sp.log(_M - 1) + log1p(-eps) - sp.log(eps)
_several = (_M >= 2,)

norm_budget_floor = Formula(
    name="norm_budget_floor",
    doc="kappa*: least norm of queries (nats/norm) that gives outside mass at most eps at all M unit anchors, in any dimension.",
    args=(_M, eps),
    stated=(_M - 1) / _M * NEED,
    stable=(_M - 1) / _M * _need,
    theorem="anchors.norm_budget",
    unit="nats/norm",
    domain=(*_several, *_target),
    reading={phi: 1 - eps},
)

code_budget = Formula(
    name="code_budget",
    doc="Norm of queries along their anchors (nats/norm) that gives outside mass eps at M unit anchors of coherence at most mu < 1.",
    args=(_M, eps, coherence_bound),
    stated=NEED / (1 - coherence_bound),
    stable=_need / (1 - coherence_bound),
    theorem="anchors.enough",
    unit="nats/norm",
    domain=(*_several, *_target, coherence_bound < 1),
    reading={phi: 1 - eps},
)

margin_cap = Formula(
    name="margin_cap",
    doc="Greatest margin (nats) that queries of norm kappa have at all M unit anchors, in any dimension.",
    args=(_M, _kappa),
    stated=_kappa * _M / (_M - 1),
    stable=_kappa * _M / (_M - 1),
    theorem="anchors.margin_cap",
    unit="nats",
    domain=_several,
)

margin_dimension_cap = Formula(
    name="margin_dimension_cap",
    doc="Greatest margin (nats) of queries of norm kappa along their own anchors, M > 2 unit anchors in D dimensions.",
    args=(_M, _D, _kappa),
    stated=_kappa * _M * (_D - 1) / (_D * (_M - 2)),
    stable=_kappa * _M * (_D - 1) / (_D * (_M - 2)),
    theorem="anchors.margin_dimension_cap",
    unit="nats",
    domain=(_M >= 3, _D >= 1),
)

coherence_floor = Formula(
    name="coherence_floor",
    doc="Least one-sided coherence of M > 2 unit anchors in D dimensions (Levenshtein's second bound; negative below M = 2D).",
    args=(_M, _D),
    stated=(_M - 2 * _D) / (_D * (_M - 2)),
    stable=(_M - 2 * _D) / (_D * (_M - 2)),
    theorem="anchors.coherence_dimension",
    domain=(_M >= 3, _D >= 1),
)

welch_bound = Formula(
    name="welch_bound",
    doc="Least greatest absolute cosine of M >= D unit anchors in D dimensions; no bound on the one-sided coherence.",
    args=(_M, _D),
    stated=sp.sqrt((_M - _D) / (_D * (_M - 1))),
    stable=sp.sqrt((_M - _D) / (_D * (_M - 1))),
    theorem="anchors.welch",
    domain=(*_several, _D >= 1, _M >= _D),
)

packing_cap = Formula(
    name="packing_cap",
    doc="Greatest ln M of anchors of norm 1 in D dimensions at which queries of norm kappa have margin t > 0.",
    args=(_D, _kappa, t),
    stated=_D * sp.log(1 + 2 * _kappa / t),
    stable=_D * log1p(2 * _kappa / t),
    theorem="anchors.packing",
    unit="nats",
    domain=(t > 0,),
)

sign_code_width = Formula(
    name="sign_code_width",
    doc="Dimensions from which more than half of all sign codes of M vectors have a one-sided coherence below mu.",
    args=(_M, coherence_bound),
    stated=4 * sp.log(_M) / coherence_bound**2,
    stable=4 * sp.log(_M) / coherence_bound**2,
    theorem="anchors.sign_code",
    unit="features",
    domain=(*_several, coherence_bound > 0),
)

sign_code_failure = Formula(
    name="sign_code_failure",
    doc="Bound on the share of sign codes of M vectors in D dimensions whose one-sided coherence reaches mu.",
    args=(_M, _D, coherence_bound),
    stated=_M * (_M - 1) / 2 * sp.exp(-_D * coherence_bound**2 / 2),
    stable=_M * (_M - 1) / 2 * sp.exp(-_D * coherence_bound**2 / 2),
    theorem="anchors.sign_failure",
    domain=_several,
)

# --- information ------------------------------------------------------------------------------------------------------

_x = _M - 1 - _M * eps  # how far eps is below (M - 1)/M, times M
fano_information = Formula(
    name="fano_information",
    doc="Least mutual information (nats) of a uniform block and a pointer that errs with probability at most eps <= (M - 1)/M.",
    args=(_M, eps),
    stated=sp.log(_M) + eps * sp.log(eps) + (1 - eps) * sp.log(1 - eps) - eps * sp.log(_M - 1),
    # The divergence of a coin of bias eps from one of bias (M - 1)/M: no cancellation near the cap.
    stable=(_M - 1) / _M * kl_gap(-_x / (_M - 1)) + kl_gap(_x) / _M,
    theorem="anchors.fano_bound",
    unit="nats",
    domain=(*_several, *_target),
)

FORMULAS: tuple[Formula, ...] = (
    least_anchors,
    margin_saved,
    exchange_rate,
    spread_entropy,
    norm_budget_floor,
    code_budget,
    margin_cap,
    margin_dimension_cap,
    coherence_floor,
    welch_bound,
    packing_cap,
    sign_code_width,
    sign_code_failure,
    fano_information,
)
