"use strict";
// Buttons of the legend show and hide methods; without this script all are shown.
(() => {
  for (const button of document.querySelectorAll("[data-layer]")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      document.getElementById(button.dataset.layer).classList.toggle("off", !shown);
    });
  }
})();
