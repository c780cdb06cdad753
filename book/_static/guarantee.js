// What a configuration guarantees, in the browser: the chain of theory/guarantee.py over the formulas of formulas.js, with the same
// exact inputs, the same refusals and the same rounding, so the same numbers to the last digit. Fields, rules and sentences are
// data that formulas.js brings along; a test compares the chain with Python's on a thousand configurations.
"use strict";
(() => {
  const localist = (globalThis.localist ??= {});

  /** A configuration that is refused: the field, what is wrong, and what to do. */
  class Refusal extends Error {
    constructor(field, reason, remedy) {
      super(`${field}: ${reason}. ${remedy}`);
      Object.assign(this, { field, reason, remedy });
    }
  }

  const leaf = (field) => {
    const [section, name] = field.split(".");
    return `${name} in [${section}]`;
  };
  const isNumber = (value) => typeof value === "number" || typeof value === "bigint";
  const RELATIONS = { ">": (a, b) => a > b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, "<=": (a, b) => a <= b };

  function kindOf(value) {
    if (typeof value === "bigint") return "int";
    if (typeof value === "number") return "float";
    if (typeof value === "boolean") return "bool";
    return typeof value === "string" ? "str" : "object";
  }

  /** Every refusal of a configuration {field: value}, in the order of theory/config.py; none if it is good. A table without fields is {}. */
  function refusals(values) {
    const found = [];
    const refuse = (field, reason, remedy) => found.push(new Refusal(field, reason, remedy));
    const { fields, rules, choices, sections } = localist.configuration;
    const known = new Map(fields.map((entry) => [entry.field, entry]));
    const isTable = (value) => typeof value === "object"; // an empty one: a table with fields is known by them
    for (const [field, value] of Object.entries(values)) {
      const entry = known.get(field);
      if (field in sections) {
        if (!isTable(value)) refuse(field, `expected object, got ${kindOf(value)}`, "Give a value of that type, unquoted");
      } else if (!entry) {
        refuse(field, "is not a known field", `Remove it, or use one of ${[...known.keys()].join(", ")}`);
      } else if (entry.kind === "choice") {
        const words = Object.keys(entry.words);
        if (typeof value !== "string") refuse(field, `expected str, got ${kindOf(value)}`, "Give a value of that type, unquoted");
        else if (!words.includes(value)) {
          refuse(field, "is not one of the choices", `Write ${words.map((word) => `"${word}"`).join(" or ")}`);
        }
      } else if (!isNumber(value)) {
        const wanted = entry.kind === "count" ? "int" : "number";
        refuse(field, `expected ${wanted}, got ${kindOf(value)}`, "Give a value of that type, unquoted");
      } else if (entry.kind === "count" && typeof value === "number") {
        refuse(field, "expected int, got float", "Give a whole number without a decimal point");
      }
    }
    for (const section of Object.keys(sections)) {
      const inside = fields.filter(({ field }) => field.startsWith(`${section}.`));
      const wanted = inside.filter(({ field, required }) => required && values[field] === undefined);
      if (wanted.length && values[section] === undefined && inside.every(({ field }) => values[field] === undefined)) {
        refuse(section, "is missing", `Add the table [${section}]`);
      } else {
        for (const { field } of wanted) refuse(field, "is missing", "Add it");
      }
    }
    if (found.length) return found;
    for (const { field } of fields) {
      if (isNumber(values[field]) && !Number.isFinite(Number(values[field]))) {
        refuse(field, "is not a finite float64 number", "Give a finite number");
      }
    }
    for (const { field, chooser, choice } of choices) {
      const wanted = values[chooser] === choice;
      if (wanted && values[field] === undefined) {
        refuse(field, `is missing, and ${chooser} = "${choice}" needs it`, `Add ${leaf(field)}`);
      } else if (!wanted && values[field] !== undefined) {
        refuse(field, `has no meaning with ${chooser} = "${values[chooser]}"`, `Remove ${leaf(field)}`);
      }
    }
    for (const { field, relation, bound, reason, remedy } of rules) {
      const other = typeof bound === "string" ? values[bound] : bound;
      if (values[field] !== undefined && !RELATIONS[relation](values[field], other)) refuse(field, reason, remedy);
    }
    const target = ["outside_mass", "fidelity"].filter((name) => values[`target.${name}`] !== undefined);
    if (target.length === 2 || (target.length === 0 && values.target !== undefined)) {
      refuse("target", "needs exactly one of outside_mass and fidelity", "Keep one: they state the same target");
    }
    return found;
  }

  /** Each number of a good configuration as the exact fraction it stands for, under the letters of the theory. */
  function exactInputs(values) {
    const { EXACT, exact, formulas } = localist;
    const given = (field, otherwise = exact(0n)) => (values[field] === undefined ? otherwise : exact(values[field]));
    const twice = (value) => EXACT.mul(exact(2n), value);
    const crossEntropy = values["loss.kind"] === "cross-entropy";
    let target = null;
    if (values["target.outside_mass"] !== undefined) target = given("target.outside_mass");
    if (values["target.fidelity"] !== undefined) target = EXACT.sub(exact(1n), given("target.fidelity"));
    const B_x = given("norms.input");
    const B = given("norms.block_input");
    return {
      n: values["attention.keys"],
      g: values["attention.block"],
      tau: given("attention.temperature"),
      bilinear: values["attention.parametrisation"] === "bilinear",
      B_x,
      B,
      delta: given("norms.leak"),
      D_V: given("norms.value_diameter"),
      D_c: given("norms.block_diameter", twice(B)),
      B_c: given("norms.mean_block_norm", B),
      D_X: given("norms.input_diameter", twice(B_x)),
      rho_A: given("norms.content"),
      rho_Q: given("norms.query"),
      rho_K: given("norms.key"),
      // The a-priori bound for cross-entropy: nothing is known of the probability of the target.
      G: crossEntropy ? formulas.loss_gradient_ce(EXACT, given("loss.readout_diameter"), exact(0n)) : given("loss.gradient"),
      beta: given("dial.strength"),
      d: given("dial.setting"),
      eta: given("training.step"),
      gamma: given("training.slack"),
      theta0: given("training.initial_norm"),
      eps_target: target,
    };
  }

  /** Margin, gradient bound and greatest content lead of a layer, exactly. */
  function layerOf(x) {
    const { EXACT, formulas: f } = localist;
    if (x.bilinear) {
      return {
        margin: f.margin_bilinear(EXACT, x.beta, x.d, x.rho_A, x.B, x.delta, x.tau),
        bound: f.gradient_bound_bilinear(EXACT, x.G, x.D_V, x.D_c, x.B_c, x.tau),
        content: f.content_bound(EXACT, x.rho_A, x.B, x.delta, x.tau),
      };
    }
    return {
      margin: f.margin_qk(EXACT, x.beta, x.d, x.rho_Q, x.rho_K, x.B, x.delta, x.tau),
      bound: f.gradient_bound_qk(EXACT, x.G, x.D_V, x.rho_K, x.D_X, x.B_c, x.rho_Q, x.B_x, x.D_c, x.tau),
      content: f.content_bound(EXACT, EXACT.mul(x.rho_Q, x.rho_K), x.B, x.delta, x.tau),
    };
  }

  function atMargin(formula, x, margin, side) {
    if (margin.p === 0n) {
      // rational: e^0 has no enclosure narrower than a point, and a double may be hit exactly
      return localist.roundFraction(localist.fraction(side === "up" ? x.n - x.g : x.g, x.n), side);
    }
    return localist.roundEnclosure((xp) => formula(xp, x.n, x.g, margin), side);
  }

  function entropies(x, margin) {
    const { roundEnclosure, formulas, bits } = localist;
    const none = margin.p <= 0n;
    const nats = (xp) => (none ? xp.log(xp.rational(x.n, 1n)) : formulas.entropy_ceiling(xp, x.n, x.g, margin));
    // ln n / ln 2 may be a whole number, which no enclosure tells from its neighbours.
    const whole = none && (x.n & (x.n - 1n)) === 0n;
    return {
      entropy_nats: roundEnclosure(nats, "up"),
      entropy_bits: whole ? bits(x.n) - 1 : roundEnclosure((xp) => xp.div(nats(xp), xp.log(xp.rational(2, 1))), "up"),
    };
  }

  /** The smallest double d >= 0 with E(n, g, beta d - content) <= eps, E falling in d. */
  function dialFor(x, content, eps) {
    const { EXACT, exact, fraction, formulas, roundFraction, roundEnclosure } = localist;
    const odds = EXACT.div(EXACT.mul(fraction(x.n - x.g, x.g), EXACT.sub(exact(1n), eps)), eps);
    if (odds.p === odds.q) return Math.max(0, roundFraction(EXACT.div(content, x.beta), "up")); // the only rational setting
    return Math.max(
      0,
      roundEnclosure((xp) => formulas.dial_for_outside_mass(xp, x.n, x.g, content, x.beta, eps), "up"),
    );
  }

  /** The guaranteed values of a configuration {field: value}; throws the first Refusal. */
  function guarantee(values) {
    const [refused] = refusals(values);
    if (refused) throw refused;
    const { EXACT, formulas, roundFraction } = localist;
    const x = exactInputs(values);
    const { margin, bound, content } = layerOf(x);
    const fit = (name, value) => {
      if (Number.isFinite(value)) return value;
      throw new Refusal(name, "the guaranteed value is beyond the float64 range", "Use a smaller unit for norms");
    };
    const result = {
      penalty_threshold: fit("penalty_threshold", roundFraction(bound, "up")),
      penalty: fit("penalty", roundFraction(EXACT.add(bound, x.gamma), "up")),
      extinction_steps: formulas.extinction_steps(EXACT, x.theta0, x.eta, x.gamma).p,
      margin: fit("margin", roundFraction(margin, "down")),
      // Below 1 for every margin, which an enclosure does not know when the margin is very negative.
      outside_mass: Math.min(1, atMargin(formulas.outside_mass_bound, x, margin, "up")),
      fidelity: Math.max(0, atMargin(formulas.fidelity_bound, x, margin, "down")),
      ...entropies(x, margin),
      dial_for_target: x.eps_target === null ? null : fit("dial_for_target", dialFor(x, content, x.eps_target)),
      vacuous: margin.p <= 0n,
    };
    return { ...result, because: becauseOf(values, x, margin), inputs: x, content };
  }

  /** Theorem, hypotheses and, where the value says nothing, the reason, for every value. */
  function becauseOf(values, x, margin) {
    const { EXACT, configuration, shown } = localist;
    const added = EXACT.mul(x.beta, x.d);
    const words = { form: values["attention.parametrisation"], loss: values["loss.kind"] };
    const numbers = { ...x, added, lead: EXACT.sub(added, margin), margin };
    const fill = (template) =>
      template.replace(/\{(\w+)\}/g, (_, name) => words[name] ?? shown(numbers[name]));
    const because = {};
    for (const [name, reason] of Object.entries(configuration.reasons)) {
      const missing = name === "dial_for_target" && x.eps_target === null;
      const nothing = reason.by_margin && margin.p <= 0n;
      const keys = nothing && reason.without_margin ? reason.without_margin : reason.hypotheses;
      because[name] = {
        theorem: fill(reason.theorem),
        hypotheses: missing ? [] : keys.map((key) => fill(configuration.hypotheses[fill(key)])),
        vacuous: missing ? configuration.no_target : nothing ? fill(configuration.vacuous) : null,
      };
    }
    return because;
  }

  // --- TOML: the tables and plain values that a configuration is made of ------------------------------------------------------------

  const NUMERAL = {
    whole: /^[+-]?(0|[1-9](_?\d)*)$/,
    based: /^0(x[\da-fA-F](_?[\da-fA-F])*|o[0-7](_?[0-7])*|b[01](_?[01])*)$/,
    real: /^[+-]?(0|[1-9](_?\d)*)(\.\d(_?\d)*)?([eE][+-]?\d(_?\d)*)?$/,
  };

  /** The value of a TOML numeral: a BigInt for a whole number, a double otherwise; undefined for anything else. */
  function numeral(text) {
    const plain = text.replaceAll("_", "");
    if (NUMERAL.whole.test(text)) return BigInt(plain.replace(/^\+/, ""));
    if (NUMERAL.based.test(text)) return BigInt(plain);
    if (NUMERAL.real.test(text)) return Number(plain);
    if (/^[+-]?inf$/.test(text)) return text[0] === "-" ? -Infinity : Infinity;
    return /^[+-]?nan$/.test(text) ? NaN : undefined;
  }

  /** {field: value} of a TOML text; throws a Refusal for what is not TOML, or is more of it than a configuration needs. */
  function fromToml(text) {
    const values = {};
    const tables = new Set();
    const used = new Set();
    let section = "";
    text.split(/\r?\n/).forEach((raw, index) => {
      const fail = (what) => {
        throw new Refusal("file", `line ${index + 1}: ${what}`, "Write [tables] with lines name = value, as the export does");
      };
      const line = withoutComment(raw).trim();
      if (!line) return;
      const header = /^\[\s*([\w-]+)\s*\]$/.exec(line);
      if (header) {
        section = header[1];
        if (tables.has(section)) fail(`the table [${section}] appears twice`);
        tables.add(section);
        return;
      }
      const pair = /^([\w-]+(?:\s*\.\s*[\w-]+)*)\s*=\s*(.+)$/.exec(line);
      if (!pair) fail("is neither a [table] nor name = value");
      const field = [section, ...pair[1].split(/\s*\.\s*/)].filter(Boolean).join(".");
      if (field in values) fail(`${field} appears twice`);
      const quoted = /^(?:"([^"\\]*)"|'([^']*)')$/.exec(pair[2]);
      let value = quoted ? (quoted[1] ?? quoted[2]) : numeral(pair[2]);
      if (pair[2] === "true" || pair[2] === "false") value = pair[2] === "true";
      if (value === undefined) fail(`cannot read the value ${pair[2]}`);
      values[field] = value;
      used.add(section);
    });
    for (const table of tables) if (!used.has(table)) values[table] = {};
    return values;
  }

  function withoutComment(line) {
    const end = /^(?:[^"'#]|"[^"]*"|'[^']*')*/.exec(line)[0];
    return line[end.length] === "#" ? end : line;
  }

  const written = (value) => (typeof value === "string" ? `"${value}"` : String(value).replace(/^(-?)Infinity$/, "$1inf"));

  /** The TOML text of {field: value} for `localist threshold`, each field with its meaning. */
  function toToml(values) {
    const { fields, sections } = localist.configuration;
    const lines = ["# For `localist threshold`; made by the calculator of the Localist book."];
    for (const section of Object.keys(sections)) {
      const given = fields.filter(({ field }) => field.startsWith(`${section}.`) && values[field] !== undefined);
      if (!given.length) continue;
      lines.push("", `[${section}]`);
      for (const { field, meaning, unit, help } of given) {
        const note = meaning ? meaning + (unit ? ` [${unit}]` : "") : help;
        lines.push(`${`${field.split(".")[1]} = ${written(values[field])}`.padEnd(36)} # ${note}`);
      }
    }
    return `${lines.join("\n")}\n`;
  }

  Object.assign(localist, { Refusal, refusals, guarantee, numeral, fromToml, toToml });
})();
