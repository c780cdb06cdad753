"""Statements as LaTeX, for display only: nothing reads it back.

Letters follow the registry's names: a Greek name is its letter, a word is set upright, what follows an underscore is a subscript.
`LETTERS` holds the names for which that rule reads badly.
"""

from __future__ import annotations

import re
from functools import cache

import sympy as sp
from sympy.core.relational import Relational
from sympy.printing.latex import LatexPrinter

GREEK = {
    "alpha", "beta", "gamma", "delta", "zeta", "eta", "theta", "kappa", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "chi", "psi",
    "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega",
}  # fmt: skip
LETTERS = {
    "eps": r"\varepsilon", "e": r"\hat{\varepsilon}",
    "phi": r"\varphi", "lam": r"\lambda", "a_max": r"a_{\max}", "eps0": r"\varepsilon_{0}",
    "eps_c": r"\varepsilon_{c}", "lam_1": r"\lambda_{1}", "lam_2": r"\lambda_{2}",
    "low_in": r"s^{\min}_{\mathrm{in}}", "top_in": r"s^{\max}_{\mathrm{in}}", "top_out": r"s^{\max}_{\mathrm{out}}",
    "mean_out": r"\bar{s}_{\mathrm{out}}", "bottom": r"s^{\min}", "top": r"s^{\max}", "low_c": r"c^{\min}_{\mathrm{in}}",
    "steps": r"k", "G_bar": r"\bar{G}", "y_bar": r"\bar{y}", "d2": "d'", "deps": r"\tfrac{\partial\varepsilon}{\partial d}",
    "dH": r"\tfrac{\partial H}{\partial d}", "dl_ds": r"\tfrac{\partial\ell}{\partial s}", "dv": r"\Vert\Delta v\Vert",
    "do": r"\Vert\Delta o\Vert", "grad": r"\Vert\nabla_{\!g} L\Vert", "theta_g": r"\Vert\theta_{g}\Vert",
    "theta_n": r"\Vert\theta_{g}^{+}\Vert", "theta_p": r"\Vert\theta_{g}^{\mathrm{prox}}\Vert", "theta0": r"\Vert\theta^{0}\Vert",
    "theta_k": r"\Vert\theta_{g}^{k}\Vert", "y_norm": r"\Vert y\Vert", "o_norm": r"\Vert o\Vert", "norm_U": r"\Vert U\Vert_{2}",
    "size_Q": r"\Vert W_{Q}\Vert", "size_K": r"\Vert W_{K}\Vert", "v_g": r"\Vert v\Vert", "m_g": r"\Vert m\Vert",
    "zeta": r"\Vert\zeta\Vert", "zeta_f": r"\Vert\hat{\zeta}\Vert", "TV": r"\mathrm{TV}", "KL": r"\mathrm{KL}",
    "TV_p": r"\mathrm{TV}_{p}", "ulp": r"\mathrm{u}", "k_s": "k", "c_g": "c", "theta_s": r"\Vert\theta\Vert",
    "zeta_s": r"\Vert\zeta\Vert", "v_s": r"\Vert v\Vert", "m_s": r"\Vert m\Vert", "eta_s": r"\eta", "S_s": "S", "r_s": "r",
    "raw_s": r"\mathrm{raw}", "theta_p_s": r"\Vert\theta^{\mathrm{prox}}\Vert", "soft_s": r"\mathrm{soft}",
    "decay_s": r"\mathrm{keep}", "radial_s": r"\mathrm{radial}", "A1_s": r"A_{1}", "A2_s": r"A_{2}", "W1_s": "W_{1}", "W2_s": "W_{2}",
    "W3_s": "W_{3}", "s2": "s'", "weight": "w", "surprisal": r"\iota", "l": r"\ell",
}  # fmt: skip


def letter(name: str) -> str:
    """The LaTeX of a symbol's name."""
    if name in LETTERS:
        return LETTERS[name]
    word, *rest = [part for part in re.split(r"_|(?<=[a-z])(?=\d)", name.strip("_")) if part]
    head = _part(word)
    return f"{head}_{{{','.join(_part(part) for part in rest)}}}" if rest else head


def _part(word: str) -> str:
    if word in LETTERS and "_" not in LETTERS[word]:
        return LETTERS[word]
    if word in GREEK:
        return f"\\{word}"
    return word if len(word) == 1 or word.isdigit() else rf"\mathrm{{{word}}}"


class _Printer(LatexPrinter):
    def _print_Symbol(self, expr: sp.Symbol, style: str = "plain") -> str:
        return letter(expr.name)

    _print_Dummy = _print_Symbol

    def _print_IndexedBase(self, expr: sp.IndexedBase) -> str:
        return letter(str(expr.label))

    def _print_Indexed(self, expr: sp.Indexed) -> str:
        base = self._print(expr.base)
        index = ",".join(map(self._print, expr.indices))
        return f"{{{base}}}_{{{index}}}" if "_" in base else f"{base}_{{{index}}}"

    def _print_Add(self, expr: sp.Add, order: str | None = None) -> str:
        """Positive terms first: n - g, not -g + n."""
        terms = sorted(self._as_ordered_terms(expr, order=order), key=lambda term: term.could_extract_minus_sign())
        text = ""
        for term in terms:
            negative = term.could_extract_minus_sign()
            part = self._print(-term if negative else term)
            if self._needs_add_brackets(-term if negative else term):
                part = rf"\left({part}\right)"
            text += (f" {'-' if negative else '+'} " if text else "-" if negative else "") + part
        return text

    def _print_Relational(self, expr: Relational) -> str:
        sign = {"==": "=", "<=": r"\le", ">=": r"\ge", "<": "<", ">": ">", "!=": r"\ne"}[expr.rel_op]
        return f"{self._print(expr.lhs)} {sign} {self._print(expr.rhs)}"

    def _print_log(self, expr: sp.Expr, exp: str | None = None) -> str:
        argument = expr.args[0]
        power = "" if exp is None else f"^{{{exp}}}"
        if isinstance(argument, (sp.Symbol, sp.Integer, sp.Indexed)):
            return rf"\ln{power} {self._print(argument)}"
        return rf"\ln{power}\left({self._print(argument)}\right)"

    def _print_log1p(self, expr: sp.Expr, exp: str | None = None) -> str:
        return rf"\ln{'' if exp is None else f'^{{{exp}}}'}\left(1 + {self._print(expr.args[0])}\right)"

    def _print_expm1(self, expr: sp.Expr, exp: str | None = None) -> str:
        return rf"\left(e^{{{self._print(expr.args[0])}}} - 1\right){'' if exp is None else f'^{{{exp}}}'}"


_SETTINGS = {"ln_notation": True}


@cache
def latex(expr: sp.Basic) -> str:
    """An expression or a relation as LaTeX, without dollar signs."""
    return str(_Printer(_SETTINGS).doprint(sp.sympify(expr)))


__all__ = ["LETTERS", "latex", "letter"]
