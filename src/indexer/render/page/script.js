"use strict";

// Names and values in the report are other people's: everything is built with createElement and text nodes.

const SLICE = 200; // assets, or actions of one asset, that are put on the page at a time
const OPENED_AT_ONCE = 100;
const TYPING_MS = 120;
const FIELDS = ["bucket", "system", "reason", "effect", "kind", "status"];

const byId = (id) => document.getElementById(id);
const { assets, signs, orders, tips } = JSON.parse(byId("report").textContent);
const controls = Object.fromEntries(["q", ...FIELDS, "withheld", "theme"].map((name) => [name, byId(name)]));
const opened = new Set(); // locations, so that an asset stays open while the filters change
let typing = 0;

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function tipped(word, made) {
  if (tips[word]) made.title = tips[word];
  return made;
}

const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

// --- What is asked for: the controls hold it, and the address repeats it ---------------------------------

const valueOf = (control) => (control.type === "checkbox" ? (control.checked ? "1" : "") : control.value);

function setValue(control, value) {
  if (control.type === "checkbox") control.checked = value !== "";
  else control.value = value;
  if (control.value !== value && control.tagName === "SELECT") {
    control.add(new Option(`${value} (0)`, value)); // a link may ask for what is not here: never show all instead
    control.value = value;
  }
}

function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  if (location.hash && !location.hash.includes("=")) return; // it leads to a section
  for (const [name, control] of Object.entries(controls)) setValue(control, asked.get(name) ?? "");
}

function writeAddress() {
  const asked = new URLSearchParams();
  for (const [name, control] of Object.entries(controls)) if (valueOf(control)) asked.set(name, valueOf(control));
  try {
    history.replaceState(null, "", `#${asked}`);
  } catch {
    location.hash = `${asked}`; // where a file may not rewrite its address
  }
}

function clearFilters() {
  for (const [name, control] of Object.entries(controls)) if (name !== "theme") setValue(control, "");
  changed();
  controls.q.focus();
}

// --- What of it there is ----------------------------------------------------------------------------------

function prepare() {
  const told = Object.fromEntries(FIELDS.map((field) => [field, new Map()]));
  for (const asset of assets) {
    for (const action of asset.actions) {
      action.bucket = asset.bucket;
      const { id, target, details, kind, effect, system, status, why, withheld, loses, changes, doubts, whole } = action;
      const words = [asset.location, id, target, details, kind, effect, system, status, why, withheld, loses, ...[changes, doubts, whole].flat(3)];
      action.text = words.join("\n").toLowerCase();
      for (const field of FIELDS) {
        if (action[field]) told[field].set(action[field], (told[field].get(action[field]) ?? 0) + 1);
      }
    }
  }
  for (const field of FIELDS) offer(controls[field], told[field], orders[field]);
  controls.withheld.parentElement.hidden = !assets.some((asset) => asset.actions.some((one) => one.withheld));
}

function offer(select, told, order) {
  const values = order ? order.filter((value) => told.has(value)) : [...told.keys()].sort();
  select.add(new Option("all", ""));
  for (const value of values) select.add(new Option(`${value} (${told.get(value).toLocaleString("en")})`, value));
  select.parentElement.hidden = values.length === 0;
}

function matching() {
  const words = controls.q.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = FIELDS.filter((field) => controls[field].value).map((field) => [field, controls[field].value]);
  const heldOnly = controls.withheld.checked;
  const takes = (action) =>
    (!heldOnly || action.withheld) &&
    wanted.every(([field, value]) => action[field] === value) &&
    words.every((word) => action.text.includes(word));
  const found = [];
  for (const asset of assets) {
    const actions = asset.actions.filter(takes);
    if (actions.length) found.push({ asset, actions });
  }
  return found;
}

// --- The list ---------------------------------------------------------------------------------------------

function changed() {
  clearTimeout(typing);
  writeAddress();
  show();
}

function show() {
  document.documentElement.dataset.theme = controls.theme.value;
  if (!assets.length) return;
  const found = matching();
  const all = found.flatMap((one) => one.actions);
  const held = all.filter((action) => action.withheld).length;
  const parts = [`${found.length.toLocaleString("en")} of ${count(assets.length, "asset")}`, count(all.length - held, "action")];
  if (held) parts.push(`${held.toLocaleString("en")} withheld`);
  byId("found").textContent = parts.join(", ");
  byId("none").hidden = found.length > 0;
  byId("clear").disabled = !Object.entries(controls).some(([name, one]) => name !== "theme" && valueOf(one));
  for (const link of document.querySelectorAll("[data-filter]")) {
    const isOn = valueOf(controls[link.dataset.filter]) === link.dataset.value;
    if (isOn) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const list = byId("assets");
  list.nextElementSibling?.remove();
  list.replaceChildren();
  slices(list, found, "asset", (one) => assetItem(one, found.length === 1));
}

// Puts the first items into the list, and after it a button for the next.
function slices(list, items, noun, build) {
  const more = element("button", "more");
  more.type = "button";
  let shown = 0;
  const next = () => {
    const part = items.slice(shown, shown + SLICE).map(build);
    shown += part.length;
    list.append(...part);
    const left = items.length - shown;
    more.textContent = `Show ${count(Math.min(SLICE, left), `more ${noun}`)} of ${left.toLocaleString("en")}`;
    if (!left) more.remove();
    return part[0];
  };
  if (items.length > SLICE) list.after(more);
  next();
  more.addEventListener("click", () => {
    const first = next();
    (first.querySelector("summary") ?? first).focus();
  });
}

function assetItem({ asset, actions }, isOnly) {
  const [, bucket, folder] = /^(s3:\/\/[^/]*\/)(.*)$/s.exec(asset.location) ?? ["", "", asset.location];
  const name = element("span", "location", element("span", "dim", bucket), element("b", "", folder));
  const reasons = element("span", "reasons", [...new Set(actions.map((one) => one.reason))].join(" · "));
  const summary = element("summary", "", name, badges(actions), reasons);
  const first = actions.find((one) => one.why && one.status !== "applied" && one.status !== "satisfied");
  if (first) summary.append(element("span", `first why ${first.status}`, first.why));
  const details = element("details", "", summary);
  const build = () => {
    if (details.childElementCount === 1) details.append(assetBody(asset, actions));
  };
  summary.addEventListener("click", () => opened[details.open ? "delete" : "add"](asset.location)); // as it will be
  details.addEventListener("toggle", build);
  details.open = isOnly || opened.has(asset.location);
  if (details.open) build();
  return element("li", "", details);
}

function badges(actions) {
  const made = element("span", "badges");
  const told = new Map();
  for (const one of actions) {
    const name = one.withheld ? "withheld" : one.status ?? one.effect;
    told.set(name, (told.get(name) ?? 0) + 1);
  }
  for (const name of [...orders.status, ...orders.effect, "withheld"]) {
    if (told.has(name)) made.append(tipped(name, element("span", `badge ${name}`, `${signs[name] ?? ""}${told.get(name)} ${name}`)));
  }
  return made;
}

function assetBody(asset, actions) {
  const list = element("ol", "actions");
  const body = element("div", "body", list);
  slices(list, actions, "action", actionItem);
  const others = asset.actions.length - actions.length;
  if (others) {
    const rest = element("button", "rest", `Show ${count(others, "other action")} of this asset`);
    rest.type = "button";
    rest.addEventListener("click", () => {
      const whole = assetBody(asset, asset.actions);
      body.replaceWith(whole);
      whole.querySelector("li").focus();
    });
    body.append(rest);
  }
  return body;
}

function actionItem(action) {
  const item = element("li", action.withheld ? "withheld" : action.status ?? action.effect);
  const kind = element("b", `kind ${action.effect ?? ""}`, `${signs[action.effect] ?? ""} ${action.kind ?? "action"}`.trim());
  const what = element("p", "what", kind, " ");
  what.append(element("code", "", action.target ?? action.id));
  if (action.status) what.prepend(tipped(action.status, element("span", `badge ${action.status}`, action.status)), " ");
  if (action.withheld) what.prepend(element("span", "badge withheld", "withheld"), " ");
  tipped(action.kind, kind);
  item.append(what);
  if (action.withheld) item.append(element("p", "why", action.withheld));
  if (action.why) item.append(element("p", "why", action.why));
  if (action.loses) item.append(element("p", "loses", `loses: ${action.loses}`));
  if (action.facts) item.append(element("p", "dim", action.facts));
  if (action.details) item.append(detailsOf(action));
  if (action.changes) item.append(element("ul", "diff", ...action.changes.map(changeItem)));
  if (action.omitted) item.append(element("p", "dim", `and ${action.omitted}`));
  for (const words of action.doubts ?? []) item.append(element("p", "doubt", `not as planned: ${words}`));
  for (const words of action.words ?? []) item.append(element("p", "dim", words));
  if (action.whole?.length) item.append(element("div", "diff whole", ...action.whole.map(wholeLine)));
  item.tabIndex = -1;
  return item;
}

// Why, from what, how much, and under which condition; whoever rests on the reason is told what it means.
function detailsOf(action) {
  const rest = action.details.startsWith(action.reason) ? action.details.slice(action.reason.length) : ` · ${action.details}`;
  return element("p", "dim", tipped(action.reason, element("span", "", action.reason)), `${rest} · id ${action.id}`);
}

// A line of a whole difference: its sign, then its parts; those that changed are lists.
function wholeLine([sign, ...parts]) {
  const tag = { "-": "del", "+": "ins" }[sign] ?? "code";
  const shown = parts.map((part) => (Array.isArray(part) ? element("mark", "", part[0]) : part));
  return element(tag, sign === "…" ? "gap" : "", `${sign} `, ...shown);
}

function changeItem([path, before, after]) {
  const item = element("li", "", element("code", "path", path));
  if (before !== null) item.append(side("del", "-", before, after));
  if (after !== null) item.append(side("ins", "+", after, before));
  return item;
}

// One side of a difference, with what the other side has not marked.
function side(tag, sign, value, other) {
  const [mine, theirs] = [[...value], [...(other ?? "")]]; // characters, not halves of them
  const most = Math.min(mine.length, theirs.length);
  let start = 0;
  while (start < most && mine[start] === theirs[start]) start += 1;
  let end = 0;
  while (end < most - start && mine.at(-1 - end) === theirs.at(-1 - end)) end += 1;
  const parts = [mine.slice(0, start), mine.slice(start, mine.length - end), mine.slice(mine.length - end)];
  const [head, middle, tail] = parts.map((part) => part.join(""));
  if (start + end < Math.max(mine.length, theirs.length) / 2) return element(tag, "", `${sign} ${value}`);
  return element(tag, "", `${sign} ${head}`, element("mark", "", middle), tail);
}

// --- What a person does -----------------------------------------------------------------------------------

function openShown() {
  const closed = [...byId("assets").querySelectorAll("details:not([open]) > summary")];
  for (const summary of closed.slice(0, OPENED_AT_ONCE)) summary.click();
  const left = closed.length - OPENED_AT_ONCE;
  if (left > 0) byId("found").textContent = `Opened ${count(OPENED_AT_ONCE, "asset")}; ${left} more of those shown are closed`;
}

function closeAll() {
  for (const details of byId("assets").querySelectorAll("details[open]")) details.open = false;
  opened.clear();
}

function follow(event) {
  const link = event.target.closest("[data-filter]");
  if (!link || !assets.length || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const control = controls[link.dataset.filter];
  const isOn = valueOf(control) === link.dataset.value;
  setValue(control, isOn ? "" : link.dataset.value);
  changed();
  if (!isOn) byId("tools").scrollIntoView();
}

function press(event) {
  const typed = event.target.matches("input, select, textarea");
  if (event.key === "/" && !typed && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    controls.q.focus();
  } else if (event.key === "Escape" && controls.q.value && (!typed || event.target === controls.q)) {
    event.preventDefault();
    controls.q.value = "";
    changed();
  }
}

for (const hidden of document.querySelectorAll(".scripted")) hidden.hidden = false;
prepare();
readAddress();
controls.q.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(changed, TYPING_MS);
});
for (const name of [...FIELDS, "withheld", "theme"]) controls[name].addEventListener("change", changed);
addEventListener("hashchange", () => { readAddress(); show(); });
document.addEventListener("click", follow);
document.addEventListener("keydown", press);
const buttons = { open: openShown, close: closeAll, clear: clearFilters, unfilter: clearFilters };
for (const [name, action] of Object.entries(buttons)) byId(name).addEventListener("click", action);
byId("tools").hidden = assets.length === 0;
show();
