// What an element is to a person: its role and its name, after "ARIA in HTML" and "Accessible Name and Description
// Computation 1.2", as far as real pages need them; and the ways to the DOM that all of these files go.
//
// It must not change the page, nor reach a member of any element by its plain name: a form shows its fields as members
// (`<input name="parentNode">`), and the document its images. The prototypes' own can't be hidden so, and a page can't
// replace them in this world.

const getter = (face, key) => {
  let get;
  return (o) => (get ||= Object.getOwnPropertyDescriptor(globalThis[face].prototype, key).get).call(o);
};
const method = (face, key) => {
  let call;
  return (o, a, b) => (call ||= globalThis[face].prototype[key]).call(o, a, b);
};
const getters = (face, keys) => keys.split(" ").map((key) => getter(face, key));
const methods = (face, keys) => keys.split(" ").map((key) => method(face, key));
const [kind, firstOf, nextOf, parentOf, ownerOf, connected, contentOf, baseOf] = getters(
  "Node", "nodeType firstChild nextSibling parentNode ownerDocument isConnected textContent baseURI",
);
const [tagOf, shadowOf, slotOf] = getters("Element", "localName shadowRoot assignedSlot");
const [attr, has, marked, matches, closest, boxOf, rects, visible, scrollTo, queryIn, queryAllIn] = methods(
  "Element", "getAttribute hasAttribute hasAttributes matches closest getBoundingClientRect getClientRects checkVisibility " +
    "scrollIntoView querySelector querySelectorAll",
);
const [topOf, bodyOf, titleOf, focusedOf] = getters("Document", "documentElement body title activeElement");
const [query, queryAll, hitAt, walkerOf, animations, command] = methods(
  "Document", "querySelector querySelectorAll elementFromPoint createTreeWalker getAnimations execCommand",
);
const dataOf = getter("CharacterData", "data");
const rootOf = method("Node", "getRootNode");
const assignedTo = method("HTMLSlotElement", "assignedNodes");
const canEdit = getter("HTMLElement", "isContentEditable");
const fieldOf = getter("HTMLLabelElement", "control");

const rendered = (el) => visible(el, { visibilityProperty: true });

const words = (text) => new Set(text.split(" "));
const pairs = (text) => Object.fromEntries(text.split(" ").map((pair) => [...pair.split(":"), pair]));

/** Nothing that a person sees, whatever its style says. */
const UNREAD = words("script style noscript template head title meta link param source track datalist defs desc metadata");

/** Visits the children in the flat tree: shadow roots and slots as they are shown, a closed `details` by its summary. */
function eachKid(el, visit) {
  const tag = tagOf(el);
  if (tag === "slot") {
    const given = assignedTo(el);
    if (given.length) return given.forEach((kid) => visit(kid));
  }
  if (tag === "details" && !has(el, "open")) {
    const summary = queryIn(el, ":scope > summary");
    return summary && visit(summary);
  }
  for (let kid = firstOf(shadowOf(el) || el); kid; kid = nextOf(kid)) visit(kid);
}

/** The parent in the flat tree. */
function above(node) {
  const what = kind(node);
  const parent = (what === 1 ? slotOf(node) : what === 3 && node.assignedSlot) || parentOf(node);
  return parent && kind(parent) === 11 ? parent.host : parent;
}

/** Whether `outer` holds `node` in the flat tree, or is it. */
function within(node, outer) {
  for (let at = node; at; at = above(at)) if (at === outer) return true;
  return false;
}

// Spaces and control characters become one space, so that no page can begin a line of its own; what nobody sees goes.
const squeeze = (text) =>
  text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ").replace(/[\u00ad\u200b\u2060\ufeff]/g, "");
const neat = (text) => squeeze(text || "").trim();

/** At most `max` UTF-16 units, and never half a character. */
const cut = (text, max) =>
  text.length <= max ? text : text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, "").trimEnd() + "…";

const TAG_ROLES = pairs(
  "article aside:complementary blockquote button canvas dd:definition dialog dt:term fieldset:group figure h1:heading " +
    "h2:heading h3:heading h4:heading h5:heading h6:heading hr:separator iframe frame:iframe li:listitem main math " +
    "menu:list meter nav:navigation ol:list optgroup:group option output:status progress:progressbar search table " +
    "td:cell textarea:textbox tr:row ul:list video audio",
);
const INPUT_ROLES = pairs(
  "button submit:button reset:button image:button file:button checkbox radio range:slider number:spinbutton search:searchbox",
);
const ITEMS = "button checkbox link menuitem menuitemcheckbox menuitemradio option radio switch tab treeitem";
/** Roles whose name may be their content; those that one acts on; those that a page may give. */
const NAMED = words(ITEMS + " heading tooltip");
const ACTIVE = words(ITEMS + " combobox listbox searchbox slider spinbutton textbox canvas");
const ROLES = words(
  "alert alertdialog application banner caption columnheader contentinfo document feed form grid gridcell heading image img " +
    "log menu menubar none note presentation radiogroup region rowgroup rowheader scrollbar tablist tabpanel timer toolbar " +
    "tooltip tree treegrid " + [...ACTIVE, ...Object.values(TAG_ROLES)].join(" "),
);
const SECTION =
  "article,aside,main,nav,section,[role=article],[role=complementary],[role=main],[role=navigation],[role=region]";

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
    case "a": case "area": return has(el, "href") || has(el, "xlink:href") ? "link" : "";
    case "input": return el.type === "hidden" ? "" : INPUT_ROLES[el.type] || (has(el, "list") ? "combobox" : "textbox");
    case "select": return el.multiple || el.size > 1 ? "listbox" : "combobox";
    case "img": return isPicture(el) ? "image" : "";
    case "svg": return svgTitle(el) || has(el, "aria-label") ? "image" : "";
    case "summary": return isSummary(el) ? "button" : "";
    case "header": return closest(el, SECTION) ? "" : "banner";
    case "footer": return closest(el, SECTION) ? "" : "contentinfo";
    case "section": return saidName(el) && "region";
    case "form": return saidName(el) && "form";
    case "th": return attr(el, "scope") === "row" ? "rowheader" : "columnheader";
    default: return startsEditing(el) ? "textbox" : "";
  }
}

// A picture with an empty alt is decoration. One without alt counts if a person would notice it.
function isPicture(el) {
  if (saidName(el) || neat(attr(el, "alt") || attr(el, "title"))) return true;
  const box = boxOf(el);
  return !has(el, "alt") && box.width * box.height > 1000;
}

function isSummary(el) {
  const parent = parentOf(el);
  return kind(parent) === 1 && tagOf(parent) === "details" && queryIn(parent, ":scope > summary") === el;
}

const startsEditing = (el) => !/^(false|null)$/i.test(attr(el, "contenteditable"));

/** The name that `aria-labelledby` or `aria-label` gives. */
function saidName(el) {
  const ids = attr(el, "aria-labelledby");
  if (ids) {
    const root = rootOf(el);
    const byId = (id) => (kind(root) === 9 ? query(root, id) : root.querySelector(id));
    const found = neat(ids).split(" ").map((id) => id && byId("#" + CSS.escape(id))).filter(Boolean);
    const text = neat(found.map((one) => wholeText(one, el)).join(" "));
    if (text) return text;
  }
  return neat(attr(el, "aria-label"));
}

// A label's own text counts even where the label itself is hidden.
const wholeText = (el, self) => attr(el, "aria-label") || contentText(el, self, getComputedStyle(el).display === "none");

const labelsOf = (el) => (tagOf(el) !== "form" && el.labels) || [];

/** The accessible name, with its spaces collapsed and not cut. */
function nameOf(el, tag, role) {
  const own = saidName(el) || neat(nativeName(el, tag));
  if (own) return own;
  const inside = NAMED.has(role) && !/^(input|select|textarea)$/.test(tag) && !startsEditing(el);
  return (
    (inside && neat(contentText(el, el, false, /item$/.test(role)))) ||
    neat(attr(el, "title") || attr(el, "placeholder") || attr(el, "aria-placeholder")) ||
    (inside ? neat(drawn(el, "::before") + " " + drawn(el, "::after")) : "")
  );
}

function nativeName(el, tag) {
  const text = Array.from(labelsOf(el), (label) => wholeText(label, el)).join(" ");
  if (text.trim()) return text;
  switch (tag) {
    case "input": return buttonName(el);
    case "img": case "area": return attr(el, "alt");
    case "fieldset": return kidText(el, "legend");
    case "table": return kidText(el, "caption");
    case "figure": return kidText(el, "figcaption");
    case "optgroup": case "option": return attr(el, "label");
    case "svg": return svgTitle(el);
  }
}

function buttonName(el) {
  const none = { button: "", submit: "Submit", reset: "Reset", image: "Submit" }[el.type];
  return none === undefined ? "" : (el.type === "image" && attr(el, "alt")) || el.value || attr(el, "title") || none;
}

function kidText(el, tag) {
  const kid = queryIn(el, ":scope > " + tag);
  return kid && contentText(kid, el, false);
}
const svgTitle = (el) => neat(contentOf(queryIn(el, ":scope > title") || new Text()));

// Icons of a font are drawn by characters of the private area, which tell nothing.
function drawn(el, where) {
  const text = getComputedStyle(el, where).content.match(/^"(.*)"/);
  return text ? text[1].replace(/[\ue000-\uf8ff]|\\/g, "") : "";
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
    if (what !== 1 || node === self) return;
    const tag = tagOf(node);
    if (UNREAD.has(tag)) return;
    let apart = tag === "br";
    if (!hidden) {
      if (attr(node, "aria-hidden") === "true") return;
      const { display, visibility } = getComputedStyle(node);
      if (display === "none" || visibility !== "visible") return;
      apart ||= !/^(inline|contents)/.test(display);
    }
    if (flat && /^(group|tree|menu|listbox)$/.test(attr(node, "role"))) return;
    if (apart) text += " ";
    const given = neat(attr(node, "aria-label")) || textOfLeaf(node, tag);
    if (given === undefined) eachKid(node, visit);
    else text += given;
    if (apart) text += " ";
  };
  eachKid(el, visit);
  return text;
}

function textOfLeaf(el, tag) {
  switch (tag) {
    case "img": return attr(el, "alt") || "";
    case "svg": return svgTitle(el) || undefined;
    case "input": return /^(checkbox|radio|hidden|password|file)$/.test(el.type) ? "" : buttonName(el) || el.value;
    case "textarea": return el.value;
    case "select": return Array.from(el.selectedOptions, (one) => one.text).join(" ");
  }
}
