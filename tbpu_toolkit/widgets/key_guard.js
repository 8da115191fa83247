// Keeps the notebook's shortcuts away from a panel's controls: with the focus on a drop-down, a
// plain `d d` would delete the analyst's cell. JupyterLab looks at the focused element itself, so
// each control is marked, also those that come later. What is scrolled by the mouse is scrolled by
// keys as well: a box of ipywidgets takes no focus by itself. And where the control that has the
// focus goes away, the panel's heading gets it, so that nobody begins at the top of the page again.

const CONTROLS = "a, button, input, select, textarea, summary, [tabindex], [contenteditable]";
const MARK = "lmSuppressShortcuts";
const A_MOMENT = 30; // milliseconds

function mark(root) {
  for (const box of root.querySelectorAll(".tbpu-scrolled")) {
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", box.querySelector("[aria-label]")?.ariaLabel ?? "Table");
  }
  for (const control of root.querySelectorAll(CONTROLS)) control.dataset[MARK] = "true";
}

function isGone(control) {
  return !control.isConnected || control.disabled || control.getClientRects().length === 0;
}

function handOn(panel) {
  const heading = panel.querySelector("h3");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.dataset[MARK] = "true";
  heading.focus({ preventScroll: true });
}

function guard(panel) {
  let last = null;
  const note = ({ target }) => {
    last = panel.contains(target) ? target : null;
  };
  let later;
  const look = (more = 10) => {
    clearTimeout(later);
    if (!last || !isGone(last)) return;
    if (document.activeElement === document.body) handOn(panel);
    // What is hidden or disabled loses the focus only when that is drawn.
    else if (document.activeElement === last && more) later = setTimeout(look, A_MOMENT, more - 1);
  };
  const watch = new MutationObserver(() => {
    mark(panel);
    look();
  });
  mark(panel);
  document.addEventListener("focusin", note);
  const attributes = ["disabled", "style", "class"];
  watch.observe(panel, { childList: true, subtree: true, attributeFilter: attributes });
  return () => {
    clearTimeout(later);
    document.removeEventListener("focusin", note);
    watch.disconnect();
  };
}

function render({ el }) {
  el.classList.add("tbpu-key-guard");
  let end;
  // The panel around this element is there only after this function has returned.
  const timer = requestAnimationFrame(() => {
    const panel = el.closest(".tbpu-panel") ?? el.parentElement;
    if (panel) end = guard(panel);
  });
  return () => {
    cancelAnimationFrame(timer);
    end?.();
  };
}

export default { render };
