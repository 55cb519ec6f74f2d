// The page as a tree of roles, names and states: one element a line, for a reader who pays by the character; and the
// numbers by which elements are named afterwards.
//
// It must not walk on when the text is long enough, give a number to what isn't shown, or tell what a password field holds.

const numbers = new WeakMap();
const elements = new Map();
let last = 0;

/** The number of an element; a new one if it has none. Never given twice, and never changed. */
function numberOf(el) {
  let n = numbers.get(el);
  if (!n) {
    n = ++last;
    numbers.set(el, n);
    elements.set(n, new WeakRef(el));
  }
  return n;
}

/** The element of a number, if it is still in this document. */
function elementOf(n) {
  const el = elements.get(n)?.deref();
  return el && connected(el) && ownerOf(el) === document ? el : null;
}

const NAME = 200;
const VALUE = 100;
const MORE = "… more: use find, root or a larger max";
const LATE = "… the page is very large, and not all of it was looked at: use root";
/** Lines that tell nothing by themselves: gone if they are empty, and giving way to the only line below them. */
const THIN = words("list listitem cell gridcell term definition figure row table feed grid blockquote rowgroup");
/** Lines that go if nothing is below them. */
const HOLLOW = words("navigation main banner contentinfo complementary region form group search article tabpanel toolbar");
/** Grouping roles that are nothing without a name. */
const UNNAMED = words("group rowgroup caption document note");
/** What a list of controls still needs around them to tell them apart. */
const AROUND = words("dialog alertdialog navigation form region group radiogroup toolbar menu menubar tablist row search");
/** Lines whose inside is told by the line. */
const WHOLE = words("image canvas video audio progressbar meter iframe separator math");

toolyard.snapshot = (asked) => {
  last = Math.max(last, (asked.start || 1) - 1);
  if (elements.size > 5000) for (const [n, ref] of elements) if (!ref.deref()) elements.delete(n);
  const root = asked.root ? resolve(asked.root) : { element: page.top(document) };
  if (root.error) return root;
  const s = {
    find: asked.find ? neat(asked.find).toLowerCase() : "",
    only: !!asked.interactive,
    max: asked.max,
    end: performance.now() + 2000,
    lines: [], size: 0, hits: 0, rows: 0, seen: 0, stop: "", text: "", depth: 0,
    focused: deepFocus(),
    at: new URL(location.href),
  };
  const modal = asked.root ? null : openModal();
  if (modal) say(s, 0, "note", "a modal dialog is open, and the page behind it can't be used: it is left out", !!s.find);
  walk(s, modal || root.element, 0, s.only, "", true);
  flush(s);
  return assemble(s, asked);
};

// Everything behind a modal dialog is inert (HTML, "inert subtrees"), though no attribute says so.
function openModal() {
  const open = Array.from(page.queryAll(document, "dialog:modal"));
  const hit = open.length > 1 ? deepHit(innerWidth / 2, innerHeight / 2) : null;
  return open.reverse().find((one) => hit && closest(hit, "dialog") === one) || open[0] || null;
}

function deepFocus() {
  let at = page.focused(document);
  while (at && shadowOf(at)?.activeElement) at = shadowOf(at).activeElement;
  return at === page.body(document) ? null : at;
}

/** Reads a node and what is below it. `quiet` leaves text out, `cursor` is the parent's, `shown` says whether the
 *  parent's own text is visible. */
function walk(s, node, depth, quiet, cursor, shown) {
  if (s.stop) return;
  const what = kind(node);
  if (what === 3) {
    if (quiet || !shown || (s.text.length > 2 * NAME && !s.find)) return;
    s.text += dataOf(node);
    s.depth = depth;
  } else if (what === 1) element(s, node, depth, quiet, cursor);
}

function element(s, el, depth, quiet, cursor) {
  const tag = tagOf(el);
  if (UNREAD.has(tag)) return;
  if ((++s.seen & 255) === 0 && performance.now() > s.end) s.stop = LATE;
  if (attr(el, "aria-hidden") === "true" || has(el, "inert")) return;
  const style = getComputedStyle(el);
  const display = style.display;
  if (display === "none" || display === "") return;
  if (tag === "br") return void (s.text += " ");
  const shown = style.visibility === "visible";
  const inline = display.startsWith("inline") || display === "contents";
  const pointer = style.cursor;
  if (!inline && style.contentVisibility === "hidden") return;

  const line = shown ? lineOf(s, el, tag, { inline, style, pointer, cursor }) : null;
  if (!line) {
    if (!inline) flush(s);
    eachKid(el, (kid) => walk(s, kid, depth, quiet || told(el, tag), pointer, shown));
    if (!inline) flush(s);
    return;
  }
  flush(s);
  const at = s.lines.length;
  const before = { size: s.size, hits: s.hits };
  put(s, line, depth);
  if (line.role === "row") s.rows++;
  if (!line.leaf) {
    eachKid(el, (kid) => walk(s, kid, depth + 1, quiet || line.quiet, pointer, true));
    flush(s);
  }
  if (line.role === "row") s.rows--;
  close(s, line, at, before);
}

/** Whether a text is told by the line of what it belongs to: the label of a field, the caption of a table. */
function told(el, tag) {
  if (tag === "legend" || tag === "caption" || tag === "figcaption") return !saidName(parentOf(el));
  if (tag !== "label") return false;
  const field = fieldOf(el);
  return !!field && labelsOf(field).length > 0 && !saidName(field) && getComputedStyle(field).display !== "none";
}

/** The line of an element; null for one that only groups. */
function lineOf(s, el, tag, look) {
  let role = roleOf(el, tag);
  let field = el;
  if (tag === "label") {
    // The field behind a drawn checkbox or an upload button is often not there to be seen: its label stands for it.
    const hidden = fieldOf(el);
    if (hidden && /^(checkbox|radio|file)$/.test(hidden.type) && getComputedStyle(hidden).display === "none") {
      field = hidden;
      role = inputRole(hidden);
    }
  }
  const clickable = look.pointer === "pointer" && look.cursor !== "pointer";
  const tabbable = has(el, "tabindex") && !(parseInt(attr(el, "tabindex"), 10) < 0);
  const handled = has(el, "onclick") || attr(el, "draggable") === "true";
  const top = tag === "html" || tag === "body";
  const active = ACTIVE.has(role) || (!top && (tabbable || handled || (clickable && tag !== "label")));
  const scrolls = !top && !look.inline && !active && scrollable(el, look.style);
  if (!role && !active && !scrolls) {
    const label = attr(el, "aria-label");
    if (!label || look.inline) return null;
    role = "group";
  }
  const name = role ? nameOf(field, tagOf(field), role) : saidName(el) || neat(attr(el, "title") || "");
  if (UNNAMED.has(role) && !name && !active && !scrolls) return null;
  const soft = !role && clickable && !tabbable && !handled;
  if (!role) role = active ? "clickable" : "scrollable";
  const refers = active || scrolls || /^(iframe|image|heading|dialog|alertdialog|video|audio)$/.test(role);
  const line = { el: refers ? el : null, node: el, role, name: cut(name, NAME), active, soft };
  line.tail = tail(s, field, tagOf(field), role, name) + (scrolls && role !== "scrollable" ? " [scrollable]" : "");
  line.leaf = WHOLE.has(role) || /^(input|select|textarea)$/.test(tagOf(field));
  line.quiet = !!name && NAMED_BY_CONTENT.has(role) || role === "textbox" || role === "combobox";
  line.stays = active || role === "iframe" || role === "heading";
  if (s.find) line.hit = (name + " " + role + " " + line.tail).toLowerCase().includes(s.find);
  return line;
}

function scrollable(el, style) {
  const high = el.scrollHeight > el.clientHeight + 1 && /auto|scroll/.test(style.overflowY);
  return (high || (el.scrollWidth > el.clientWidth + 1 && /auto|scroll/.test(style.overflowX))) && el.clientHeight > 20;
}

const isTrue = (el, name) => attr(el, name) === "true";

/** States, the way of a link, and the value. */
function tail(s, el, tag, role, name) {
  let text = "";
  const mark = (on, what) => void (on && (text += " [" + what + "]"));
  const box = tag === "input" && (el.type === "checkbox" || el.type === "radio");
  const checked = attr(el, "aria-checked");
  if (box ? el.indeterminate : checked === "mixed") mark(true, "checked=mixed");
  else mark(box ? el.checked : checked === "true", "checked");
  const pressed = attr(el, "aria-pressed");
  mark(pressed === "true" || pressed === "mixed", pressed === "mixed" ? "pressed=mixed" : "pressed");
  const expanded = tag === "summary" && role === "button" ? String(has(parentOf(el), "open")) : attr(el, "aria-expanded");
  mark(expanded === "true", "expanded");
  mark(expanded === "false", "collapsed");
  mark(isTrue(el, "aria-selected"), "selected");
  mark(isTrue(el, "aria-disabled") || matches(el, ":disabled"), "disabled");
  mark(isTrue(el, "aria-required") || (el.required === true && tag !== "form"), "required");
  mark(isTrue(el, "aria-readonly") || (el.readOnly === true && tag !== "form"), "readonly");
  const invalid = attr(el, "aria-invalid");
  mark(invalid ? invalid !== "false" : matches(el, ":user-invalid"), "invalid");
  const current = attr(el, "aria-current");
  mark(current && current !== "false", current === "true" ? "current" : "current=" + cut(neat(current || ""), 20));
  const level = attr(el, "aria-level") || (role === "heading" && /^h[1-6]$/.test(tag) ? tag[1] : "");
  mark(/^\d{1,2}$/.test(level), "level=" + level);
  mark(tag === "input" && /^(date|time|datetime-local|month|week|color|file|email|tel|url)$/.test(el.type), el.type);
  mark((tag === "select" || tag === "input") && el.multiple, "multiple");
  mark(el === s.focused, "active");
  if (role === "link") text += way(s, el, tag);
  if (role === "image" && !name && tag === "img") text += " " + cut(neat(attr(el, "src") || "").split(/[?#]/)[0].split("/").pop(), 40);
  return text + value(el, tag, role);
}

// The same origin need not be told, and a script is no way.
function way(s, el, tag) {
  const said = attr(el, "href") || attr(el, "xlink:href");
  if (!said || /^\s*javascript:/i.test(said)) return "";
  if (said[0] === "#") return " " + cut(neat(said), 80);
  try {
    const to = new URL(said, tag === "a" ? el.baseURI : document.URL);
    const here = to.origin === s.at.origin && to.origin !== "null";
    return " " + cut(neat(here ? to.pathname + to.search + to.hash : to.href), 80);
  } catch {
    return " " + cut(neat(said), 80);
  }
}

const equals = (text) => (text ? ' = "' + quoted(cut(text, VALUE)) + '"' : "");
const quoted = (text) => text.replace(/["\\]/g, "\\$&");

function value(el, tag, role) {
  if (tag === "select") return choices(el);
  if (tag === "textarea") return equals(neat(el.value.slice(0, 2 * VALUE)));
  if (tag === "progress" || tag === "meter") return equals(has(el, "value") ? el.value + " of " + el.max : "");
  if (tag === "input") {
    if (el.type === "password") return equals(el.value && "•••");
    if (el.type === "file") return equals(Array.from(el.files || [], (one) => neat(one.name)).join(", "));
    return role === "button" || role === "checkbox" || role === "radio" ? "" : equals(neat(el.value.slice(0, 2 * VALUE)));
  }
  const said = attr(el, "aria-valuetext") || attr(el, "aria-valuenow");
  if (said) return equals(neat(said));
  return (role === "textbox" || role === "searchbox") && editable(el) ? equals(neat(contentText(el, el, false))) : "";
}

function choices(el) {
  const all = el.options;
  const labels = [];
  for (let i = 0; i < all.length && i < 12; i++) labels.push(cut(neat(all[i].label), 40));
  if (all.length > 12) labels.push("… " + all.length + " in all");
  const chosen = Array.from(el.selectedOptions, (one) => neat(one.label)).join(", ");
  return equals(chosen) + (labels.length ? " (options: " + labels.join(", ") + ")" : "");
}

/** Ends a run of text. */
function flush(s) {
  if (!s.text) return;
  const text = neat(s.text);
  s.text = "";
  if (!text) return;
  const hit = s.find ? text.toLowerCase().indexOf(s.find) : -1;
  if (s.find && hit < 0 && !s.rows) return;
  say(s, s.depth, "text", hit > NAME - 50 ? "…" + cut(text.slice(hit - 50), NAME) : cut(text, NAME), hit >= 0);
}

const say = (s, depth, role, text, hit) => put(s, { role, text, tail: "", name: "", hit }, depth);

function put(s, line, depth) {
  line.depth = depth;
  line.cost = depth + line.role.length + line.name.length + line.tail.length + (line.text || "").length + (line.el ? 14 : 6);
  s.lines.push(line);
  s.size += line.cost;
  if (line.hit) s.hits++;
  if (s.size > s.max * 1.2) s.stop ||= MORE;
}

/** Ends an element: what tells nothing goes, what can be told on one line is. */
function close(s, line, at, before) {
  if (s.find && !s.rows && s.hits === before.hits) return void drop(s, at, before);
  const below = s.lines.length - at - 1;
  const only = below > 0 && countKids(s, at) === 1 ? s.lines[at + 1] : null;
  if (!below && !line.el && !line.name && !line.tail && !line.text && (THIN.has(line.role) || HOLLOW.has(line.role))) {
    return void (keepCell(s, line) || drop(s, at, before));
  }
  if (s.only && !line.stays && !(below && AROUND.has(line.role))) return lift(s, at);
  if (s.stop) return;
  if (line.role === "row" && !line.el) return s.only ? nameRow(line) : tellRow(s, line, at);
  if (!only) return;
  if (only.role === "text" && !only.tail && below === 1 && !line.text) {
    line.text = only.text;
    s.lines.pop();
  } else if (only.role === "list" && !only.name && !only.el) lift(s, at + 1);
  else if ((THIN.has(line.role) && !line.el && !line.name && !line.tail && line.role !== "table") || (line.soft && !line.name && only.active)) {
    lift(s, at);
  }
}

// An empty cell keeps its place among its neighbours.
const keepCell = (s, line) => s.rows > 0 && /cell$/.test(line.role);

function drop(s, at, before) {
  s.lines.length = at;
  s.size = before.size;
  s.hits = before.hits;
}

function countKids(s, at) {
  const depth = s.lines[at].depth + 1;
  let count = 0;
  for (let i = at + 1; i < s.lines.length && count < 2; i++) if (s.lines[i].depth === depth) count++;
  return count;
}

/** Takes a line out, and what is below it one level up. */
function lift(s, at) {
  for (let i = at + 1; i < s.lines.length; i++) s.lines[i].depth--;
  s.size -= s.lines[at].cost;
  s.lines.splice(at, 1);
}

// Twenty buttons "Delete" are told apart by what their rows say.
const nameRow = (line) => void (line.name ||= cut(neat(contentText(line.node, line.node, false)), 80));

const CELL = words("cell gridcell columnheader rowheader text");

/** A row of plain cells is one line. */
function tellRow(s, line, at) {
  const cells = s.lines.slice(at + 1);
  const plain = (cell) => CELL.has(cell.role) && !cell.el && !cell.tail && cell.depth === line.depth + 1;
  if (line.text || !cells.every(plain)) return;
  line.text = cells.map((cell) => cell.text || cell.name).join(" | ");
  s.lines.length = at + 1;
}

/** The text of the lines; only here are numbers given. */
function assemble(s, asked) {
  const frames = [];
  const texts = s.lines.map((line) => textOf(line));
  const long = texts.reduce((sum, one) => sum + one.length + 1, 0);
  if (long > asked.max) s.stop ||= MORE;
  const room = s.stop ? asked.max - s.stop.length - 1 : asked.max;
  let text = "";
  for (let i = 0; i < texts.length && text.length + texts[i].length + 1 <= room; i++) {
    text += texts[i] + "\n";
    if (isFrame(s.lines[i])) frames.push(numberOf(s.lines[i].el));
  }
  if (!s.stop && s.find && !s.lines.length) text = 'nothing here has the text "' + cut(neat(asked.find), 80) + '" in it';
  text = (text + s.stop).trimEnd();
  return { text: text.toWellFormed?.() ?? text, next: last + 1, truncated: !!s.stop, frames };
}

const isFrame = (line) => line.role === "iframe" && /^i?frame$/.test(tagOf(line.el));

function textOf(line) {
  let text = " ".repeat(line.depth) + "- " + line.role;
  if (line.name) text += ' "' + quoted(line.name) + '"';
  if (line.el) text += " [e" + numberOf(line.el) + "]";
  text += line.tail;
  if (line.text) text += ": " + line.text;
  return isFrame(line) ? text + "\n\u0001" + numberOf(line.el) : text;
}
