// The calculator page: a form made from the fields of formulas.js, the guarantees of guarantee.js and the plot of plot.js, all of it
// in this page. Nothing is sent anywhere. It appears in the element #localist-calculator, if the page has one.
"use strict";
(() => {
  const localist = (globalThis.localist ??= {});
  const POSITIONS = 200; // of a slider
  const SIGNS = { ">": ">", ">=": "≥", "<=": "≤", "<": "<" };
  const DIGITS = 12; // as the command line prints
  const SHORT = 4; // of the status line and the plot, on the safe side as well

  function node(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  const identifier = (field) => `lc-${field.replace(".", "-")}`;
  const symbol = ([letter, below]) => node("i", { class: "lc-symbol" }, letter, below ? node("sub", {}, below) : "");
  const unitOf = (unit) => unit.replaceAll("^2", "²");
  const nameOf = (field) => localist.configuration.fields.find((entry) => entry.field === field).name;

  // --- the state: what stands in each field, as text --------------------------------------------------------------------------------

  const starts = () => Object.fromEntries(localist.configuration.fields.map(({ field, start }) => [field, start]));

  /** Whether a field belongs to the choices made. */
  const active = (field, texts) =>
    localist.configuration.choices.every((rule) => rule.field !== field || texts[rule.chooser] === rule.choice);

  /** {field: value} of the active fields that are given; a text that is no number stays a text, which the rules refuse. */
  function valuesOf(texts) {
    const values = {};
    for (const { field, kind } of localist.configuration.fields) {
      const text = texts[field].trim();
      if (!active(field, texts) || text === "") continue;
      values[field] = kind === "choice" ? text : (localist.numeral(text) ?? text);
    }
    return values;
  }

  /** The texts of {field: value}; a field that is not given is empty, and a choice the first one. */
  function textsOf(values) {
    const empty = ({ field, kind, start }) => [field, kind === "choice" ? start : ""];
    const texts = Object.fromEntries(localist.configuration.fields.map(empty));
    for (const [field, value] of Object.entries(values)) if (field in texts) texts[field] = String(value);
    return texts;
  }

  const fragment = (values) =>
    Object.entries(values)
      .map(([field, value]) => `${field}=${encodeURIComponent(String(value))}`)
      .join("&");

  /** {field: text} of a permalink's fragment, or null if it is none. */
  function fromFragment(hash) {
    const known = new Set(localist.configuration.fields.map(({ field }) => field));
    const pairs = [...new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B"))].filter(([field]) => known.has(field));
    if (!pairs.length) return null;
    return Object.fromEntries(pairs);
  }

  // --- the form -------------------------------------------------------------------------------------------------------------------

  const positionOf = ({ low, high, log }, value) => {
    const share = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return Math.round(POSITIONS * Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)));
  };
  const atPosition = ({ low, high, log, kind }, position) => {
    const share = position / POSITIONS;
    const value = log ? low * (high / low) ** share : low + (high - low) * share;
    return kind === "count" ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
  };

  /** The rules of a field in words: "greater than 0", "at most the own-block norm". */
  function rangeOf({ field }) {
    const words = { ">": "greater than", ">=": "at least", "<": "less than", "<=": "at most" };
    return localist.configuration.rules
      .filter((rule) => rule.field === field && rule.bound !== 2 ** 53)
      .map(({ relation, bound }) => `${words[relation]} ${typeof bound === "string" ? `the ${nameOf(bound)}` : bound}`)
      .join(", ");
  }

  function fieldRow(entry, changed) {
    const id = identifier(entry.field);
    const help = node("small", { id: `${id}-help`, class: "lc-help" }, entry.help);
    help.title = entry.field;
    if (entry.kind === "choice") {
      const options = Object.entries(entry.words).map(([word, name]) => node("option", { value: word }, name));
      const input = node("select", { id, "aria-describedby": `${id}-help` }, ...options);
      input.addEventListener("input", () => changed(entry.field, input.value));
      const row = node("div", { class: "lc-field lc-choice", "data-field": entry.field }, node("label", { for: id }, entry.name), input, help);
      return { entry, row, input, slider: null, error: node("p") };
    }
    const unit = entry.unit ? node("span", { class: "lc-unit" }, unitOf(entry.unit)) : null;
    const input = node("input", {
      id,
      type: "text",
      inputmode: "text",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: entry.default || (entry.required ? undefined : "not given"),
      "aria-describedby": `${id}-help ${id}-error`,
    });
    const slider = node("input", { type: "range", min: "0", max: String(POSITIONS), step: "1", "aria-label": `${entry.name}, slider` });
    const error = node("p", { id: `${id}-error`, class: "lc-error" });
    const range = rangeOf(entry);
    help.append(
      ` ${entry.kind === "count" ? "A whole number" : "A number"}${range ? `, ${range}` : ", of any sign"}.`,
      entry.default ? ` Left empty: ${entry.default}.` : "",
    );
    input.addEventListener("input", () => changed(entry.field, input.value));
    slider.addEventListener("input", () => changed(entry.field, atPosition(entry, Number(slider.value))));
    const label = node("label", { for: id }, `${entry.name} `, symbol(entry.symbol));
    const row = node(
      "div",
      { class: "lc-field", "data-field": entry.field },
      label,
      node("span", { class: "lc-entry" }, input, unit),
      slider,
      help,
      error,
    );
    return { entry, row, input, slider, error };
  }

  function formOf(changed) {
    const rows = new Map();
    const sets = Object.entries(localist.configuration.sections).map(([section, title]) => {
      const set = node("fieldset", {}, node("legend", {}, title));
      const finer = node("details", {}, node("summary", {}, "Finer bounds, if known"));
      for (const entry of localist.configuration.fields.filter(({ field }) => field.startsWith(`${section}.`))) {
        const made = fieldRow(entry, changed);
        rows.set(entry.field, made);
        (entry.default ? finer : set).append(made.row);
      }
      if (finer.children.length > 1) set.append(finer);
      return set;
    });
    return { rows, form: node("form", { class: "lc-form", "aria-label": "Configuration" }, ...sets) };
  }

  function showField({ entry, row, input, slider, error }, texts, refused) {
    row.hidden = !active(entry.field, texts);
    const text = texts[entry.field];
    if (entry.default && text !== "") row.parentElement.open = true;
    if (input.value !== text) input.value = text;
    if (slider !== null) {
      const value = Number(localist.numeral(text.trim()) ?? NaN);
      slider.value = String(positionOf(entry, value));
      slider.setAttribute("aria-valuetext", text.trim() === "" ? "not given" : text);
    }
    const section = entry.field.split(".")[0];
    const mine = refused.find(({ field }) => field === entry.field || (field === section && entry.required));
    error.textContent = mine ? `${mine.reason[0].toUpperCase()}${mine.reason.slice(1)}. ${mine.remedy}.` : "";
    input.setAttribute("aria-invalid", String(Boolean(mine)));
  }

  // --- the results ----------------------------------------------------------------------------------------------------------------

  /** Where a statement is on the pages of the book. */
  const linkOf = (theorem) => {
    const [family, word] = theorem.split(".");
    return `families/${family}.html#${family}-${word.replaceAll("_", "-")}`;
  };

  /** A value as the command line prints it: twelve digits, rounded to the safe side; null where there is none. */
  function printed(name, value) {
    const { side } = localist.configuration.results[name];
    if (value === null) return null;
    return side === null ? String(value) : localist.decimalText(value, side, DIGITS);
  }

  const verdictOf = (result, name) => {
    if (result[name] === null) return "not asked";
    return result.because[name].vacuous === null ? "holds" : "vacuous";
  };

  function tableOf(result) {
    // The roles are said, because the narrow layout takes them away: there a row is a block of its own.
    const body = node("tbody", { role: "rowgroup" });
    for (const [name, { label, sign, unit }] of Object.entries(localist.configuration.results)) {
      const { theorem } = result.because[name];
      const text = printed(name, result[name]);
      const verdict = verdictOf(result, name);
      body.append(
        node(
          "tr",
          { role: "row", "data-result": name, "data-verdict": verdict },
          node("th", { role: "rowheader", scope: "row" }, label),
          node("td", { role: "cell", class: "lc-number" }, text === null ? "–" : `${SIGNS[sign]} ${text}`),
          node("td", { role: "cell", class: "lc-unit" }, unit),
          node("td", { role: "cell", class: "lc-verdict" }, verdict),
          node("td", { role: "cell", class: "lc-statement" }, node("a", { href: linkOf(theorem) }, theorem)),
        ),
      );
    }
    const head = ["quantity", "bound", "unit", "verdict", "statement"].map((text) => node("th", { role: "columnheader", scope: "col" }, text));
    return node(
      "table",
      { role: "table", class: "lc-table" },
      node("caption", {}, "Guarantees of this configuration. Every digit is rounded to the safe side."),
      node("thead", { role: "rowgroup" }, node("tr", { role: "row" }, ...head)),
      body,
    );
  }

  /** One sentence for the status line, and what there is to explain. */
  function summaryOf(result) {
    const of = (name) => localist.decimalText(result[name], localist.configuration.results[name].side, SHORT);
    if (result.vacuous) {
      const { vacuous } = result.because.margin;
      return [
        `Vacuous: the guaranteed margin, ${of("margin")} nats, is not positive.`,
        `${vacuous[0].toUpperCase()}${vacuous.slice(1)}. ${localist.configuration.what_vacuous_means}`,
      ];
    }
    const rest = `margin ≥ ${of("margin")} nats, entropy ≤ ${of("entropy_bits")} bits.`;
    return [`Holds: outside mass ≤ ${of("outside_mass")}, ${rest}`, ""];
  }

  function hypothesesOf(result) {
    const all = Object.keys(localist.configuration.results).flatMap((name) => result.because[name].hypotheses);
    const list = node("ul", {}, ...[...new Set(all)].filter((text) => !text.startsWith("none:")).map((text) => node("li", {}, text)));
    return node("details", {}, node("summary", {}, "These hold under the following hypotheses"), list);
  }

  // --- the page -------------------------------------------------------------------------------------------------------------------

  async function copy(text, said) {
    try {
      await navigator.clipboard.writeText(text);
      said("Copied.");
    } catch {
      said("The browser does not let this page copy; select the text and copy it.");
    }
  }

  /** Builds the calculator in an element; the returned object is what the tests drive. */
  function calculator(home) {
    home.classList.add("lc-page");
    let texts = starts();
    let result = null;
    let refused = [];
    const { rows, form } = formOf(changed);
    const status = node("div", { class: "lc-status", role: "status", "aria-live": "polite" });
    const table = node("div", { class: "lc-scroll" });
    const chart = node("div", { class: "lc-chart" });
    const key = node("p", { class: "lc-help" }, "Dashed: the setting. Hatched: settings at which the margin is not positive. Dotted: the target.");
    const reasons = node("div");
    const why = node("div", { class: "lc-why" });
    const toml = node("textarea", { id: "lc-toml", rows: "12", spellcheck: "false", "aria-describedby": "lc-toml-said" });
    const said = node("p", { id: "lc-toml-said", class: "lc-said", role: "status" });
    const download = node("a", { class: "lc-button", download: "layer.toml" }, "Download layer.toml");
    const link = node("a", { class: "lc-button" }, "Link to this configuration");

    const button = (label, act) => {
      const made = node("button", { type: "button", class: "lc-button" }, label);
      made.addEventListener("click", act);
      return made;
    };
    const say = (text) => {
      said.textContent = text;
    };

    function changed(field, text) {
      texts = { ...texts, [field]: text };
      // The two targets say the same in two ways: giving one takes the other back.
      const other = { "target.outside_mass": "target.fidelity", "target.fidelity": "target.outside_mass" }[field];
      if (other && text.trim() !== "") texts[other] = "";
      show();
      remember();
    }

    let waiting = null;
    function remember() {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        try {
          history.replaceState(null, "", link.getAttribute("href"));
        } catch {
          // some browsers refuse this for pages opened as files; the link is still there
        }
      }, 250);
    }

    function show() {
      const values = valuesOf(texts);
      refused = localist.refusals(values);
      result = null;
      if (!refused.length) {
        try {
          result = localist.guarantee(values);
        } catch (error) {
          if (!(error instanceof localist.Refusal)) throw error;
          refused = [error];
        }
      }
      for (const row of rows.values()) showField(row, texts, refused);
      key.hidden = result === null;
      home.dataset.state = result === null ? "refused" : result.vacuous ? "vacuous" : "holds";
      if (result === null) {
        const places = refused.map(({ field, reason, remedy }) => node("li", {}, `${field}: ${reason}. ${remedy}.`));
        status.replaceChildren(node("strong", {}, "No guarantee for this input:"), node("ul", {}, ...places));
        for (const part of [table, chart, reasons, why]) part.replaceChildren();
      } else {
        const [first, second] = summaryOf(result);
        status.replaceChildren(node("strong", {}, first));
        why.replaceChildren(...(second ? [node("p", {}, second)] : []));
        table.replaceChildren(tableOf(result));
        const open = reasons.querySelector("details")?.open ?? false;
        reasons.replaceChildren(hypothesesOf(result));
        reasons.querySelector("details").open = open;
        draw();
      }
      toml.value = localist.toToml(values);
      link.setAttribute("href", `#${fragment(values)}`);
      URL.revokeObjectURL(download.href);
      download.href = URL.createObjectURL(new Blob([toml.value], { type: "application/toml" }));
    }

    function draw() {
      if (result !== null) {
        localist.plot(chart, result, {
          outside_mass: localist.decimalText(result.outside_mass, "up", SHORT),
          entropy_bits: localist.decimalText(result.entropy_bits, "up", SHORT),
        });
      }
    }

    /** Whether the form has a place for a field's value; a value that breaks a rule has one, and is shown with its reason. */
    function takes(field, values) {
      if (field in localist.configuration.sections) return typeof values[field] === "object";
      const made = rows.get(field);
      if (!made || !active(field, textsOf(values))) return false;
      return made.entry.kind !== "choice" || values[field] in made.entry.words;
    }

    /** Takes a TOML text; a text that cannot be read leaves everything as it was and says why. */
    function read(text) {
      try {
        const values = localist.fromToml(text);
        const strange = localist.refusals(values).find(({ field }) => field in values && !takes(field, values));
        if (strange) throw strange;
        texts = textsOf(values);
      } catch (error) {
        if (!(error instanceof localist.Refusal)) throw error;
        say(`Not read: ${error.message}.`);
        return;
      }
      show();
      remember();
      say("Read.");
    }

    const file = node("input", { type: "file", id: "lc-file", accept: ".toml" });
    file.addEventListener("change", async () => {
      if (file.files.length) read(await file.files[0].text());
    });
    home.replaceChildren(
      node(
        "div",
        { class: "lc-columns" },
        form,
        node(
          "div",
          { class: "lc-right" },
          status,
          node("section", { class: "lc-results", "aria-label": "Guarantees" }, why, chart, key, table, reasons),
        ),
      ),
      node("h2", {}, "The same on the command line"),
      node(
        "p",
        {},
        "This text is the configuration. ",
        node("code", {}, "localist threshold layer.toml"),
        " prints the same numbers. Another configuration can be pasted here, or opened from a file.",
      ),
      node("label", { for: "lc-toml" }, "Configuration as TOML"),
      toml,
      node(
        "div",
        { class: "lc-actions" },
        button("Read this text", () => read(toml.value)),
        button("Copy", () => copy(toml.value, say)),
        download,
        link,
        button("Start again", () => {
          texts = starts();
          show();
          remember();
          say("");
        }),
      ),
      node("label", { for: "lc-file", class: "lc-file" }, "Open a TOML file"),
      file,
      said,
    );
    form.addEventListener("submit", (event) => event.preventDefault());

    function follow() {
      const given = fromFragment(location.hash);
      // A fragment written by hand may give some fields only; the others stand at their start.
      if (given !== null) texts = { ...starts(), ...given };
      for (const { field, kind, start, words } of localist.configuration.fields) {
        if (kind === "choice" && !(texts[field] in words)) texts[field] = start;
      }
      show();
    }
    globalThis.addEventListener("hashchange", () => {
      if (fromFragment(location.hash) !== null) follow();
    });
    let width = 0;
    new ResizeObserver(() => {
      if (chart.clientWidth !== width) draw();
      width = chart.clientWidth;
    }).observe(chart);
    follow();
    return { read, result: () => result, refused: () => refused, toml: () => toml.value, linkOf };
  }

  function start() {
    const home = document.getElementById("localist-calculator");
    if (home !== null && !home.dataset.state) localist.page = calculator(home);
  }
  // All scripts have run at the first of these, in whatever order and however they were loaded; the second call finds it done.
  if (document.readyState === "complete") start();
  document.addEventListener("DOMContentLoaded", start);
  globalThis.addEventListener("load", start);
  Object.assign(localist, { parts: { node, symbol, linkOf, unitOf } });
})();
