// Formulas that are wider than the page scroll by themselves, and the keyboard can reach those that do.
"use strict";
(() => {
  const fit = (formula) => {
    formula.classList.remove("wide");
    const room = formula.closest("td, th, dd, li, p, div")?.clientWidth ?? 0;
    const wide = formula.scrollWidth > formula.clientWidth + 1 || formula.getBoundingClientRect().width > room + 1;
    formula.classList.toggle("wide", wide);
    if (wide) {
      formula.tabIndex = 0;
      formula.setAttribute("role", "group");
      formula.setAttribute("aria-label", "formula, scrolls sideways");
    } else if (formula.getAttribute("aria-label") === "formula, scrolls sideways") {
      for (const name of ["tabindex", "role", "aria-label"]) formula.removeAttribute(name);
    }
  };
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) target.querySelectorAll("mjx-container").forEach(fit);
  });
  addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".math").forEach((part) => sizes.observe(part));
  });
})();
