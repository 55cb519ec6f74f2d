// What is done to the page: finding an element and a point where it can be used, filling fields, waiting.
//
// It must not do what a person could not: use what is hidden, covered or disabled. Mouse and keys are not its matter.

const fail = (error, message) => ({ error, message });
const unusable = (target, el, why) => fail("not-actionable", told_(target, el) + " " + why);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
// A hidden tab draws no frames.
const frame = () => Promise.race([new Promise((done) => requestAnimationFrame(done)), sleep(100)]);

/** All documents and open shadow roots of this frame. */
function roots() {
  const found = [];
  const walker = page.walker(1);
  for (let el = walker.nextNode(); el; el = walker.nextNode()) addRoots(found, el);
  return found;
}
function addRoots(found, el) {
  const root = shadowOf(el);
  if (!root) return;
  found.push(root);
  for (const inner of root.querySelectorAll("*")) addRoots(found, inner);
}

/** `{ element }`, or why there is none. */
function resolve(target) {
  if (target.ref !== undefined) {
    const element = elementOf(target.ref);
    if (element) return { element };
    return fail("stale-reference", "e" + target.ref + " is not in this page any more: take a new snapshot");
  }
  const [element] = allOf(target.selector);
  if (element instanceof Error) return fail("invalid", "not a CSS selector: " + target.selector);
  return element ? { element } : fail("no-element", "no element fits " + target.selector);
}

/** What a selector fits: in the document, and where that has none, in the shadow roots. */
function allOf(selector) {
  try {
    const found = page.queryAll(document, selector);
    if (found.length) return found;
    return roots().flatMap((root) => Array.from(root.querySelectorAll(selector)));
  } catch (wrong) {
    return [wrong];
  }
}

/** How an element is called in a message. */
function told_(target, el) {
  const tag = tagOf(el);
  const role = roleOf(el, tag);
  const name = cut(nameOf(el, tag, role), 40);
  const what = role ? role + (name ? ' "' + name + '"' : "") : short(el);
  return target.ref !== undefined ? "e" + target.ref + " (" + what + ")" : what + " (" + target.selector + ")";
}
function short(el) {
  const id = attr(el, "id");
  const classes = neat(attr(el, "class") || "").split(" ").filter(Boolean).slice(0, 2);
  return cut(tagOf(el) + (id ? "#" + neat(id) : "") + classes.map((one) => "." + one).join(""), 60);
}

// What has no box of its own is as visible as what it holds.
const shows = (el) =>
  (visible(el, { visibilityProperty: true }) || getComputedStyle(el).display === "contents") && rectsOf(el).length > 0;

/** The boxes of an element that have a size; of its content, if it has none itself. */
function rectsOf(el) {
  const sized = (list) => Array.from(list).filter((box) => box.width > 0 && box.height > 0);
  const own = sized(method("Element", "getClientRects")(el));
  if (own.length || getComputedStyle(el).display !== "contents") return own;
  const range = new Range();
  range.selectNodeContents(el);
  return sized(range.getClientRects());
}

const CONTROL = "button,input,select,textarea,option,optgroup";
function disabled(el) {
  const control = closest(el, CONTROL);
  return (control && matches(control, ":disabled")) || !!closest(el, "[aria-disabled=true]");
}

/** Tries until something comes out that isn't `{ again: … }`, or the time is over. */
async function until(timeout, attempt) {
  const end = performance.now() + (timeout || 0);
  for (let tries = 0; ; tries++) {
    const result = attempt(tries);
    if (!result.again) return result;
    if (performance.now() >= end) return result.again;
    await (tries < 30 ? frame() : sleep(50));
  }
}
/** A target once it is there, can be seen and is enabled: `use` goes on from there. */
const ready = (asked, use) =>
  until(asked.timeout, (tries) => {
    const found = resolve(asked.target);
    if (found.error) return found.error === "no-element" ? { again: found } : found;
    return use(found.element, tries);
  });

toolyard.point = (asked) => {
  const state = { box: "", scrolls: 0 };
  return ready(asked, (el) => pointOf(asked.target, el, state));
};

function pointOf(target, el, state) {
  const again = (why) => ({ again: unusable(target, el, why) });
  if (tagOf(el) === "option") return unusable(target, el, "is in a list: use select");
  // A drawn checkbox or upload button hides its field: a person clicks the label.
  const places = /^(checkbox|radio|file)$/.test(el.type) ? [el, ...labelsOf(el)] : [el];
  const seen = places.filter(shows);
  if (!seen.length) return again("is not visible");
  if (disabled(el)) return again("is disabled");
  if (closest(el, "[inert]")) return again("is inert");
  let cover = null;
  for (const place of seen) {
    const moved = intoView(place, state.scrolls);
    const box = JSON.stringify(rectsOf(place)[0]);
    const still = box === state.box || !(moved || animated(place));
    state.box = box;
    if (!still) return again("is moving");
    for (const [x, y] of pointsOf(rectsOf(place)[0])) {
      const hit = deepHit(x, y);
      if (hit && reaches(place, hit)) return { x, y, tag: tagOf(el), type: typeOf(el), editable: !!editingKind(el) };
      cover ||= hit;
    }
  }
  // What covers it may be a bar that stands still while the page scrolls.
  state.scrolls++;
  return again(cover ? "is covered by " + short(cover) : "is outside of what can be scrolled into view");
}

const typeOf = (el) => (/^(input|button|select|textarea)$/.test(tagOf(el)) ? el.type : "");

/** Scrolls an element into view if its middle isn't, or if it was covered where it was; whether that moved it. */
function intoView(el, tries) {
  const scroll = (block) => method("Element", "scrollIntoView")(el, { block, inline: "center", behavior: "instant" });
  const box = () => rectsOf(el)[0];
  const before = box();
  const x = before.x + before.width / 2;
  const y = before.y + before.height / 2;
  if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) scroll("center");
  else if (tries > 0 && tries < 5) scroll(["center", "end", "start", "center"][tries - 1]);
  else if (parent !== window) scroll("nearest");
  const after = box();
  return !after || after.x !== before.x || after.y !== before.y;
}

function animated(el) {
  const running = document.getAnimations?.().filter((one) => one.playState === "running") || [];
  return running.some((one) => one.effect?.target && within(el, one.effect.target));
}

/** Where to try: the middle of what is in the viewport, then around it. */
function pointsOf(box) {
  const left = Math.max(box.left, 0), right = Math.min(box.right, innerWidth);
  const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
  if (right <= left || bottom <= top) return [];
  const at = (x, y) => [left + (right - left) * x, top + (bottom - top) * y].map((n) => Math.round(n * 100) / 100);
  return [at(0.5, 0.5), at(0.25, 0.5), at(0.75, 0.5), at(0.5, 0.25), at(0.5, 0.75)];
}

function deepHit(x, y) {
  let hit = page.hit(document, x, y);
  for (let root = hit && shadowOf(hit); root; root = shadowOf(hit)) {
    const inner = root.elementFromPoint(x, y);
    if (!inner || inner === hit) break;
    hit = inner;
  }
  return hit;
}

/** Whether a click on `hit` is one on `el`: it is inside of it, in its label, or the button that `el` is the inside of. */
function reaches(el, hit) {
  if (within(hit, el)) return true;
  const label = closest(hit, "label");
  if (label && fieldOf(label) === el) return true;
  const role = within(el, hit) && roleOf(hit, tagOf(hit));
  return !!role && (ACTIVE.has(role) || tagOf(hit) === "label");
}

const TYPED = words("text search email tel url password number date time datetime-local month week");

/** `input`, `textarea` or `contenteditable` where text can be typed; "" elsewhere. */
function editingKind(el) {
  const tag = tagOf(el);
  if (tag === "textarea" || (tag === "input" && TYPED.has(el.type))) return tag;
  return el instanceof HTMLElement && editable(el) ? "contenteditable" : "";
}

/** The field that is meant by a label or by what is built around one field. */
function fieldIn(el, selector) {
  if (matches(el, selector) || (el instanceof HTMLElement && editable(el))) return el;
  const labelled = closest(el, "label") && fieldOf(closest(el, "label"));
  if (labelled && matches(labelled, selector)) return labelled;
  const inside = [el, ...(shadowOf(el) ? [shadowOf(el)] : [])].flatMap((at) =>
    Array.from(kind(at) === 1 ? queryAllIn(at, selector) : at.querySelectorAll(selector)));
  return inside.length === 1 ? inside[0] : null;
}
const FIELD = "input,textarea,[contenteditable]:not([contenteditable=false])";

/** The field of a target that can be written in now. */
function writable(asked, use) {
  return ready(asked, (el) => {
    const field = fieldIn(el, FIELD) || el;
    const again = (why) => ({ again: unusable(asked.target, el, why) });
    if (!shows(field)) return again("is not visible");
    if (disabled(field)) return again("is disabled");
    if (field.readOnly === true || attr(field, "aria-readonly") === "true") return again("is readonly");
    return use(field);
  });
}

const focusOn = (el) => method("HTMLElement", "focus")(el, {});

toolyard.focus = (asked) =>
  writable(asked, (el) => {
    const before = deepFocus();
    if (el.focus) focusOn(el);
    const now = deepFocus();
    if (!now || !(within(now, el) || (editable(el) && within(el, now)))) return unusable(asked.target, el, "can't be focused");
    const kind = editingKind(now);
    if (kind && now !== before) toEnd(now, kind);
    return { editable: !!kind, kind: kind || "other", type: typeOf(now) };
  });

// Text that is typed goes behind the text that is there.
function toEnd(el, kind) {
  if (kind === "contenteditable") {
    getSelection().selectAllChildren(el);
    getSelection().collapseToEnd();
  } else if (el.selectionStart !== null) el.setSelectionRange(el.value.length, el.value.length);
}

const changed = (el, data) => {
  el.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertReplacementText", data }));
  el.dispatchEvent(new Event("change", { bubbles: true }));
};

toolyard.fill = (asked) =>
  writable(asked, (el) => {
    const tag = tagOf(el);
    if (tag === "input" || tag === "textarea") return fillField(asked, el, tag);
    if (tag === "select") return unusable(asked.target, el, "is a list: use select");
    if (!editingKind(el)) return unusable(asked.target, el, "is not a field that takes text");
    focusOn(el);
    getSelection().selectAllChildren(el);
    if (!asked.text) document.execCommand("delete");
    return asked.text ? { type: true } : { value: "" };
  });

const INSTEAD = { checkbox: "check", radio: "check", file: "upload", button: "click", submit: "click", reset: "click", image: "click" };

function fillField(asked, el, tag) {
  const text = String(asked.text);
  if (tag === "input" && INSTEAD[el.type]) return unusable(asked.target, el, "takes no text: use " + INSTEAD[el.type]);
  const wrong = (why) => fail("invalid", told_(asked.target, el) + " " + why);
  if (el.maxLength >= 0 && text.length > el.maxLength) return wrong("takes at most " + el.maxLength + " characters");
  const before = el.value;
  focusOn(el);
  el.value = text;
  const strict = tag === "input" && !/^(text|search|tel|url|email|password)$/.test(el.type);
  if (strict && !took(el, text)) {
    el.value = before;
    return wrong("did not take " + JSON.stringify(cut(text, 40)) + formOf(el));
  }
  if (el.selectionStart !== null) el.select();
  changed(el, text);
  return { value: el.type === "password" ? "" : cut(el.value, 200) };
}

function took(el, text) {
  if (/^(range|number)$/.test(el.type)) return text === "" ? el.value === "" : el.valueAsNumber === Number(text);
  if (el.type === "color") return el.value === text.toLowerCase();
  return text === "" ? el.value === "" : el.value !== "";
}

const FORMS = { date: "2026-01-31", time: "13:45", "datetime-local": "2026-01-31T13:45", month: "2026-01", week: "2026-W05", color: "#00ff00", number: "12.5" };
const formOf = (el) =>
  FORMS[el.type] ? ": it is written as " + FORMS[el.type]
    : ": it takes " + (el.min || 0) + " to " + (el.max || 100) + " in steps of " + (el.step || 1);

toolyard.select = (asked) => {
  const found = resolve(asked.target);
  if (found.error) return found;
  let el = found.element;
  const option = tagOf(el) === "option" ? el : null;
  el = option ? closest(el, "select") : fieldIn(el, "select");
  const no = (why) => unusable(asked.target, found.element, why);
  if (!el || tagOf(el) !== "select") return no("is not a list of options: click it, then what it opens");
  if (disabled(el)) return no("is disabled");
  const all = Array.from(el.options);
  const label = (one) => neat(one.label);
  const named = (text) => all.find((one) => one.value === text) || all.find((one) => label(one) === neat(text));
  const chosen = asked.values.length || !option ? asked.values.map(named) : [option];
  const missing = chosen.findIndex((one) => !one);
  if (missing >= 0) {
    const there = cut(all.slice(0, 30).map((one) => JSON.stringify(label(one))).join(", "), 600);
    return fail("invalid", "there is no option " + JSON.stringify(cut(asked.values[missing], 60)) + "; there are " + there);
  }
  if (!el.multiple && chosen.length !== 1) return fail("invalid", "one option must be chosen here, not " + chosen.length);
  const barred = chosen.find((one) => matches(one, ":disabled"));
  if (barred) return no("has the option " + JSON.stringify(label(barred)) + " disabled");
  focusOn(el);
  if (el.multiple) for (const one of all) one.selected = chosen.includes(one);
  else chosen[0].selected = true;
  changed(el);
  return { chosen: Array.from(el.selectedOptions, (one) => one.value) };
};

toolyard.checked = ({ target }) => {
  const found = resolve(target);
  if (found.error) return found;
  const said = closest(found.element, "[aria-checked]");
  const el = said || fieldIn(found.element, "input[type=checkbox],input[type=radio]");
  if (!el || (!said && !/^(checkbox|radio)$/.test(el.type))) return unusable(target, found.element, "can't be checked");
  return { checked: said && el.checked === undefined ? attr(el, "aria-checked") === "true" : el.checked };
};

const fileField = (el) => {
  const field = fieldIn(el, "input[type=file]");
  return field?.type === "file" ? field : null;
};

toolyard.file = ({ target }) => {
  const found = resolve(target);
  if (found.error) return found;
  const field = fileField(found.element);
  if (!field) return unusable(target, found.element, "is not a file field");
  if (disabled(field)) return unusable(target, found.element, "is disabled");
  return { multiple: field.multiple, accept: field.accept };
};

/** The element itself; with `file`, the file field that is meant by it. */
toolyard.element = ({ n, target, file }) => {
  const found = resolve(target || { ref: n });
  return found.error ? found : (file && fileField(found.element)) || found.element;
};

/** Where an element's content begins in this frame's viewport, and its size there; `scale` if a transform changes it. */
toolyard.box = ({ n }) => {
  const found = resolve({ ref: n });
  if (found.error) return found;
  const el = found.element;
  const box = boxOf(el);
  const style = getComputedStyle(el);
  const scale = el.offsetWidth ? box.width / el.offsetWidth : 1;
  const side = (name) => parseFloat(style["padding" + name]) || 0;
  return {
    x: box.x + (el.clientLeft + side("Left")) * scale,
    y: box.y + (el.clientTop + side("Top")) * scale,
    width: (el.clientWidth - side("Left") - side("Right")) * scale,
    height: (el.clientHeight - side("Top") - side("Bottom")) * scale,
    scale,
  };
};

/** Where an element is on the page, for a picture of it. */
toolyard.rect = ({ target }) => {
  const found = resolve(target);
  if (found.error) return found;
  if (!shows(found.element)) return unusable(target, found.element, "is not visible");
  intoView(found.element, 0);
  const box = boxOf(found.element);
  return { x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height };
};

const storageOf = (area) => (area === "session" ? sessionStorage : localStorage);
const guarded = (use) => {
  try {
    return use();
  } catch (wrong) {
    return fail("invalid", "the page's storage can't be used: " + wrong.message);
  }
};

toolyard.storage = ({ area }) =>
  guarded(() => {
    const all = storageOf(area);
    const keys = Array.from({ length: getter("Storage", "length")(all) }, (_, i) => method("Storage", "key")(all, i));
    return { items: keys.map((key) => [key, method("Storage", "getItem")(all, key)]) };
  });

toolyard.store = ({ area, key, value }) =>
  guarded(() => {
    if (value == null) method("Storage", "removeItem")(storageOf(area), key);
    else method("Storage", "setItem")(storageOf(area), key, value);
    return {};
  });

toolyard.title = () => ({ title: page.title(document), url: location.href, ready: page.ready(document) });
