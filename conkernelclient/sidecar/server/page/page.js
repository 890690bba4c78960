// A front end of a notebook session: what the server tells is folded into `doc`, and what a person
// does is sent. The messages are those of /schema.json.
import { element, highlighted, markdown, output } from "./showing.js";
import * as stale from "./stale.js";

const $ = (id) => document.getElementById(id);
const KEY = "conkernel-token";
const TYPING = 250; // milliseconds without a key until an edit is sent
const LONGEST_WAIT = 10_000; // milliseconds between two tries to connect
const SHARE = 4; // times as long as showing text took, until it is shown again as it goes on

let doc = { cells: [], metadata: {} };
let me = null; // what the server calls this front end
let fileName = "Notebook";
let wanted = null; // the cell that was added here and is not shown yet
const states = new Map(); // by cell: "queued" or "running"
const statuses = new Map(); // by cell: how its last run ended
const views = new Map(); // by cell
const typed = new Map(); // by cell: a source that was not sent yet

// The token leaves the address at once: a history or a picture of the page does not have it.
const address = new URL(location.href);
let token = address.searchParams.get("token") ?? sessionStorage.getItem(KEY) ?? "";
address.searchParams.delete("token");
history.replaceState(null, "", address);

// The connection

let socket = null;
let wait = 250;
let lastId = 0;
const asked = new Map(); // by id: what to do with the answer

function connect() {
  if (!token) { askForToken(""); return; }
  $("ask").hidden = true;
  const where = new URL("socket", address);
  where.protocol = address.protocol.replace("http", "ws");
  where.searchParams.set("token", token);
  socket = new WebSocket(where);
  socket.onopen = async () => {
    wait = 250;
    sessionStorage.setItem(KEY, token);
    me = (await send("subscribe")).front_end;
  };
  socket.onmessage = ({ data }) => receive(JSON.parse(data));
  socket.onclose = lost;
}

async function lost({ code, reason }) {
  for (const { reject } of asked.values()) reject(new Error("the connection was lost"));
  asked.clear();
  showKernel("offline");
  if (code === 1009) note("offline", "What was sent is too large for the server.", true);
  const seen = await fetch("schema.json", { headers: { Authorization: `Bearer ${token}` } }).catch(() => null);
  if (seen?.status === 401) { askForToken("The server does not know this token."); return; }
  note("offline", `${reason || "The connection is lost"}: what is typed is kept, and a new one is tried.`, true);
  setTimeout(connect, wait * (0.75 + Math.random() / 2));
  wait = Math.min(wait * 2, LONGEST_WAIT);
}

function askForToken(why) {
  sessionStorage.removeItem(KEY);
  note("offline", why, true);
  $("ask").hidden = false;
  $("token").focus();
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  $("token").value = "";
  connect();
});

function send(type, fields = {}) {
  if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Error("there is no connection"));
  const id = (lastId += 1);
  socket.send(JSON.stringify({ type, id, ...fields }));
  return new Promise((resolve, reject) => asked.set(id, { resolve, reject }));
}

function act(type, fields) { // what a person has asked for: an error is shown
  note("error", "");
  return send(type, fields).catch((error) => { note("error", error.message, true); });
}

function receive(message) {
  const answer = asked.get(message.id);
  if (message.type === "ok") answer?.resolve(message);
  else if (message.type === "error") (answer?.reject ?? ((error) => note("error", error.message, true)))(new Error(message.message));
  else TOLD[message.type]?.(message);
  if (answer) asked.delete(message.id);
}

// What the server tells, by type

const TOLD = {
  snapshot(told) {
    doc = told.document;
    states.clear();
    statuses.clear();
    for (const [id, state] of Object.entries(told.cells)) states.set(id, state);
    for (const [id, status] of Object.entries(told.statuses)) statuses.set(id, status);
    fileName = told.path?.split(/[\\/]/).pop() ?? "Notebook without a file";
    showKernel(told.kernel_state, told.kernel_reason);
    note("offline", "");
    note("saving", told.save_error ? `Not saved: ${told.save_error}` : "", true);
    for (const [place, text] of told.notes.entries()) note(`read-${place}`, text);
    stale.begin(doc.cells, told.stale);
    place();
    for (const view of views.values()) view.showAll();
    for (const view of views.values()) view.ask(told.question?.cell_id === view.id ? told.question : null);
    for (const id of typed.keys()) views.get(id)?.flush();
  },
  missed({ events }) { note("missed", `This page was too slow for ${events} changes; it shows how everything stands now.`); },
  edited({ change, by }) {
    for (const edit of change) EDITS[edit.type](edit, by);
    place();
    focusWanted();
  },
  outputs_changed({ cell_id, start, outputs, execution_count }) {
    const cell = cellOf(cell_id);
    if (!cell) return;
    cell.outputs.splice(start, Infinity, ...outputs);
    cell.execution_count = execution_count;
    views.get(cell_id).showOutputs(start);
  },
  text_appended({ cell_id, index, text }) {
    const shown = cellOf(cell_id)?.outputs[index];
    if (!shown) return;
    shown.text += text;
    views.get(cell_id).showGrown(index);
  },
  cell_state_changed({ cell_id, state, status }) {
    if (state === "idle") states.delete(cell_id); else states.set(cell_id, state);
    if (status) statuses.set(cell_id, status); else statuses.delete(cell_id);
    const cell = cellOf(cell_id);
    if (cell) stale.follow(cell, state);
    views.get(cell_id)?.showState();
  },
  kernel_state_changed({ state, reason }) { showKernel(state, reason); },
  input_asked(question) { views.get(question.cell_id)?.ask(question); },
  input_answered({ cell_id }) { views.get(cell_id)?.ask(null); },
  saved({ path }) {
    fileName = path.split(/[\\/]/).pop();
    showKernel($("kernel").dataset.state, $("kernel").title);
    note("saving", "");
  },
  save_failed({ reason }) { note("saving", `Not saved: ${reason}`, true); },
  metadata_changed({ metadata }) { doc.metadata = metadata; },
};

const cellOf = (id) => doc.cells.find((cell) => cell.id === id);
const indexOf = (id) => doc.cells.findIndex((cell) => cell.id === id);
const EDITS = {
  add_cell({ cell, index }) { doc.cells.splice(index, 0, cell); },
  delete_cell({ cell_id }) { doc.cells.splice(indexOf(cell_id), 1); },
  move_cell({ cell_id, index }) { doc.cells.splice(index, 0, ...doc.cells.splice(indexOf(cell_id), 1)); },
  edit_cell({ cell_id, source }) {
    cellOf(cell_id).source = source;
    if (!typed.has(cell_id)) views.get(cell_id).showSource();
    views.get(cell_id).showState();
  },
  change_type({ cell_id, cell_type }) {
    const cell = cellOf(cell_id);
    cell.cell_type = cell_type;
    if (cell_type === "code") { delete cell.attachments; Object.assign(cell, { outputs: [], execution_count: null }); }
    else { delete cell.outputs; delete cell.execution_count; }
    stale.forget(cell_id);
    views.get(cell_id).showAll();
  },
  replace_cell({ cell_id, cell }) {
    doc.cells[indexOf(cell_id)] = cell;
    stale.forget(cell_id);
    views.get(cell_id).showAll();
  },
  set_metadata({ cell_id, metadata }) { (cell_id === null ? doc : cellOf(cell_id)).metadata = metadata; },
  set_attachments({ cell_id, attachments }) {
    cellOf(cell_id).attachments = attachments;
    views.get(cell_id).showSource();
  },
  set_outputs({ cell_id, outputs, execution_count }) {
    Object.assign(cellOf(cell_id), { outputs, execution_count });
    stale.forget(cell_id);
    views.get(cell_id).showOutputs(0);
  },
  clear_outputs({ cell_id }) {
    for (const cell of doc.cells.filter(({ id, outputs }) => outputs && (cell_id === null || id === cell_id))) {
      Object.assign(cell, { outputs: [], execution_count: null });
      stale.forget(cell.id);
      views.get(cell.id).showOutputs(0);
    }
  },
};

// What is shown

function note(name, text, isBad = false) {
  document.querySelector(`[data-note="${name}"]`)?.remove();
  if (!text) return;
  const close = element("button", { type: "button", "aria-label": "Dismiss" }, "✕");
  const made = element("p", { "data-note": name, class: isBad ? "bad" : "" }, close, text);
  close.onclick = () => made.remove();
  $("notes").append(made);
}

function showKernel(state, reason) {
  $("kernel").dataset.state = state;
  $("kernel").textContent = state;
  $("kernel").title = reason ?? "";
  $("title").textContent = fileName;
  document.title = `${state === "busy" ? "● " : ""}${fileName}`;
  note("kernel", state === "dead" || state === "disconnected" ? `The kernel is ${state}${reason ? `: ${reason}` : ""}.` : "", true);
}

function place() { // each cell's view in the cell's place; what stays where it is keeps the focus
  const ids = new Set(doc.cells.map(({ id }) => id));
  for (const [id, view] of views) {
    if (!ids.has(id)) { view.remove(); views.delete(id); typed.delete(id); }
  }
  for (const [index, cell] of doc.cells.entries()) {
    if (!views.has(cell.id)) { views.set(cell.id, new CellView(cell.id)); views.get(cell.id).showAll(); }
    const { root } = views.get(cell.id);
    if ($("cells").children[index] !== root) $("cells").insertBefore(root, $("cells").children[index] ?? null);
  }
}

class CellView {
  constructor(id) {
    this.id = id;
    this.number = element("span", { class: "number" });
    this.state = element("span", { class: "state", role: "status" });
    this.kind = element("select", { "aria-label": "Type of the cell" }, ...["code", "markdown", "raw"].map((kind) => element("option", {}, kind)));
    this.kind.onchange = () => this.edit("change_type", { cell_type: this.kind.value });
    const buttons = {
      run: this.button("▶", "Run the cell (Shift-Enter)", () => this.run()),
      cancel: this.button("■", "Cancel the cell", () => act("cancel", { cell_id: id })),
      up: this.button("↑", "Move the cell up", () => this.move(-1)),
      down: this.button("↓", "Move the cell down", () => this.move(1)),
      add: this.button("+", "Add a cell of code below", () => add("code", indexOf(id) + 1)),
      remove: this.button("✕", "Delete the cell", () => this.edit("delete_cell")),
    };
    this.buttons = buttons;
    this.colours = element("pre", { "aria-hidden": "true" });
    this.text = element("textarea", { "aria-label": "Source of the cell", spellcheck: "false", autocapitalize: "off" });
    this.text.oninput = () => this.type();
    this.text.onkeydown = (event) => this.key(event);
    this.text.onblur = () => { this.flush(); this.write(false); };
    this.editor = element("div", { class: "editor" }, this.colours, this.text);
    this.hint = element("p", { class: "hint", role: "status" });
    this.rendered = element("div", { class: "rendered", tabindex: "0", role: "document", "aria-label": "Text: press Enter to edit" });
    this.rendered.ondblclick = () => this.write(true);
    this.rendered.onkeydown = ({ key, target }) => { if (key === "Enter" && target === this.rendered) setTimeout(() => this.write(true)); };
    this.outputs = element("div", { class: "outputs", role: "log", "aria-label": "Outputs" });
    this.question = element("form", { class: "question", hidden: true });
    const bar = element("div", { class: "bar" }, this.number, this.state, ...Object.values(buttons), this.kind);
    this.root = element("section", { class: "cell", "aria-label": "Cell", "data-cell": id }, bar, this.editor, this.hint, this.rendered, this.outputs, this.question);
    this.shown = []; // an element for each output
    this.grown = Infinity; // the first of them whose text goes on and is not shown yet
    this.growing = null; // the timer that shows it
    this.took = 0; // milliseconds, the last time
    this.isWritten = false; // whether a text's source is shown
  }

  get cell() { return cellOf(this.id); }

  button(text, label, clicked) {
    const made = element("button", { type: "button", "aria-label": label, title: label }, text);
    made.onclick = clicked;
    return made;
  }

  remove() {
    clearTimeout(this.growing);
    this.root.remove();
  }

  showAll() {
    this.kind.value = this.cell.cell_type;
    if (!typed.has(this.id)) this.showSource();
    this.showOutputs(0);
    this.showState();
  }

  showSource() {
    const { source, cell_type: kind, attachments } = this.cell;
    if (this.text.value !== source) {
      const { selectionStart, selectionEnd } = this.text;
      this.text.value = source;
      this.text.setSelectionRange(selectionStart, selectionEnd);
    }
    this.colour();
    const isText = kind === "markdown" && !this.isWritten && document.activeElement !== this.text;
    this.editor.hidden = isText;
    this.rendered.hidden = !isText;
    this.buttons.run.hidden = this.buttons.cancel.hidden = kind !== "code";
    this.rendered.replaceChildren(...(isText ? [markdown(source, attachments)] : []));
    this.rendered.classList.toggle("empty", !source.trim());
  }

  colour() {
    this.colours.replaceChildren(this.cell.cell_type === "code" ? highlighted(this.text.value) : this.text.value, "\n");
  }

  showOutputs(start) { // those before `start` stay as they are, so that no frame is loaded again
    const outputs = this.cell.outputs ?? [];
    const from = Math.min(start, this.grown);
    clearTimeout(this.growing);
    this.growing = null;
    this.grown = Infinity;
    for (const old of this.shown.splice(from)) old.remove();
    for (const shown of outputs.slice(from)) {
      const made = output(shown);
      this.shown.push(made);
      this.outputs.append(made);
    }
    this.showState();
  }

  showGrown(index) { // a megabyte that goes on twenty times a second would leave no time for a person
    this.grown = Math.min(this.grown, index);
    this.growing ??= setTimeout(() => {
      const began = performance.now();
      this.showOutputs(this.grown);
      this.took = performance.now() - began;
    }, this.took * SHARE);
  }

  showState() {
    const { execution_count: count, cell_type: kind } = this.cell;
    const state = states.get(this.id);
    this.root.classList.toggle("queued", state === "queued");
    this.root.classList.toggle("running", state === "running");
    this.number.textContent = kind === "code" ? `[${state ? "*" : count ?? " "}]` : "";
    const status = statuses.get(this.id);
    const isStale = !state && stale.isStale(this.cell);
    this.root.classList.toggle("stale", isStale);
    const ended = [status === "ok" ? null : status, isStale ? "edited since it ran" : null];
    this.state.textContent = state ?? ended.filter(Boolean).join(", ");
    this.buttons.cancel.disabled = !state;
    if (!state) this.ask(null);
  }

  ask(question) {
    this.question.hidden = !question;
    if (!question) { this.question.replaceChildren(); return; }
    const line = element("input", { type: question.password ? "password" : "text", autocomplete: "off", id: `ask-${this.id}` });
    this.question.replaceChildren(element("label", { for: line.id }, question.prompt || "Input:"), line, element("button", {}, "Answer"));
    this.question.onsubmit = (event) => {
      event.preventDefault();
      act("answer", { cell_id: this.id, text: line.value });
    };
    if (this.root.contains(document.activeElement)) line.focus();
  }

  // What a person does

  edit(type, fields) {
    this.flush();
    return act(type, { cell_id: this.id, ...fields });
  }

  type() {
    typed.set(this.id, this.text.value);
    this.colour();
    this.hint.textContent = "";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), TYPING);
  }

  flush() { // what is typed while there is no connection is sent when there is one again
    clearTimeout(this.timer);
    const source = typed.get(this.id);
    if (source === undefined || socket?.readyState !== WebSocket.OPEN) return;
    typed.delete(this.id);
    if (source !== this.cell.source) act("edit_cell", { cell_id: this.id, source });
  }

  write(isWritten) {
    if (this.cell?.cell_type !== "markdown") return;
    this.isWritten = isWritten;
    this.showSource();
    if (isWritten) this.text.focus();
  }

  run() {
    this.flush();
    if (this.cell.cell_type === "code") return act("run_cell", { cell_id: this.id });
    this.text.blur();
    return this.write(false);
  }

  async move(by) {
    const index = indexOf(this.id) + by;
    if (index < 0 || index >= doc.cells.length) return;
    await this.edit("move_cell", { index });
    this.buttons[by < 0 ? "up" : "down"].focus();
  }

  key(event) {
    const isTab = event.key === "Tab" && !event.shiftKey && !this.leaves;
    this.leaves = event.key === "Escape"; // Escape and then Tab go to what comes next
    if (event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.run();
      if (event.shiftKey) next(this.id);
    } else if (isTab && this.cell.cell_type === "code") {
      event.preventDefault();
      const before = this.text.value.slice(0, this.text.selectionStart);
      if (/[\w.)\]"']$/u.test(before)) this.complete(before);
      else this.insert("    ", before.length, this.text.selectionEnd);
    }
  }

  insert(text, start, end) {
    this.text.setRangeText(text, start, end, "end");
    this.type();
  }

  async complete(before) {
    this.flush();
    const code = this.text.value;
    const answer = await act("complete", { code, cursor_pos: [...before].length });
    if (!answer || this.text.value !== code || this.text.selectionStart !== before.length) return;
    const { matches = [], cursor_start: from = 0 } = answer.reply;
    const start = [...before].slice(0, from).join("").length;
    let common = matches[0] ?? "";
    while (matches.some((match) => !match.startsWith(common))) common = common.slice(0, -1);
    if (common.length > before.length - start) this.insert(common, start, before.length);
    this.hint.textContent = matches.length > 1 ? matches.slice(0, 40).join("  ") : matches.length ? "" : "Nothing is known here.";
  }
}

async function add(kind, index) {
  wanted = (await act("add_cell", { cell: { cell_type: kind }, index }))?.cell_ids[0];
  focusWanted();
}

function focusWanted() { // the cell that was added here, once it is there
  const view = views.get(wanted);
  if (!view) return;
  wanted = null;
  view.write(true);
  view.text.focus();
}

function next(id) {
  const following = doc.cells[indexOf(id) + 1];
  if (following) { views.get(following.id)[following.cell_type === "markdown" ? "rendered" : "text"].focus(); return; }
  add("code", doc.cells.length);
}

document.addEventListener("click", ({ target }) => {
  const { act: asks, add: kind } = target.dataset ?? {};
  if (asks) { for (const view of views.values()) view.flush(); act(asks); }
  if (kind) add(kind, doc.cells.length);
});
addEventListener("beforeunload", () => { for (const view of views.values()) view.flush(); });

connect();
