// Keys and freshness. Every page works without this: it only saves the hand a way to the mouse.
(() => {
  "use strict";
  const rows = () => [...document.querySelectorAll("[data-row]")];
  let here = -1;

  const go = (step) => {
    const all = rows();
    if (!all.length) return;
    all.forEach((row) => row.classList.remove("here"));
    here = Math.min(Math.max(here + step, 0), all.length - 1);
    all[here].classList.add("here");
    all[here].querySelector("[data-open]").focus();
  };

  const isTyping = (node) => node.closest("input, select, textarea, [contenteditable]") !== null;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
    else if (event.key === "/") document.querySelector("[data-key='/']")?.focus();
    else return;
    event.preventDefault();
  });

  // A list that cannot be renewed says since when it stands.
  const sayStale = () => {
    const list = document.querySelector("[data-as-of]"), told = list?.querySelector(".stale");
    if (!told) return;
    told.textContent = list.dataset.asOf;
    told.hidden = false;
  };
  document.addEventListener("htmx:sendError", sayStale);
  document.addEventListener("htmx:responseError", sayStale);
  // What is being looked at is not replaced under the hand; it is renewed once the focus has left.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.contains(document.activeElement)) event.detail.shouldSwap = false;
  });

  // A page that comes back after it was left asks the server again: somebody may have signed out meanwhile.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
