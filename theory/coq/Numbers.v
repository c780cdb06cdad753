(** Numbers: an interval tactic without extra axioms, and the closed inequalities of the counterexamples.

    The stock tactic computes in primitive floats and integers, which are axioms; this instance computes in Coq's own integers. *)

From Coq Require Import Reals.
From Interval Require Import Specific_stdz Specific_ops Tactic.
Module Float := SpecificFloat StdZRadix2.
Module Tactic := IntervalTactic Float.
Export Tactic.
Open Scope R_scope.

Ltac enclose := interval with (i_prec 80).

Lemma peak_between_dials : ln (1 + exp (- (2))) + 2 * exp (- (2)) / (1 + exp (- (2))) < ln 2.
Proof. enclose. Qed.

Lemma entropy_below_block : ln (1 + 2 * exp (- (4))) + 8 * exp (- (4)) / (1 + 2 * exp (- (4))) < ln 2.
Proof. enclose. Qed.

Lemma block_sizes : ln (3 + 97 * exp (- (5))) + 5 * (97 * exp (- (5))) / (3 + 97 * exp (- (5)))
  < Rmin (ln (1 + 99 * exp (- (5))) + 5 * (99 * exp (- (5))) / (1 + 99 * exp (- (5))))
         (ln (50 + 50 * exp (- (5))) + 5 * (50 * exp (- (5))) / (50 + 50 * exp (- (5)))).
Proof. apply Rmin_glb_lt; enclose. Qed.

Lemma tiers : let z x y := 1 + 50 * exp (- x) + 1000 * exp (- y) in
  ln (z (/ 10) 4) + (50 * / 10 * exp (- / 10) + 1000 * 4 * exp (- (4))) / z (/ 10) 4
  < ln (z (19 / 5) 4) + (50 * (19 / 5) * exp (- (19 / 5)) + 1000 * 4 * exp (- (4))) / z (19 / 5) 4.
Proof. cbv zeta beta; enclose. Qed.

Lemma exponential_vacuous : ln 1024 < 1 + ln 15 + ln 64.
Proof. enclose. Qed.

Lemma sqrt_6 : 2 * sqrt 3 / 9 < 1.
Proof. enclose. Qed.

(** For the exponential function of the screen: the Taylor polynomial of degree 13, and ln 2 as the sum of two floats. *)
Definition taylor_13 r := 1 + r * (1 + r * (/ 2 + r * (/ 6 + r * (/ 24 + r * (/ 120 + r * (/ 720 + r * (/ 5040 + r * (/ 40320
  + r * (/ 362880 + r * (/ 3628800 + r * (/ 39916800 + r * (/ 479001600 + r * / 6227020800)))))))))))).

Lemma taylor_remainder r : - (34659 / 100000) <= r <= 34659 / 100000 -> Rabs (taylor_13 r - exp r) <= / 144115188075855872.
Proof. intro H; unfold taylor_13; interval with (i_taylor r, i_degree 17, i_prec 100). Qed.

Lemma ln_2_split : Rabs (ln 2 - 47632711549 / 68719476736 - 8153543309409081 / 4951760157141521099596496896) <= 2 / 10 ^ 28.
Proof. interval with (i_prec 160). Qed.

Lemma exp_least : / 1000 <= exp (- (34659 / 100000)) - 7 / 10.
Proof. enclose. Qed.

Lemma flushed : 708 ^ 2 * exp (- (2 + 7079 / 10 * (1 - 2 / 708))) <= / 2 ^ 1002.
Proof. enclose. Qed.

Lemma second_anchor : ln (1 + 9 * exp (- (3))) + 3 * (9 * exp (- (3))) / (1 + 9 * exp (- (3)))
  < ln (2 + 8 * exp (- (3))) + 3 * (8 * exp (- (3))) / (2 + 8 * exp (- (3))).
Proof. enclose. Qed.

Lemma least_size_of_ten : 1 < 10 * exp (- (3)) * (3 - 1 + exp (- (3))) / (1 - exp (- (3))) ^ 2.
Proof. enclose. Qed.
