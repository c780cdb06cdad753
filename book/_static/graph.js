/* Draws the views that the build laid out (graph-data.js). The address after # names the view, so every view is a link:
   #families, #all, #family=dial, #focus=dial.mass. Nothing is fetched. */
(function () {
  "use strict";
  const data = window.localistGraph;
  const home = document.getElementById("statement-graph");
  if (!data || !home) return;

  const SVG = "http://www.w3.org/2000/svg";
  const WIDE = 196, HIGH = 24, STEP_X = 232, STEP_Y = 31, EDGE = 14;
  const MARKS = { proved: "●", checked: "◐", derived: "○", stated: "·" };
  const byName = new Map(data.nodes.map((node) => [node.name, node]));
  const edges = data.edges.map(([from, to, by]) => ({ from: data.nodes[from].name, to: data.nodes[to].name, by }));
  const familyOf = (name) => name.split(".")[0];
  const families = [...new Set(data.nodes.map((node) => familyOf(node.name)))];

  function element(name, attributes, ...children) {
    const svg = ["svg", "g", "path", "rect", "text", "title", "marker", "defs"].includes(name) || attributes.svg;
    const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (key !== "svg") made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  const select = element("select", { id: "graph-view" },
    element("option", { value: "families" }, "families"),
    ...families.map((family) => element("option", { value: `family=${family}` }, `family ${family}`)),
    element("option", { value: "all" }, "all statements"));
  const search = element("input", { id: "graph-search", list: "graph-names", placeholder: "entropy.ceiling", autocomplete: "off", size: "26" });
  const names = element("datalist", { id: "graph-names" }, ...data.nodes.map((node) => element("option", { value: node.name }, node.title)));
  const zoom = element("button", { type: "button", "aria-pressed": "false" }, "full size");
  const view = element("div", { class: "view fit", role: "group", "aria-label": "dependency graph", tabindex: "0" });
  const told = element("div", { class: "told", "aria-live": "polite" });
  const key = element("ul", { class: "key" },
    ...Object.entries(data.statuses).map(([word, meaning]) => element("li", { title: meaning }, `${MARKS[word]} ${word}`)),
    element("li", {}, "— edge in code and Coq"), element("li", {}, "╌ code only"), element("li", {}, "┈ Coq only"),
    element("li", {}, "dashed box: counterexample"), element("li", {}, "⚠ evidence missing or stale"));
  home.append(
    element("div", { class: "bar" },
      element("label", { for: "graph-view" }, "View", select),
      element("label", { for: "graph-search" }, "Focus on", search), names, zoom),
    key, view, told);

  /* One mark on a node of a family view: how many of its statements have which status. */
  function familyNode(name, x, y) {
    const own = data.nodes.filter((node) => familyOf(node.name) === name);
    const link = element("a", { svg: true, href: `#family=${name}`, class: "family", "data-name": name, "aria-label": `family ${name}, ${own.length} statements` });
    link.append(element("rect", { class: "box", x, y: y - 8, width: WIDE, height: HIGH + 16, rx: 5 }),
      element("text", { x: x + 10, y: y + 8 }, `${name} (${own.length})`));
    let left = x + 10;
    for (const word of Object.keys(data.statuses)) {
      const count = own.filter((node) => node.status === word).length;
      if (!count) continue;
      const width = (WIDE - 20) * count / own.length;
      link.append(element("rect", { class: word, x: left, y: y + 16, width, height: 7 }, element("title", {}, `${count} ${word}`)));
      left += width;
    }
    return link;
  }

  function statementNode(name, x, y, here, chosen) {
    const node = byName.get(name);
    const away = here && familyOf(name) !== here;
    const shown = here && !away ? name.slice(here.length + 1) : name;
    const link = element("a", { svg: true, href: `#focus=${name}`, "data-name": name,
      class: [node.kind, away ? "away" : "", name === chosen ? "chosen" : ""].join(" ").trim(),
      "aria-label": `${name}, ${node.status}${node.stale ? ", evidence missing or stale" : ""}: ${node.title}` });
    link.append(element("title", {}, `${node.title} (${node.status})`),
      element("rect", { class: "box", x, y, width: WIDE, height: HIGH, rx: 4 }),
      element("rect", { class: node.status, x, y, width: 5, height: HIGH, rx: 2 }),
      element("text", { class: `mark ${node.status}`, x: x + 10, y: y + 16 }, MARKS[node.status]));
    const words = shown + (node.stale ? " ⚠" : "");
    const label = element("text", { x: x + 24, y: y + 16 }, words);
    if (words.length > 24) { label.setAttribute("textLength", WIDE - 30); label.setAttribute("lengthAdjust", "spacingAndGlyphs"); }
    link.append(label);
    return link;
  }

  /* A curve from the right of one box to the left of another through the bends of the layout. */
  function curve(points) {
    let path = `M${points[0][0]},${points[0][1]}`;
    for (let i = 1; i < points.length; i++) {
      const [x0, y0] = points[i - 1], [x1, y1] = points[i];
      const reach = Math.max(Math.abs(x1 - x0) / 2, 24) * (x1 >= x0 ? 1 : -1);
      path += ` C${x0 + reach},${y0} ${x1 - reach},${y1} ${x1},${y1}`;
    }
    return path;
  }

  function draw(address) {
    const layout = data.views[address] || data.views.families;
    const name = data.views[address] ? address : "families";
    const [kind, value] = name.includes("=") ? name.split("=") : [name, ""];
    const overview = kind === "families";
    const stepY = overview ? 2 * STEP_Y : STEP_Y;
    const place = ([column, row]) => [EDGE + column * STEP_X, EDGE + row * stepY];
    const width = 2 * EDGE + (layout.columns - 1) * STEP_X + WIDE, height = 2 * EDGE + (layout.rows - 1) * stepY + HIGH;
    const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group" });
    svg.append(element("defs", {}, element("marker", { id: "graph-arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
      element("path", { d: "M0,0 L8,4 L0,8 z", fill: "var(--edge)" }))));
    const pairs = overview ? acrossFamilies() : edges;
    for (const edge of pairs) {
      const from = layout.at[edge.from], to = layout.at[edge.to];
      if (!from || !to || (kind === "family" && familyOf(edge.from) !== value && familyOf(edge.to) !== value)) continue;
      const bends = (layout.bends[`${edge.from} ${edge.to}`] || []).map(place);
      const [x0, y0] = place(from), [x1, y1] = place(to);
      const through = bends.flatMap(([x, y]) => [[x, y + HIGH / 2], [x + WIDE, y + HIGH / 2]]);
      svg.append(element("path", { class: `edge ${edge.by === "codecoq" ? "" : edge.by}`.trim(), "data-from": edge.from, "data-to": edge.to,
        d: curve([[x0 + WIDE, y0 + HIGH / 2], ...through, [x1, y1 + HIGH / 2]]), "marker-end": "url(#graph-arrow)" }));
    }
    for (const [node, at] of Object.entries(layout.at)) {
      const [x, y] = place(at);
      svg.append(overview ? familyNode(node, x, y) : statementNode(node, x, y, kind === "family" ? value : "", kind === "focus" ? value : ""));
    }
    view.replaceChildren(svg);
    select.querySelector("option[data-focus]")?.remove();
    if (kind === "focus") select.prepend(element("option", { value: name, "data-focus": "" }, `around ${value}`));
    select.value = name;
    tell(kind === "focus" ? value : "");
    for (const link of svg.querySelectorAll("a")) {
      for (const event of ["mouseenter", "focus"]) link.addEventListener(event, () => light(svg, link.dataset.name));
      for (const event of ["mouseleave", "blur"]) link.addEventListener(event, () => light(svg, ""));
    }
  }

  function acrossFamilies() {
    const pairs = new Map();
    for (const edge of edges) {
      const from = familyOf(edge.from), to = familyOf(edge.to);
      if (from !== to) pairs.set(`${from} ${to}`, { from, to, by: "codecoq" });
    }
    return [...pairs.values()];
  }

  function light(svg, name) {
    for (const path of svg.querySelectorAll("path.edge")) {
      const touches = path.dataset.from === name || path.dataset.to === name;
      path.classList.toggle("lit", Boolean(name) && touches);
      path.classList.toggle("dim", Boolean(name) && !touches);
    }
  }

  function tell(name) {
    const node = byName.get(name);
    if (!node) {
      told.replaceChildren(element("p", {}, "Choose a statement to see what it rests on and what rests on it."));
      return;
    }
    const uses = edges.filter((edge) => edge.to === name).length, used = edges.filter((edge) => edge.from === name).length;
    told.replaceChildren(
      element("p", {}, element("strong", {}, node.name), `: ${node.title}`),
      element("p", {}, `${MARKS[node.status]} ${node.status} (${node.why}). Uses ${uses}, used by ${used} directly.`),
      element("p", {}, element("a", { href: node.href }, "Read the statement"), " · ",
        element("a", { href: `#family=${familyOf(name)}` }, `family ${familyOf(name)}`)));
  }

  const current = () => decodeURIComponent(location.hash.slice(1)) || "families";
  select.addEventListener("change", () => { location.hash = select.value; });
  search.addEventListener("change", () => { if (byName.has(search.value)) location.hash = `focus=${search.value}`; });
  zoom.addEventListener("click", () => {
    const full = view.classList.toggle("fit") === false;
    zoom.setAttribute("aria-pressed", String(full));
  });
  window.addEventListener("hashchange", () => draw(current()));
  draw(current());
})();
