// The page as a person reads it: plain text, or Markdown with its headings, lists, tables and links; and waiting until a
// text or an element can be seen.
//
// It must not judge what is worth reading, change the page, or walk on when enough is there.

toolyard.read = (asked) => {
  const root = asked.root ? resolve(asked.root) : { element: bodyOf(document) || topOf(document) };
  if (root.error) return root;
  const offset = asked.offset || 0;
  const out = new Reading(asked.markdown, offset + asked.max);
  if (root.element) readNode(out, root.element, true);
  const all = out.text;
  // A pair of surrogates that a cut would part belongs to the later piece.
  const whole = (i) => (all.charCodeAt(i) >> 10 === 0x37 ? i - 1 : i);
  const to = whole(offset + asked.max);
  const truncated = all.length > to;
  const text = all.slice(whole(offset), to).toWellFormed();
  return { text, truncated, ...(truncated ? {} : { total: all.length }), ...whereabouts() };
};

/** What has been read so far. Spaces and line breaks are owed until more text comes, so that none is left at an end. */
class Reading {
  constructor(markdown, max) {
    // `flat` is above zero where all is on one line: in a link, a heading, a cell.
    Object.assign(this, { markdown, max, text: "", space: false, breaks: 0, turns: 0, marks: [], lines: [], fresh: true });
    Object.assign(this, { flat: 0, level: 0, cell: false, fields: true });
  }
  full() {
    return this.text.length > this.max;
  }
  /** Owes `n` line breaks. */
  rest(n) {
    if (this.flat) this.space = true;
    else if (!this.fresh) this.breaks = Math.max(this.breaks, n);
  }
  /** Text with its spaces as they are. */
  put(text) {
    if (this.breaks || !this.text) this.turn();
    else if (this.space) this.text += " ";
    for (const mark of this.marks) {
      this.text += mark.text;
      mark.put = true;
    }
    this.text += this.cell ? text.replace(/\|/g, "\\|") : text;
    this.marks = [];
    this.space = this.fresh = false;
  }
  /** Begins a line behind the marks of quotes and lists. */
  turn() {
    const rest = this.lines.map((line) => (line.first === null ? line.rest : "")).join("").trimEnd();
    if (this.text) this.text += ("\n" + rest).repeat(Math.max(this.breaks - 1, 0)) + "\n";
    for (const line of this.lines) {
      this.text += line.first ?? line.rest;
      line.first = null;
    }
    this.breaks = 0;
    this.turns++;
  }
  /** Text of the page: spaces collapse. */
  flow(text) {
    const one = squeeze(text);
    if (one[0] === " ") this.space = true;
    if (!one.trim()) return;
    this.put(one.trim());
    this.space = one.endsWith(" ");
  }
  /** What `inner` reads, between two marks; neither of them if that is nothing, or over several lines. */
  between(before, after, inner, flat) {
    const mark = { text: before, put: false };
    this.marks.push(mark);
    const { length } = this.text;
    const turns = this.turns + (this.breaks || !this.text ? 1 : 0);
    this.flat += flat;
    inner();
    this.flat -= flat;
    if (!mark.put) this.marks = this.marks.filter((one) => one !== mark);
    else if (this.turns <= turns) this.text += after;
    else this.text = this.text.slice(0, length) + this.text.slice(length).replace(before, "");
  }
  /** What `inner` reads, its first line behind `first` and the others behind `rest`. */
  indented(first, rest, inner) {
    this.lines.push({ first, rest });
    this.fresh = true;
    inner();
    this.fresh = false;
    this.lines.pop();
  }
  block(gap, inner) {
    this.rest(gap);
    inner();
    this.rest(gap);
  }
}

/** Reads a node; `shown` says whether the parent's own text is visible, `kept` whether its line breaks count. */
function readNode(out, node, shown, kept) {
  if (out.full()) return;
  const what = kind(node);
  if (what === 1 && out.level++ < DEEP) readElement(out, node);
  if (what === 1) out.level--;
  if (what !== 3 || !shown) return;
  if (!kept || out.flat) return out.flow(dataOf(node));
  dataOf(node).split("\n").forEach((line, i) => {
    if (i) out.breaks = Math.min(out.breaks + 1, 2);
    if (kept === "preserve-breaks") out.flow(line);
    else if (line) out.put(line);
  });
}

function readElement(out, el) {
  const tag = tagOf(el);
  if (UNREAD.has(tag) || /^(svg|video|audio|canvas)$/.test(tag)) return;
  const style = getComputedStyle(el);
  const display = style.display;
  if (display === "none" || display === "") return;
  if (tag === "br") return out.flat ? out.rest(1) : void (out.breaks = Math.min(out.breaks + 1, 2));
  const shown = style.visibility === "visible";
  const inline = /^(inline|contents)/.test(display);
  if (!inline && style.contentVisibility === "hidden") return;
  const kept = style.whiteSpaceCollapse;
  const kids = () => eachKid(el, (kid) => readNode(out, kid, shown, kept !== "collapse" && kept));
  if (shown && readSpecial(out, el, tag, kids)) return;
  const apart = inline && !/^(inline|contents)$/.test(display);
  if (!inline) return out.block(tag === "p" ? 2 : 1, kids);
  out.space ||= apart;
  kids();
  out.space ||= apart;
}

/** What has a form of its own; whether it was one. */
function readSpecial(out, el, tag, kids) {
  const done = (_) => true;
  const title = () => neat(attr(el, "title") || attr(el, "name") || attr(el, "src"));
  switch (tag) {
    case "iframe": case "frame": return done(out.block(1, () => out.put("[frame: " + cut(title(), 80) + "]")));
    case "input": case "select": case "textarea": return done(out.fields && readField(out, el, tag));
    case "table": return readTable(out, el);
    case "ul": case "ol": case "menu": return done(readList(out, el, tag));
    case "button": return !out.flat && done(((out.space = true), out.between("[", "]", kids, 1)));
  }
  if (!out.markdown) return false;
  switch (tag) {
    case "b": case "strong": return done(out.between("**", "**", kids, 0));
    case "i": case "em": return done(out.between("*", "*", kids, 0));
    case "s": case "del": return done(out.between("~~", "~~", kids, 0));
    case "a": return readLink(out, el, kids);
    case "img": return done(readImage(out, el));
    case "code": case "kbd": case "samp": return done(readCode(out, el));
  }
  if (out.flat) return false;
  switch (tag) {
    case "h1": case "h2": case "h3": case "h4": case "h5": case "h6":
      return done(out.block(2, () => out.between("#".repeat(tag[1]) + " ", "", kids, 1)));
    case "hr": return done(out.block(2, () => out.put("---")));
    case "pre": return done(readPre(out, el));
    case "blockquote": return done(out.block(2, () => out.indented("> ", "> ", kids)));
  }
  return false;
}

function readLink(out, el, kids) {
  if (!el.href || /^javascript:/i.test(el.href)) return false;
  const way = el.href.replace(/[()|]/g, (one) => "%" + one.charCodeAt(0).toString(16));
  const inner = () => {
    const { length } = out.text;
    kids();
    // A link that is only an icon is told by its name.
    if (out.text.length === length) out.flow(saidName(el) || attr(el, "title") || "");
  };
  out.between("[", "](" + way + ")", inner, 1);
  return true;
}

function readImage(out, el) {
  const alt = neat(attr(el, "alt"));
  const src = el.currentSrc || el.src;
  if (alt) out.put("![" + alt + "](" + (src.startsWith("data:") ? "data:" : src) + ")");
}

function readPre(out, el) {
  const code = queryIn(el, "code") || el;
  const lang = [el, code].map((one) => attr(one, "class")).join(" ").match(/\b(?:language|lang)-([\w+#-]+)/);
  const text = linesOf(el, out.max - out.text.length + 100);
  const fence = text.includes("```") ? "````" : "```";
  out.rest(2);
  for (const line of [fence + (lang ? lang[1] : ""), ...text.split("\n"), fence]) {
    out.put(line);
    out.breaks = 1;
  }
  out.rest(2);
}

/** The text in a `pre`, lines as they are shown, no longer than is wanted. */
function linesOf(el, max) {
  let text = "";
  const visit = (node) => {
    if (text.length > max) return;
    if (kind(node) === 3) text += dataOf(node).slice(0, max);
    if (kind(node) !== 1 || UNREAD.has(tagOf(node))) return;
    const { display } = getComputedStyle(node);
    const turn = () => void (display === "block" && text && !text.endsWith("\n") && (text += "\n"));
    if (display === "none") return;
    if (tagOf(node) === "br") text += "\n";
    turn();
    eachKid(node, visit);
    turn();
  };
  eachKid(el, visit);
  return text.replace(/\r/g, "").replace(/^\n/, "").trimEnd();
}

function readCode(out, el) {
  const text = neat(linesOf(el, 2000));
  const ticks = text.includes("`") ? "``" : "`";
  if (text) out.put(ticks + text + ticks);
}

function readList(out, el, tag) {
  const gap = out.lines.length ? 1 : 2;
  let number = tag === "ol" ? parseInt(attr(el, "start") ?? 1, 10) : NaN;
  out.rest(gap);
  eachKid(el, (kid) => {
    if (kind(kid) !== 1 || tagOf(kid) !== "li" || out.flat || !rendered(kid)) return readNode(out, kid, false);
    const bullet = number >= 0 ? number++ + ". " : out.markdown ? "- " : "• ";
    out.rest(1);
    out.indented(bullet, " ".repeat(bullet.length), () => eachKid(kid, (one) => readNode(out, one, true)));
    out.breaks = 1;
  });
  out.rest(gap);
}

/** A table of data; whether it was one. Others are there for the layout, and read block by block. */
function readTable(out, el) {
  if (out.flat || /^(none|presentation)$/.test(attr(el, "role"))) return false;
  if (queryIn(el, "table,ul,ol,pre,h1,h2,h3,blockquote,textarea,p + p")) return false;
  let rows = 0;
  const line = (text) => {
    out.put(text);
    out.breaks = 1;
  };
  const part = (node) => {
    if (out.full() || kind(node) !== 1 || getComputedStyle(node).display === "none") return;
    const tag = tagOf(node);
    if (tag === "caption") return out.block(2, () => eachKid(node, (kid) => readNode(out, kid, true)));
    if (tag !== "tr") return eachKid(node, part);
    const cells = cellsOf(out, node);
    if (!cells.length) return;
    line(out.markdown ? "| " + cells.join(" | ") + " |" : cells.join("\t"));
    if (out.markdown && !rows++) line("|" + " --- |".repeat(cells.length));
  };
  out.rest(2);
  eachKid(el, part);
  out.rest(2);
  return true;
}

function cellsOf(out, row) {
  const cells = [];
  eachKid(row, (cell) => {
    if (kind(cell) !== 1 || !/^t[dh]$/.test(tagOf(cell))) return;
    const inner = new Reading(out.markdown, out.max);
    Object.assign(inner, { flat: 1, cell: out.markdown, fields: out.fields });
    readNode(inner, cell, true);
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
  const asks = neat(attr(el, "placeholder"));
  switch (type) {
    case "checkbox": return el.checked ? "[x]" : "[ ]";
    case "radio": return el.checked ? "(x)" : "( )";
    case "submit": case "button": case "reset": case "image": return "[" + neat(buttonName(el)) + "]";
    case "select": return "[" + chosenIn(el) + "]";
    case "password": return el.value ? "[•••]" : "[___]";
    case "file": return "[" + (fileNames(el) || "no file") + "]";
    default: return el.value ? "[" + neat(el.value) + "]" : "[___" + (asks && " " + asks) + "]";
  }
}

toolyard.seen = async ({ text, selector, gone, timeout }) => {
  const end = performance.now() + (timeout || 0);
  const look = selector === undefined ? textLook(neat(text)) : () => Array.from(allOf(selector)).some(shows);
  const wrong = selector !== undefined && allOf(selector)[0] instanceof Error;
  if (wrong) return fail("invalid", "not a CSS selector: " + selector);
  for (;;) {
    const began = performance.now();
    if (look() !== !!gone) return { ok: true };
    const now = performance.now();
    if (now >= end) return { ok: false };
    // A page that never rests must not be looked at all the time.
    await sleep(Math.min(4 * (now - began), 1000, end - now));
    await changed(Math.min(100, end - now));
  }
};

/** Until the document changes, or so many milliseconds are over. */
async function changed(most) {
  let watch;
  const change = new Promise((done) => (watch = new MutationObserver(done)));
  watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  await Promise.race([change, sleep(most)]);
  watch.disconnect();
}

/** Looks for a text: first in single nodes; where it is spread over several, in what is rendered, and that seldom. */
function textLook(text) {
  const bare = (data) => data.replace(/\s+/g, "").toLowerCase();
  let next = 0;
  return () => {
    let all = "";
    for (const root of [document, ...roots()]) {
      const walker = walkerOf(document, root, 5);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const own = kind(node) === 3 ? dataOf(node) : tagOf(node) === "input" ? buttonName(node) : "";
        if (own && squeeze(own).includes(text) && !UNREAD.has(tagOf(above(node))) && textShows(node)) return true;
        all += own;
      }
    }
    if (performance.now() < next || !bare(all).includes(bare(text))) return false;
    const body = bodyOf(document) || topOf(document);
    if (!body) return false;
    const out = new Reading(false, Infinity);
    out.fields = false;
    readNode(out, body, true);
    next = performance.now() + 300;
    return neat(out.text).includes(text) || neat(body.innerText).includes(text);
  };
}
const textShows = (node) => shows(kind(node) === 3 ? above(node) : node);
