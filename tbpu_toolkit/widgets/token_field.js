// Takes a token and lets go of it at once: it goes to the kernel as a message, never as a value of
// the widget, which would be stored in the notebook.

function element(name, words = {}) {
  return Object.assign(document.createElement(name), words);
}

function render({ model, el }) {
  const label = element("label", { className: "tbpu-token-label" });
  const caption = element("span", { textContent: model.get("description") });
  const input = element("input", { type: "password", autocomplete: "off", spellcheck: false });
  const keep = element("button", { type: "button", textContent: "Keep it" });
  const said = element("span", { className: "tbpu-token-said" });
  said.setAttribute("role", "status");
  for (const control of [input, keep]) control.dataset.lmSuppressShortcuts = "true";

  const handOver = () => {
    const token = input.value;
    input.value = "";
    if (token) model.send({ token });
  };
  const tell = () => {
    said.textContent = model.get("said");
  };
  input.addEventListener("change", handOver); // where the field is left
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") handOver();
  });
  keep.addEventListener("click", handOver);
  model.on("change:said", tell);
  tell();

  label.append(caption, input);
  el.classList.add("tbpu-token");
  el.append(label, keep, said);
  return () => model.off("change:said", tell);
}

export default { render };
