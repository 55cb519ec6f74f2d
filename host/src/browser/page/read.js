// The page as a person reads it: plain text, or Markdown with its headings, lists, tables and links.
//
// It must not judge what is worth reading, change the page, or walk on when enough is there.

toolyard.read = (asked) => {
  const root = asked.root ? resolve(asked.root) : { element: page.body(document) || page.top(document) };
  if (root.error) return root;
  const offset = asked.offset || 0;
  const out = new Page(!!asked.markdown, offset + asked.max);
  if (root.element) readNode(out, root.element, true, false);
  return piece(out, offset, asked.max);
};

// A pair of surrogates that a cut would part belongs to the later piece.
function piece(out, offset, max) {
  const all = out.text;
  const low = (i) => all.charCodeAt(i) >> 10 === 0x37;
  const from = low(offset) ? offset - 1 : offset;
  const to = low(offset + max) ? offset + max - 1 : offset + max;
  const text = all.slice(Math.max(from, 0), to);
  const truncated = all.length > to;
  return { text: text.toWellFormed?.() ?? text, truncated, ...(truncated || out.full() ? {} : { total: all.length }) };
}

/** What has been read so far. Spaces and line breaks are owed until more text comes, so that none is left at an end. */
class Page {
  constructor(markdown, max) {
    Object.assign(this, { markdown, max, text: "", space: false, breaks: 0, marks: [], lines: [], fresh: true });
    // Inside a link or a cell, all is on one line; inside a cell, bars are escaped.
    Object.assign(this, { flat: 0, cell: 0, fields: true });
  }
  full() {
    return this.text.length > this.max;
  }
  /** Owes `n` line breaks, or a space where all must be on one line. */
  rest(n) {
    if (this.flat) this.space = true;
    else if (!this.fresh) this.breaks = Math.max(this.breaks, n);
  }
  /** Text with its spaces as they are written. */
  put(text) {
    if (this.breaks || !this.text) this.begin();
    else if (this.space) this.text += " ";
    this.space = false;
    if (this.marks.length) this.text += this.marks.splice(0).map((mark) => ((mark.put = true), mark.text)).join("");
    this.text += this.cell && this.markdown ? text.replace(/\|/g, "\\|") : text;
    this.fresh = false;
  }
  /** Ends the line, and begins one behind the marks of quotes and lists. */
  begin() {
    const count = this.text ? this.breaks : 0;
    const rest = this.lines.map((line) => (line.first === null || line.open ? line.rest : "")).join("").trimEnd();
    for (let i = 0; i < count; i++) this.text += "\n" + (i < count - 1 ? rest : "");
    this.breaks = 0;
    for (const line of this.lines) {
      this.text += line.first ?? line.rest;
      line.first = null;
    }
  }
  /** Text of the page: spaces collapse. */
  flow(text) {
    if (/^\s/.test(text)) this.space = true;
    const one = neat(text);
    if (!one) return;
    this.put(one);
    this.space = /\s$/.test(text);
  }
  /** Opens a mark that is written with the first text behind it. */
  open(text) {
    const mark = { text, put: false };
    this.marks.push(mark);
    return mark;
  }
  /** Closes it, unless there was nothing; `by` stands right behind the last text. */
  close(mark, by) {
    if (!mark.put) this.marks = this.marks.filter((one) => one !== mark);
    else this.text += by;
  }
}

const INLINE_MARKS = { b: "**", strong: "**", em: "*", i: "*", del: "~~", s: "~~" };

/** Reads a node; `shown` says whether the parent's own text is visible, `kept` whether its spaces are as written. */
function readNode(out, node, shown, kept) {
  if (out.full()) return;
  const what = kind(node);
  if (what === 1) return readElement(out, node);
  if (what !== 3 || !shown) return;
  const text = dataOf(node);
  if (!kept || out.flat) out.flow(text);
  else keepLines(out, text, kept === "lines");
}

// `pre-line` keeps line breaks alone, the others all.
function keepLines(out, text, collapse) {
  text.split("\n").forEach((line, i) => {
    if (i) out.breaks = Math.min(out.breaks + 1, 2);
    if (collapse) out.flow(line);
    else if (line) out.put(line);
  });
}

function readElement(out, el) {
  const tag = tagOf(el);
  if (UNREAD.has(tag) || tag === "svg") return;
  const style = getComputedStyle(el);
  const display = style.display;
  if (display === "none" || display === "") return;
  const shown = style.visibility === "visible";
  if (tag === "br") return out.flat ? out.rest(1) : void (out.breaks = Math.min(out.breaks + 1, 2));
  const inline = display.startsWith("inline") || display === "contents";
  if (!inline && style.contentVisibility === "hidden") return;
  const space = /^pre/.test(style.whiteSpace) && (style.whiteSpace === "pre-line" ? "lines" : "all");
  const kids = () => eachKid(el, (kid) => readNode(out, kid, shown, space));
  if (shown && readSpecial(out, el, tag, kids)) return;
  if (inline) {
    if (display !== "inline" && display !== "contents") out.space = true;
    kids();
    if (display !== "inline" && display !== "contents") out.space = true;
  } else block(out, tag === "p" ? 2 : 1, kids);
}

function block(out, gap, kids) {
  out.rest(gap);
  kids();
  out.rest(gap);
}

/** What has a form of its own; whether it was one. */
function readSpecial(out, el, tag, kids) {
  switch (tag) {
    case "iframe": case "frame":
      return block(out, 1, () => out.put("[frame: " + cut(neat(attr(el, "title") || attr(el, "name") || attr(el, "src") || ""), 80) + "]")), true;
    case "input": case "select": case "textarea": return out.fields && readField(out, el, tag), true;
    case "video": case "audio": case "canvas": case "object": return tag !== "object";
    case "table": return readTable(out, el);
    case "ul": case "ol": case "menu": return readList(out, el, tag), true;
    case "button": if (!out.flat) return bracket(out, "[", "]", kids); return false;
    default: return out.markdown && readMarked(out, el, tag, kids);
  }
}

function bracket(out, before, after, kids) {
  const mark = out.open(before);
  out.flat++;
  kids();
  out.flat--;
  out.close(mark, after);
  return true;
}

function readMarked(out, el, tag, kids) {
  if (/^h[1-6]$/.test(tag)) {
    if (out.flat) return false;
    out.rest(2);
    bracket(out, "#".repeat(+tag[1]) + " ", "", kids);
    return out.rest(2), true;
  }
  if (INLINE_MARKS[tag]) return bracketInline(out, INLINE_MARKS[tag], kids);
  switch (tag) {
    case "a": return readLink(out, el, kids);
    case "img": return readImage(out, el), true;
    case "hr": return block(out, 2, () => !out.flat && out.put("---")), true;
    case "pre": return !out.flat && readPre(out, el);
    case "code": case "kbd": case "samp": return readCode(out, el), true;
    case "blockquote": return !out.flat && (block(out, 2, () => indent(out, "> ", "> ", kids)), true);
    default: return false;
  }
}

// Bold over several blocks has no form in Markdown.
function bracketInline(out, mark, kids) {
  const open = out.open(mark);
  const lines = out.text.length;
  kids();
  if (open.put && out.text.slice(lines).trim().includes("\n")) {
    out.text = out.text.slice(0, lines) + out.text.slice(lines).replace(mark, "");
  } else out.close(open, mark);
  return true;
}

function readLink(out, el, kids) {
  const href = el.href;
  if (!href || /^javascript:/i.test(href)) return false;
  const before = out.text.length;
  const mark = out.open("[");
  out.flat++;
  kids();
  // A link that is only an icon is told by its name.
  if (!mark.put) out.flow(saidName(el) || attr(el, "title") || "");
  out.flat--;
  out.close(mark, "](" + href.replace(/[()\s]/g, encodeURIComponent).replace(/\(/g, "%28").replace(/\)/g, "%29") + ")");
  return before >= 0;
}

function readImage(out, el) {
  const alt = neat(attr(el, "alt") || "");
  if (!alt) return;
  const src = el.currentSrc || el.src;
  out.put("![" + alt + "](" + (src.startsWith("data:") ? "data:" : src) + ")");
}

function readPre(out, el) {
  const code = queryIn(el, "code");
  const lang = ((attr(el, "class") || "") + " " + ((code && attr(code, "class")) || "")).match(/\b(?:language|lang)-([\w+#-]+)/);
  const text = plainPre(el, out.max - out.text.length + 100);
  const fence = /```/.test(text) ? "````" : "```";
  block(out, 2, () => {
    for (const line of [fence + (lang ? lang[1] : ""), ...text.split("\n"), fence]) {
      out.put(line);
      out.breaks = 1;
    }
  });
  return true;
}

/** The text of a `pre`, lines as they are shown, no longer than is wanted. */
function plainPre(el, max) {
  let text = "";
  const visit = (node) => {
    if (text.length > max) return;
    if (kind(node) === 3) return void (text += dataOf(node));
    if (kind(node) !== 1 || UNREAD.has(tagOf(node))) return;
    if (tagOf(node) === "br") return void (text += "\n");
    const display = getComputedStyle(node).display;
    if (display === "none") return;
    const apart = display === "block" && text && !text.endsWith("\n");
    if (apart) text += "\n";
    eachKid(node, visit);
    if (display === "block" && !text.endsWith("\n")) text += "\n";
  };
  eachKid(el, visit);
  return text.replace(/\r/g, "").replace(/^\n|\s+$/g, "");
}

function readCode(out, el) {
  const text = neat(plainPre(el, 2000));
  const ticks = text.includes("`") ? "``" : "`";
  if (text) out.put(ticks + text + ticks);
}

function indent(out, first, rest, kids) {
  const line = { first, rest };
  out.lines.push(line);
  out.fresh = true;
  kids();
  out.fresh = false;
  out.lines.pop();
  return line.first === null;
}

function readList(out, el, tag) {
  const nested = out.lines.length > 0;
  out.rest(nested ? 1 : 2);
  let number = tag === "ol" ? parseInt(attr(el, "start") ?? "1", 10) || 1 : 0;
  eachKid(el, (kid) => {
    if (kind(kid) !== 1 || tagOf(kid) !== "li" || out.flat) return readNode(out, kid, true, false);
    const style = getComputedStyle(kid);
    if (style.display === "none" || style.visibility !== "visible") return;
    const bullet = number ? number++ + ". " : out.markdown ? "- " : "• ";
    out.rest(1);
    indent(out, bullet, " ".repeat(bullet.length), () => eachKid(kid, (one) => readNode(out, one, true, false)));
    out.breaks = Math.max(out.breaks, 1);
  });
  out.rest(nested ? 1 : 2);
}

/** A table of data; whether it was one. Others are there for the layout, and read block by block. */
function readTable(out, el) {
  if (out.flat || /^(none|presentation)$/.test(attr(el, "role") || "")) return false;
  if (queryIn(el, "table,ul,ol,pre,h1,h2,h3,blockquote,textarea,p + p")) return false;
  out.rest(2);
  let rows = 0;
  const row = (el) => {
    const cells = readCells(out, el);
    if (!cells.length || out.full()) return;
    out.rest(1);
    if (out.markdown) out.put("| " + cells.join(" | ") + " |");
    else out.put(cells.join("\t"));
    out.breaks = 1;
    if (rows++ === 0 && out.markdown) {
      out.put("|" + " --- |".repeat(cells.length));
      out.breaks = 1;
    }
  };
  const part = (node) => {
    if (kind(node) !== 1 || out.full()) return;
    const tag = tagOf(node);
    if (getComputedStyle(node).display === "none") return;
    if (tag === "tr") row(node);
    else if (tag === "caption") readNode(out, node, true, false), out.rest(2);
    else eachKid(node, part);
  };
  eachKid(el, part);
  out.breaks = rows ? 0 : out.breaks;
  out.rest(2);
  return true;
}

function readCells(out, row) {
  const cells = [];
  eachKid(row, (cell) => {
    if (kind(cell) !== 1 || !/^t[dh]$/.test(tagOf(cell)) || getComputedStyle(cell).display === "none") return;
    const inner = new Page(out.markdown, out.max);
    Object.assign(inner, { flat: 1, cell: 1, fields: out.fields });
    readNode(inner, cell, true, false);
    cells.push(inner.text);
    for (let i = 1; i < Math.min(cell.colSpan, 30); i++) cells.push("");
  });
  return cells;
}

/** A field as a person sees it: its value, or what it asks for. */
function readField(out, el, tag) {
  const type = tag === "input" ? el.type : tag;
  if (type === "hidden") return;
  out.space = true;
  out.put(fieldText(el, type));
  out.space = true;
}

function fieldText(el, type) {
  switch (type) {
    case "checkbox": return el.checked ? "[x]" : "[ ]";
    case "radio": return el.checked ? "(x)" : "( )";
    case "submit": case "button": case "reset": case "image": return "[" + neat(buttonName(el)) + "]";
    case "select": return "[" + Array.from(el.selectedOptions, (one) => neat(one.label)).join(", ") + "]";
    case "password": return el.value ? "[•••]" : "[___]";
    case "file": return "[" + (Array.from(el.files || [], (one) => neat(one.name)).join(", ") || "no file") + "]";
    default: return el.value ? "[" + neat(el.value) + "]" : "[___" + neat(" " + (attr(el, "placeholder") || "")).replace(/^(?=.)/, " ") + "]";
  }
}

toolyard.seen = async (asked) => {
  const end = performance.now() + (asked.timeout || 0);
  const look = asked.selector === undefined ? textLook(asked.text) : () => Array.from(allOf(asked.selector)).some(shows);
  if (asked.selector !== undefined && allOf(asked.selector)[0] instanceof Error) {
    return fail("invalid", "not a CSS selector: " + asked.selector);
  }
  for (;;) {
    const began = performance.now();
    if (look() !== !!asked.gone) return { ok: true };
    const now = performance.now();
    if (now >= end) return { ok: false };
    // A page that never rests must not be looked at all the time.
    await change(Math.min(100, end - now), 5 * (now - began));
  }
};

/** Until the document changes, at least `least` and at most `most` milliseconds. */
async function change(most, least) {
  if (least > 5) await sleep(Math.min(least, 1000));
  let watch;
  const changed = new Promise((done) => (watch = new MutationObserver(done)));
  watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  await Promise.race([changed, sleep(most)]);
  watch.disconnect();
}

/** Looks for a text: first in single nodes; where it is spread over several, in what is rendered, and that seldom. */
function textLook(asked) {
  const text = neat(asked);
  const bare = (data) => data.replace(/\s+/g, "").toLowerCase();
  const key = bare(text);
  let next = 0;
  return () => {
    const all = [];
    for (const root of [document, ...roots()]) {
      const walker = document.createTreeWalker.call(document, root, 5);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        let data = "";
        if (kind(node) === 3) data = dataOf(node);
        else if (tagOf(node) === "input" && /^(submit|button|reset)$/.test(node.type)) data = node.value;
        if (!data) continue;
        all.push(data);
        if (squeeze(data).includes(text) && textShows(node)) return true;
      }
    }
    if (!bare(all.join("")).includes(key) || performance.now() < next) return false;
    const out = new Page(false, Infinity);
    out.fields = false;
    readNode(out, page.body(document) || page.top(document), true, false);
    const found = neat(out.text).includes(text) || neat(page.body(document)?.innerText || "").includes(text);
    next = performance.now() + 300;
    return found;
  };
}

function textShows(node) {
  const el = kind(node) === 3 ? above(node) : node;
  if (!el || UNREAD.has(tagOf(el))) return false;
  return shows(el);
}
