// One formula at a time: any formula of the registry at any point of its domain, enclosed between two doubles, and drawn along one
// of its arguments. Everything comes from the catalogue in formulas.js. It appears in the element #localist-formulas, if the page has one.
"use strict";
(() => {
  const localist = (globalThis.localist ??= {});
  const DIGITS = 12;
  const POINTS = 161;

  const KINDS = {
    count: ["a whole number, at least 1", (v) => Number.isInteger(v) && v >= 1],
    index: ["a whole number, at least 0", (v) => Number.isInteger(v) && v >= 0],
    nonnegative: ["a number, at least 0", (v) => v >= 0],
    positive: ["a number, greater than 0", (v) => v > 0],
    real: ["a number, of any sign", () => true],
    fraction: ["a number from 0 to 1", (v) => v >= 0 && v <= 1],
    "open fraction": ["a number between 0 and 1", (v) => v > 0 && v < 1],
  };

  /** The reasons why a point is outside the domain of a formula; none if it is inside. Values are doubles or whole numbers. */
  function outside(entry, values) {
    const found = [];
    entry.args.forEach((argument, i) => {
      if (!KINDS[argument.domain][1](Number(values[i]))) found.push(`${argument.name} must be ${KINDS[argument.domain][0]}`);
    });
    if (found.length) return found;
    for (const [words, holds] of localist.domains[entry.name]) {
      if (holds(localist.enclosures(256), ...values) !== true) found.push(`the domain is ${words}`);
    }
    return found;
  }

  /** The doubles next to the value of a formula, {low, high}; null where no enclosure was found. */
  function enclose(name, values) {
    const evaluate = (xp) => localist.formulas[name](xp, ...values);
    try {
      return { low: localist.roundEnclosure(evaluate, "down"), high: localist.roundEnclosure(evaluate, "up") };
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
  }

  /** A value in words: exact where it is a short decimal, else between two decimals that hold it. */
  function said({ low, high }) {
    if (!Number.isFinite(low) || !Number.isFinite(high)) return "beyond the range of doubles";
    const [down, up] = [localist.decimalText(low, "down", DIGITS), localist.decimalText(high, "up", DIGITS)];
    return low === high && down === up ? down : `between ${down} and ${up}`;
  }

  /** Where to draw an argument: around its value, inside what its kind allows. */
  function rangeOf({ domain }, value) {
    if (domain === "count" || domain === "index") return [domain === "count" ? 1 : 0, Math.max(16, 2 * value)];
    if (domain === "fraction" || domain === "open fraction") return [0, 1];
    if (domain === "real") return [value - Math.max(5, Math.abs(value)), value + Math.max(5, Math.abs(value))];
    return [0, Math.max(2, 2 * value)];
  }

  /** [x, y] along one argument, in doubles; without the points outside the domain. */
  function along(entry, values, k) {
    const { NUMBER } = localist;
    const argument = entry.args[k];
    const [low, high] = rangeOf(argument, values[k]);
    const whole = argument.domain === "count" || argument.domain === "index";
    const steps = whole ? Math.min(POINTS, high - low + 1) : POINTS;
    const points = [];
    for (let i = 0; i < steps; i += 1) {
      const raw = low + ((high - low) * i) / (steps - 1);
      const at = whole ? Math.round(raw) : raw;
      const place = values.with(k, at);
      if (!KINDS[argument.domain][1](at)) continue;
      if (!localist.domains[entry.name].every(([, holds]) => holds(NUMBER, ...place) === true)) continue;
      const value = localist.formulas[entry.name](NUMBER, ...place);
      if (Number.isFinite(value) && Math.abs(value) < 1e15) points.push([at, value]);
    }
    return points;
  }

  function draw(container, entry, values, k, words) {
    const { element, ticks, path, short } = localist.drawing;
    const points = along(entry, values, k);
    const here = localist.formulas[entry.name](localist.NUMBER, ...values);
    const heights = [...points.map(([, y]) => y), ...(Number.isFinite(here) ? [here] : [])];
    let [low, high] = [Math.min(...heights), Math.max(...heights)];
    if (points.length < 2 || !Number.isFinite(high - low) || high >= 1e15) {
      container.replaceChildren(localist.parts.node("p", {}, "No plot: too few points of this range lie in the domain."));
      return;
    }
    if (low > 0 && low < high / 2) low = 0;
    if (high - low < 1e-9 * Math.max(Math.abs(low), Math.abs(high), 1e-300)) [low, high] = [low - Math.max(1, Math.abs(low)), high + Math.max(1, Math.abs(high))];
    const frame = { left: 62, right: 14, top: 12, height: 170 };
    const width = Math.max(280, container.clientWidth || 600);
    const right = width - frame.right;
    const bottom = frame.top + frame.height;
    const [from, to] = [points[0][0], points.at(-1)[0]];
    const x = (v) => frame.left + ((right - frame.left) * (v - from)) / (to - from);
    const y = (v) => bottom - (frame.height * (v - low)) / (1.05 * (high - low));
    const name = entry.args[k].name;
    const svg = element(
      "svg",
      { viewBox: `0 0 ${width} ${bottom + 40}`, width, height: bottom + 40, role: "img", class: "lc-plot", "aria-labelledby": "lc-along-title lc-along-text" },
      element("title", { id: "lc-along-title" }, `${entry.name} along ${name}`),
      element("desc", { id: "lc-along-text" }, `${name} from ${short(from)} to ${short(to)}; the values lie from ${short(points.reduce((a, [, v]) => Math.min(a, v), Infinity))} to ${short(points.reduce((a, [, v]) => Math.max(a, v), -Infinity))}. At ${name} = ${short(values[k])} the value is ${words}.`),
    );
    for (const value of ticks(low, high, 5)) {
      svg.append(
        element("line", { x1: frame.left, x2: right, y1: y(value), y2: y(value), class: "lc-grid" }),
        element("text", { x: frame.left - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)),
      );
    }
    for (const value of ticks(from, to, width < 480 ? 4 : 8)) {
      svg.append(element("text", { x: x(value), y: bottom + 17, "text-anchor": "middle" }, short(value)));
    }
    svg.append(
      element("line", { x1: frame.left, x2: right, y1: bottom, y2: bottom, class: "lc-axis" }),
      element("path", { d: path(points, x, y), class: "lc-curve lc-mass" }),
      element("text", { x: (frame.left + right) / 2, y: bottom + 34, "text-anchor": "middle" }, name),
    );
    if (Number.isFinite(here) && values[k] >= from && values[k] <= to) {
      svg.append(
        element("line", { x1: x(values[k]), x2: x(values[k]), y1: frame.top, y2: bottom, class: "lc-setting" }),
        element("circle", { cx: x(values[k]), cy: y(here), r: 5, class: "lc-dot lc-mass" }),
      );
    }
    container.replaceChildren(svg);
  }

  function explorer(home) {
    const { node, symbol, linkOf, unitOf } = localist.parts;
    home.classList.add("lc-page");
    const pick = node("select", { id: "lf-formula" });
    const groups = new Map();
    for (const { name, theorem } of localist.catalogue) {
      const family = theorem.split(".")[0];
      if (!groups.has(family)) groups.set(family, node("optgroup", { label: family }));
      groups.get(family).append(node("option", { value: name }, name));
    }
    pick.append(...groups.values());
    const about = node("div", { class: "lc-about" });
    const form = node("form", { class: "lc-form", "aria-label": "Arguments of the formula" });
    const output = node("output", { for: "lf-formula" });
    const value = node("p", { class: "lc-status lc-value-line", role: "status", "aria-live": "polite" }, output);
    const axis = node("select", { id: "lf-along" });
    const chart = node("div", { class: "lc-chart" });
    form.addEventListener("submit", (event) => event.preventDefault());
    let entry = localist.catalogue[0];
    let boxes = [];

    function choose(name) {
      entry = localist.catalogue.find((one) => one.name === name);
      pick.value = name;
      const unit = entry.unit ? ` Unit: ${unitOf(entry.unit)}.` : "";
      about.replaceChildren(
        node("p", {}, `${entry.doc}${unit} `, node("a", { href: linkOf(entry.theorem) }, entry.theorem)),
        node("p", { class: "lc-formula" }, node("code", {}, entry.stated)),
      );
      boxes = entry.args.map((argument) => {
        const id = `lf-arg-${argument.name}`;
        const box = node("input", { id, type: "text", value: argument.start, autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-help` });
        box.addEventListener("input", show);
        return box;
      });
      const rows = entry.args.map((argument, i) =>
        node(
          "div",
          { class: "lc-field" },
          node("label", { for: boxes[i].id }, symbol(argument.symbol)),
          node("span", { class: "lc-entry" }, boxes[i], argument.unit ? node("span", { class: "lc-unit" }, unitOf(argument.unit)) : null),
          node("small", { id: `${boxes[i].id}-help`, class: "lc-help" }, `${argument.meaning}: ${KINDS[argument.domain][0]}.`),
        ),
      );
      form.replaceChildren(...(rows.length ? [node("fieldset", {}, node("legend", {}, "Arguments"), ...rows)] : []));
      axis.replaceChildren(...entry.args.map(({ name: argument }) => node("option", { value: argument }, argument)));
      axis.value = (entry.args.findLast(({ domain }) => domain !== "count") ?? entry.args.at(-1))?.name ?? "";
      axis.parentElement.hidden = entry.args.length === 0;
      show();
    }

    function show() {
      const texts = boxes.map((box) => box.value.trim());
      const given = texts.map((text) => localist.numeral(text));
      const wrong = given.flatMap((one, i) => (one === undefined || !Number.isFinite(Number(one)) ? [`${entry.args[i].name} is not a number`] : []));
      if (!wrong.length) wrong.push(...outside(entry, given));
      boxes.forEach((box, i) => box.setAttribute("aria-invalid", String(wrong.some((text) => text.startsWith(`${entry.args[i].name} `)))));
      home.dataset.state = wrong.length ? "refused" : "holds";
      if (wrong.length) {
        output.textContent = `No value: ${wrong.join("; ")}.`;
        chart.replaceChildren();
        return;
      }
      const ends = enclose(entry.name, given);
      const words = ends === null ? "not enclosed at 4096 bits" : said(ends);
      output.textContent = `${entry.name}: ${words}${entry.unit && ends !== null ? ` ${unitOf(entry.unit)}` : ""}`;
      const k = entry.args.findIndex(({ name }) => name === axis.value);
      if (k >= 0) draw(chart, entry, given.map(Number), k, words);
      else chart.replaceChildren();
    }

    pick.addEventListener("input", () => choose(pick.value));
    axis.addEventListener("input", show);
    home.replaceChildren(
      node("div", { class: "lc-columns" },
        node("div", {}, node("label", { for: "lf-formula", class: "lc-pick" }, "Formula"), pick, about, form),
        node("div", { class: "lc-right" }, value, node("label", { class: "lc-pick" }, "Draw along ", axis), chart),
      ),
    );
    let width = 0;
    new ResizeObserver(() => {
      if (chart.clientWidth !== width && entry.args.length) show();
      width = chart.clientWidth;
    }).observe(chart);
    choose(entry.name);
    return { choose, output: () => output.textContent };
  }

  function start() {
    const home = document.getElementById("localist-formulas");
    if (home !== null && !home.dataset.state) localist.explorer = explorer(home);
  }
  if (document.readyState === "complete") start();
  document.addEventListener("DOMContentLoaded", start);
  globalThis.addEventListener("load", start);
  Object.assign(localist, { outside, enclose, said });
})();
