// What is done to the page: finding an element and a point where it can be used, filling fields, choosing, storing.
//
// It must not do what a person could not: use what is hidden, covered or disabled. Mouse and keys are not its matter.

const fail = (error, message) => ({ error, message });
const unusable = (target, el, why) => fail("not-actionable", called(target, el) + " " + why);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
// A hidden tab draws no frames.
const nextFrame = () => Promise.race([new Promise((done) => requestAnimationFrame(done)), sleep(100)]);

/** All open shadow roots below the document. */
function roots() {
  const found = [];
  const add = (el) => {
    const root = shadowOf(el);
    if (root && found.push(root)) root.querySelectorAll("*").forEach(add);
  };
  const walker = walkerOf(document, document, 1);
  while (walker.nextNode()) add(walker.currentNode);
  return found;
}

/** `{ element }`, or why there is none. */
function resolve({ ref, selector }) {
  const element = selector === undefined ? elementOf(ref) : allOf(selector)[0];
  if (element instanceof Error) return fail("invalid", "not a CSS selector: " + selector);
  if (element) return { element };
  if (selector !== undefined) return fail("no-element", "no element fits " + selector);
  return fail("stale-reference", "e" + ref + " is not in this page any more: take a new snapshot");
}

/** What a selector fits: in the document, and where that has none, in the shadow roots. */
function allOf(selector) {
  try {
    const found = queryAll(document, selector);
    return found.length ? found : roots().flatMap((root) => Array.from(root.querySelectorAll(selector)));
  } catch (wrong) {
    return [wrong];
  }
}

/** What `use` makes of the target, or why there is none. */
function on(target, use) {
  const found = resolve(target);
  return found.error ? found : use(found.element);
}

/** How an element is called in a message. */
function called({ ref, selector }, el) {
  const role = roleOf(el, tagOf(el));
  const name = role && cut(nameOf(el, tagOf(el), role), 40);
  const what = (role || short(el)) + (name && " " + quoted(name));
  return selector === undefined ? "e" + ref + " (" + what + ")" : what + " (" + cut(selector, 80) + ")";
}
function short(el) {
  const marks = (name, sign) => neat(attr(el, name)).split(" ", 2).map((one) => one && sign + one).join("");
  return cut(tagOf(el) + marks("id", "#") + marks("class", "."), 60);
}

/** The boxes of an element that have a size; of its content, if it has none itself. */
function boxesOf(el) {
  const sized = (list) => Array.from(list).filter((box) => box.width > 0 && box.height > 0);
  const own = sized(rects(el));
  if (own.length || getComputedStyle(el).display !== "contents") return own;
  const range = new Range();
  range.selectNodeContents(el);
  return sized(range.getClientRects());
}
const shows = (el) => (rendered(el) || getComputedStyle(el).display === "contents") && boxesOf(el).length > 0;

function disabled(el) {
  const control = closest(el, "button,input,select,textarea,option,optgroup");
  return (control && matches(control, ":disabled")) || !!closest(el, "[aria-disabled=true]");
}

/** What `use` makes of a target, once it is there and that is not `{ again: … }`, or the time is over. */
async function ready({ target, timeout }, use) {
  const end = performance.now() + (timeout || 0);
  for (let tries = 0; ; tries++) {
    let result = on(target, use);
    if (result.error === "no-element") result = { again: result };
    if (!result.again) return result;
    if (performance.now() >= end) return result.again;
    await (tries < 30 ? nextFrame() : sleep(50));
  }
}

toolyard.point = (asked) => {
  const state = { boxes: new Map(), covered: 0 };
  return ready(asked, (el) => pointOf(asked.target, el, state));
};

function pointOf(target, el, state) {
  const again = (why) => ({ again: unusable(target, el, why) });
  if (tagOf(el) === "option") return unusable(target, el, "is in a list: use select");
  // A drawn checkbox or upload button hides its field: a person clicks the label.
  const hides = tagOf(el) === "input" && /^(checkbox|radio|file)$/.test(el.type);
  const places = [el, ...(hides ? labelsOf(el) : [])].filter(shows);
  if (!places.length) return again("is not visible");
  if (disabled(el)) return again("is disabled");
  if (closest(el, "[inert]")) return again("is inert");
  let cover = null;
  for (const place of places) {
    const moved = intoView(place, state.covered);
    const [box] = boxesOf(place);
    const now = [box.x, box.y, box.width, box.height].join();
    const before = state.boxes.get(place);
    const still = now === before?.now ? before.still + 1 : 0;
    state.boxes.set(place, { now, still });
    // What is animated may begin to move a frame later.
    if (still < (animated(place) ? 2 : moved ? 1 : 0)) return again("is moving");
    for (const [x, y] of pointsOf(box)) {
      const hit = deepHit(x, y);
      if (hit && reaches(place, hit)) return { x, y, tag: tagOf(el), type: typeOf(el), editable: !!editing(el) };
      cover ||= hit;
    }
  }
  state.covered++;
  if (!cover) return again("is out of view, and can't be scrolled into it");
  return again((within(el, cover) ? "lets the mouse through to " : "is covered by ") + short(cover));
}

const typeOf = (el) => (/^(input|button|select|textarea)$/.test(tagOf(el)) ? el.type : "");

/** Scrolls an element into view if its middle isn't, or if it was covered, for what covers it may be a bar that stands
 *  still; whether that moved it. */
function intoView(el, covered) {
  const [before] = boxesOf(el);
  const x = before.x + before.width / 2;
  const y = before.y + before.height / 2;
  const out = x < 0 || y < 0 || x >= innerWidth || y >= innerHeight;
  // In a frame, the viewport may itself be out of view.
  const block = out ? "center" : ["", "center", "end", "start", "center"][covered] || (parent !== window && "nearest");
  if (block) scrollTo(el, { block, inline: out ? "center" : "nearest", behavior: "instant" });
  const [after] = boxesOf(el);
  return after.x !== before.x || after.y !== before.y;
}

const animated = (el) =>
  animations(document).some((one) => one.playState === "running" && one.effect?.target && within(el, one.effect.target));

/** Where to try: the middle of what is in the viewport, then around it. */
function pointsOf(box) {
  const left = Math.max(box.left, 0);
  const top = Math.max(box.top, 0);
  const width = Math.min(box.right, innerWidth) - left;
  const height = Math.min(box.bottom, innerHeight) - top;
  if (width <= 0 || height <= 0) return [];
  const places = [[0.5, 0.5], [0.25, 0.5], [0.75, 0.5], [0.5, 0.25], [0.5, 0.75]];
  return places.map(([x, y]) => [left + width * x, top + height * y].map((n) => Math.round(n * 100) / 100));
}

function deepHit(x, y) {
  let hit = hitAt(document, x, y);
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
  return within(el, hit) && (tagOf(hit) === "label" || ACTIVE.has(roleOf(hit, tagOf(hit))));
}

const canHold = (el) => el instanceof HTMLElement && canEdit(el);

/** `input`, `textarea` or `contenteditable` where text can be typed; "" elsewhere. */
function editing(el) {
  const tag = tagOf(el);
  const typed = /^(text|search|email|tel|url|password|number|date|time|datetime-local|month|week)$/;
  if (tag === "textarea" || (tag === "input" && typed.test(el.type))) return tag;
  return canHold(el) ? "contenteditable" : "";
}

/** The field that is meant: by itself, by a label, or by what is built around one field. */
function fieldIn(el, selector) {
  if (matches(el, selector)) return el;
  const label = closest(el, "label");
  const field = label && fieldOf(label);
  if (field && matches(field, selector)) return field;
  const inside = [...queryAllIn(el, selector), ...(shadowOf(el)?.querySelectorAll(selector) || [])];
  return inside.length === 1 ? inside[0] : null;
}

/** What `use` makes of the target's field, once it can be written in. */
function writable(asked, use) {
  return ready(asked, (el) => {
    const again = (why) => ({ again: unusable(asked.target, el, why) });
    const field = canHold(el) ? el : fieldIn(el, "input,textarea,[contenteditable]:not([contenteditable=false])") || el;
    if (!shows(field)) return again("is not visible");
    if (disabled(field)) return again("is disabled");
    const own = tagOf(field) !== "form" && field.readOnly;
    return own === true || attr(field, "aria-readonly") === "true" ? again("is readonly") : use(field);
  });
}

const focusOn = (el) => el instanceof HTMLElement && method("HTMLElement", "focus")(el, {});

toolyard.focus = (asked) =>
  writable(asked, (el) => {
    const before = deepFocus();
    focusOn(el);
    const now = deepFocus();
    const there = now && (within(now, el) || (canHold(el) && within(el, now)));
    if (!there) return unusable(asked.target, el, "can't be focused");
    const kind = editing(now);
    // Text that is typed goes behind the text that is there.
    if (now !== before && kind === "contenteditable") {
      getSelection().selectAllChildren(now);
      getSelection().collapseToEnd();
    } else if (now !== before && kind && now.selectionStart !== null) {
      now.setSelectionRange(now.value.length, now.value.length);
    }
    return { editable: !!kind, kind: kind || "other", type: typeOf(now) };
  });

toolyard.fill = (asked) =>
  writable(asked, (el) => {
    const tag = tagOf(el);
    if (tag === "input" || tag === "textarea") return fillField(asked, el);
    if (!canHold(el)) return unusable(asked.target, el, tag === "select" ? "is a list: use select" : "takes no text");
    focusOn(el);
    getSelection().selectAllChildren(el);
    if (asked.text) return { type: true };
    command(document, "delete");
    return { value: "" };
  });

const INSTEAD = pairs("checkbox:check radio:check file:upload button:click submit:click reset:click image:click");
const FORMS = {
  date: "2026-01-31", time: "13:45", "datetime-local": "2026-01-31T13:45", month: "2026-01", week: "2026-W05", color: "#00ff00",
};

function fillField({ target, text }, el) {
  const instead = tagOf(el) === "input" && INSTEAD[el.type];
  if (instead) return unusable(target, el, "takes no text: use " + instead);
  const wrong = (why) => fail("invalid", called(target, el) + " " + why);
  if (el.maxLength >= 0 && text.length > el.maxLength) return wrong("takes at most " + el.maxLength + " characters");
  const before = el.value;
  focusOn(el);
  el.value = text;
  if (!took(el, text)) {
    el.value = before;
    const steps = (el.min || 0) + " to " + (el.max || 100) + " in steps of " + (el.step || 1);
    const takes = FORMS[el.type] ? "the form " + FORMS[el.type] : el.type === "range" ? steps : "a number";
    return wrong("did not take " + quoted(cut(text, 40)) + ": it takes " + takes);
  }
  if (el.selectionStart !== null) el.select();
  tell(el, text);
  return { value: el.type === "password" ? "" : cut(el.value, 200) };
}

function took(el, text) {
  if (el.type === "range") return el.valueAsNumber === Number(text);
  if (el.type === "color") return el.value === text.toLowerCase();
  return el.type !== "number" && !FORMS[el.type] ? true : !el.value === !text;
}

function tell(el, data) {
  el.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertReplacementText", data }));
  el.dispatchEvent(new Event("change", { bubbles: true, composed: true }));
}

toolyard.select = ({ target, values }) => on(target, (given) => {
  const option = tagOf(given) === "option" && given;
  const el = option ? closest(option, "select") : fieldIn(given, "select");
  const no = (why) => unusable(target, given, why);
  if (!el) return no("is not a list of options: click it, then what it opens");
  if (!rendered(el)) return no("is not visible");
  if (disabled(el)) return no("is disabled");
  const all = Array.from(el.options);
  const label = (one) => neat(one.label);
  const named = (text) => all.find((one) => one.value === text) || all.find((one) => label(one) === neat(text));
  const chosen = values.length || !option ? values.map(named) : [option];
  const missing = chosen.indexOf(undefined);
  if (missing >= 0) {
    const there = cut(all.slice(0, 30).map((one) => quoted(label(one))).join(", "), 600);
    return fail("invalid", "there is no option " + quoted(cut(values[missing], 60)) + "; there are " + there);
  }
  if (!el.multiple && chosen.length !== 1) return fail("invalid", "one option must be chosen here, not " + chosen.length);
  const barred = chosen.find((one) => matches(one, ":disabled"));
  if (barred) return no("has its option " + quoted(label(barred)) + " disabled");
  focusOn(el);
  if (el.multiple) for (const one of all) one.selected = chosen.includes(one);
  else chosen[0].selected = true;
  tell(el);
  return { chosen: Array.from(el.selectedOptions, (one) => one.value) };
});

toolyard.checked = ({ target }) => on(target, (given) => {
  const el = fieldIn(given, "input[type=checkbox],input[type=radio]");
  const said = el ? null : closest(given, "[aria-checked]");
  if (!el && !said) return unusable(target, given, "can't be checked");
  return { checked: el ? el.checked : attr(said, "aria-checked") === "true" };
});

const fileField = (el) => fieldIn(el, "input[type=file]");

toolyard.file = ({ target }) => on(target, (given) => {
  const el = fileField(given);
  if (!el) return unusable(target, given, "is not a file field");
  return disabled(el) ? unusable(target, given, "is disabled") : { multiple: el.multiple, accept: el.accept };
});

/** The element itself; with `file`, the file field that is meant by it. */
toolyard.element = ({ n, target, file }) => on(target || { ref: n }, (el) => (file && fileField(el)) || el);

/** Where an element's content is in this frame's viewport; `scale` is what a transform makes of its pixels. */
toolyard.box = ({ n }) => on({ ref: n }, (el) => {
  const box = boxOf(el);
  const style = getComputedStyle(el);
  const scale = el.offsetWidth ? box.width / el.offsetWidth : 1;
  const padding = (side) => parseFloat(style["padding" + side]) || 0;
  const [left, top, right, bottom] = ["Left", "Top", "Right", "Bottom"].map(padding);
  const width = (el.clientWidth - left - right) * scale;
  const height = (el.clientHeight - top - bottom) * scale;
  return { x: box.x + (el.clientLeft + left) * scale, y: box.y + (el.clientTop + top) * scale, width, height, scale };
});

/** Where an element is in this frame's viewport, for a picture of it. */
toolyard.rect = ({ target }) => on(target, (el) => {
  if (!shows(el)) return unusable(target, el, "is not visible");
  intoView(el, 0);
  const { x, y, width, height } = boxOf(el);
  return { x, y, width, height };
});

function stored(area, use) {
  try {
    return use(area === "session" ? sessionStorage : localStorage);
  } catch (wrong) {
    return fail("invalid", "the page's storage can't be used: " + wrong.message);
  }
}
const storage = (key) => method("Storage", key);

toolyard.storage = ({ area }) => stored(area, (all) => {
  const keys = Array.from({ length: getter("Storage", "length")(all) }, (_, i) => storage("key")(all, i));
  return { origin: location.origin, items: keys.map((key) => [key, storage("getItem")(all, key)]) };
});

toolyard.store = ({ area, key, value }) => stored(area, (all) => {
  if (value == null) storage("removeItem")(all, key);
  else storage("setItem")(all, key, value);
  return {};
});

const whereabouts = () => ({ title: titleOf(document), url: location.href });
