// Keeps the notebook's shortcuts away from a panel's controls: with the focus on a drop-down, a
// plain `d d` would delete the analyst's cell. JupyterLab looks at the focused element itself, so
// each control is marked, also those that come later. What is scrolled by the mouse is scrolled by
// keys as well: a box of ipywidgets takes no focus by itself.

const CONTROLS = "a, button, input, select, textarea, summary, [tabindex], [contenteditable]";
const MARK = "lmSuppressShortcuts";

function mark(root) {
  for (const box of root.querySelectorAll(".tbpu-scrolled")) {
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", box.querySelector("[aria-label]")?.ariaLabel ?? "Table");
  }
  for (const control of root.querySelectorAll(CONTROLS)) control.dataset[MARK] = "true";
}

function render({ el }) {
  el.classList.add("tbpu-key-guard");
  let watch;
  // The panel around this element is there only after this function has returned.
  const timer = requestAnimationFrame(() => {
    const panel = el.closest(".tbpu-panel") ?? el.parentElement;
    if (!panel) return;
    mark(panel);
    watch = new MutationObserver(() => mark(panel));
    watch.observe(panel, { childList: true, subtree: true });
  });
  return () => {
    cancelAnimationFrame(timer);
    watch?.disconnect();
  };
}

export default { render };
