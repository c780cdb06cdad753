"""A router over experts: fidelities multiply, entropies add up. Statements of the family `hierarchy`.

The router gives expert e the weight r_e; the row of expert e gives key j the weight a_ej; the pair (e, j) has the weight r_e a_ej.
"""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational

from theory.entropy_lemmas import surprisal_floor
from theory.hierarchy_formulas import composed_entropy, composed_miss
from theory.lemmas import p, v, x
from theory.steps import Cases, Cite, Combine, Manifest, SumOver
from theory.symbols import (
    e_any,
    e_right,
    e_wrong,
    expert_ceiling,
    expert_entropy_at,
    expert_keys_at,
    experts,
    experts_right,
    fidelity_at,
    fidelity_least,
    fidelity_total,
    j_union,
    joint_entropy,
    key_at,
    keys_most,
    marginal_entropy,
    mean_entropy,
    others_at,
    pair_at,
    pair_part_at,
    pair_surprisal_at,
    pointer_at,
    pointer_miss,
    right_entropy,
    right_mass,
    route_at,
    router_ceiling,
    router_entropy,
    router_miss,
    top_entropy,
    union_keys,
    wrong_mass,
)
from theory.theorem import Equality, Hypothesis, Theorem, Witness

rel = {"evaluate": False}
SOURCE = "2510.17358: hierarchical recruitment of whole specialised models"
_zero, _one, _two, _half = sp.Integer(0), sp.Integer(1), sp.Integer(2), sp.Rational(1, 2)
_right = (e_right, 1, experts_right)
_wrong = (e_wrong, experts_right + 1, experts)
_every = (e_any, 1, experts)


def eq(left: sp.Expr, right: sp.Expr) -> sp.Eq:
    """An equation that SymPy leaves as it is."""
    return sp.Eq(left, right, **rel)


RIGHT: dict[str, Relational] = {
    "experts are": sp.Le(experts_right, experts, **rel),
    "right mass is": eq(right_mass, sp.Sum(route_at[e_right], _right)),
}
_miss = sp.Le(1 - fidelity_total, composed_miss.stated, **rel)
composition = Theorem(
    name="hierarchy.composition",
    title="Router and expert together miss at most eps_r + eps_b - eps_r eps_b",
    claim=_miss,
    assumes={
        "router": Hypothesis(
            sp.Ge(right_mass, 1 - router_miss, **rel),
            "the router gives the right experts at least 1 - eps_r",
            "Claim the weight that was measured, or train the router.",
        ),
        "pointer": Hypothesis(
            sp.Ge(fidelity_least, 1 - pointer_miss, **rel),
            "every right expert's row has fidelity at least 1 - eps_b",
            "Raise the dial of the experts, or claim the outside mass that was measured.",
        ),
        "share": Hypothesis(
            sp.Le(pointer_miss, 1, **rel), "eps_b is at most 1", "An outside mass is at most 1; claim 1 where nothing is known."
        ),
    },
    definitions=RIGHT
    | {
        "fidelity is": eq(
            fidelity_total,
            sp.Sum(route_at[e_right] * fidelity_at[e_right], _right) + sp.Sum(route_at[e_wrong] * fidelity_at[e_wrong], _wrong),
        ),
        "least is": sp.Ge(fidelity_at[e_right], fidelity_least, **rel),
    },
    steps=(
        SumOver(
            "right experts",
            Combine(
                "one right expert",
                sp.Ge(route_at[e_right] * fidelity_at[e_right], route_at[e_right] * fidelity_least, **rel),
                {"least is": route_at[e_right]},
            ),
            e_right,
        ),
        SumOver("wrong experts", Manifest("one wrong expert", sp.Ge(route_at[e_wrong] * fidelity_at[e_wrong], 0, **rel)), e_wrong),
        Combine(
            "right part", sp.Ge(fidelity_total, right_mass * fidelity_least, **rel),
            {"fidelity is": 1, "right experts": 1, "wrong experts": 1, "right mass is": -fidelity_least},
        ),
        Combine("claim", _miss, {"right part": 1, "pointer": right_mass, "router": 1 - pointer_miss}),
    ),
    equality=Equality(
        "wrong experts miss always, right ones with exactly eps_b, and have exactly the weight 1 - eps_r",
        {fidelity_total: (1 - router_miss) * (1 - pointer_miss)},
    ),
    needs={
        "router": Witness(
            {right_mass: _half, router_miss: _zero, fidelity_least: _one, pointer_miss: _zero, fidelity_total: _half},
            text="a perfect expert that gets half of the weight: fidelity 1/2, and a miss of 0 claimed",
        ),
        "pointer": Witness(
            {right_mass: _one, router_miss: _zero, fidelity_least: _half, pointer_miss: _zero, fidelity_total: _half},
            text="a perfect router to an expert of fidelity 1/2, and a miss of 0 claimed",
        ),
        "share": Witness(
            {right_mass: _zero, router_miss: _two, fidelity_least: _zero, pointer_miss: _two, fidelity_total: _zero},
            text="two bounds of 2 say nothing, and multiply to a miss of 0",
        ),
    },
    source=SOURCE + ", fidelity of the composed model",
)  # fmt: skip

_pair = route_at[e_any] * pointer_at[e_any, j_union]
_keys = (j_union, 1, expert_keys_at[e_any])
CHAIN: dict[str, Relational] = {
    "router entropy is": eq(router_entropy, sp.Sum(-route_at[e_any] * sp.log(route_at[e_any]), _every)),
    "row entropy is": eq(
        expert_entropy_at[e_any], sp.Sum(-pointer_at[e_any, j_union] * sp.log(pointer_at[e_any, j_union]), _keys)
    ),
    "row total is": eq(sp.Sum(pointer_at[e_any, j_union], _keys), 1),
    "pairs of an expert": eq(pair_part_at[e_any], sp.Sum(-_pair * sp.log(_pair), _keys)),
    "joint is": eq(joint_entropy, sp.Sum(pair_part_at[e_any], _every)),
    "mean is": eq(mean_entropy, sp.Sum(route_at[e_any] * expert_entropy_at[e_any], _every)),
}
_chain = eq(joint_entropy, router_entropy + mean_entropy)
_of_router = -route_at[e_any] * sp.log(route_at[e_any])
chain_rule = Theorem(
    name="hierarchy.chain_rule",
    title="Entropy of expert and pointer: that of the router plus the mean of the experts'",
    claim=_chain,
    assumes={},
    definitions=CHAIN,
    steps=(
        SumOver(
            "experts",
            Combine(
                "one expert", eq(pair_part_at[e_any], _of_router + route_at[e_any] * expert_entropy_at[e_any]),
                {"pairs of an expert": 1, "row total is": _of_router, "row entropy is": -route_at[e_any]},
            ),
            e_any,
        ),
        Combine("claim", _chain, {"joint is": 1, "experts": 1, "router entropy is": -1, "mean is": -1}),
    ),
    equality=Equality("an identity"),
    kind="identity",
    source=SOURCE + ", entropy of the composed model",
)  # fmt: skip

_bound = sp.Le(joint_entropy, composed_entropy.stated, **rel)
_ln = sp.log(keys_most)
_mean_bound = sp.Le(mean_entropy, (1 - router_miss) * expert_ceiling + router_miss * _ln, **rel)
_measured = {
    router_entropy: _zero,
    right_entropy: _zero,
    wrong_mass: _zero,
    router_miss: _zero,
    keys_most: _one,
    top_entropy: _zero,
}
entropy_bound = Theorem(
    name="hierarchy.entropy_bound",
    title="Entropy of expert and pointer from bounds on router, right experts and row lengths",
    claim=_bound,
    assumes={
        "router": Hypothesis(
            sp.Le(router_entropy, router_ceiling, **rel),
            "the router's law has entropy at most H_r", "Use `entropy.ceiling` on the router's logits, or the measured entropy.",
        ),
        "right experts": Hypothesis(
            sp.Le(right_entropy, expert_ceiling, **rel),
            "the rows of right experts have entropy at most H_b", "Use `entropy.ceiling` on each row.",
        ),
        "rows": Hypothesis(
            sp.Le(top_entropy, _ln, **rel),
            "no row has entropy above ln n_max", "It has at most ln n for n keys: count the visible keys of the longest row.",
        ),
        "mass": Hypothesis(
            sp.Le(wrong_mass, router_miss, **rel),
            "the router gives wrong experts at most eps_r", "Claim the weight that was measured.",
        ),
        "share": Hypothesis(sp.Le(router_miss, 1, **rel), "eps_r is at most 1", "A weight is at most 1."),
    },
    definitions=CHAIN
    | RIGHT
    | {
        "wrong mass is": eq(wrong_mass, sp.Sum(route_at[e_wrong], _wrong)),
        "all of it": eq(right_mass + wrong_mass, 1),
        "mean in parts": eq(
            mean_entropy,
            sp.Sum(route_at[e_right] * expert_entropy_at[e_right], _right)
            + sp.Sum(route_at[e_wrong] * expert_entropy_at[e_wrong], _wrong),
        ),
        "greatest right": sp.Le(expert_entropy_at[e_right], right_entropy, **rel),
        "greatest right of all": sp.Le(right_entropy, top_entropy, **rel),
        "greatest wrong": sp.Le(expert_entropy_at[e_wrong], top_entropy, **rel),
    },
    steps=(
        Cite("chain", chain_rule, {}),
        SumOver(
            "right rows",
            Combine(
                "one right row",
                sp.Le(route_at[e_right] * expert_entropy_at[e_right], route_at[e_right] * right_entropy, **rel),
                {"greatest right": route_at[e_right]},
            ),
            e_right,
        ),
        SumOver(
            "wrong rows",
            Combine(
                "one wrong row",
                sp.Le(route_at[e_wrong] * expert_entropy_at[e_wrong], route_at[e_wrong] * _ln, **rel),
                {"greatest wrong": route_at[e_wrong], "rows": route_at[e_wrong]},
            ),
            e_wrong,
        ),
        Combine(
            "in parts", sp.Le(mean_entropy, right_mass * right_entropy + wrong_mass * _ln, **rel),
            {"mean in parts": -1, "right rows": 1, "wrong rows": 1, "right mass is": right_entropy, "wrong mass is": _ln},
        ),
        Cases(
            "mean at most", _mean_bound, _ln - expert_ceiling,
            (
                Combine(
                    "low", _mean_bound,
                    {
                        "in parts": 1, "greatest right of all": right_mass, "rows": right_mass, "all of it": -_ln,
                        "mean at most.low": 1 - router_miss,
                    },
                ),
            ),
            (
                Combine(
                    "high", _mean_bound,
                    {
                        "in parts": 1, "right experts": right_mass, "all of it": -expert_ceiling,
                        "mass": _ln - expert_ceiling,
                    },
                ),
            ),
        ),
        Combine("claim", _bound, {"chain": -1, "router": 1, "mean at most": 1}),
    ),
    equality=Equality(
        "wrong experts have exactly the weight eps_r and uniform rows of n_max keys; right rows and router at their bounds",
        {joint_entropy: composed_entropy.stated},
    ),
    needs={
        "router": Witness(
            _measured | {router_entropy: _one, router_ceiling: _zero, expert_ceiling: _zero, joint_entropy: _one},
            text="a router of entropy 1, and 0 claimed",
        ),
        "right experts": Witness(
            _measured
            | {right_entropy: _half, top_entropy: _half, keys_most: _two, router_ceiling: _zero, expert_ceiling: _zero,
               joint_entropy: _half},
            text="a right row of entropy 1/2, and 0 claimed",
        ),
        "rows": Witness(
            _measured
            | {top_entropy: _one, wrong_mass: _one, router_miss: _one, router_ceiling: _zero, expert_ceiling: _zero,
               joint_entropy: _one},
            text="all weight on a wrong expert with a row of entropy 1, said to have one key",
        ),
        "mass": Witness(
            _measured
            | {top_entropy: _half, wrong_mass: _one, keys_most: _two, router_ceiling: _zero, expert_ceiling: _zero,
               joint_entropy: _half},
            text="all weight on a wrong expert with a row of entropy 1/2, and a weight of 0 claimed",
        ),
        "share": Witness(
            _measured
            | {right_entropy: _half, top_entropy: _half, router_miss: _two, keys_most: _two, router_ceiling: _zero,
               expert_ceiling: _two, joint_entropy: _half},
            text="eps_r = 2: the bound is 2 ln 2 - 2 < 0",
        ),
    },
    uses=(chain_rule,),
    source=SOURCE + ", entropy of the composed model",
)  # fmt: skip

_w, _s, _key = pair_at[e_any, j_union], pair_surprisal_at[e_any, j_union], key_at[j_union]
_joint_marginal = sp.Le(marginal_entropy, joint_entropy, **rel)
marginal = Theorem(
    name="hierarchy.marginal",
    title="The pointer alone has at most the entropy of expert and pointer",
    claim=_joint_marginal,
    assumes={},
    definitions={
        "surprisal is": eq(_w * (_w - sp.exp(-_s)), 0),
        "key is": eq(_key, sp.Sum(_w, _every)),
        "others are": eq(_key, _w + others_at[e_any, j_union]),
        "pairs of a key": eq(pair_part_at[j_union], sp.Sum(_w * _s, _every)),
        "joint is": eq(joint_entropy, sp.Sum(pair_part_at[j_union], (j_union, 1, union_keys))),
        "marginal is": eq(marginal_entropy, sp.Sum(-_key * sp.log(_key), (j_union, 1, union_keys))),
    },
    steps=(
        Manifest("others", sp.Ge(others_at[e_any, j_union], 0, **rel)),
        Combine("part of the key", sp.Le(_w, _key, **rel), {"others are": 1, "others": 1}),
        SumOver(
            "experts",
            Cite("one pair", surprisal_floor, {v: _w, p: _s, x: _key}, {"surprisal": "surprisal is", "at most": "part of the key"}),
            e_any,
        ),
        SumOver(
            "keys",
            Combine(
                "one key", sp.Ge(pair_part_at[j_union], -_key * sp.log(_key), **rel),
                {"pairs of a key": 1, "experts": 1, "key is": sp.log(_key)},
            ),
            j_union,
        ),
        Combine("claim", _joint_marginal, {"joint is": 1, "keys": 1, "marginal is": -1}),
    ),
    equality=Equality(
        "exactly where the pointer determines the expert: no two experts give weight to one key", {marginal_entropy: joint_entropy}
    ),
    source=SOURCE + ", entropy of the pointer when experts have keys of their own",
)  # fmt: skip

_shared = sp.Lt(2 * (-_half * sp.log(_half)), 4 * (-sp.log(sp.Rational(1, 4)) / 4), **rel)
shared_keys = Theorem(
    name="hierarchy.shared_keys",
    title="Experts that share keys: the entropies of router and experts do not add up to that of the pointer",
    claim=_shared,
    assumes={},
    steps=(Manifest("claim", _shared),),
    equality=Equality(
        "router (1/2, 1/2), both experts (1/2, 1/2) on the same two keys: the pointer has ln 2, router plus experts 2 ln 2"
    ),
    kind="counterexample",
    source=SOURCE + ", the plain reading for shared keys is false",
)

COMPOSE: tuple[Theorem, ...] = (composition, chain_rule, entropy_bound, marginal, shared_keys)
