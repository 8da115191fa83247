// The mapping table in the browser. It holds what is being typed and which rows are shown, and
// nothing else: each edit goes to Python, which answers with the state that is drawn here.

const ROLES = { key: "Key", parameter: "Parameter", out: "Leave out" };
const SETTINGS = {
  key_type: {
    label: "Type of the key",
    choices: [
      ["thirdPartyId", "thirdPartyId: the site's own id"],
      ["pcId", "pcId: Target's own id"],
    ],
  },
  site_uses_ecid: {
    label: "Experience Cloud ID service",
    choices: [
      [null, "Not said yet"],
      [true, "Used: v1, known profiles only"],
      [false, "Not used: v2, creates profiles too"],
    ],
  },
  duplicates: {
    label: "Several rows of one id",
    choices: [
      ["reject", "Reject them all"],
      ["first", "Keep the first"],
      ["last", "Keep the last"],
      ["merge", "Merge: last filled value"],
    ],
  },
  personal_data: {
    label: "Personal data",
    choices: [
      ["block", "Hold the load back"],
      ["allow", "Allow: it is meant to be sent"],
    ],
  },
};
const TYPING = 120; // milliseconds without a key, after which a name goes to Python
const SILENCE = 4000; // milliseconds without an answer, after which the next edit goes out all the same

function element(tag, words = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(words)) {
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else made.setAttribute(name, value);
  }
  if (made.matches("input, select, button, summary, [tabindex]")) {
    made.dataset.lmSuppressShortcuts = "true";
  }
  made.append(...children);
  return made;
}

function button(text, does, words = {}) {
  const made = element("button", { type: "button", text, ...words });
  made.addEventListener("click", does);
  return made;
}

function select(choices, words) {
  const options = choices.map(([, text], place) => element("option", { value: place, text }));
  return element("select", words, ...options);
}

function labelled(text, control) {
  return element("label", { class: "tbpu-map-label" }, element("span", { text }), control);
}

// --- what goes to Python: one message at a time, the newest of each kind

class Letters {
  constructor(model) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2);
    this.seq = 0;
    this.waiting = new Map(); // what it is about -> message
    this.underway = null; // { seq, about }
  }

  send(about, message) {
    this.waiting.delete(about); // the newest counts, and goes behind what was said before it
    this.waiting.set(about, message);
    this.next();
  }

  next() {
    if (this.underway || !this.waiting.size) return;
    const [about, message] = this.waiting.entries().next().value;
    this.waiting.delete(about);
    this.seq += 1;
    this.underway = { seq: this.seq, about };
    this.timer = setTimeout(() => this.settle(), SILENCE);
    this.model.send({ ...message, view: this.view, seq: this.seq });
  }

  heard(seq) {
    if (this.underway && seq >= this.underway.seq) this.settle();
  }

  settle() {
    clearTimeout(this.timer);
    this.underway = null;
    this.next();
  }

  // Whether Python has yet to hear of this, so that its answer is older than what is shown.
  isPending(about) {
    return this.underway?.about === about || this.waiting.has(about);
  }
}

// --- a row a column

class Row {
  constructor(place, column, formats, table) {
    this.place = place;
    this.column = column;
    this.table = table;
    this.shown = "";
    this.id = `tbpu-map-${table.letters.view}-${place}`;
    const { name } = column;
    this.more = element(
      "details",
      { class: "tbpu-map-more" },
      element("summary", { "data-kind": "more" }, element("b", { text: name })),
    );
    this.why = element("p", { text: column.why });
    if (column.why) this.more.append(this.why);
    this.more.append(...column.samples.map((text) => element("p", { class: "sample", text })));
    if (!column.why && !column.samples.length) this.more.append(element("p", { text: "No values." }));
    this.role = select(Object.entries(ROLES), { "aria-label": `Role of ${name}`, "data-kind": "role" });
    this.role.disabled = column.fixed;
    this.name = element("input", {
      type: "text",
      "aria-label": `Parameter for ${name}`,
      "data-kind": "name",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.formats = formats;
    this.format = select([["", "by type"], ...formats.map((own) => [own, own])], {
      "aria-label": `Format of ${name}`,
      "data-kind": "format",
    });
    this.said = element("div", { class: "said", role: "cell", id: `${this.id}-said` });
    this.left = element("span", { class: "left tbpu-soft" });
    this.node = element(
      "div",
      { class: "tbpu-map-row", role: "row" },
      element("div", { class: "name", role: "rowheader" }, this.more, element("span", { class: "kind tbpu-soft", text: column.kind })),
      this.samples(),
      this.filled(),
      element("div", { class: "role", role: "cell" }, this.role),
      element("div", { class: "parameter", role: "cell" }, this.name, this.left),
      element("div", { class: "format", role: "cell" }, this.format),
    );
    this.listen();
  }

  samples() {
    const text = this.column.samples.join("  ·  ");
    const cell = element("div", { class: "samples", role: "cell", title: text });
    cell.append(text || element("span", { class: "tbpu-soft", text: "—" }));
    return cell;
  }

  filled() {
    const bar = element("i", { "aria-hidden": "true" });
    bar.style.setProperty("--share", this.column.share);
    return element("div", { class: "filled", role: "cell" }, element("span", { text: this.column.filled }), bar);
  }

  listen() {
    const { place } = this;
    this.role.addEventListener("change", () => {
      const value = Object.keys(ROLES)[this.role.selectedIndex];
      this.open(value); // at once: the next Tab goes to the fields
      this.wasPending = true;
      this.table.letters.send(`role ${place}`, { do: "role", place, value });
    });
    this.format.addEventListener("change", () => {
      const value = ["", ...this.formats][this.format.selectedIndex];
      this.table.letters.send(`format ${place}`, { do: "format", place, value });
    });
    this.name.addEventListener("focus", () => {
      this.typing = `${place} ${performance.now()}`;
    });
    this.name.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.tell(), TYPING);
    });
    this.name.addEventListener("change", () => this.tell());
  }

  tell() {
    clearTimeout(this.timer);
    this.timer = null;
    const { place, typing } = this;
    this.table.letters.send(`name ${place}`, { do: "name", place, typing, value: this.name.value });
  }

  draw(state) {
    const [role, name, format, level, text] = state;
    const isPending = (kind) => this.table.letters.isPending(`${kind} ${this.place}`);
    const key = JSON.stringify(state);
    if (key === this.shown && !this.wasPending) return;
    this.shown = key;
    this.wasPending = isPending("role") || isPending("name") || isPending("format") || this.timer;
    this.state = { role, name, level };
    if (!isPending("role")) this.role.selectedIndex = Object.keys(ROLES).indexOf(role);
    if (!isPending("name") && !this.timer && this.name.value !== name) this.name.value = name;
    if (!isPending("format")) this.choose(format);
    this.node.dataset.role = role;
    this.node.dataset.level = level;
    this.open(isPending("role") ? Object.keys(ROLES)[this.role.selectedIndex] : role);
    const told = this.column.why.startsWith("left out") ? this.column.why : "";
    this.left.textContent = role === "key" ? "the visitors' id" : told && told[0].toUpperCase() + told.slice(1);
    this.say(level, text);
  }

  open(role) {
    this.name.hidden = this.format.hidden = role !== "parameter";
    this.left.hidden = role === "parameter";
  }

  choose(format) {
    if (format && !this.formats.includes(format)) {
      this.formats = [...this.formats, format];
      this.format.append(element("option", { text: format }));
    }
    this.format.selectedIndex = ["", ...this.formats].indexOf(format);
  }

  say(level, text) {
    if (text) {
      this.said.textContent = `${level === "error" ? "✕" : "!"} ${text}`;
      this.node.append(this.said);
    } else this.said.remove();
    for (const control of [this.name, this.role]) {
      if (text) control.setAttribute("aria-describedby", this.said.id);
      else control.removeAttribute("aria-describedby");
    }
    this.name.setAttribute("aria-invalid", level === "error");
  }

  fits(words, filter) {
    if (filter === "mapped" && this.state.role === "out") return false;
    if (filter === "problems" && !this.state.level) return false;
    return !words || `${this.column.name}\n${this.state.name}`.toLowerCase().includes(words);
  }
}

// --- the whole

class Table {
  constructor(model, el) {
    this.model = model;
    this.letters = new Letters(model);
    const facts = model.get("facts");
    this.filter = "all";
    this.total = facts.rows;
    this.rows = facts.columns.map((own, place) => new Row(place, own, facts.formats, this));
    this.body = element("div", { role: "rowgroup", class: "tbpu-map-body" }, ...this.rows.map((own) => own.node));
    this.none = element("p", { class: "tbpu-map-none tbpu-soft", text: "No column is like that.", hidden: "" });
    this.root = element("div", { class: "tbpu-map" });
    this.root.append(this.settings(), this.bar(), this.grid(), this.none, this.foot(), this.below(), this.codes());
    this.root.addEventListener("keydown", (event) => this.press(event));
    this.draw();
    this.choose();
    el.append(this.root);
  }

  settings() {
    this.chosen = {};
    const labels = Object.entries(SETTINGS).map(([name, { label, choices }]) => {
      const control = select(choices, {});
      control.addEventListener("change", () => {
        const value = choices[control.selectedIndex][0];
        this.letters.send(name, { do: "setting", name, value });
      });
      this.chosen[name] = control;
      return labelled(label, control);
    });
    return element("div", { class: "tbpu-map-settings" }, ...labels);
  }

  bar() {
    this.search = element("input", { type: "search", placeholder: "Search", "aria-label": "Search columns and parameters" });
    this.search.addEventListener("input", () => this.choose());
    this.filters = ["all", "mapped", "problems"].map((name) =>
      button("", () => this.choose(name), { "data-filter": name, "aria-pressed": "false" }),
    );
    this.prefix = element("input", { type: "text", placeholder: "Prefix", "aria-label": "Prefix for the names shown", autocomplete: "off", spellcheck: "false" });
    const bulk = (what) => () => {
      const places = this.rows.filter((own) => !own.node.hidden).map((own) => own.place);
      this.letters.send("bulk", { do: "bulk", what, places, text: this.prefix.value });
    };
    const step = (name) => () => this.letters.send(name + performance.now(), { do: name });
    this.undo = button("Undo", step("undo"));
    this.redo = button("Redo", step("redo"));
    const addPrefix = bulk("prefix");
    this.prefix.addEventListener("keydown", (event) => {
      if (event.key === "Enter") addPrefix();
    });
    return element(
      "div",
      { class: "tbpu-map-bar" },
      element("div", { class: "group" }, this.search, element("div", { class: "joined", role: "group", "aria-label": "Which columns are shown" }, ...this.filters)),
      element(
        "div",
        { class: "group", role: "group", "aria-label": "For all the rows shown" },
        element("span", { class: "tbpu-soft", text: "All shown:" }),
        button("Map", bulk("map"), { title: "Make parameters of the columns shown that are left out" }),
        button("Clear", bulk("clear"), { title: "Leave out the parameters shown; the key stays" }),
        button("camelCase", bulk("camelCase"), { title: "Write the names shown in camel case" }),
        element("span", { class: "joined" }, this.prefix, button("Add", addPrefix, { title: "Put the prefix before the names shown", "aria-label": "Add the prefix" })),
      ),
      element("div", { class: "group" }, this.undo, this.redo),
    );
  }

  grid() {
    const heads = ["Column", "Values", "Filled", "Role", "Parameter", "Format"];
    const classes = ["name", "samples", "filled", "role", "parameter", "format"];
    const cells = heads.map((text, place) => element("div", { role: "columnheader", class: classes[place], text }));
    const head = element("div", { role: "rowgroup", class: "tbpu-map-head" }, element("div", { role: "row", class: "tbpu-map-row" }, ...cells));
    this.scroller = element("div", { class: "tbpu-map-scroll", role: "table", "aria-label": "Columns and what becomes of them" }, head, this.body);
    return this.scroller;
  }

  foot() {
    this.problem = element("p", { class: "tbpu-map-problem tbpu-bad" });
    this.told = element("p", { class: "tbpu-map-told", role: "status" });
    const keys = "↑ ↓ go from row to row, ← → change a choice, Ctrl+Z takes back.";
    return element("div", { class: "tbpu-map-foot" }, this.problem, this.told, element("p", { class: "tbpu-soft tbpu-map-keys", text: keys }));
  }

  below() {
    this.number = element("input", { type: "number", min: "1", max: this.total, step: "1" });
    this.number.addEventListener("change", () => {
      this.letters.send("row", { do: "row", value: this.number.valueAsNumber });
    });
    this.bytes = element("span", { class: "tbpu-soft" });
    this.cells = element("tbody");
    const heads = ["Parameter", "In the data", "As sent"].map((text) => element("th", { scope: "col", text }));
    const caption = element("caption", { class: "unseen", text: "One row before and after it is encoded" });
    this.before = element("table", {}, caption, element("thead", {}, element("tr", {}, ...heads)), this.cells);
    this.line = element("pre", { tabindex: "0", "aria-label": "The lines of the batch file" });
    this.preview = element("div", { class: "tbpu-map-scroll values", tabindex: "0", role: "region", "aria-label": "One row before and after" }, this.before);
    this.whyNot = element("p", { class: "tbpu-soft" });
    const of = element("span", { text: `of ${this.total.toLocaleString("en")}` });
    return element(
      "section",
      { class: "tbpu-map-preview", "aria-label": "How a row is sent" },
      element("div", { class: "title" }, element("h3", { text: "As it would be sent" }), element("label", {}, element("span", { text: "row" }), this.number, of), this.bytes),
      this.whyNot,
      this.preview,
      this.line,
    );
  }

  codes() {
    this.show = button("Show code", () => {
      this.letters.send("code", { do: "code", value: this.show.getAttribute("aria-expanded") !== "true" });
    });
    this.code = element("div", { class: "tbpu-map-code" });
    return element("div", {}, this.show, this.code);
  }

  // --- which rows are shown: decided when asked, so that no row goes away under the fingers

  choose(filter = this.filter) {
    this.filter = filter;
    const words = this.search.value.trim().toLowerCase();
    let shown = 0;
    for (const row of this.rows) {
      const fits = row.fits(words, filter);
      if (row.node.hidden === fits) row.node.hidden = !fits;
      shown += fits;
    }
    this.none.hidden = shown > 0;
    for (const own of this.filters) own.setAttribute("aria-pressed", own.dataset.filter === filter);
  }

  // --- drawing what Python said

  draw() {
    const state = this.model.get("state");
    this.letters.heard(state.heard[this.letters.view] ?? 0);
    state.rows.forEach((own, place) => this.rows[place].draw(own));
    for (const [name, control] of Object.entries(this.chosen)) {
      if (this.letters.isPending(name)) continue;
      control.selectedIndex = SETTINGS[name].choices.findIndex(([value]) => value === state.settings[name]);
    }
    this.chosen.site_uses_ecid.parentElement.hidden = state.settings.key_type !== "pcId";
    this.count(state);
    this.problem.textContent = state.problem;
    this.told.textContent = state.told;
    for (const [name, what] of [["undo", state.undoes], ["redo", state.redoes]]) {
      this[name].setAttribute("aria-disabled", !what);
      this[name].title = what ? `${name === "undo" ? "Take back" : "Do again"}: ${what}` : "Nothing to take back";
    }
    this.redo.title = state.redoes ? this.redo.title : "Nothing to do again";
    this.drawPreview(state.preview);
    this.drawCode(state.code);
  }

  count(state) {
    const counts = { all: state.rows.length, mapped: 0, problems: 0 };
    for (const [role, , , level] of state.rows) {
      counts.mapped += role !== "out";
      counts.problems += Boolean(level);
    }
    for (const own of this.filters) {
      const name = own.dataset.filter;
      own.textContent = `${name[0].toUpperCase()}${name.slice(1)} ${counts[name].toLocaleString("en")}`;
    }
  }

  drawPreview(preview) {
    this.whyNot.textContent = preview.why ?? "";
    this.whyNot.hidden = !preview.why;
    this.preview.hidden = this.line.hidden = this.bytes.hidden = Boolean(preview.why);
    if (preview.why) return;
    if (!this.letters.isPending("row")) this.number.value = preview.number;
    this.bytes.textContent = preview.bytes;
    this.line.textContent = `${preview.header}\n${preview.line}`;
    const soft = (text) => element("span", { class: "tbpu-soft", text });
    this.cells.replaceChildren(
      ...preview.cells.map(([name, before, sent, misfit]) => {
        const last = misfit ? element("span", { class: "tbpu-bad", text: "✕ it has no text in this format, so the row would be rejected" }) : sent || soft("nothing");
        const cells = [element("th", { scope: "row", text: name }), element("td", {}, before || soft("blank")), element("td", {}, last)];
        return element("tr", {}, ...cells);
      }),
    );
  }

  drawCode(code) {
    this.show.setAttribute("aria-expanded", Boolean(code));
    this.show.textContent = code ? "Hide code" : "Show code";
    const key = JSON.stringify(code);
    if (key === this.codeShown) return;
    this.codeShown = key;
    if (!code) return this.code.replaceChildren();
    if (code.why) return this.code.replaceChildren(element("p", { class: "tbpu-soft", text: code.why }));
    this.code.replaceChildren(this.block("Python", code.python), this.block("Recipe", code.recipe));
  }

  block(title, text) {
    const pre = element("pre", { tabindex: "0", "aria-label": title, text });
    const copy = button("Copy", () => copyText(pre, copy), { "aria-label": `Copy the ${title}` });
    return element("section", { "aria-label": title }, element("div", { class: "title" }, element("h3", { text: title }), copy), pre);
  }

  // --- keys

  press(event) {
    const { key, target } = event;
    const isUndo = (event.ctrlKey || event.metaKey) && !event.altKey && ["z", "y"].includes(key.toLowerCase());
    if (isUndo && target !== this.search && target !== this.prefix) {
      const isRedo = event.shiftKey || key.toLowerCase() === "y";
      event.preventDefault();
      event.stopPropagation();
      const row = this.rows.find((own) => own.name === target);
      if (row?.timer) row.tell(); // what is being typed is a step as well
      (isRedo ? this.redo : this.undo).click();
    } else if (target.dataset.kind && !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey) {
      this.go(event);
    }
  }

  go(event) {
    const { key, target } = event;
    if (isOpen(target)) return;
    if (key === "ArrowUp" || key === "ArrowDown") {
      event.preventDefault();
      this.move(target, key === "ArrowDown" ? 1 : -1);
    } else if (target.tagName === "SELECT" && (key === "ArrowLeft" || key === "ArrowRight")) {
      event.preventDefault();
      const place = target.selectedIndex + (key === "ArrowRight" ? 1 : -1);
      if (place < 0 || place >= target.options.length) return;
      target.selectedIndex = place;
      target.dispatchEvent(new Event("change"));
    }
  }

  move(from, step) {
    const kind = from.dataset.kind;
    const place = this.rows.findIndex((own) => own.node.contains(from));
    for (let next = place + step; next >= 0 && next < this.rows.length; next += step) {
      const { node } = this.rows[next];
      const control = node.hidden ? null : node.querySelector(`[data-kind="${kind}"]:not([hidden]):not([disabled])`);
      if (!control) continue;
      control.focus({ preventScroll: true });
      node.scrollIntoView({ block: "nearest" });
      control.select?.();
      return;
    }
  }
}

function isOpen(control) {
  try {
    return control.matches("select:open");
  } catch {
    return false; // a browser that can't tell
  }
}

async function copyText(pre, control) {
  try {
    await navigator.clipboard.writeText(pre.textContent);
  } catch {
    getSelection().selectAllChildren(pre); // without https there is no clipboard: Ctrl+C then copies
    control.textContent = "Selected: press Ctrl+C";
    return;
  }
  control.textContent = "Copied";
  setTimeout(() => (control.textContent = "Copy"), 1500);
}

function render({ model, el }) {
  const table = new Table(model, el);
  const draw = () => table.draw();
  model.on("change:state", draw);
  return () => model.off("change:state", draw);
}

export default { render };
