"use strict";
// The page is complete without this script; it adds the slider and the sorting of the table.
(() => {
  document.documentElement.classList.add("scripted");

  // Everything that stands for the solution with this index: its pictures, its point, its row.
  const partsOf = (index) => document.querySelectorAll(`[data-solution="${index}"]`);

  const slider = document.getElementById("choice");
  const stack = document.getElementById("stack");
  if (slider) {
    const stops = [...stack.querySelectorAll("[data-stop]")];
    stops.sort((a, b) => a.dataset.stop - b.dataset.stop);
    let shown = null;

    const show = () => {
      const stop = stops[Number(slider.value)];
      slider.setAttribute("aria-valuetext", stop.dataset.spoken);
      if (shown === stop.dataset.solution) return;
      for (const part of partsOf(shown)) {
        part.classList.remove("current");
        part.removeAttribute("aria-current");
      }
      shown = stop.dataset.solution;
      for (const part of partsOf(shown)) {
        part.classList.add("current");
        if (part.tagName === "TR") part.setAttribute("aria-current", "true");
      }
    };
    slider.addEventListener("input", show);
    show();

    // A point of the front can be clicked too; by keyboard, the slider reaches the same ones.
    for (const stop of stops) {
      for (const mark of document.querySelectorAll(`.mark[data-solution="${stop.dataset.solution}"]`)) {
        mark.classList.add("clickable");
        mark.addEventListener("click", () => {
          slider.value = stop.dataset.stop;
          show();
        });
      }
    }

    const all = document.getElementById("all");
    all.addEventListener("click", () => {
      const pressed = all.getAttribute("aria-pressed") !== "true";
      all.setAttribute("aria-pressed", String(pressed));
      document.documentElement.classList.toggle("side-by-side", pressed);
    });
  }

  const table = document.getElementById("table");
  if (table) {
    const body = table.tBodies[0];
    const first = [...body.rows];
    const names = new Intl.Collator("en", { numeric: true });
    const status = document.getElementById("sorted");

    const compare = (kind, a, b) =>
      kind === "number" ? Number(a) - Number(b) : names.compare(a, b);

    const sort = (button) => {
      const head = button.closest("th");
      const column = head.cellIndex;
      const now = { ascending: "descending", descending: null }[head.getAttribute("aria-sort")];
      const order = now === undefined ? "ascending" : now;
      for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
      const value = (row) => row.cells[column].dataset.value;
      // Sorting is stable: equal rows stay in the first order.
      const rows = [...first];
      if (order) {
        head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        rows.sort((a, b) => {
          const missing = (value(a) === "") - (value(b) === "");
          // What is missing comes last either way.
          return missing || sign * compare(button.dataset.kind, value(a), value(b)) || 0;
        });
      }
      body.append(...rows);
      const name = button.textContent;
      status.textContent = order ? `Sorted by ${name}, ${order}.` : "In the first order.";
    };
    for (const button of table.querySelectorAll("thead button")) {
      button.addEventListener("click", () => sort(button));
    }
  }
})();
