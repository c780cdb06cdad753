"""Training moves the similarities: how far, and how long a partition is certain to stay what it is.

The similarity of tokens x and y is x'Ay/tau. The form A moves by move_A in norm (operator or Frobenius), tokens of norm at most B_x by
move_x. A certificate of linkage gap l_S lasts while twice the change of a similarity stays below l_S.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from theory import lemmas
from theory.lemmas import bilinear_form, triangle
from theory.partition_formulas import form_drift, partition_gap_after_steps, partition_radius, partition_steps, similarity_drift
from theory.partition_recovery import GAPS, SOURCE, gap_survives, rel
from theory.steps import Cite, Combine, Induction, Manifest, Step
from theory.symbols import (
    B_x,
    claimed_gap,
    cross_sim_2,
    eta,
    form_move,
    form_move_at,
    form_norm,
    form_step,
    k_step,
    link_gap,
    link_gap_2,
    link_in_2,
    move_bound,
    moved_sim,
    pair_drift,
    path_at,
    path_length,
    path_stretch,
    renewals,
    step_bound,
    steps,
    tau,
    token_move,
)  # fmt: skip
from theory.theorem import Equality, Hypothesis, Theorem, Witness

_half, _one, _two, _zero = sp.Rational(1, 2), sp.Integer(1), sp.Integer(2), sp.Integer(0)

# x'A'y' - xAy = x'(A' - A)y' + x'A(y' - y) + (x' - x)Ay, with the norms of what occurs in it.
f_form, f_right, f_left = sp.symbols("f_form f_right f_left", real=True)
norm_x, norm_y, norm_x2, norm_y2, move_x, move_y = sp.symbols("norm_x norm_y norm_x2 norm_y2 move_xt move_yt", nonnegative=True)

TOKENS = {
    "drift is": sp.Eq(tau * pair_drift, f_form + f_right + f_left, **rel),
    "token": sp.Le(norm_x, B_x, **rel),
    "other token": sp.Le(norm_y, B_x, **rel),
}
LEFT_MOVES = Hypothesis(
    sp.Le(move_x, token_move, **rel), "the left token moves by at most move_x", "Measure the tokens before and after."
)
RIGHT_MOVES = Hypothesis(
    sp.Le(move_y, token_move, **rel), "the right token moves by at most move_x", "Measure the tokens before and after."
)
STILL = Hypothesis(sp.Eq(move_x + move_y, 0, **rel), "the tokens do not move", "Use `partition.drift`, which lets tokens move.")
_after = B_x + token_move


def _one_side(sign: int) -> tuple[Step, ...]:
    """The fact sign * drift <= bound, from the three parts."""
    at = "above" if sign > 0 else "below"
    return (
        Cite(f"form {at}", bilinear_form, {lemmas.p: sign * f_form, lemmas.u: form_move, lemmas.v: norm_x2, lemmas.w: norm_y2}),
        Cite(f"right {at}", bilinear_form, {lemmas.p: sign * f_right, lemmas.u: form_norm, lemmas.v: norm_x2, lemmas.w: move_y}),
        Cite(f"left {at}", bilinear_form, {lemmas.p: sign * f_left, lemmas.u: form_norm, lemmas.v: move_x, lemmas.w: norm_y}),
        Combine(
            at, sp.Le(sign * pair_drift, similarity_drift.stated, **rel),
            {
                "drift is": -sign / tau, f"form {at}": 1 / tau, f"right {at}": 1 / tau, f"left {at}": 1 / tau,
                "token after": form_move * norm_y2 / tau + form_norm * move_y / tau,
                "other token after": form_move * _after / tau,
                "other moves": form_norm * _after / tau, "moves": form_norm * norm_y / tau,
                "other token": form_norm * token_move / tau,
            },
        ),
    )  # fmt: skip


drift = Theorem(
    name="partition.drift",
    title="How far a similarity moves when the form and the tokens move",
    claim=sp.Le(sp.Abs(pair_drift), similarity_drift.stated, **rel),
    assumes={"moves": LEFT_MOVES, "other moves": RIGHT_MOVES},
    definitions=TOKENS,
    steps=(
        Cite("sum", triangle, {lemmas.u: norm_x2, lemmas.v: norm_x, lemmas.w: move_x}),
        Cite("other sum", triangle, {lemmas.u: norm_y2, lemmas.v: norm_y, lemmas.w: move_y}),
        Combine("token after", sp.Le(norm_x2, _after, **rel), {"sum": 1, "token": 1, "moves": 1}),
        Combine("other token after", sp.Le(norm_y2, _after, **rel), {"other sum": 1, "other token": 1, "other moves": 1}),
        *_one_side(1),
        *_one_side(-1),
        Manifest("claim", sp.Le(sp.Abs(pair_drift), similarity_drift.stated, **rel)),
    ),
    equality=Equality(
        "both tokens B_x e and (B_x + move_x) e, form rho e e' and (rho + move_A) e e', one unit vector e",
        {pair_drift: similarity_drift.stated},
    ),
    needs={
        "moves": Witness(
            {pair_drift: _one, form_norm: _one, form_move: _zero, B_x: _one, token_move: _zero, tau: _one,
             move_x: _one, move_y: _zero},
            text="the left token moves from 1 to 2 on a line, form 1, right token 1: the similarity goes from 1 to 2",
        ),
        "other moves": Witness(
            {pair_drift: _one, form_norm: _one, form_move: _zero, B_x: _one, token_move: _zero, tau: _one,
             move_x: _zero, move_y: _one},
            text="the right token moves from 1 to 2 on a line, form 1, left token 1: the similarity goes from 1 to 2",
        ),
    },
    source=SOURCE,
)  # fmt: skip

form_only = Theorem(
    name="partition.form_drift",
    title="How far a similarity moves when only the form moves",
    claim=sp.Le(sp.Abs(pair_drift), form_drift.stated, **rel),
    assumes={"still": STILL},
    definitions=TOKENS,
    steps=(
        Manifest("left one", sp.Ge(move_x, 0, **rel)),
        Manifest("right one", sp.Ge(move_y, 0, **rel)),
        Combine("left still", sp.Le(move_x, _zero, **rel), {"still": -1, "right one": 1}),
        Combine("right still", sp.Le(move_y, _zero, **rel), {"still": -1, "left one": 1}),
        Cite("both", drift, {token_move: _zero}, {"moves": "left still", "other moves": "right still"}),
        Combine("claim", sp.Le(sp.Abs(pair_drift), form_drift.stated, **rel), {"both": 1}),
    ),
    equality=Equality("both tokens B_x e, change of the form move_A e e', one unit vector e", {pair_drift: form_drift.stated}),
    needs={
        "still": Witness(
            {pair_drift: sp.Integer(3), form_move: _zero, B_x: _one, tau: _one, move_x: _one, move_y: _one},
            text="both tokens move from 1 to 2 on a line, the form stays 1: the similarity goes from 1 to 4",
        )
    },
    uses=(drift,),
    source=SOURCE,
)  # fmt: skip

GAP = Hypothesis(
    sp.Ge(link_gap, claimed_gap, **rel), "the partition has a linkage gap of at least l_S", "Claim the certified gap."
)
TOKENS_LIVE = Hypothesis(sp.Gt(B_x, 0, **rel), "B_x > 0", "Any B_x above 0 that bounds the tokens will do.")
FORM = TOKENS | GAPS | {"greatest": sp.Eq(moved_sim, sp.Abs(pair_drift), **rel)}  # the pair whose similarity moves most

budget = Theorem(
    name="partition.budget",
    title="What is left of the linkage gap after the form has moved",
    claim=sp.Ge(link_gap_2, claimed_gap - 2 * form_drift.stated, **rel),
    assumes={"gap": GAP, "still": STILL},
    definitions=FORM,
    steps=(
        Cite("moved", form_only, {}, {"still": "still"}),
        Combine("most", sp.Le(moved_sim, form_drift.stated, **rel), {"moved": 1, "greatest": -1}),
        Cite("survives", gap_survives, {move_bound: form_drift.stated}, {"near": "most"}),
        Combine("claim", sp.Ge(link_gap_2, claimed_gap - 2 * form_drift.stated, **rel), {"survives": 1, "gap": 1}),
    ),
    equality=Equality(
        "a link of B_x e_1 with itself, a cut between two tokens B_x e_2, and a form that loses move_A along e_1 and gains it along e_2 "
        "(operator norm)",
        {link_gap_2: claimed_gap - 2 * form_drift.stated},
    ),
    needs={
        "gap": Witness(
            {link_gap: _zero, link_gap_2: _zero, claimed_gap: _one, form_move: _zero, B_x: _one, tau: _one, move_x: _zero,
             move_y: _zero},
            text="nothing moves, gap 0, claimed 1",
        ),
        "still": Witness(
            {link_gap: _one, link_gap_2: -_one, claimed_gap: _one, form_move: _zero, B_x: _one, tau: _one,
             move_x: _one, move_y: _one},
            text="tokens 1, 1 and 0 on a line, form 1: link 1, across 0; then 1, 0 and 1: link 0, across 1",
        ),
    },
    uses=(form_only, gap_survives),
    source=SOURCE,
)  # fmt: skip

radius = Theorem(
    name="partition.radius",
    title="The partition stays while the form moves by less than l_S tau/(2 B_x^2)",
    claim=sp.Lt(cross_sim_2, link_in_2, **rel),
    assumes={
        "gap": GAP,
        "still": STILL,
        "within": Hypothesis(
            sp.Lt(form_move, partition_radius.stated, **rel), "the form has moved by less than l_S tau/(2 B_x^2)",
            "Partition again, and count from there.",
        ),
        "tokens live": TOKENS_LIVE,
    },
    definitions=FORM,
    steps=(
        Cite("left", budget, {}, {"gap": "gap", "still": "still"}),
        Combine("claim", sp.Lt(cross_sim_2, link_in_2, **rel), {"left": 1, "within": 2 * B_x**2 / tau, "gap after is": -1}),
    ),
    equality=Equality("not attained: the move is below the radius; at the radius the gap may be 0 (`partition.budget`)"),
    needs={
        "gap": Witness(
            {link_gap: _zero, cross_sim_2: _zero, link_in_2: _zero, claimed_gap: _one, form_move: _zero, B_x:
             _one, tau: _one, move_x: _zero,
             move_y: _zero},
            text="nothing moves, gap 0, claimed 1",
        ),
        "still": Witness(
            {link_gap: _one, cross_sim_2: _one, link_in_2: _zero, claimed_gap: _one, form_move: _zero, B_x:
             _one, tau: _one, move_x: _one, move_y: _one},
            text="tokens 1, 1 and 0 on a line, form 1: link 1, across 0; then 1, 0 and 1: link 0, across 1",
        ),
        "within": Witness(
            {link_gap: _one, cross_sim_2: _zero, link_in_2: _zero, claimed_gap: _one, form_move: _one, B_x:
             _one, tau: _one, move_x: _zero,
             move_y: _zero},
            text="tokens a = b = e_1 and c = e_2, form e_1 e_1': it changes by 1, to 0, and all similarities are 0",
        ),
    },
    free={"tokens live": "for B_x = 0 the radius is a division by 0"},
    uses=(budget,),
    source=SOURCE,
)  # fmt: skip

EACH = Hypothesis(
    sp.Le(form_step, eta * step_bound, **rel),
    "each step moves the form by at most eta G_bar",
    "Clip the gradient of the form at G_bar; a proximal step or a projection on a ball does not lengthen the move.",
)
RUN = {
    "start is": sp.Eq(form_move_at[0], 0, **rel),
    "step adds": sp.Le(form_move_at[k_step + 1], form_move_at[k_step] + form_step, **rel),
    "end is": sp.Eq(form_move, form_move_at[steps], **rel),
}
_so_far = k_step * eta * step_bound
_ALL_STEPS = (
    Induction(
        "all steps", sp.Le(form_move_at[k_step], _so_far, **rel),
        (Combine("at first", sp.Le(form_move_at[0], 0, **rel), {"start is": -1}),),
        (
            Combine(
                "one more", sp.Le(form_move_at[k_step + 1], (k_step + 1) * eta * step_bound, **rel),
                {"all steps.at": 1, "step adds": 1, "each step": 1},
            ),
        ),
        steps,
    ),
    Combine("moved at most", sp.Le(form_move, steps * eta * step_bound, **rel), {"all steps": 1, "end is": -1}),
)  # fmt: skip

_LINE = {B_x: _one, tau: _one, eta: _one, move_x: _zero, move_y: _zero}
_NO_STEPS = {
    "gap": Witness(
        _LINE | {link_gap: _zero, link_gap_2: _zero, claimed_gap: _one, steps: _zero, form_step: _zero, step_bound: _one},
        text="no step is taken, gap 0, claimed 1",
    ),
    "still": Witness(
        _LINE
        | {
            link_gap: _one,
            link_gap_2: -_one,
            claimed_gap: _one,
            steps: _zero,
            form_step: _zero,
            step_bound: _one,
            move_x: _one,
            move_y: _one,
        },
        text="tokens 1, 1 and 0 on a line, form 1: link 1, across 0; then 1, 0 and 1: link 0, across 1, and no step of the form",
    ),
}
gap_after_steps = Theorem(
    name="partition.gap_after_steps",
    title="What is left of the linkage gap after some training steps",
    claim=sp.Ge(link_gap_2, partition_gap_after_steps.stated, **rel),
    assumes={"gap": GAP, "still": STILL, "each step": EACH},
    definitions=FORM | RUN,
    steps=(
        *_ALL_STEPS,
        Cite("left", budget, {}, {"gap": "gap", "still": "still"}),
        Combine(
            "claim", sp.Ge(link_gap_2, partition_gap_after_steps.stated, **rel), {"left": 1, "moved at most": 2 * B_x**2 / tau}
        ),
    ),
    equality=Equality(
        "every step moves the form by eta G_bar along one direction, which costs the gap all it can",
        {link_gap_2: partition_gap_after_steps.stated},
    ),
    needs=_NO_STEPS | {
        "each step": Witness(
            _LINE | {link_gap: _one, link_gap_2: _zero, claimed_gap: _one, steps: _one, form_step: _one,
             step_bound: sp.Rational(1, 4)},
            text="tokens a = b = e_1 and c = e_2, form e_1 e_1': one step of 1 takes it to 0, claimed steps of 1/4",
        ),
    },
    uses=(budget,),
    source=SOURCE,
)  # fmt: skip

certified_steps = Theorem(
    name="partition.certified_steps",
    title="The steps that a partition is certain to last",
    claim=sp.Lt(cross_sim_2, link_in_2, **rel),
    assumes={
        "gap": GAP,
        "still": STILL,
        "each step": EACH,
        "within": Hypothesis(
            sp.Lt(steps, partition_steps.stated, **rel), "fewer than l_S tau/(2 B_x^2 eta G_bar) steps", "Partition again before."
        ),
        "tokens live": TOKENS_LIVE,
        "steps move": Hypothesis(sp.Gt(step_bound, 0, **rel), "G_bar > 0", "Any bound above 0 will do."),
    },
    definitions=FORM | RUN,
    steps=(
        Cite("left", gap_after_steps, {}, {"gap": "gap", "still": "still", "each step": "each step"}),
        Combine(
            "claim", sp.Lt(cross_sim_2, link_in_2, **rel),
            {"left": 1, "within": 2 * B_x**2 * eta * step_bound / tau, "gap after is": -1},
        ),
    ),
    equality=Equality("not attained: fewer steps than that; at that many the gap may be 0 (`partition.gap_after_steps`)"),
    needs={key: replace(witness, values={**witness.values, cross_sim_2: _one, link_in_2: _one}) for key, witness in _NO_STEPS.items()}
    | {
        "each step": Witness(
            _LINE | {link_gap: _one, cross_sim_2: _zero, link_in_2: _zero, claimed_gap: _one, steps: _one,
             form_step: _one, step_bound: sp.Rational(1, 4)},
            text="tokens a = b = e_1 and c = e_2, form e_1 e_1': one step of 1 takes it to 0, claimed steps of 1/4",
        ),
        "within": Witness(
            _LINE | {link_gap: _one, cross_sim_2: _zero, link_in_2: _zero, claimed_gap: _one, steps: _one,
             form_step: _one, step_bound: _one},
            text="tokens a = b = e_1 and c = e_2, form e_1 e_1': one step of 1 takes it to 0; steps below 1/2 are certain",
        ),
    },
    free={
        "tokens live": "for B_x = 0 the number of steps is a division by 0",
        "steps move": "for G_bar = 0 it is a division by 0",
    },
    uses=(gap_after_steps,),
    source=SOURCE,
)  # fmt: skip

_reach = claimed_gap * tau / (2 * B_x**2)
SPENT = Hypothesis(
    sp.Ge(path_stretch, _reach, **rel),
    "a partition is renewed only after the form has moved by l_S tau/(2 B_x^2)",
    "Renew a certificate when its budget is spent, not before.",
)
repartitions = Theorem(
    name="partition.renewals",
    title="How often a spent certificate can have to be renewed",
    claim=sp.Le(renewals, 2 * B_x**2 * path_length / (claimed_gap * tau), **rel),
    assumes={"spent": SPENT, "tokens live": TOKENS_LIVE},
    definitions={
        "path starts": sp.Eq(path_at[0], 0, **rel),
        "stretch adds": sp.Ge(path_at[k_step + 1], path_at[k_step] + path_stretch, **rel),
        "path is": sp.Ge(path_length, path_at[renewals], **rel),
    },
    steps=(
        Manifest("reach", sp.Gt(_reach, 0, **rel)),
        Induction(
            "so far", sp.Ge(path_at[k_step], k_step * _reach, **rel),
            (Combine("at first", sp.Ge(path_at[0], 0, **rel), {"path starts": 1}),),
            (
                Combine(
                    "one more", sp.Ge(path_at[k_step + 1], (k_step + 1) * _reach, **rel),
                    {"so far.at": 1, "stretch adds": 1, "spent": 1},
                ),
            ),
            renewals,
        ),
        Combine("in all", sp.Ge(path_length, renewals * _reach, **rel), {"so far": 1, "path is": 1}),
        Combine("claim", sp.Le(renewals, 2 * B_x**2 * path_length / (claimed_gap * tau), **rel), {"in all": 1 / _reach}),
    ),
    equality=Equality(
        "the form moves straight on, every gap is l_S, and each certificate is renewed the moment it is spent",
        {path_length: renewals * _reach},
    ),
    needs={
        "spent": Witness(
            {renewals: sp.Integer(3), path_length: _zero, path_stretch: _zero, B_x: _one, claimed_gap: _one, tau: _one},
            text="the partition is renewed three times while nothing moves",
        )
    },
    free={
        "tokens live": "for B_x = 0 no certificate is ever spent, and the radius is a division by 0",
    },
    source=f"{SOURCE}, while training moves the layer",
)  # fmt: skip

DRIFT: tuple[Theorem, ...] = (drift, form_only, budget, radius, gap_after_steps, certified_steps, repartitions)

__all__ = ["DRIFT", "budget", "certified_steps", "drift", "form_only", "gap_after_steps", "radius", "repartitions"]
