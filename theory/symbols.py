"""Every symbol of the suite once: its letter, meaning, unit and domain.

Statements are typed in these symbols and nothing else, so a letter means the same thing in every family. Domains are part of the
symbol: SymPy may use them in a derivation, and `checks` refuses a case whose values leave them. Entropies are in nats.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp


@dataclass(frozen=True)
class Meaning:
    """What a symbol stands for; `unit` is "1" for pure numbers, counts are "keys", "steps", "layers"."""

    symbol: sp.Symbol
    text: str
    unit: str
    domain: str


MEANINGS: dict[str, Meaning] = {}


def _declare(name: str, text: str, unit: str, domain: str) -> sp.Symbol:
    assumptions: dict[str, dict[str, bool]] = {
        "real": dict(real=True),
        "nonnegative": dict(nonnegative=True),
        "positive": dict(positive=True),
        "count": dict(integer=True, positive=True),
        "index": dict(integer=True, nonnegative=True),
        "fraction": dict(nonnegative=True),
        "open fraction": dict(positive=True),
    }
    symbol = sp.Symbol(name, **assumptions[domain])
    if name in MEANINGS:
        raise ValueError(f"symbol {name!r} is declared twice in theory/symbols.py; one letter has one meaning")
    MEANINGS[name] = Meaning(symbol, text, unit, domain)
    return symbol


# The row: n visible keys, a block G of g of them, finite scores s with the temperature divided out.
n = _declare("n", "visible keys of the query", "keys", "count")
g = _declare("g", "visible keys in the block G of the query", "keys", "count")
m = _declare("m", "visible keys outside the block, n - g", "keys", "count")
k = _declare("k", "size of the high tier of a two-level row", "keys", "count")
t = _declare("t", "claimed margin: least score in G minus greatest score outside", "nats", "real")
margin = _declare("margin", "measured margin of the row", "nats", "real")
soft_margin = _declare("soft_margin", "logsumexp of the scores in G minus logsumexp outside", "nats", "real")
low_in = _declare("low_in", "least score in the block", "nats", "real")
top_in = _declare("top_in", "greatest score in the block", "nats", "real")
top_out = _declare("top_out", "greatest score outside the block", "nats", "real")
mean_out = _declare("mean_out", "mean score outside the block", "nats", "real")
sum_in = _declare("I", "sum of exp(score) over the block", "1", "positive")
sum_out = _declare("O", "sum of exp(score) outside the block", "1", "positive")
score_range = _declare("R", "greatest score minus least score (or a bound on it)", "nats", "nonnegative")
phi = _declare("phi", "target pointer fidelity", "1", "open fraction")

# Keys are numbered so that the block is 1..g; sums run over these two generic keys.
j_in = sp.Symbol("j", integer=True, positive=True)
j_out = sp.Symbol("l", integer=True, positive=True)
RANGES: dict[sp.Symbol, tuple[sp.Expr, sp.Expr]] = {j_in: (sp.Integer(1), g), j_out: (g + 1, n)}
s = sp.IndexedBase("s", real=True)  # scores of the row, temperature divided out
a = sp.IndexedBase("a", positive=True)  # attention weights of the row
k_step = sp.Symbol(
    "k_s", integer=True, nonnegative=True
)  # a generic state of a run, from 0; facts that mention it hold for all

# Observables of a row.
eps = _declare("eps", "outside mass: attention outside the block", "1", "fraction")
fidelity = _declare("F", "pointer fidelity: attention on the block, 1 - eps", "1", "fraction")
entropy = _declare("H", "entropy of the attention row", "nats", "nonnegative")
peak = _declare("a_max", "greatest attention weight of the row", "1", "open fraction")

# Layer, loss and training constants.
tau = _declare("tau", "temperature", "1", "positive")
beta = _declare("beta", "strength of the dial", "nats", "positive")
dial = _declare("d", "setting of the dial", "1", "real")
lam = _declare("lam", "penalty weight of a group (lambda times its weight)", "loss/norm", "nonnegative")
gamma = _declare("gamma", "slack of the penalty weight above the gradient bound", "loss/norm", "positive")
eta = _declare("eta", "step size", "norm^2/loss", "positive")
G_loss = _declare("G", "bound on the norm of the gradient of the loss in one output", "loss/norm", "nonnegative")
D_V = _declare("D_V", "diameter of the values", "norm", "nonnegative")
D_K = _declare("D_K", "diameter of the keys", "norm", "nonnegative")
D_X = _declare("D_X", "diameter of the tokens", "norm", "nonnegative")
D_U = _declare("D_U", "diameter of the readout rows", "loss/norm", "nonnegative")
D_c = _declare("D_c", "diameter of the block-c parts of the tokens", "norm", "nonnegative")
B = _declare("B", "bound on the norm of a token's own-block part", "norm", "nonnegative")
B_x = _declare("B_x", "bound on the norm of a token", "norm", "nonnegative")
B_q = _declare("B_q", "bound on the norm of a query", "norm", "nonnegative")
B_c = _declare("B_c", "mean norm of the block-c parts of the tokens", "norm", "nonnegative")
delta = _declare("delta", "leak: bound on the norm of a token's off-block part", "norm", "nonnegative")
rho_A = _declare("rho_A", "Frobenius ball of the bilinear content form A", "1", "nonnegative")
rho_Q = _declare("rho_Q", "Frobenius ball of W_Q", "1", "nonnegative")
rho_K = _declare("rho_K", "Frobenius ball of W_K", "1", "nonnegative")

# Further arguments of the exported formulas.
theta0 = _declare("theta0", "greatest initial norm of a penalised group", "norm", "nonnegative")
steps = _declare("steps", "proximal steps taken", "steps", "index")
beta1 = _declare("beta1", "decay of Adam's first moment", "1", "fraction")
beta2 = _declare("beta2", "decay of Adam's second moment", "1", "open fraction")
momentum = _declare("mu", "momentum coefficient", "1", "fraction")
parameters = _declare("p_g", "parameters in a group", "parameters", "count")
step_bound = _declare("G_bar", "bound on the norm of the vectors a group is moved by", "loss/norm", "nonnegative")
query_share = _declare("pi_c", "fraction of the queries that belong to block c", "1", "fraction")
target_probability = _declare("p_y", "probability that the model gives to the target", "1", "fraction")
norm_U = _declare("norm_U", "spectral norm of the readout", "1", "nonnegative")
B_v = _declare("B_v", "bound on the norm of a value", "norm", "nonnegative")
B_y = _declare("B_y", "bound on the norm of a regression target", "norm", "nonnegative")
D_x = _declare("D_x", "cross diameter: greatest distance of a value in G from a value outside", "norm", "nonnegative")
margin_in = _declare("t_in", "least in-block score of the own-block parts", "nats", "real")
eps0 = _declare("eps0", "outside mass at dial 0", "1", "open fraction")
content_advantage = _declare(
    "Delta_0", "mean content score in G minus mean outside, under the conditional weights", "nats", "real"
)
entropy_in = _declare("H_G", "entropy of the attention inside the block, conditional on it", "nats", "nonnegative")
entropy_out = _declare("H_out", "entropy of the attention outside the block, conditional on it", "nats", "nonnegative")
dial_other = _declare("d2", "another setting of the dial", "1", "real")

# A row on the dial: scores are content plus beta d on the block. Sums and moments of the content do not depend on d.
c = sp.IndexedBase("c", real=True)  # content scores of the row, temperature divided out, before the dial
v = sp.IndexedBase("v", real=True)  # one coordinate of the values
content_lead = _declare("R_0", "greatest content score outside the block minus the least inside; any sign", "nats", "real")
lead_bound = _declare("R_b", "bound on the content lead R_0; any sign", "nats", "real")
low_content = _declare("low_c", "least content score in the block", "nats", "real")
sum_in0 = _declare("I_0", "sum of exp(content) over the block", "1", "positive")
sum_in_other = _declare("I_2", "sum of exp(score) over the block at the other setting of the dial", "1", "positive")
content_spread = _declare("R_s", "greatest content score of the row minus the least, before the dial", "nats", "nonnegative")
moment_in = _declare("T_in", "sum of content exp(content) over the block", "nats", "real")
moment_out = _declare("T_out", "sum of content exp(content) outside the block", "nats", "real")
fidelity0 = _declare("F_0", "pointer fidelity at dial 0", "1", "open fraction")
level = _declare("e", "target outside mass", "1", "open fraction")
entropy_other = _declare("H_2", "entropy of the attention row at the other setting of the dial", "nats", "nonnegative")
fidelity_other = _declare("F_2", "pointer fidelity at the other setting of the dial", "1", "open fraction")
mass_rate = _declare("deps", "derivative of the outside mass in the dial setting", "1", "real")
entropy_rate = _declare("dH", "derivative of the entropy of the row in the dial setting", "nats", "real")
conditional = _declare("p", "weight of one key given its side of the block, at setting d", "1", "open fraction")
conditional0 = _declare("p_0", "weight of one key given its side of the block, at setting 0", "1", "open fraction")
output = _declare("o", "one coordinate of the output of the row", "norm", "real")
mean_value_in = _declare("o_G", "one coordinate of the mean value in the block, under the conditional weights", "norm", "real")
mean_value_out = _declare(
    "o_out", "one coordinate of the mean value outside the block, under the conditional weights", "norm", "real"
)
output_gap = _declare("shift", "distance between the outputs of one row at two settings of the dial", "norm", "nonnegative")
mean_gap = _declare("apart", "distance between the mean value in the block and the mean value outside", "norm", "nonnegative")
cut_gap = _declare(
    "cut", "distance between the output of the row and its output with attention cut down to the block", "norm", "nonnegative"
)
loss_gap = _declare("loss_gap", "absolute difference of a query's loss at two outputs", "loss", "nonnegative")
total_variation = _declare("TV", "total variation distance of the attention row from its cut to the block", "1", "nonnegative")
divergence = _declare("KL", "KL divergence of the attention cut to the block from the whole row", "nats", "nonnegative")

# Tokens of a localist layer and its content form; the row's query belongs to the block G.
cross_score = _declare("s_x", "content score of a query with a key of another block, temperature divided out", "nats", "real")
own_move = _declare(
    "s_move", "content score of two tokens of one block minus the score of their own-block parts", "nats", "real"
)
captured_margin = _declare("margin_c", "margin of the captured scores of the row", "nats", "real")
rounding = _declare("round", "greatest distance of a captured score of the row from the exact one", "nats", "nonnegative")
off_norm = _declare(
    "omega", "Frobenius norm of the off-block part of the content form (of A, or of W_Q' W_K)", "1", "nonnegative"
)
off_Q = _declare("omega_Q", "Frobenius norm of the off-block part of W_Q", "1", "nonnegative")
off_K = _declare("omega_K", "Frobenius norm of the off-block part of W_K", "1", "nonnegative")
rho_own = _declare("rho_p", "bound on the norm of the block form A_c of one block, the query's", "1", "nonnegative")
rho_other = _declare("rho_o", "bound on the norms of the block forms A_c of all other blocks", "1", "nonnegative")
weight_drift = _declare(
    "drift", "attention weight of a key after the tokens outside the block were replaced, minus before", "1", "real"
)
value_change = _declare("dv", "greatest norm of a change of a value outside the block", "norm", "nonnegative")
output_change = _declare("do", "norm of the change of the output of the row", "norm", "nonnegative")

# A penalised group of weights: the objective J = L + lam |theta_g| + the rest, its gradient, and moves of the group.
gradient_norm = _declare("grad", "norm of the gradient of the loss in a group", "loss/norm", "nonnegative")
group_norm = _declare("theta_g", "norm of a group of weights", "norm", "nonnegative")
shrink = _declare("sigma", "fraction by which a group is shrunk", "1", "fraction")
lipschitz = _declare("Gamma", "Lipschitz constant of the loss in a group", "loss/norm", "nonnegative")
loss_before = _declare("L_0", "loss before a move of the weights", "loss", "real")
loss_after = _declare("L_1", "loss after it", "loss", "real")
rest_before = _declare(
    "rest_0", "other terms of the objective before a move: other groups, weight decay, norm balls", "loss", "real"
)
rest_after = _declare("rest_1", "the same terms after it", "loss", "real")
objective_before = _declare("J_0", "objective before a move", "loss", "real")
objective_after = _declare("J_1", "objective after it", "loss", "real")
move = _declare("move", "norm of a direction in weight space", "norm", "nonnegative")
slope = _declare("slope", "derivative of the objective along a direction", "loss", "real")
rest_slope = _declare("rest_slope", "derivative of the other terms along the same direction", "loss", "real")
floor_relevant = _declare("Gamma_rel", "bound from below on the gradient norm of a group at zero", "loss/norm", "nonnegative")
ceiling_irrelevant = _declare("Gamma_irr", "bound from above on the gradient norm of a group", "loss/norm", "nonnegative")

# Gradients of a layer: per query i = 1..N, and the greatest or mean over the queries.
queries = _declare("N", "queries the loss is a mean over", "queries", "count")
own_queries = _declare("N_c", "queries that belong to block c", "queries", "count")
i_query = sp.Symbol("i", integer=True, positive=True)
i_own = sp.Symbol("i_c", integer=True, positive=True)
i_other = sp.Symbol("i_o", integer=True, positive=True)
k_class = sp.Symbol("kappa", integer=True, positive=True)
classes = _declare("C", "classes of the loss; class 1 is the target", "classes", "count")
RANGES |= {
    i_query: (sp.Integer(1), queries),
    i_own: (sp.Integer(1), own_queries),
    i_other: (own_queries + 1, queries),
    k_class: (sp.Integer(2), classes),
}
covariance_norm = _declare(
    "cov", "norm of the covariance of the keys (or token parts) with <g, v> under a row", "loss*norm", "nonnegative"
)
output_gradient = _declare("g_o", "greatest norm of the gradient of a query's loss in its output", "loss/norm", "nonnegative")
spread_K = _declare("diam_k", "greatest distance of two keys of a sequence", "norm", "nonnegative")
spread_V = _declare("diam_v", "greatest distance of two values of a sequence", "norm", "nonnegative")
spread_c = _declare("diam_c", "greatest distance of the block-c parts of two tokens of a sequence", "norm", "nonnegative")
spread_X = _declare("diam_x", "greatest distance of two tokens of a sequence", "norm", "nonnegative")
spread_U = _declare("diam_u", "greatest distance of two readout rows", "loss/norm", "nonnegative")
mean_part = _declare("mean_c", "mean norm of the block-c parts of the queries' tokens", "norm", "nonnegative")
mean_query = _declare("mean_q", "mean norm of the queries", "norm", "nonnegative")
size_Q = _declare("size_Q", "Frobenius norm of W_Q", "1", "nonnegative")
size_K = _declare("size_K", "Frobenius norm of W_K", "1", "nonnegative")
token_norm = _declare("x_max", "greatest norm of a token", "norm", "nonnegative")
value_norm = _declare("v_max", "greatest norm of a value", "norm", "nonnegative")
part_norm = _declare("x_c", "greatest norm of a block-c part of a token", "norm", "nonnegative")
own_norm = _declare("x_own", "greatest norm of an own-block part of a token", "norm", "nonnegative")
leak_norm = _declare("x_off", "greatest norm of an off-block part of a token", "norm", "nonnegative")
row_leak = _declare("eps_c", "greatest outside mass of a row whose query is in block c", "1", "fraction")
score_gradient = _declare("dl_ds", "derivative of a query's loss in one of its scores", "loss", "real")
key_gain = _declare("y", "<g, v_j> of one key", "loss", "real")
mean_gain = _declare("y_bar", "mean of <g, v> under the row", "loss", "real")
key_weight = _declare("a_j", "attention weight of one key", "1", "open fraction")
target_distance = _declare("TV_p", "total variation distance of the predicted from the target distribution", "1", "fraction")
target_norm = _declare("y_norm", "norm of a regression target", "norm", "nonnegative")
output_norm = _declare("o_norm", "norm of an output", "norm", "nonnegative")
curvature = _declare("curv", "second derivative of the loss along a unit direction of A", "loss/norm^2", "real")
third_moment = _declare("kappa_3", "E[(r - E r)^2 (y - E y)] under the row, r the change of the scores", "loss", "real")
moment_slope = _declare("dcov", "derivative of Cov(r, y) when the scores move along r", "loss", "real")

# The path of minimisers, the trap at zero, the balance of query and key groups.
lam_1 = _declare("lam_1", "a penalty weight", "loss/norm", "nonnegative")
lam_2 = _declare("lam_2", "another, greater penalty weight", "loss/norm", "nonnegative")
penalty_1 = _declare("Omega_1", "penalty (sum of group norms) of a minimiser at lam_1", "norm", "nonnegative")
penalty_2 = _declare("Omega_2", "penalty of a minimiser at lam_2", "norm", "nonnegative")
penalty_m = _declare("Omega_m", "penalty of a minimiser at a weight between", "norm", "nonnegative")
loss_1 = _declare("loss_1", "loss of a minimiser at lam_1", "loss", "real")
loss_2 = _declare("loss_2", "loss of a minimiser at lam_2", "loss", "real")
loss_m = _declare("loss_m", "loss of a minimiser at a weight between", "loss", "real")
mixing = _declare("chi", "share of lam_2 in the weight between", "1", "fraction")
root_product = _declare("h", "square root of |a b|, weights a and b of a scalar query and key", "norm", "nonnegative")
objective = _declare("J", "objective (ab - 1)^2/2 + lam (|a| + |b|) at weights a and b", "loss", "real")
weight_a = _declare("w_a", "weight of a scalar query", "norm", "real")
weight_b = _declare("w_b", "weight of a scalar key", "norm", "real")
size_rows_Q = _declare("P_Q", "sum of the norms of the query groups of one row block", "norm", "nonnegative")
size_rows_K = _declare("P_K", "sum of the norms of the key groups of one row block", "norm", "nonnegative")
residual_Q = _declare(
    "S_Q", "sum of residual norm times group norm over the query groups of one row block", "loss", "nonnegative"
)
residual_K = _declare("S_K", "the same over its key groups", "loss", "nonnegative")
inner_Q = _declare("e_Q", "<dL/dW_Q, W_Q> over one row block", "loss", "real")
inner_K = _declare("e_K", "<dL/dW_K, W_K> over the same row block", "loss", "real")

# Any distribution over the visible keys, and rows in tiers: tier 0 is the block, every other key has a claimed gap of its own.
weight = sp.IndexedBase("weight", nonnegative=True)  # weights of a distribution; zeros are allowed
surprisal = sp.IndexedBase("surprisal", real=True)  # -ln(weight) where the weight is positive, anything where it is 0
tier_gap = sp.IndexedBase("gap", real=True)  # claimed gap of a key outside: least score in the block minus its score
bottom = _declare("bottom", "least score of the row", "nats", "real")
top = _declare("top", "greatest score of the row", "nats", "real")
spread = _declare("spread", "measured range of the row: greatest score minus least score", "nats", "nonnegative")
pointer_rest = _declare("rest", "attention on all keys but the one with the greatest weight", "1", "fraction")
g_low = _declare("g_1", "least block size of a family of rows", "keys", "count")
g_high = _declare("g_2", "greatest block size of a family of rows", "keys", "count")
n_high = _declare("n_2", "greatest number of visible keys of a family of rows", "keys", "count")
t_gain = _declare("gain_t", "a second margin minus the first", "nats", "real")
tier_slack = _declare("tier_slack", "least excess of a key's gap to the block over the gap claimed for it", "nats", "real")
tier_least = _declare("tier_least", "least claimed gap of a key outside the block", "nats", "real")
tier_sum = _declare("tier_sum", "sum of (1 + gap) e^-gap over the keys outside, with their claimed gaps", "1", "real")
tier_mass = _declare("a_k", "attention on one tier", "1", "fraction")
tier_size = _declare("g_k", "keys of one tier outside the block", "keys", "count")
tier_top = _declare("top_k", "greatest score of the tier", "nats", "real")
tier_terms = _declare("O_k", "sum of exp(score) over the tier", "1", "positive")
top_size = _declare("k_0", "size of the high tier at the entropy floor, rounded down", "keys", "index")
top_other = _declare("k_1", "size of the high tier of another two-level row", "keys", "index")
j_tier = sp.Symbol("i_t", integer=True, positive=True)  # not i: a generic key has one range, and i is a query
RANGES[j_tier] = (g + 1, g + tier_size)  # a tier's keys are numbered right after the block

# A stack of layers on a schedule of dials, and what leaves the block on the way through it. Layers are numbered from 0; arrays are
# indexed by the number of layers passed, `_at[k]` being a number of layer k or of the product of the first k layers.
depth = _declare("L", "layers of a stack", "layers", "count")
last = _declare("m_L", "number of the last layer of a stack, counted from 0: its layers minus one", "layers", "count")
layer = _declare("l_x", "number of a layer after the first; layers are numbered from 0", "layers", "count")
j_layer = sp.Symbol("l_s", integer=True, positive=True)
RANGES[j_layer] = (sp.Integer(1), last)
degree = _declare("q", "degree of a polynomial schedule, any positive real", "1", "positive")
whole_degree = _declare("p_d", "degree of a polynomial schedule, a whole number", "1", "count")
dial_low = _declare("d_min", "dial of the first layer of a schedule", "1", "real")
dial_high = _declare("d_max", "dial of the last layer of a schedule", "1", "real")
dial_higher = _declare("d_top", "another, greater dial of the last layer", "1", "real")
dial_layer = _declare("d_l", "dial of one layer", "1", "real")
dial_wanted = _declare("d_w", "dial that a layer should have at least", "1", "real")
rise = _declare("rise", "(wanted dial - first dial)/(last dial - first dial)", "1", "positive")
budget = _declare("S_d", "dial budget: sum of the dials of all layers", "1", "real")
power_sum = _declare("S_p", "sum of l^p over the layers l = 1, ..., m_L", "1", "nonnegative")
power_at = sp.IndexedBase("pow_s", nonnegative=True)  # 1^p + ... + k^p
mean_power = _declare("S_q", "sum of (l/m_L)^q over the layers", "1", "nonnegative")
mean_power_at = sp.IndexedBase("Q_s", nonnegative=True)  # 1^q + ... + (k + 1)^q
pascal = _declare("S_c", "sum over j = 0..p of binomial(p + 1, j) (0^j + 1^j + ... + m_L^j)", "1", "nonnegative")
pascal_at = sp.IndexedBase("C_s", nonnegative=True)  # the same up to k^j
binomial_at = sp.IndexedBase("b_s", nonnegative=True)  # sum over j = 0..p of binomial(p + 1, j) k^j
eps_at = sp.IndexedBase("eps_s", nonnegative=True)  # greatest outside mass of an in-block row of the layer
inside_at = sp.IndexedBase("in_s", nonnegative=True)  # in-block mass of that row
eps_other_at = sp.IndexedBase("eps2_s", nonnegative=True)  # the same of another stack
eps_excess = _declare("eps_more", "least excess of a layer's second outside mass over its first", "1", "real")
kept_at = sp.IndexedBase(
    "kept_s", nonnegative=True
)  # least in-block mass of an in-block row of the product of attention matrices
stay_at = sp.IndexedBase("stay_s", nonnegative=True)  # product of 1 - eps
stay_other_at = sp.IndexedBase("stay2_s", real=True)  # the same of another stack, or of bounds on what it leaks
sum_at = sp.IndexedBase("sum_s", nonnegative=True)  # sum of eps, or of eps w/(1 + w)
rollout_leak = _declare(
    "leak_P", "greatest outside mass of an in-block row of the product of attention matrices", "1", "fraction"
)
stay = _declare(
    "stay", "product over the layers of 1 - eps_l (of 1 - eps_l w_l/(1 + w_l) on the value path)", "1", "nonnegative"
)
stay_other = _declare("stay_2", "the same product for another stack", "1", "nonnegative")
leak_sum = _declare("sum_eps", "sum over the layers of eps_l (of eps_l w_l/(1 + w_l) on the value path)", "1", "nonnegative")
phi_low = _declare("phi_L", "bound from below on the in-block mass of every in-block row of every layer", "1", "open fraction")
eps_greatest = _declare("eps_g", "greatest outside mass of an in-block row of any layer", "1", "fraction")
eps_first = _declare("eps_1", "greatest outside mass of an in-block row of the first layer", "1", "fraction")
residual_share = _declare("alpha", "share of the identity in a residual rollout", "1", "fraction")
mixed = _declare("eps_m", "outside mass of a row of alpha I + (1 - alpha) A", "1", "fraction")
w_at = sp.IndexedBase("w_s", nonnegative=True)  # bound on the spectral norm of the value map of the layer
grow_at = sp.IndexedBase("grow_s", positive=True)  # product of 1 + w
keep_at = sp.IndexedBase("keep_s", nonnegative=True)  # product of 1 + w (1 - eps)
whole_at = sp.IndexedBase("whole_s", nonnegative=True)  # greatest sum of Jacobian norms (or norm of a token), after k layers
out_at = sp.IndexedBase("out_s", nonnegative=True)  # the same over the tokens outside (or of the off-block part)
row_at = sp.IndexedBase("row_s", nonnegative=True)  # outside mass of the in-block row in which the next leak is greatest
flow_out = _declare(
    "J_out", "greatest sum, over the tokens outside its block, of the norms of an output's derivatives along values", "1",
    "nonnegative",
)  # fmt: skip
flow_share = _declare("J_rel", "that sum over the product of 1 + w_l", "1", "nonnegative")
grow = _declare("grow", "product over the layers of 1 + w_l", "1", "positive")
stays = _declare("held", "product over the layers of 1 + w_l (1 - eps_l)", "1", "nonnegative")
value_gain = _declare("w", "bound on the spectral norm of every value map", "1", "nonnegative")
value_greatest = _declare("w_g", "greatest spectral norm of a value map", "1", "nonnegative")
value_off = _declare("w_off", "greatest spectral norm of the off-block part of a value map", "1", "nonnegative")
norm_start = _declare("B_0", "bound on the norm of a token before the first layer", "norm", "positive")
norm_after = _declare("B_L", "greatest norm of a token after the layers", "norm", "nonnegative")
off_start = _declare("delta_0", "bound on the norm of a token's off-block part before the first layer", "norm", "nonnegative")
off_after = _declare("delta_L", "greatest norm of a token's off-block part after the layers", "norm", "nonnegative")
spread_start = _declare("D_0", "diameter of the tokens before the first layer", "norm", "nonnegative")
spread_at = sp.IndexedBase("D_s", nonnegative=True)  # diameter of the tokens after k layers
moved_by_at = sp.IndexedBase("do_s", nonnegative=True)  # greatest change of a token after k layers

# A run of proximal steps on one group of weights. State k_step is the one after that many steps; arrays are indexed by it.
norm_at = sp.IndexedBase("theta_s", nonnegative=True)  # norm of the group
moved_at = sp.IndexedBase("zeta_s", nonnegative=True)  # norm of the group after the gradient part of the step, before the prox
vector_at = sp.IndexedBase("v_s", nonnegative=True)  # norm of the vector that the group is moved by
raw_at = sp.IndexedBase("raw_s", nonnegative=True)  # norm of the gradient before clipping or averaging
soft_at = sp.IndexedBase("theta_p_s", nonnegative=True)  # norm of the group after the prox, before a radial scaling
scale_at = sp.IndexedBase("soft_s", nonnegative=True)  # factor of the soft threshold
step_at = sp.IndexedBase("eta_s", positive=True)  # step size
total_at = sp.IndexedBase("S_s", nonnegative=True)  # sum of the step sizes so far
decay_at = sp.IndexedBase("decay_s", nonnegative=True)  # factor of weight decay
radial_at = sp.IndexedBase("radial_s", nonnegative=True)  # factor of a projection on a centred ball, or one over a norm
group_next = _declare("theta_n", "norm of the group after a proximal step", "norm", "nonnegative")
group_soft = _declare("theta_p", "norm of the group after the prox, before a radial scaling", "norm", "nonnegative")
moved_norm = _declare("zeta", "norm of the group after the gradient part of a step, before the prox", "norm", "nonnegative")
soft_scale = _declare("soft", "factor by which the prox multiplies the group", "1", "nonnegative")
vector_norm = _declare("v_g", "norm of the vector that the group is moved by in a step", "loss/norm", "nonnegative")
raw_norm = _declare("raw", "norm of the gradient of the group before clipping", "loss/norm", "nonnegative")
vector_max = _declare("v_top", "greatest norm of the vectors that the group is moved by", "loss/norm", "nonnegative")
extinct_at = _declare("K", "first state in which the group is exactly zero, of a group that starts alive", "steps", "count")
clip = _declare("C_clip", "bound at which gradients of the group are clipped", "loss/norm", "positive")
total_step = _declare("S_eta", "sum of the step sizes of some proximal steps", "norm^2/loss", "nonnegative")
group_later = _declare("theta_k", "norm of the group after some proximal steps", "norm", "nonnegative")
decay = _declare("keep", "factor of multiplicative weight decay, or the greatest of a run", "1", "nonnegative")
radial = _declare("radial", "factor of a radial scaling after the prox, or the greatest of a run", "1", "nonnegative")
residual = _declare("residual", "distance of a group from the result of its clipped proximal step", "norm", "nonnegative")
candidate_norm = _declare("y_g", "norm of any candidate for the prox", "norm", "nonnegative")
ball_radius = _declare("rho_b", "radius of a centred ball that holds the group", "norm", "positive")
candidate_inner = _declare("y_e", "inner product of the candidate with the unit vector along the point", "norm", "real")
candidate_distance = _declare("y_d", "distance of the candidate from the prox", "norm", "nonnegative")
candidate_value = _declare("J_y", "|y - z|^2/2 + eta lam |y|, what the prox minimises, at the candidate", "norm^2", "real")
direction_norm = _declare("m_g", "norm of the momentum of a group", "loss/norm", "nonnegative")
direction_at = sp.IndexedBase("m_s", nonnegative=True)  # norm of the momentum
adam_value = _declare(
    "r_A", "|m|/sqrt(v) of one coordinate of Adam, both corrected for bias, epsilon left out", "1", "nonnegative"
)
adam_first = _declare("A_1", "sum of beta1^j times the gradient j steps ago, of one coordinate", "loss/norm", "real")
adam_second = _declare(
    "A_2", "sum of beta2^j times the squared gradient j steps ago, of one coordinate", "loss^2/norm^2", "positive"
)
adam_value_at = sp.IndexedBase("r_s", nonnegative=True)  # the same by state and coordinate
adam_first_at = sp.IndexedBase("A1_s", real=True)
adam_second_at = sp.IndexedBase("A2_s", positive=True)
weight1_at = sp.IndexedBase("W1_s", positive=True)  # 1 + beta1 + ... + beta1^k
weight2_at = sp.IndexedBase("W2_s", positive=True)  # 1 + beta2 + ... + beta2^k
weight_ratio_at = sp.IndexedBase("W3_s", positive=True)  # the same of beta1^2/beta2
coordinate = sp.Symbol("c_g", integer=True, positive=True)
RANGES[coordinate] = (sp.Integer(1), parameters)
roundoff = _declare("ulp", "unit roundoff of the floats a layer is trained in: 2^-24 or 2^-53", "1", "nonnegative")
float_slack = _declare("gamma_f", "slack of the penalty weight that rounding leaves", "loss/norm", "positive")
computed_norm = _declare("zeta_f", "computed norm of a zero group after the gradient part of a step", "norm", "nonnegative")
computed_threshold = _declare("T_f", "computed threshold of the prox", "norm", "nonnegative")

# Rules: nats added to the scores of a set of keys. The keys of one rule are numbered as the block G; `tilt` is what all others add.
strength = _declare("b", "strength of a rule: what it adds to the scores of its keys", "nats", "real")
strength_other = _declare("b_2", "strength of another rule", "nats", "real")
rules = _declare("K_r", "rules in force", "rules", "count")
tilt = sp.IndexedBase("tilt", real=True)  # what rules add to a key's score, nats
tilt_other = sp.IndexedBase("tilt_2", real=True)  # the same of another rule set
low_tilt = _declare("low_T", "least sum of strengths on a key", "nats", "real")
top_tilt = _declare("top_T", "greatest sum of strengths on a key", "nats", "real")
tilt_gap = _declare(
    "gap_T", "greatest sum of strengths on a key, minus the greatest on a key outside the block", "nats", "nonnegative"
)
tilt_level = _declare("x_T", "constant by which two rule sets differ on every key", "nats", "real")
sum_in_tilted = _declare("I_T", "sum of exp(score) over the block, scores with all rules but one", "1", "positive")
sum_out_tilted = _declare("O_T", "sum of exp(score) outside the block, scores with all rules but one", "1", "positive")
fidelity_without = _declare("F_x", "mass of a rule's keys under all rules but that one", "1", "open fraction")
eps_without = _declare("eps_x", "one minus the mass of a rule's keys under all rules but that one", "1", "open fraction")
total = _declare("M_0", "sum of exp(content) over the row", "1", "positive")
total_tilted = _declare("M_1", "sum of exp(score) over the row with rules", "1", "positive")
total_other = _declare("M_2", "sum of exp(score) over the row with another rule set", "1", "positive")
paid = _declare("KL_b", "KL divergence of the row with rules from the row without", "nats", "nonnegative")
divergence_p = _declare("KL_p", "KL divergence of a distribution over the keys from the row without rules", "nats", "real")
divergence_rest = _declare("KL_q", "KL divergence of the same distribution from the row with rules", "nats", "real")
mass_p = _declare("p_S", "mass that a distribution over the keys puts on a rule's keys", "1", "fraction")
apart = _declare("h_2", "sum over keys of the squared difference of square roots of two weights", "1", "nonnegative")
root = sp.IndexedBase("root", nonnegative=True)  # square root of a distribution's weight of a key
mean_tilt = _declare("T_a", "sum over rules of strength times mass, under the row with the rules", "nats", "real")
mean_tilt_p = _declare("T_p", "sum over rules of strength times mass, under a distribution over the keys", "nats", "real")
wanted = _declare("T_w", "sum over rules of strength times the mass wanted", "nats", "real")
strength_sum = _declare("B_b", "sum of the absolute strengths of rules", "nats", "nonnegative")
total_renewed = _declare(
    "M_3", "sum over the row of weight times exp(added score), what a second injection divides by", "1", "positive"
)
key_tilt = _declare("t_1", "what one rule set adds to the score of one key", "nats", "real")
key_tilt_other = _declare("t_2", "what another rule set adds to the score of the same key", "nats", "real")
key_weight_once = _declare("a_1", "weight of one key under one way to have rules", "1", "open fraction")
key_weight_twice = _declare("a_2", "weight of the same key under another way", "1", "open fraction")
mass_both = _declare("a_kl", "mass of the keys that two rules share, before both", "1", "open fraction")
mass_own = _declare("a_k_", "mass of the keys of the first rule only", "1", "open fraction")
mass_else = _declare("a_l_", "mass of the keys of the second rule only", "1", "open fraction")
mass_none = _declare("a_0_", "mass of the keys of neither", "1", "open fraction")
rule_strength_at = sp.IndexedBase("b_s", real=True)  # strengths by rule
rule_mass_at = sp.IndexedBase("F_s", nonnegative=True)  # masses by rule, under the row with all rules
rule_mass_p_at = sp.IndexedBase("p_s", nonnegative=True)  # masses by rule, under a distribution
has_first = sp.IndexedBase("first", nonnegative=True)  # 1 where a rule has the first of two keys, 0 where it has not
has_second = sp.IndexedBase("second", nonnegative=True)
i_rule = sp.Symbol("r_r", integer=True, positive=True)
RANGES[i_rule] = (sp.Integer(1), rules)

# A partition of tokens by similarity. A link of two tokens is a path; its strength is the least similarity along it, maximised over paths.
# Every "_2" is the same quantity after the similarities have moved.
link_in = _declare("link_in", "least strength of the link between two tokens of one block", "similarity", "real")
link_in_2 = _declare("link_in_2", "the same after the similarities have moved", "similarity", "real")
low_sim = _declare("low_S", "least similarity of two tokens of one block", "similarity", "real")
low_sim_2 = _declare("low_S_2", "the same after the similarities have moved", "similarity", "real")
cross_sim = _declare("cross_S", "greatest similarity of two tokens of different blocks", "similarity", "real")
cross_sim_2 = _declare("cross_S_2", "the same after the similarities have moved", "similarity", "real")
link_floor = _declare("th_hi", "claimed least strength of a link inside a block", "similarity", "real")
cross_ceiling = _declare("th_lo", "claimed greatest similarity across blocks", "similarity", "real")
cut_level = _declare("kap_S", "cut: tokens of at least this similarity are joined", "similarity", "real")
moved_sim = _declare("move_S", "greatest change of a similarity of two tokens", "similarity", "nonnegative")
move_bound = _declare("eta_S", "bound on the change of every similarity", "similarity", "nonnegative")
link_gap = _declare("gap_S", "linkage gap: least link inside the blocks minus greatest similarity across", "similarity", "real")
link_gap_2 = _declare("gap_S_2", "the same after the similarities have moved", "similarity", "real")
link_gap_other = _declare("gap_S_o", "linkage gap of another partition", "similarity", "real")
pair_margin = _declare("marg_S", "least similarity inside the blocks minus greatest across", "similarity", "real")
pair_margin_2 = _declare("marg_S_2", "the same after the similarities have moved", "similarity", "real")
claimed_gap = _declare("l_S", "claimed linkage gap of a partition", "similarity", "positive")
cross_other = _declare("cross_S_o", "greatest similarity across the blocks of another partition", "similarity", "real")
link_in_other = _declare("link_in_o", "least strength of a link inside the blocks of another partition", "similarity", "real")
block_count = _declare("k_P", "blocks of a partition", "blocks", "count")
block_count_other = _declare("k_P_o", "blocks of another partition", "blocks", "count")
pairs_apart = _declare("differ", "pairs of tokens that exactly one of two partitions puts in one block", "pairs", "index")
pair_drift = _declare(
    "drift_S", "similarity of one pair of tokens after a move of form and tokens, minus before", "similarity", "real"
)
form_norm = _declare("rho_S", "norm of the form of the similarity before the move", "1", "nonnegative")
form_move = _declare("move_A", "norm of the change of the form", "1", "nonnegative")
token_move = _declare("move_x", "bound on the norm of the change of a token", "norm", "nonnegative")
form_move_at = sp.IndexedBase("move_As", nonnegative=True)  # norm of the change of the form since the certificate, by step
form_step = _declare("step_A", "greatest norm of the change of the form in one step of training", "1", "nonnegative")
path_at = sp.IndexedBase(
    "path_s", nonnegative=True
)  # length of the path of the form up to a renewal of the partition, by renewals
path_length = _declare(
    "path_A", "length of the path of the form in training: sum of the norms of its changes", "1", "nonnegative"
)
path_stretch = _declare(
    "path_P", "least length of the path of the form between two renewals of the partition", "1", "nonnegative"
)
renewals = _declare("N_P", "times that a spent certificate was renewed by a new partition", "times", "index")
moves = _declare("N_m", "accepted splits and merges", "moves", "index")
move_gain = _declare("gamma_P", "least decrease of the potential at which a split or merge is accepted", "1", "positive")
move_drop = _declare("drop_P", "least decrease of the potential by an accepted split or merge", "1", "real")
potential_at = sp.IndexedBase("Phi_s", real=True)  # potential after that many accepted splits and merges
potential_start = _declare("Phi_P", "potential before the first split or merge", "1", "real")
potential_floor = _declare("Phi_P_inf", "a number that the potential never goes below", "1", "real")
eps_coarse = _declare("eps_c2", "outside mass of the row for a coarser block, one that holds the block", "1", "fraction")
mass_gained = _declare("a_gain", "attention on the keys of the coarser block that are not in the block", "1", "fraction")
# Anchors: M pointers, one vector each in D dimensions; a query for each of them, its scores with all of them.
anchors = _declare("M", "anchors: one for each of M pointers", "anchors", "count")
width = _declare("D", "dimensions that the anchors lie in", "features", "count")
norm_budget = _declare("kappa_q", "bound on the norm of a query, temperature divided out", "nats/norm", "nonnegative")
query_norm = _declare("q_max", "greatest norm of a query, temperature divided out", "nats/norm", "nonnegative")
anchor_norm = _declare("a_len", "greatest norm of an anchor", "norm", "nonnegative")
mean_lead = _declare(
    "lead", "own score minus another anchor's, mean over all pairs of a query and another anchor", "nats", "real"
)
least_lead = _declare("lead_min", "own score minus another anchor's, the least over all such pairs", "nats", "real")
least_fidelity = _declare("F_min", "least fidelity of a query to its own anchor, over all queries", "1", "open fraction")
coherence = _declare("mu_1", "greatest cosine of two different anchors, signed: one-sided coherence", "1", "real")
coherence_abs = _declare("mu_a", "greatest absolute cosine of two different anchors", "1", "nonnegative")
coherence_bound = _declare("mu_b", "bound on the one-sided coherence", "1", "real")
bad_codes = _declare("P_bad", "share of the sign codes of that size whose coherence reaches the bound", "1", "fraction")
separation = _declare("sep", "least distance of two different anchors", "norm", "nonnegative")
hull_distance = _declare("dist_w", "distance of an anchor from a weighted mean of the others", "norm", "nonnegative")
hull_entropy = _declare("H_w", "entropy of the weights of that mean", "nats", "nonnegative")
lead_at = sp.IndexedBase("lead_a", real=True)  # own score minus another anchor's, mean over the others, by query
centred_at = sp.IndexedBase("q_in", real=True)  # inner product of query and (own anchor minus mean anchor)
offset_at = sp.IndexedBase("off", nonnegative=True)  # distance of an anchor from the mean anchor
norm_of = sp.IndexedBase("a_norm", nonnegative=True)  # norm of an anchor
query_of = sp.IndexedBase("q_norm", nonnegative=True)  # norm of a query, temperature divided out
odds_of = sp.IndexedBase("odds", positive=True)  # mass off the own anchor over mass on it, by query
fidelity_of = sp.IndexedBase("F_a", positive=True)  # fidelity to the own anchor, by query
drop_of = sp.IndexedBase("drop", real=True)  # own score minus that of one other anchor, by query and other anchor
cosine_of = sp.IndexedBase("cos_a", real=True)  # cosine of two different anchors, by ordered pair
share_of = sp.IndexedBase("share_a", nonnegative=True)  # weight of another anchor in a mean of them
share_surprisal = sp.IndexedBase("share_s", real=True)  # -ln of that weight where it is positive, anything where it is 0
i_anchor = sp.Symbol("i_a", integer=True, positive=True)
j_rival = sp.Symbol("j_a", integer=True, positive=True)
i_pair = sp.Symbol("i_p", integer=True, positive=True)
RANGES |= {
    i_anchor: (sp.Integer(1), anchors),
    j_rival: (sp.Integer(1), anchors - 1),
    i_pair: (sp.Integer(1), anchors * (anchors - 1)),
}

# Redundancy: g equal anchors of one pointer among n keys, or g' of them.
g_more = _declare("g_3", "another number of anchors", "keys", "count")
t_other = _declare("t_3", "another margin", "nats", "real")
others = _declare("m_0", "keys that are no anchors, however many anchors there are", "keys", "count")
fidelity_more = _declare("F_3", "pointer fidelity with the other number of anchors", "1", "open fraction")
entropy_more = _declare(
    "H_3", "entropy of the row with the other number of anchors and the other margin", "nats", "nonnegative"
)
exchange = _declare("dH_dt", "derivative of the entropy in the margin at fixed fidelity, redundancy adjusted", "1", "real")
saving = _declare("dt_dg", "derivative of the margin in the number of anchors at fixed fidelity", "nats/keys", "real")
top_anchor = _declare(
    "rho_max", "greatest attention weight of one anchor of the pointer, or a bound on it", "1", "open fraction"
)
lost_anchor = _declare("a_lost", "attention weight of an anchor that is lost", "1", "fraction")
fidelity_lost = _declare("F_lost", "fidelity after that anchor is lost and the rest renormalised", "1", "fraction")

# A pointer as a channel: block B uniform on M, the pointer names a block; cells are pairs of a pointer value and a block.
error_rate = _declare("P_e", "probability that the block of the pointer is not the block", "1", "open fraction")
information = _declare("I_bp", "mutual information of block and pointer", "nats", "real")
left_over = _declare("H_bp", "entropy of the block given the pointer", "nats", "nonnegative")
value_mass = sp.IndexedBase("p_val", nonnegative=True)  # probability of the pointer value of a cell
cell_share = sp.IndexedBase("p_cell", nonnegative=True)  # probability of the block of a cell, given the pointer value
cell_surprisal = sp.IndexedBase("p_sur", real=True)  # -ln of it where it is positive, anything where it is 0
error_of = sp.IndexedBase("e_a", nonnegative=True)  # probability that the pointer names another block, by block
# Recruitment: description lengths in nats over a run of recruitments (arrays indexed by k_step), codes, sequential tests.
dl_at = sp.IndexedBase("DL_s", real=True)  # description length after that many recruitments
rise_at = sp.IndexedBase("rise_s", real=True)  # net rise by training and new data before the next recruitment
drop_at = sp.IndexedBase("drop_s", real=True)  # what the next recruitment lowers it by
need_at = sp.IndexedBase("need_s", real=True)  # what the next recruitment must lower it by
risen_at = sp.IndexedBase("risen_s", real=True)  # sum of the rises so far
needed_at = sp.IndexedBase("needed_s", real=True)  # sum of the required decreases so far
dl_start = _declare("DL_0", "description length before the first recruitment", "nats", "real")
dl_end = _declare("DL_m", "description length after the last recruitment", "nats", "real")
dl_floor = _declare("DL_inf", "bound from below on the description length", "nats", "real")
rise_total = _declare("rise_r", "net rise of the description length between recruitments, all together", "nats", "real")
rise_bound = _declare("T_rise", "bound on the total rise between recruitments", "nats", "real")
needed_total = _declare("S_need", "sum of the decreases that the recruitments must bring", "nats", "real")
gain_excess = _declare("excess", "least excess of a recruitment's decrease over what is required of it", "nats", "real")
least_gain = _declare("gain_r", "decrease that every recruitment must bring", "nats", "positive")
recruited = _declare("moves", "recruitments", "recruitments", "index")
samples = _declare("N_s", "samples scored", "samples", "count")
sample_cost = sp.IndexedBase("cost", real=True)  # code length of one sample
i_sample = sp.Symbol("i_x", integer=True, positive=True)
RANGES[i_sample] = (sp.Integer(1), samples)
cost_greatest = _declare("cost_top", "greatest code length of a sample", "nats", "nonnegative")
cost_bound = _declare("b_cost", "bound on the code length of a sample", "nats", "nonnegative")
density_scale = _declare("b_scale", "scale of a Laplace density", "unit of the data", "positive")
code_level = _declare("level_r", "any level that a description length is said never to pass", "nats", "real")

# Outcomes (of a finite experiment, or prefixes at which a test first crosses), numbered so that those that recruit are 1..E.
recruiting = _declare("E_r", "outcomes on which a test recruits", "outcomes", "index")
i_outcome = sp.Symbol("x_r", integer=True, positive=True)
RANGES[i_outcome] = (sp.Integer(1), recruiting)
law_at = sp.IndexedBase("P_x", nonnegative=True)  # probability under the law of the data
code_at = sp.IndexedBase("Q_x", nonnegative=True)  # probability (or likelihood) that the alternative gives
current_at = sp.IndexedBase("C_x", nonnegative=True)  # probability that the current model gives
best_at = sp.IndexedBase("B_x_r", nonnegative=True)  # probability that some candidate which saves enough gives
best_penalty_at = sp.IndexedBase("pen_x", real=True)  # and its penalty
false_rate = _declare("P_false", "probability, under the law of the data, that a test recruits", "1", "fraction")
code_mass = _declare("Q_r", "what the alternative gives to the outcomes that recruit, all together", "1", "nonnegative")
threshold_nats = _declare("K_t", "threshold: nats that an alternative must save", "nats", "real")
fit_mass = _declare("C_fit", "sum of the greatest likelihoods over all outcomes", "1", "nonnegative")
offset_worst = _declare(
    "pen_0", "greatest excess of the current model's code length over that of the law of the data", "nats", "real"
)
offset_bound = _declare("pen_b", "bound on that excess", "nats", "real")
candidates = _declare("M_c", "candidates of a test", "candidates", "count")
i_candidate = sp.Symbol("theta_c", integer=True, positive=True)
RANGES[i_candidate] = (sp.Integer(1), candidates)
penalty_at = sp.IndexedBase("pen_c", real=True)  # penalty of a candidate, nats
candidate_mass_at = sp.IndexedBase("Q_c", nonnegative=True)  # what a candidate gives to the outcomes that recruit
candidate_norm_at = sp.IndexedBase("norm_c", nonnegative=True)  # group norm of a candidate
candidate_mass = _declare("Q_top", "greatest mass that a candidate gives to the outcomes that recruit", "1", "nonnegative")
kraft_sum = _declare("kraft", "sum of exp(-penalty) over the candidates", "1", "nonnegative")
recruit_norm = _declare("norm_top", "greatest group norm of a candidate", "norm", "nonnegative")
candidate_ball = _declare("rho_c", "radius of the ball that the candidates lie in", "norm", "nonnegative")

# A sequential test: prefixes by length. Live prefixes have not crossed yet.
live_at = sp.IndexedBase("live_s", nonnegative=True)  # mass, under the alternative, of the live prefixes of that length
new_at = sp.IndexedBase("new_s", nonnegative=True)  # mass of those that cross with the next token
crossed_at = sp.IndexedBase("crossed_s", nonnegative=True)  # mass of those that have crossed
horizon = _declare("T_s", "greatest number of tokens that a test looks at", "tokens", "index")
predictive_mass = _declare("q_top", "greatest sum of an alternative's probabilities of the next token", "1", "nonnegative")
tests = _declare("M_t", "sequential tests begun so far", "tests", "index")
test_number = _declare("m_t", "number of a sequential test, from 1", "tests", "count")
level_false = _declare("alpha_r", "level: bound on the probability of any false recruitment ever", "1", "open fraction")
any_false = _declare("P_any", "probability, under the law of the data, of any false recruitment", "1", "fraction")
threshold_slack = _declare("slack_t", "least excess of a test's threshold over ln(m(m + 1)/alpha)", "nats", "real")
any_at = sp.IndexedBase("any_s", nonnegative=True)  # probability of a false recruitment in the tests so far
rate_at = sp.IndexedBase("rate_s", nonnegative=True)  # probability of a false recruitment in the next one
threshold_at = sp.IndexedBase("K_s", real=True)  # its threshold, nats

# Detection: gains Z = ln(q/p) of independent samples under the truth; their running sum is compared with the threshold.
gain_mean = _declare("D_g", "mean gain of a sample under the truth", "nats", "positive")
gain_range = _declare("R_g", "length of an interval that holds every gain", "nats", "positive")
gain_spread = _declare("R_z", "greatest gain minus least gain", "nats", "nonnegative")
gain_top = _declare("b_g", "bound on a gain", "nats", "nonnegative")
gain_sd = _declare("sd_g", "standard deviation of a gain", "nats", "nonnegative")
sum_variance = _declare("var_S", "variance of the sum of the gains", "nats^2", "nonnegative")
tilt_rate = _declare("h_t", "rate at which the sum of the gains is tilted", "1/nats", "positive")
cumulant = _declare("cgf", "ln E exp(-h Z) of one gain", "nats", "real")
sum_cumulant = _declare("cgf_S", "ln E exp(-h S) of the sum of the gains", "nats", "real")
sum_covariance = _declare("cov_S", "sum of the covariances of different gains, 0 for uncorrelated ones", "nats^2", "real")
cumulant_excess = _declare("cgf_x", "cgf_S - N cgf, 0 for independent gains", "nats", "real")
miss = _declare("P_miss", "probability under the truth that the threshold is not reached by then", "1", "fraction")
miss_level = _declare("delta_r", "target for that probability", "1", "open fraction")
mean_time = _declare("E_N", "mean number of samples until the threshold is reached", "samples", "nonnegative")
mean_sum = _declare("E_S", "mean of the sum of the gains at that time", "nats", "real")
stop_least = _declare("S_low", "least sum of the gains at the time a test stops", "nats", "real")
stop_greatest = _declare("S_top", "greatest sum of the gains at the time a test stops", "nats", "real")
gain_sum_at = sp.IndexedBase("S_x", real=True)  # sum of the gains where a test stops
counted = _declare("binom", "sequences with as many ones as the one that was seen", "1", "positive")
likelihood_fit = _declare("Q_fit", "greatest likelihood of a sequence under one coin", "1", "positive")
likelihood_law = _declare("P_seq", "probability of the sequence under the current model", "1", "positive")
likelihood_rule = _declare("Q_seq", "probability of the sequence under Laplace's rule of succession", "1", "positive")
gain_fit = _declare("S_fit", "nats that the best coin saves in hindsight", "nats", "real")
gain_rule = _declare("S_rule", "nats that Laplace's rule saves", "nats", "real")

# A hierarchy: a router over experts, each an attention row of its own. The experts right for the query are numbered 1..E_right.
experts = _declare("E_h", "experts of a router", "experts", "count")
experts_right = _declare("E_right", "experts that are right for the query", "experts", "count")
e_any = sp.Symbol("e_x", integer=True, positive=True)
e_right = sp.Symbol("e_r", integer=True, positive=True)
e_wrong = sp.Symbol("e_w", integer=True, positive=True)
RANGES |= {
    e_any: (sp.Integer(1), experts),
    e_right: (sp.Integer(1), experts_right),
    e_wrong: (experts_right + 1, experts),
}
route_at = sp.IndexedBase("r_h", positive=True)  # weight that the router gives to an expert
pointer_at = sp.IndexedBase("a_h", positive=True)  # attention weight of a key in an expert's row: expert, key
fidelity_at = sp.IndexedBase("F_h", nonnegative=True)  # pointer fidelity of an expert's row
expert_entropy_at = sp.IndexedBase("H_h", real=True)  # entropy of an expert's row, nats
expert_keys_at = sp.IndexedBase("n_h", integer=True, positive=True)  # visible keys of an expert's row
pair_part_at = sp.IndexedBase("part_h", real=True)  # what the pairs of one expert, or of one key, add to the joint entropy
router_miss = _declare("eps_r", "bound on the weight that the router gives to wrong experts", "1", "nonnegative")
pointer_miss = _declare("eps_b", "bound on the outside mass of a right expert's row", "1", "nonnegative")
right_mass = _declare("r_right", "weight that the router gives to the right experts", "1", "fraction")
wrong_mass = _declare("r_wrong", "weight that the router gives to wrong experts", "1", "fraction")
fidelity_least = _declare("F_least", "least pointer fidelity of a right expert's row", "1", "fraction")
fidelity_total = _declare("F_total", "weight of the pairs of an expert and a key in its block", "1", "fraction")
router_entropy = _declare("H_route", "entropy of the router's law over the experts", "nats", "real")
joint_entropy = _declare("H_joint", "entropy of the pair of expert and pointer", "nats", "real")
marginal_entropy = _declare("H_key", "entropy of the pointer alone, whatever the expert", "nats", "real")
mean_entropy = _declare("H_mean", "mean entropy of the experts' rows under the router", "nats", "real")
right_entropy = _declare("H_right", "greatest entropy of a right expert's row", "nats", "nonnegative")
top_entropy = _declare("H_top", "greatest entropy of any expert's row", "nats", "nonnegative")
router_ceiling = _declare("H_r", "bound on the entropy of the router's law", "nats", "nonnegative")
expert_ceiling = _declare("H_b", "bound on the entropy of a right expert's row", "nats", "nonnegative")
keys_most = _declare("n_max", "greatest number of visible keys of an expert's row", "keys", "count")
union_keys = _declare("n_union", "keys that some expert sees", "keys", "count")
j_union = sp.Symbol("j_u", integer=True, positive=True)
RANGES[j_union] = (sp.Integer(1), union_keys)
pair_at = sp.IndexedBase("w_h", nonnegative=True)  # weight of a pair of expert and key; 0 where the expert does not see the key
pair_surprisal_at = sp.IndexedBase("S_h", real=True)  # its surprisal: -ln where the weight is positive, anything where it is 0
others_at = sp.IndexedBase("else_h", nonnegative=True)  # weight of the key in the pairs of all other experts
key_at = sp.IndexedBase("p_h", positive=True)  # weight of a key, whatever the expert

# Proximal gradient on one potential: a step from theta along the gradient, then the prox of all that is not smooth.
smoothness_bound = _declare(
    "L_s", "curvature that the smooth part of the potential never exceeds", "loss/norm^2", "nonnegative"
)
step_move = _declare("m_step", "distance of the weights before and after a step", "norm", "nonnegative")
step_inner = _declare("dL_m", "inner product of the gradient before the step with the step", "loss", "real")
step_map = _declare(
    "P_g", "norm of the proximal gradient map: distance of a step over its step size", "loss/norm", "nonnegative"
)

# A run of events on one potential: steps of training, moves at two levels, new data.
potential_h = sp.IndexedBase("Phi_h", real=True)  # potential after so many events
lift_at = sp.IndexedBase("lift_h", real=True)  # net rise by new data before the next event
lifted_at = sp.IndexedBase("lifted_h", real=True)  # sum of the rises so far
half_at = sp.IndexedBase("half_h", nonnegative=True)  # eta |P|^2/2 of the next event, 0 for a move
halves_at = sp.IndexedBase("halves_h", nonnegative=True)  # sum of these so far
block_at = sp.IndexedBase("db_h", nonnegative=True)  # 1 where the next event is a move inside an expert, else 0
blocks_at = sp.IndexedBase("nb_h", nonnegative=True)  # moves inside experts so far
expert_at = sp.IndexedBase("de_h", nonnegative=True)  # 1 where the next event is a move of whole experts, else 0
experts_at = sp.IndexedBase("ne_h", nonnegative=True)  # moves of whole experts so far
large_at = sp.IndexedBase("dn_h", nonnegative=True)  # 1 where the next event is a step with eta_k |P|^2 >= eta nu^2, else 0
larges_at = sp.IndexedBase("nn_h", nonnegative=True)  # such steps so far
events = _declare("K_h", "events of a run: steps and accepted moves", "events", "index")
phi_start = _declare("Phi_0", "potential at the start of a run", "nats", "real")
phi_end = _declare("Phi_K", "potential at the end of a run", "nats", "real")
phi_floor = _declare("Phi_inf", "a number that the potential never goes below", "nats", "real")
lift_total = _declare("lift", "net rise of the potential by new data, all together", "nats", "real")
lift_bound = _declare("T_h", "bound on the rise of the potential by new data", "nats", "real")
half_total = _declare("S_half", "sum of eta |P|^2/2 over the steps of a run", "nats", "nonnegative")
block_moves = _declare("N_b", "accepted moves inside experts", "moves", "index")
expert_moves = _declare("N_L", "accepted moves of whole experts", "moves", "index")
large_steps = _declare("N_nu", "steps with |P| at least nu", "steps", "index")
block_gain = _declare("gamma_b", "decrease at which a move inside an expert is accepted", "nats", "positive")
expert_gain = _declare("gamma_L", "decrease at which a move of whole experts is accepted", "nats", "positive")
level_nu = _declare(
    "nu", "level of the proximal gradient map below which a state counts as stationary", "loss/norm", "positive"
)
event_excess = _declare("excess_h", "least excess of an event's decrease over what is required of it", "nats", "real")
gain_tested = _declare("gain_test", "what a candidate would have saved when it was tested", "nats", "real")
gain_now = _declare("gain_now", "what the candidate would save in the last state", "nats", "real")
gain_drift = _declare(
    "gain_drift", "what a candidate would save in the last state, minus what it would have when tested", "nats", "real"
)
