// How is what a notebook holds shown? Texts become elements, never HTML: what a kernel or a file
// says is not trusted. Only HTML of a cell is, in a frame that has no origin.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Python, by one expression: comments, strings, decorators and magics, numbers, words.
const PYTHON = new RegExp(
  [
    /(?<c>#[^\n]*)/,
    /(?<s>(?<![\p{L}\p{N}_])[rbfut]{0,2}(?:"""[^]*?(?:"""|(?![^]))|\x27{3}[^]*?(?:\x27{3}|(?![^]))|"(?:\\.|[^"\\\n])*"?|\x27(?:\\.|[^\x27\\\n])*\x27?))/,
    /(?<m>^[ \t]*(?:@[\w.]+|%{1,2}\w+|!.*))/,
    /(?<n>\b(?:0[xob][\da-f_]+|\d[\d_]*(?:\.[\d_]*)?(?:e[+-]?\d+)?j?)\b)/,
    /(?<w>[\p{L}_][\p{L}\p{N}_]*)/,
  ].map(({ source }) => source).join("|"),
  "gimu",
);
const KEYWORDS = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global if "
  + "import in is lambda nonlocal not or pass raise return try while with yield match case type").split(" "),
);
const BUILTINS = new Set(
  ("abs all any bool bytes callable dict dir enumerate filter float format getattr hasattr hash id input int isinstance "
  + "issubclass iter len list map max min next object open print property range repr reversed round self set setattr "
  + "slice sorted str sum super tuple type vars zip display").split(" "),
);

export function highlighted(code) {
  const shown = document.createDocumentFragment();
  let end = 0;
  for (const found of code.matchAll(PYTHON)) {
    const { c, s, m, n, w } = found.groups;
    const kind = c ? "c" : s ? "s" : m ? "b" : n ? "n" : code[found.index - 1] === "." ? "" : KEYWORDS.has(w) ? "k" : BUILTINS.has(w) ? "b" : "";
    if (!kind) continue;
    shown.append(code.slice(end, found.index), element("span", { class: kind }, found[0]));
    end = found.index + found[0].length;
  }
  shown.append(code.slice(end));
  return shown;
}

// Text of a terminal: colours and styles of SGR; other controls are left out.
const CONTROLS = /\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b[^[\]]|[\x00-\x08\x0b\x0c\x0e-\x1a\x7f]/g;

export function terminal(text) {
  const shown = document.createDocumentFragment();
  let style = {};
  const plain = text.replace(/[^\n\r]*\r(?=[^\n\r])/g, "").replace(CONTROLS, "").replace(/\r/g, "");
  plain.split(/\x1b\[([\d;:]*)m/).forEach((part, place) => {
    if (place % 2) style = styled(style, part.split(/[;:]/).map(Number));
    else if (part) shown.append(spanOf(style, part));
  });
  return shown;
}

function styled(before, codes) {
  let style = { ...before };
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i];
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 22) style.bold = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 38 || code === 48) {
      const isIndexed = codes[i + 1] === 5;
      style[code === 38 ? "f" : "g"] = isIndexed ? colour(codes[i + 2]) : `rgb(${codes.slice(i + 2, i + 5).join(" ")})`;
      i += isIndexed ? 2 : 4;
    } else if (code === 39) delete style.f;
    else if (code === 49) delete style.g;
    else if ((code >= 30 && code < 38) || (code >= 90 && code < 98)) style.f = code % 10;
    else if ((code >= 40 && code < 48) || (code >= 100 && code < 108)) style.g = code % 10;
  }
  return style;
}

function colour(index) {
  if (index < 16) return index % 8;
  if (index >= 232) return `rgb(${Array(3).fill(8 + 10 * (index - 232)).join(" ")})`;
  const steps = [Math.floor((index - 16) / 36), Math.floor((index - 16) / 6) % 6, (index - 16) % 6];
  return `rgb(${steps.map((step) => (step ? 55 + 40 * step : 0)).join(" ")})`;
}

function spanOf(style, text) {
  const made = element("span", {}, text);
  for (const [key, property] of [["f", "color"], ["g", "backgroundColor"]]) {
    if (typeof style[key] === "number") made.classList.add(`${key}${style[key]}`);
    else if (style[key]) made.style[property] = style[key];
  }
  for (const name of ["bold", "italic", "underline"]) if (style[name]) made.classList.add(name);
  return made;
}

// Markdown, what notebooks have of it; HTML in it stays text.
const INLINE = new RegExp(
  [
    /(?<ticks>`+)(?<code>[^]*?[^`])\k<ticks>(?!`)/,
    /(?<bang>!?)\[(?<label>(?:\\.|[^\]\\])*)\]\(\s*<?(?<to>[^\s)>]*)>?(?:\s+"[^"]*")?\s*\)/,
    /(?<auto>https?:\/\/[^\s<>()]+)/,
    /\*\*(?<strong>[^\s*](?:[^]*?[^\s])?)\*\*/,
    /(?<![\w*])[*_](?<em>[^\s*_](?:[^*_]*[^\s*_])?)[*_](?!\w)/,
    /\\(?<escaped>[\\`*_{}[\]()#+.!-])/,
  ].map(({ source }) => source).join("|"),
);

function inline(text, attachments) {
  const shown = document.createDocumentFragment();
  for (let rest = text; rest;) {
    const found = INLINE.exec(rest);
    if (!found) { shown.append(rest); break; }
    shown.append(rest.slice(0, found.index), inlined(found.groups, found[0], attachments));
    rest = rest.slice(found.index + found[0].length);
  }
  return shown;
}

function inlined({ code, bang, label, to, auto, strong, em, escaped }, whole, attachments) {
  if (code !== undefined) return element("code", {}, code.trim());
  if (strong !== undefined) return element("strong", {}, inline(strong, attachments));
  if (em !== undefined) return element("em", {}, inline(em, attachments));
  if (escaped !== undefined) return escaped;
  const target = auto ?? to;
  if (bang) {
    const source = imageOf(target, attachments);
    return source ? element("img", { src: source, alt: label }) : whole;
  }
  if (!/^(https?:|mailto:)/i.test(target)) return auto ?? inline(label, attachments);
  const link = element("a", { href: target, target: "_blank", rel: "noopener noreferrer" });
  link.append(auto ?? inline(label, attachments));
  return link;
}

function imageOf(target, attachments) {
  if (/^data:image\/(png|jpeg|gif|webp|svg\+xml)[;,]/i.test(target)) return target;
  const bundle = target.startsWith("attachment:") && attachments?.[decodeURI(target.slice(11))];
  const [mime] = Object.keys(bundle || {}).filter((kind) => kind.startsWith("image/"));
  return mime ? `data:${mime};base64,${joined(bundle[mime])}` : null;
}

const LIST = /^(\s*)(?:[-*+]|(\d+)[.)])\s+(.*)$/;
const ROW = /^\s*\|.*\|\s*$/;

export function markdown(text, attachments) {
  const shown = document.createDocumentFragment();
  const lines = text.split("\n");
  const take = (claim) => { const taken = []; while (lines.length && claim(lines[0])) taken.push(lines.shift()); return taken; };
  while (lines.length) {
    const line = lines[0];
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    const fence = /^\s*(`{3,}|~{3,})\s*(\w*)/.exec(line);
    if (!line.trim()) lines.shift();
    else if (heading) { lines.shift(); shown.append(element(`h${heading[1].length}`, {}, inline(heading[2], attachments))); }
    else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) { lines.shift(); shown.append(element("hr")); }
    else if (fence) {
      lines.shift();
      const code = take((one) => !one.trim().startsWith(fence[1])).join("\n");
      lines.shift();
      shown.append(element("pre", {}, /^(py|python)$/i.test(fence[2]) ? highlighted(code) : code));
    } else if (line.startsWith(">")) {
      const quoted = take((one) => one.startsWith(">")).map((one) => one.replace(/^> ?/, ""));
      shown.append(element("blockquote", {}, markdown(quoted.join("\n"), attachments)));
    } else if (LIST.test(line)) shown.append(list(take((one) => LIST.test(one) || /^\s+\S/.test(one)), attachments));
    else if (ROW.test(line) && ROW.test(lines[1] ?? "")) shown.append(table(take((one) => ROW.test(one)), attachments));
    else {
      const words = take((one) => one.trim() && !/^(#{1,6}\s|\s*(```|~~~)|>)/.test(one) && !LIST.test(one));
      shown.append(element("p", {}, inline(words.length ? words.join("\n") : lines.shift(), attachments)));
    }
  }
  return shown;
}

function list(lines, attachments) {
  const [, indent, number] = LIST.exec(lines[0]);
  const made = element(number ? "ol" : "ul", number ? { start: number } : {});
  while (lines.length) {
    const [, , , first] = LIST.exec(lines.shift()) ?? [null, null, null, ""];
    const inner = [];
    while (lines.length && !(LIST.exec(lines[0])?.[1].length <= indent.length)) inner.push(lines.shift());
    const [nested, more] = [inner.findIndex((one) => LIST.test(one)), inner.length];
    const words = [first, ...inner.slice(0, nested < 0 ? more : nested).map((one) => one.trim())].join(" ");
    made.append(element("li", {}, inline(words, attachments), ...(nested < 0 ? [] : [list(inner.slice(nested), attachments)])));
  }
  return made;
}

function table(lines, attachments) {
  const cells = (line) => line.trim().slice(1, -1).split("|").map((cell) => cell.trim());
  const row = (line, tag) => element("tr", {}, ...cells(line).map((cell) => element(tag, {}, inline(cell, attachments))));
  return element("table", {}, row(lines[0], "th"), ...lines.slice(2).map((line) => row(line, "td")));
}

// Outputs of nbformat.
const joined = (value) => (Array.isArray(value) ? value.join("") : String(value));
const frames = new Map(); // by window: the frame
const TALLEST = 640; // pixels

addEventListener("message", ({ source, data }) => { // a frame tells its height, and nothing else
  const frame = frames.get(source);
  if (frame && Number.isFinite(data?.height)) frame.style.height = `${Math.min(Math.max(data.height, 16), TALLEST)}px`;
});

function framed(html) {
  const frame = element("iframe", { sandbox: "allow-scripts", src: "frame.html", title: "HTML output", referrerpolicy: "no-referrer" });
  frame.addEventListener("load", () => {
    for (const [known, { isConnected }] of frames) if (!isConnected) frames.delete(known);
    frames.set(frame.contentWindow, frame);
    frame.contentWindow.postMessage({ html }, "*"); // its origin is none
  }, { once: true });
  return frame;
}

const image = (mime) => (data, bundle) => element("img", { src: `data:${mime};base64,${joined(data).replace(/\s/g, "")}`, alt: joined(bundle["text/plain"] ?? "image") });
const SHOWN_BY = { // the first that an output has
  "text/html": (data) => framed(joined(data)),
  "image/svg+xml": (data, bundle) => element("img", {
    src: `data:image/svg+xml,${encodeURIComponent(joined(data))}`, alt: joined(bundle["text/plain"] ?? "image"),
  }),
  ...Object.fromEntries(["image/png", "image/jpeg", "image/gif", "image/webp"].map((mime) => [mime, image(mime)])),
  "text/markdown": (data) => element("div", { class: "rendered" }, markdown(joined(data))),
  "text/latex": (data) => element("pre", {}, joined(data)),
  "application/json": (data) => element("pre", {}, JSON.stringify(data, null, 2)),
  "text/plain": (data) => element("pre", {}, terminal(joined(data))),
};

export function output(shown) {
  if (shown.output_type === "stream") return element("pre", { class: shown.name }, terminal(joined(shown.text)));
  if (shown.output_type === "error") {
    const told = shown.traceback?.length ? shown.traceback.join("\n") : `${shown.ename}: ${shown.evalue}`;
    return element("pre", { class: "error" }, terminal(told));
  }
  const data = shown.data ?? {};
  const mime = Object.keys(SHOWN_BY).find((one) => one in data);
  return mime ? SHOWN_BY[mime](data[mime], data) : element("pre", {}, `[${Object.keys(data).join(", ")}]`);
}
