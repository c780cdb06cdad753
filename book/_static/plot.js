// The plot of the calculator: guaranteed outside mass and entropy along the dial, as SVG, with the current setting marked.
//
// Curves are drawn from the formulas in doubles; a pixel is no guarantee. The numbers at the marks are the guaranteed ones.
"use strict";
(() => {
  const localist = (globalThis.localist ??= {});
  const SVG = "http://www.w3.org/2000/svg";
  const POINTS = 161;
  const PANEL = { height: 112, gap: 40, left: 56, right: 14, top: 24 };

  function element(name, attributes = {}, ...children) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }

  /** Round numbers from `low` to `high`, about `count` of them. */
  function ticks(low, high, count) {
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find((k) => k * power >= raw) * power;
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  }

  const short = (value) => String(Number(value.toPrecision(3)));

  /** What the plot shows of a guarantee: curves over the dial, in doubles; null where they do not fit into doubles. */
  function curves(result) {
    const { NUMBER, EXACT, formulas, roundFraction } = localist;
    const { n, g, beta, d, eps_target: target } = result.inputs;
    const [keys, block] = [Number(n), Number(g)];
    const [strength, setting, content] = [beta, d, result.content].map((value) => roundFraction(value, "up"));
    const zero = roundFraction(EXACT.div(result.content, beta), "up"); // the setting at which the margin is 0
    const millionth = formulas.dial_for_outside_mass(NUMBER, keys, block, content, strength, 1e-6);
    const wanted = result.dial_for_target ?? setting;
    const low = Math.min(0, setting);
    const high = Math.max(setting, wanted, millionth, zero);
    if (![low, high, zero].every((value) => Math.abs(value) < 1e15) || high - low < 1e-12) return null;
    const pad = 0.04 * (high - low);
    const from = low < 0 ? low - pad : 0;
    const to = high + pad;
    const at = Array.from({ length: POINTS }, (_, i) => from + ((to - from) * i) / (POINTS - 1));
    const margin = (x) => formulas.margin_at_dial(NUMBER, strength, x, content);
    const mass = (x) => formulas.outside_mass_bound(NUMBER, keys, block, margin(x));
    const bits = (x) =>
      (margin(x) > 0 ? formulas.entropy_ceiling(NUMBER, keys, block, margin(x)) : Math.log(keys)) / Math.LN2;
    return {
      from,
      to,
      zero,
      setting,
      target: target === null ? null : { mass: roundFraction(target, "up"), setting: result.dial_for_target },
      mass: at.map((x) => [x, mass(x)]),
      bits: at.map((x) => [x, bits(x)]),
      most: Math.log2(keys),
    };
  }

  const path = (points, x, y) => points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");

  /** Draws the plot of a guarantee into a container, as wide as it is; `texts` are the printed bounds at the setting. */
  function plot(container, result, texts) {
    const data = curves(result);
    if (data === null) {
      const note = document.createElement("p");
      note.textContent = "No plot: the dial settings of interest are too large or all the same.";
      container.replaceChildren(note);
      return;
    }
    const width = Math.max(280, container.clientWidth || 600);
    const inner = width - PANEL.left - PANEL.right;
    const height = PANEL.top + 2 * PANEL.height + PANEL.gap + 40;
    const x = (value) => PANEL.left + (inner * (value - data.from)) / (data.to - data.from);
    const svg = element("svg", {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-labelledby": "lc-plot-title lc-plot-text",
      class: "lc-plot",
    });
    svg.append(
      element("title", { id: "lc-plot-title" }, "Guaranteed outside mass and entropy along the dial"),
      element("desc", { id: "lc-plot-text" }, described(data, texts)),
      element(
        "defs",
        {},
        element(
          "pattern",
          { id: "lc-hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
          element("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "lc-hatch" }),
        ),
      ),
    );
    const [first, last] = [data.mass[0][1], data.mass.at(-1)[1]];
    const decades = Math.max(1, Math.ceil(-Math.log10(Math.max(last, 1e-300)) - 1e-9));
    panel(svg, data, {
      top: PANEL.top,
      x,
      width,
      title: "outside mass, at most",
      kind: "mass",
      points: data.mass.filter(([, value]) => value > 0),
      y: (value) => (PANEL.height * -Math.log10(Math.max(value, 1e-300))) / decades,
      ticks: decadeTicks(decades),
      value: Math.min(first, Math.max(result.outside_mass, 1e-300)),
      label: texts.outside_mass,
    });
    panel(svg, data, {
      top: PANEL.top + PANEL.height + PANEL.gap,
      x,
      width,
      title: "entropy, at most (bits)",
      kind: "bits",
      points: data.bits,
      y: (value) => PANEL.height * (1 - value / (1.08 * data.most)),
      ticks: ticks(0, data.most, 4).map((value) => [value, short(value)]),
      value: result.entropy_bits,
      label: texts.entropy_bits,
    });
    const bottom = PANEL.top + 2 * PANEL.height + PANEL.gap;
    for (const value of ticks(data.from, data.to, width < 480 ? 4 : 8)) {
      svg.append(element("text", { x: x(value), y: bottom + 17, "text-anchor": "middle" }, short(value)));
    }
    svg.append(element("text", { x: PANEL.left + inner / 2, y: bottom + 34, "text-anchor": "middle" }, "dial setting d"));
    container.replaceChildren(svg);
  }

  function decadeTicks(decades) {
    const step = Math.max(1, Math.ceil(decades / 4));
    return Array.from({ length: Math.floor(decades / step) + 1 }, (_, i) => {
      const power = i * step;
      return [10 ** -power, power === 0 ? "1" : `1e-${power}`];
    });
  }

  function panel(svg, data, { top, x, y, width, title, kind, points, ticks: marks, value, label }) {
    const right = width - PANEL.right;
    const bottom = top + PANEL.height;
    if (data.zero > data.from) {
      const end = Math.min(x(data.zero), right);
      svg.append(
        element("rect", { x: PANEL.left, y: top, width: end - PANEL.left, height: PANEL.height, class: "lc-vacuous" }),
      );
    }
    for (const [at, text] of marks) {
      const line = top + y(at);
      svg.append(
        element("line", { x1: PANEL.left, x2: right, y1: line, y2: line, class: "lc-grid" }),
        element("text", { x: PANEL.left - 6, y: line + 4, "text-anchor": "end" }, text),
      );
    }
    svg.append(
      element("text", { x: PANEL.left, y: top - 9, class: `lc-title lc-${kind}-text` }, title),
      element("line", { x1: PANEL.left, x2: right, y1: bottom, y2: bottom, class: "lc-axis" }),
      element("path", { d: path(points, x, (v) => top + y(v)), class: `lc-curve lc-${kind}` }),
    );
    if (kind === "mass" && data.target !== null) {
      const line = top + y(data.target.mass);
      svg.append(element("line", { x1: PANEL.left, x2: right, y1: line, y2: line, class: "lc-target" }));
      if (data.target.setting > 0) {
        const at = x(data.target.setting);
        svg.append(element("line", { x1: at, x2: at, y1: line, y2: bottom, class: "lc-target" }));
      }
      svg.append(element("text", { x: right, y: line - 5, "text-anchor": "end" }, "target"));
    }
    const [cx, cy] = [x(data.setting), top + y(value)];
    // Both curves fall: to the right the place above the mark is free, to the left the one below it.
    const before = right - cx < 100;
    svg.append(
      element("line", { x1: cx, x2: cx, y1: top, y2: bottom, class: "lc-setting" }),
      element("circle", { cx, cy, r: 5, class: `lc-dot lc-${kind}` }),
      element(
        "text",
        {
          x: cx + (before ? -8 : 8),
          y: before ? Math.min(cy + 18, bottom - 4) : Math.max(cy - 8, top + 15),
          "text-anchor": before ? "end" : "start",
          class: "lc-value",
        },
        `≤ ${label}`,
      ),
    );
  }

  function described(data, texts) {
    const vacuous = data.zero > 0 ? `Below the setting ${short(data.zero)} the margin is not positive and the bounds are vacuous. ` : "";
    const target = data.target === null ? "" : ` The target outside mass is reached from the setting ${short(data.target.setting)} on.`;
    return (
      `Dial settings from ${short(data.from)} to ${short(data.to)}. ${vacuous}At the setting ${short(data.setting)} ` +
      `the outside mass is at most ${texts.outside_mass} and the entropy at most ${texts.entropy_bits} bits.${target}`
    );
  }

  Object.assign(localist, { plot, drawing: { element, ticks, path, short } });
})();
