// What an element is to a person: its role and its name, after "ARIA in HTML" and "Accessible Name and Description
// Computation 1.2", as far as real pages need them; and the ways to the DOM that all of these files go.
//
// It must not change the page, and must not reach a member of an arbitrary element by its plain name: a form shows its
// fields as members (`<input name="parentNode">`), and the document its images and forms. The getters of the prototypes
// can't be hidden so, and a page can't replace them in this world.

const getter = (face, key) => {
  let get;
  return (o) => (get ||= Object.getOwnPropertyDescriptor(globalThis[face].prototype, key).get).call(o);
};
const method = (face, key) => {
  let call;
  return (o, a, b) => (call ||= globalThis[face].prototype[key]).call(o, a, b);
};
const kind = getter("Node", "nodeType");
const firstOf = getter("Node", "firstChild");
const nextOf = getter("Node", "nextSibling");
const parentOf = getter("Node", "parentNode");
const ownerOf = getter("Node", "ownerDocument");
const connected = getter("Node", "isConnected");
const contentOf = getter("Node", "textContent");
const rootOf = method("Node", "getRootNode");
const dataOf = getter("CharacterData", "data");
const tagOf = getter("Element", "localName");
const shadowOf = getter("Element", "shadowRoot");
const slotOf = getter("Element", "assignedSlot");
const attr = method("Element", "getAttribute");
const has = method("Element", "hasAttribute");
const matches = method("Element", "matches");
const closest = method("Element", "closest");
const boxOf = method("Element", "getBoundingClientRect");
const visible = method("Element", "checkVisibility");
const queryIn = method("Element", "querySelector");
const queryAllIn = method("Element", "querySelectorAll");
const assignedTo = method("HTMLSlotElement", "assignedNodes");
const editable = getter("HTMLElement", "isContentEditable");
const page = {
  top: getter("Document", "documentElement"),
  body: getter("Document", "body"),
  title: getter("Document", "title"),
  focused: getter("Document", "activeElement"),
  ready: getter("Document", "readyState"),
  query: method("Document", "querySelector"),
  queryAll: method("Document", "querySelectorAll"),
  hit: method("Document", "elementFromPoint"),
  walker: (what) => Document.prototype.createTreeWalker.call(document, document, what),
};

const words = (text) => new Set(text.split(" "));

/** Never read: nothing that a person sees, whatever their style says. */
const UNREAD = words("script style noscript template head title meta link param source track datalist defs desc metadata");

/** Visits the children in the flat tree: shadow roots and slots as they are shown, a closed `details` by its summary. */
function eachKid(el, visit) {
  const tag = tagOf(el);
  if (tag === "slot") {
    const given = assignedTo(el);
    if (given.length) return given.forEach(visit);
  }
  const shut = tag === "details" && !has(el, "open");
  for (let kid = firstOf(shadowOf(el) || el); kid; kid = nextOf(kid)) {
    if (!shut) visit(kid);
    else if (kind(kid) === 1 && tagOf(kid) === "summary") return visit(kid);
  }
}

/** The parent in the flat tree. */
function above(node) {
  const what = kind(node);
  const slot = what === 1 ? slotOf(node) : what === 3 ? node.assignedSlot : null;
  const parent = slot || parentOf(node);
  return parent && kind(parent) === 11 ? parent.host : parent;
}

/** Whether `outer` holds `node` in the flat tree, or is it. */
function within(node, outer) {
  for (let at = node; at; at = above(at)) if (at === outer) return true;
  return false;
}

// Spaces and control characters become one space, so that no page can begin a line of its own; what nobody sees goes.
const squeeze = (text) => text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ").replace(/[\u00ad\u200b\u2060\ufeff]/g, "");
const neat = (text) => squeeze(text).trim();

/** At most `max` UTF-16 units, and never half a character. */
function cut(text, max) {
  if (text.length <= max) return text;
  const end = /[\ud800-\udbff]/.test(text[max - 2]) ? max - 2 : max - 1;
  return text.slice(0, end).trimEnd() + "…";
}

const ROLES = words(
  "alert alertdialog application article banner blockquote button caption cell checkbox columnheader combobox complementary " +
    "contentinfo definition dialog document feed figure form grid gridcell group heading img image link list listbox " +
    "listitem log main marquee math menu menubar menuitem menuitemcheckbox menuitemradio meter navigation none note option " +
    "presentation progressbar radio radiogroup region row rowgroup rowheader scrollbar search searchbox separator slider " +
    "spinbutton status switch tab table tablist tabpanel term textbox timer toolbar tooltip tree treegrid treeitem",
);
const TAG_ROLES = {
  article: "article", aside: "complementary", blockquote: "blockquote", button: "button", canvas: "canvas", dd: "definition",
  dialog: "dialog", dt: "term", fieldset: "group", figure: "figure", h1: "heading", h2: "heading", h3: "heading",
  h4: "heading", h5: "heading", h6: "heading", hr: "separator", iframe: "iframe", frame: "iframe", li: "listitem", main: "main",
  math: "math", menu: "list", meter: "meter", nav: "navigation", ol: "list", optgroup: "group", option: "option",
  output: "status", progress: "progressbar", search: "search", table: "table", textarea: "textbox", tr: "row", ul: "list",
  video: "video", audio: "audio",
};
const INPUT_ROLES = {
  button: "button", submit: "button", reset: "button", image: "button", file: "button", checkbox: "checkbox", radio: "radio",
  range: "slider", number: "spinbutton", search: "searchbox",
};
/** Roles whose name may be their content. */
const NAMED_BY_CONTENT = words(
  "button checkbox heading link menuitem menuitemcheckbox menuitemradio option radio switch tab tooltip treeitem",
);
/** Roles that one acts on. */
const ACTIVE = words(
  "button checkbox combobox link listbox menuitem menuitemcheckbox menuitemradio option radio searchbox slider spinbutton " +
    "switch tab textbox treeitem canvas",
);
const SECTIONS = "article,aside,main,nav,section,[role=article],[role=complementary],[role=main],[role=navigation],[role=region]";

/** The role that the page says, or that the tag has; "" for what only groups. */
function roleOf(el, tag) {
  const said = attr(el, "role");
  if (said) {
    const role = said.toLowerCase().split(/\s+/).find((one) => ROLES.has(one));
    if (role === "img") return "image";
    if (role && role !== "none" && role !== "presentation") return role;
    if (role && !has(el, "tabindex") && !has(el, "href")) return "";
  }
  const role = TAG_ROLES[tag];
  if (role) return role;
  switch (tag) {
    case "div": case "span": case "p": return editingRoot(el) ? "textbox" : "";
    case "a": case "area": return has(el, "href") || has(el, "xlink:href") ? "link" : "";
    case "input": return inputRole(el);
    case "select": return el.multiple || el.size > 1 ? "listbox" : "combobox";
    case "img": return imageRole(el);
    case "svg": return svgTitle(el) || has(el, "aria-label") ? "image" : "";
    case "summary": return isSummary(el) ? "button" : "";
    case "header": return closest(el, SECTIONS) ? "" : "banner";
    case "footer": return closest(el, SECTIONS) ? "" : "contentinfo";
    case "section": return saidName(el) ? "region" : "";
    case "form": return saidName(el) ? "form" : "";
    case "td": case "th": return cellRole(el, tag);
    default: return editingRoot(el) ? "textbox" : "";
  }
}

function inputRole(el) {
  if (el.type === "hidden") return "";
  return INPUT_ROLES[el.type] || (has(el, "list") ? "combobox" : "textbox");
}

// A picture with an empty alt is decoration. One without alt counts if a person would notice it.
function imageRole(el) {
  const alt = attr(el, "alt");
  if (alt !== null) return alt.trim() || saidName(el) ? "image" : "";
  const box = boxOf(el);
  return saidName(el) || has(el, "title") || box.width * box.height > 1000 ? "image" : "";
}

function cellRole(el, tag) {
  if (tag === "td") return "cell";
  const row = parentOf(el);
  const first = kind(row) === 1 && queryIn(row, "th,td") === el && queryIn(row, "td");
  return attr(el, "scope") === "row" || first ? "rowheader" : "columnheader";
}

function isSummary(el) {
  const parent = parentOf(el);
  return kind(parent) === 1 && tagOf(parent) === "details" && queryIn(parent, "summary") === el;
}

function svgTitle(el) {
  for (let kid = firstOf(el); kid; kid = nextOf(kid)) if (kind(kid) === 1 && tagOf(kid) === "title") return neat(contentOf(kid));
  return "";
}

/** Whether editing begins at this element: it is editable, and its parent's editing is not meant. */
function editingRoot(el) {
  const said = attr(el, "contenteditable");
  return said !== null && said.toLowerCase() !== "false";
}

/** The name that `aria-labelledby` or `aria-label` gives. */
function saidName(el) {
  if (has(el, "aria-labelledby")) {
    const text = neat(labellers(el).map((one) => wholeText(one, el)).join(" "));
    if (text) return text;
  }
  const label = attr(el, "aria-label");
  return label ? neat(label) : "";
}

function labellers(el) {
  const root = rootOf(el);
  const ids = attr(el, "aria-labelledby").split(/\s+/).filter(Boolean);
  const named = ids.map((id) => queryRoot(root, "#" + CSS.escape(id))).filter(Boolean);
  return named.length ? named : getter("Element", "ariaLabelledByElements")(el) || [];
}
const queryRoot = (root, selector) =>
  kind(root) === 9 ? page.query(root, selector) : root.querySelector(selector);

// A label's own text counts even where the label itself is hidden.
const wholeText = (el, self) => attr(el, "aria-label") || contentText(el, self, getComputedStyle(el).display === "none");

/** The labels of a field, and the field of a label. */
const labelsOf = (el) => (/^(input|select|textarea|button|meter|output|progress)$/.test(tagOf(el)) && el.labels) || [];
const fieldOf = (label) => getter("HTMLLabelElement", "control")(label);

/** The accessible name, with its spaces collapsed and not cut. */
function nameOf(el, tag, role) {
  const said = saidName(el);
  if (said) return said;
  const own = neat(nativeName(el, tag));
  if (own) return own;
  if (NAMED_BY_CONTENT.has(role) && tag !== "input" && tag !== "select" && tag !== "textarea" && !editingRoot(el)) {
    const text = neat(contentText(el, el, false, /item$/.test(role)));
    if (text) return text;
    const drawn = neat(pseudoText(el, "::before") + " " + pseudoText(el, "::after"));
    if (drawn) return drawn;
  }
  return neat(attr(el, "title") || attr(el, "placeholder") || attr(el, "aria-placeholder") || "");
}

function nativeName(el, tag) {
  const labels = labelsOf(el);
  if (labels.length) {
    const text = Array.from(labels, (label) => wholeText(label, el)).join(" ");
    if (text.trim()) return text;
  }
  switch (tag) {
    case "input": return buttonName(el);
    case "img": case "area": return attr(el, "alt") || "";
    case "fieldset": return kidText(el, "legend");
    case "table": return kidText(el, "caption");
    case "figure": return kidText(el, "figcaption");
    case "optgroup": case "option": return attr(el, "label") || "";
    case "svg": return svgTitle(el);
    default: return "";
  }
}

function buttonName(el) {
  switch (el.type) {
    case "button": return el.value;
    case "submit": return el.value || attr(el, "title") || "Submit";
    case "reset": return el.value || attr(el, "title") || "Reset";
    case "image": return attr(el, "alt") || el.value || "Submit";
    default: return "";
  }
}

function kidText(el, tag) {
  for (let kid = firstOf(el); kid; kid = nextOf(kid)) {
    if (kind(kid) === 1 && tagOf(kid) === tag) return contentText(kid, el, false);
  }
  return "";
}

// Icons of a font are drawn by characters of the private area, which tell nothing.
function pseudoText(el, which) {
  const drawn = getComputedStyle(el, which).content.match(/^"(.*)"/);
  return drawn ? drawn[1].replace(/[\ue000-\uf8ff]|\\/g, "") : "";
}

/** The text of a subtree as a name: `self` is the element that is named, `hidden` takes what isn't shown as well, and
 *  `flat` leaves out a tree or a menu that hangs below an item. Bounded, for a whole page may be inside one link. */
function contentText(el, self, hidden, flat) {
  let text = "";
  let left = 400;
  const visit = (node) => {
    if (left-- <= 0 || text.length > 400) return;
    const what = kind(node);
    if (what === 3) text += dataOf(node);
    else if (what === 1) element(node);
  };
  const element = (node) => {
    const tag = tagOf(node);
    if (UNREAD.has(tag) || (node === self && node !== el)) return;
    if (tag === "br") return void (text += " ");
    let style = null;
    if (!hidden) {
      if (attr(node, "aria-hidden") === "true") return;
      style = getComputedStyle(node);
      if (style.display === "none" || style.visibility !== "visible") return;
    }
    if (flat && /^(group|tree|menu|listbox)$/.test(attr(node, "role"))) return;
    const apart = style && !style.display.startsWith("inline") && style.display !== "contents" ? " " : "";
    text += apart;
    const label = attr(node, "aria-label");
    if (label && label.trim()) text += label;
    else if (tag === "img") text += attr(node, "alt") || "";
    else if (tag === "svg") text += svgTitle(node) || contentOfSvg(node);
    else if (tag === "input") text += valueInName(node);
    else if (tag === "textarea") text += node.value;
    else if (tag === "select") text += Array.from(node.selectedOptions, (one) => one.text).join(" ");
    else eachKid(node, visit);
    text += apart;
  };
  eachKid(el, visit);
  return text;
}

const contentOfSvg = (el) => Array.from(queryAllIn(el, "text"), contentOf).join(" ");

function valueInName(el) {
  if (/^(checkbox|radio|hidden|password|file)$/.test(el.type)) return "";
  return buttonName(el) || el.value;
}
