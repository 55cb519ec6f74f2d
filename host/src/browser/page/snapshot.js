// The page as a tree of roles, names and states: one element a line, for a reader who pays by the character; and the
// numbers by which elements are named afterwards.
//
// It must not walk on when the text is long enough, give a number to what isn't shown, or tell what a password field holds.

const numbers = new WeakMap();
const elements = new Map();
let last = 0;

/** The number of an element; a new one if it has none. Never given twice, and never changed. */
function numberOf(el) {
  if (!numbers.has(el)) {
    numbers.set(el, ++last);
    elements.set(last, new WeakRef(el));
  }
  return numbers.get(el);
}

/** The element of a number, if it is still in this document. */
function elementOf(n) {
  const el = elements.get(n)?.deref();
  return el && connected(el) && ownerOf(el) === document ? el : null;
}

const NAME = 200;
const DEEP = 1000;
const MORE = "… more: use find, root or a larger max";
const LATE = "… the page is very large, and not all of it was looked at: use root";
/** Gone if they are empty; the `THIN` give way to the only line below them, the `UNNAMED` are nothing without a name. */
const THIN = words("list listitem cell gridcell term definition figure row feed grid blockquote");
const HOLLOW = words(
  "table navigation main banner contentinfo complementary region form group search article tabpanel toolbar",
);
const UNNAMED = words("group rowgroup caption document note");
/** What a list of controls still needs around them to tell them apart. */
const AROUND = words("dialog alertdialog navigation form region group radiogroup toolbar menu menubar tablist row search");
/** Their inside is told by the line. */
const WHOLE = words("image canvas video audio progressbar meter iframe separator math");
const CELLS = words("cell gridcell columnheader rowheader text");

toolyard.snapshot = (asked) => {
  last = Math.max(last, (asked.start || 1) - 1);
  if (elements.size > 5000) for (const [n, ref] of elements) if (!ref.deref()) elements.delete(n);
  const root = asked.root ? resolve(asked.root) : { element: topOf(document) };
  if (root.error) return root;
  const s = {
    find: neat(asked.find).toLowerCase(), only: !!asked.interactive, max: asked.max, end: performance.now() + 2000,
    lines: [], size: 0, hits: 0, rows: 0, seen: 0, stop: "", text: "", depth: 0, level: 0, focused: deepFocus(),
  };
  const modal = asked.root ? null : openModal();
  if (modal) say(s, 0, "note", "a modal dialog is open; the page behind it can't be used and is left out", true);
  if (root.element) walk(s, modal || root.element, 0, s.only ? 1 : 0, "", true);
  flush(s);
  return assemble(s);
};

// Everything behind a modal dialog is inert (HTML, "inert subtrees"), though no attribute says so.
function openModal() {
  const open = Array.from(queryAll(document, "dialog:modal"));
  const hit = open[1] && deepHit(innerWidth / 2, innerHeight / 2);
  return (hit && open.find((one) => closest(hit, "dialog") === one)) || open.pop();
}

function deepFocus() {
  let at = focusedOf(document);
  while (at && shadowOf(at)?.activeElement) at = shadowOf(at).activeElement;
  return at === bodyOf(document) ? null : at;
}

/** Reads a node and what is below it. `quiet` leaves text out, above 1 all that can't be used, for a line has told it;
 *  `cursor` is the parent's, `shown` says whether the parent's own text is visible. */
function walk(s, node, depth, quiet, cursor, shown) {
  if (s.stop) return;
  const what = kind(node);
  // Deeper than any parser goes: only a script makes such a tree, and the stack ends somewhere.
  if (what === 1 && s.level++ < DEEP) element(s, node, depth, quiet, cursor);
  if (what === 1) s.level--;
  if (what !== 3 || quiet || !shown || (s.text.length > 2 * NAME && !s.find)) return;
  s.text += dataOf(node);
  s.depth = depth;
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
  const inline = /^(inline|contents)/.test(display);
  if (!inline && style.contentVisibility === "hidden") return;
  const pointer = style.cursor;
  const line = shown && lineOf(s, el, tag, style, inline, pointer === "pointer" && cursor !== "pointer");
  if (!line || (quiet > 1 && !line.active && line.role !== "iframe")) {
    if (!inline) flush(s);
    if (told(el, tag)) quiet = 2;
    eachKid(el, (kid) => walk(s, kid, depth, quiet, pointer, shown));
    if (!inline) flush(s);
    return;
  }
  flush(s);
  const before = { at: s.lines.length, size: s.size, hits: s.hits };
  const row = line.role === "row";
  put(s, line, depth);
  s.rows += row;
  if (!line.leaf) {
    eachKid(el, (kid) => walk(s, kid, depth + 1, line.quiet ? 2 : quiet, pointer, true));
    flush(s);
  }
  s.rows -= row;
  close(s, line, before);
}

/** Whether a text is told by the line of what it belongs to: the label of a field, the caption of a table. */
function told(el, tag) {
  const of = /^(legend|caption|figcaption)$/.test(tag) && parentOf(el);
  if (of) return kind(of) === 1 && /^(fieldset|table|figure)$/.test(tagOf(of)) && !!roleOf(of, tagOf(of)) && !saidName(of);
  const field = tag === "label" && fieldOf(el);
  return !!field && !saidName(field) && rendered(field);
}

/** The line of an element; nothing for one that only groups. */
function lineOf(s, el, tag, style, inline, pointed) {
  let role = roleOf(el, tag);
  let field = el;
  if (tag === "label") {
    pointed = false;
    // The field behind a drawn checkbox or an upload button is often not there to be seen: its label stands for it.
    const behind = fieldOf(el);
    if (behind && /^(checkbox|radio|file)$/.test(behind.type) && !rendered(behind)) {
      field = behind;
      role = INPUT_ROLES[behind.type];
    }
  }
  const fieldTag = tagOf(field);
  const top = /^(html|body)$/.test(tag);
  const bare = !marked(el);
  const tabbed = parseInt(attr(el, "tabindex"), 10) >= 0;
  const handled = !bare && (tabbed || has(el, "onclick") || attr(el, "draggable") === "true");
  const active = ACTIVE.has(role) || (!top && (handled || pointed));
  const scrolls = !top && !inline && !active && scrollable(el, style);
  if (!role && !active && !scrolls) {
    if (inline || !has(el, "aria-label")) return;
    role = "group";
  }
  const name = role ? nameOf(field, fieldTag, role) : saidName(el) || neat(attr(el, "title"));
  if (UNNAMED.has(role) && !name && !active && !scrolls) return;
  const soft = !role && !handled && !name;
  role ||= active ? "clickable" : "scrollable";
  const refers = active || scrolls || /^(iframe|image|heading|dialog|alertdialog|video|audio)$/.test(role);
  const line = { el, refers, role, active, soft, name: cut(name, NAME), text: "" };
  line.tail = bare && !active && role !== "heading" ? "" : states(s, field, fieldTag, role);
  if (scrolls && role !== "scrollable") line.tail += " [scrollable]";
  if (role === "link") line.tail += way(el);
  if (tag === "img" && !name) line.tail += " " + cut(neat(attr(el, "src")).split(/[?#]/)[0].split("/").pop(), 40);
  line.tail += value(field, fieldTag, role);
  line.leaf = (WHOLE.has(role) && !(tag === "svg" && queryIn(el, "a,text,[tabindex]"))) || /^(input|select|textarea)$/.test(fieldTag);
  line.quiet = (name && NAMED.has(role)) || role === "textbox" || role === "combobox";
  line.hit = s.find && (role + " " + name + " " + line.tail).toLowerCase().includes(s.find);
  return line;
}

function scrollable(el, style) {
  const over = (inside, room, flow) => inside > room + 1 && /auto|scroll/.test(style[flow]);
  if (el.clientHeight < 20) return false;
  return over(el.scrollHeight, el.clientHeight, "overflowY") || over(el.scrollWidth, el.clientWidth, "overflowX");
}

function states(s, el, tag, role) {
  let text = "";
  const mark = (on, what) => void (on && (text += " [" + what + "]"));
  const aria = (name) => attr(el, "aria-" + name);
  const isTrue = (name) => aria(name) === "true";
  const own = (key) => tag !== "form" && el[key] === true;
  if (own("indeterminate") || aria("checked") === "mixed") mark(true, "checked=mixed");
  else mark(tag === "input" ? own("checked") : isTrue("checked"), "checked");
  mark(/^(true|mixed)$/.test(aria("pressed")), aria("pressed") === "mixed" ? "pressed=mixed" : "pressed");
  const expanded = tag === "summary" ? String(has(parentOf(el), "open")) : aria("expanded");
  mark(expanded === "true", "expanded");
  mark(expanded === "false", "collapsed");
  mark(isTrue("selected"), "selected");
  mark(isTrue("disabled") || matches(el, ":disabled"), "disabled");
  mark(isTrue("required") || own("required"), "required");
  mark(isTrue("readonly") || own("readOnly"), "readonly");
  mark(has(el, "aria-invalid") ? aria("invalid") !== "false" : matches(el, ":user-invalid"), "invalid");
  const current = neat(aria("current"));
  mark(current && current !== "false", current === "true" ? "current" : "current=" + cut(current, 20));
  const level = aria("level") || (role === "heading" && tag[1]);
  mark(/^\d\d?$/.test(level), "level=" + level);
  mark(tag === "input" && /^(date|time|datetime-local|month|week|color|file|email|tel|url)$/.test(el.type), el.type);
  mark(own("multiple"), "multiple");
  mark(el === s.focused, "active");
  return text;
}

// The same origin need not be told, and a script is no way.
function way(el) {
  const said = neat(attr(el, "href") || attr(el, "xlink:href"));
  if (!said || /^javascript:/i.test(said)) return "";
  let to = said;
  try {
    const url = new URL(said, baseOf(el));
    if (said[0] !== "#") to = url.host && url.origin === location.origin ? url.pathname + url.search + url.hash : url.href;
  } catch {}
  return " " + cut(to, 80);
}

const quoted = (text) => '"' + text.replace(/["\\]/g, "\\$&") + '"';
const equals = (text) => (text ? " = " + quoted(cut(neat(text), NAME / 2)) : "");

function value(el, tag, role) {
  switch (tag) {
    case "select": return choices(el);
    case "textarea": return equals(el.value.slice(0, NAME));
    case "progress": case "meter": return equals(has(el, "value") && el.value + " of " + el.max);
    case "input":
      if (el.type === "password") return equals(el.value && "•••");
      if (el.type === "file") return equals(fileNames(el));
      return /^(button|checkbox|radio)$/.test(role) ? "" : equals(el.value.slice(0, NAME));
  }
  const said = attr(el, "aria-valuetext") || attr(el, "aria-valuenow");
  return equals(said || (/^(textbox|searchbox)$/.test(role) && contentText(el, el, false)));
}

const fileNames = (el) => Array.from(el.files, (one) => neat(one.name)).join(", ");
const chosenIn = (el) => Array.from(el.selectedOptions, (one) => neat(one.label)).join(", ");

function choices(el) {
  const labels = [];
  for (let i = 0; i < el.options.length && i < 12; i++) labels.push(cut(neat(el.options[i].label), 40));
  if (el.options.length > 12) labels.push("… " + el.options.length + " in all");
  return equals(chosenIn(el)) + (labels.length ? " (options: " + labels.join(", ") + ")" : "");
}

/** Ends a run of text. */
function flush(s) {
  const text = neat(s.text);
  s.text = "";
  const hit = s.find ? text.toLowerCase().indexOf(s.find) : -1;
  if (!text || (s.find && hit < 0 && !s.rows)) return;
  say(s, s.depth, "text", hit > NAME / 2 ? "…" + cut(text.slice(hit - 50), NAME) : cut(text, NAME), hit >= 0);
}

const say = (s, depth, role, text, hit) => put(s, { role, text, name: "", tail: "", hit }, depth);
const costOf = (line) =>
  line.depth + line.role.length + line.name.length + line.tail.length + line.text.length + (line.refers ? 14 : 6);

// The lines of an element may become fewer when it ends; so a little more is gathered than is given.
function put(s, line, depth) {
  line.depth = depth;
  s.lines.push(line);
  s.size += costOf(line);
  s.hits += line.hit ? 1 : 0;
  if (s.size > s.max * 1.2) s.stop ||= MORE;
}

/** Ends an element: what tells nothing goes, what can be told on one line is. */
function close(s, line, before) {
  const { at } = before;
  const drop = () => ((s.lines.length = at), (s.size = before.size));
  const below = s.lines.length - at - 1;
  const role = line.role;
  const bare = !line.refers && !line.name && !line.tail;
  if (s.find && !s.rows && s.hits === before.hits) {
    // What is looked for may be in a frame, which somebody else looks into.
    line.maybe = role === "iframe" || s.lines.slice(at + 1).some((one) => one.maybe);
    if (!line.maybe) return drop();
  }
  if (!below && bare && (THIN.has(role) || HOLLOW.has(role))) return (s.rows && !s.only) || drop();
  if (s.only) {
    const stays = line.active || /^(iframe|heading)$/.test(role);
    if (!stays && !(below && AROUND.has(role))) return lift(s, at);
    // Twenty buttons "Delete" are told apart by what their rows say.
    if (/^(row|clickable)$/.test(role)) line.name ||= cut(neat(contentText(line.el, line.el, false)), 80);
  }
  if (s.stop || !below) return;
  const kids = s.lines.slice(at + 1).filter((one) => one.depth === line.depth + 1);
  const [only] = kids;
  const plain = (one) => CELLS.has(one.role) && !one.refers && !one.tail;
  if (kids.length === below && kids.every(plain) && (role === "row" || (below === 1 && only.role === "text"))) {
    line.text = kids.map((one) => one.text || one.name).join(" | ");
    s.lines.length = at + 1;
    s.size = before.size + costOf(line);
  } else if (kids.length > 1) return;
  else if (only.role === "list" && !only.name && !only.refers) lift(s, at + 1);
  else if ((THIN.has(role) && bare && !s.only) || (line.soft && only.active)) lift(s, at);
  // A heading that is a link needs not be told twice.
  else if (role === "heading" && only.name === line.name) only.name = "";
}

/** Takes a line out, and what is below it one level up. */
function lift(s, at) {
  for (let i = at + 1; i < s.lines.length; i++) s.lines[i].depth--;
  s.size -= costOf(s.lines.splice(at, 1)[0]);
}

/** The text of the lines; only here are numbers given. */
function assemble(s) {
  if (s.lines.reduce((sum, line) => sum + textOf(line, 99999).length + 1, 0) > s.max + 1) s.stop ||= MORE;
  const room = s.stop ? s.max - s.stop.length : s.max + 1;
  const frames = [];
  let text = "";
  for (const line of s.lines) {
    if (text.length + textOf(line, last + 1).length >= room) break;
    const n = line.refers && numberOf(line.el);
    text += textOf(line, n) + "\n";
    if (line.role === "iframe") frames.push(n);
  }
  text = (text + s.stop).trimEnd().toWellFormed();
  return { text, next: last + 1, truncated: !!s.stop, frames, ...whereabouts() };
}

function textOf(line, n) {
  const name = (line.name && " " + quoted(line.name)) + (line.refers ? " [e" + n + "]" : "");
  const frame = line.role === "iframe" ? "\n\u0001" + n : "";
  return (line.maybe ? "\u0002" : "") + " ".repeat(line.depth) + "- " + line.role + name + line.tail + (line.text && ": " + line.text) + frame;
}
