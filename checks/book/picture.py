"""The picture of the introduction: one row of attention at three settings of the dial, drawn from the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp
from typing import Any

from theory.formulas import outside_mass_bound
from theory.namespaces import MATH

CONTENT = (
    0.3,
    -0.4,
    0.6,
    0.9,
    -0.2,
    0.5,
    -0.7,
    0.1,
)  # scores of eight keys for one query, in nats; the block is the first three
BLOCK = 3
DIALS = (0.0, 2.0, 4.0)
WIDTH, HEIGHT = 240, 210


@dataclass(frozen=True)
class Panel:
    """One setting: weights of the keys, margin, outside mass and the bound on it."""

    dial: float
    weights: tuple[float, ...]
    margin: float
    outside: float
    bound: float


def panel(dial: float) -> Panel:
    """The row at one setting of the dial (nats added to the scores of the block)."""
    scores = [content + dial * (key < BLOCK) for key, content in enumerate(CONTENT)]
    total = sum(map(exp, scores))
    weights = tuple(exp(score) / total for score in scores)
    margin = min(scores[:BLOCK]) - max(scores[BLOCK:])
    bound: Any = outside_mass_bound(MATH, len(CONTENT), BLOCK, margin)
    return Panel(dial, weights, margin, sum(weights[BLOCK:]), float(bound))


def alt(one: Panel) -> str:
    """A panel in words."""
    return (
        f"Bars for the attention of one query on eight keys at dial {one.dial:g}: the three keys of its block together get "
        f"{1 - one.outside:.2f}, the five outside {_up(one.outside)}; the bound for margin {one.margin:+.1f} is {_up(one.bound)}."
    )


def _up(value: float) -> str:
    """Two decimals, rounded up: a bound stays one."""
    return f"{ceil(value * 100 - 1e-9) / 100:.2f}"


def svg(dial: float, dark: bool) -> str:
    """One setting, for dark or for light pages."""
    ink, inside, outside = ("#eceff4", "#8fc7ff", "#a3a8b3") if dark else ("#1f2430", "#1f5fa8", "#7a8190")
    one, left, base, width, most = panel(dial), 8, HEIGHT - 52, (WIDTH - 26) / len(CONTENT), HEIGHT - 100

    def text(x: float, y: float, words: str, style: str = "") -> str:
        return f'<text x="{x:.1f}" y="{y}" fill="{ink}"{style}>{words}</text>'

    bars = []
    for key, weight in enumerate(one.weights):
        fill, edge = (inside, inside) if key < BLOCK else ("url(#out)", outside)
        x, tall = left + key * width + (8 if key >= BLOCK else 0), weight / 0.5 * most
        place = f'x="{x:.1f}" y="{base - tall:.1f}" width="{width - 4:.1f}" height="{tall:.1f}"'
        bars.append(f'<rect {place} fill="{fill}" stroke="{edge}"/>')
    small = ' font-size="13"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="15">',
        f"<title>{alt(one)}</title>",
        '<pattern id="out" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<path d="M0 6L6 0" stroke="{outside}" stroke-width="2"/></pattern>',
        text(left, 18, f"dial {dial:g} nats", ' font-weight="bold"'),
        text(left, 37, f"margin {one.margin:+.1f} nats", small),
        *bars,
        f'<path d="M{left - 4} {base}H{WIDTH - 6}" stroke="{ink}"/>',
        text(left, base + 17, "block", small),
        text(left + BLOCK * width + 8, base + 17, "outside", small),
        text(left, base + 42, f"outside mass {_up(one.outside)} ≤ {_up(one.bound)}"),
        "</svg>",
        "",
    ])  # fmt: skip


def panels() -> dict[str, str]:
    """Every file of the picture by name."""
    themes = (("light", False), ("dark", True))
    return {f"picture-{dial:g}-{theme}.svg": svg(dial, dark) for dial in DIALS for theme, dark in themes}


__all__ = ["DIALS", "alt", "panel", "panels", "svg"]
