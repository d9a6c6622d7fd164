"use strict";

// What the list is made of. Names and values in the report are other people's: everything is built with
// createElement and text nodes.

const SLICE = 200; // assets, or actions of one asset, that are put on the page at a time
const LOSSES = 3; // deletions that a closed asset names
const { assets, known } = JSON.parse(document.getElementById("report").textContent);
const { signs, states, labels, tips, show: showing, apply: applying } = known;
const opened = new Set(); // locations, so that an asset stays open while the filters change

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function button(className, words) {
  const made = element("button", className, words);
  made.type = "button";
  return made;
}

const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

const stateOf = (action) => (action.held_by ? "withheld" : (action.status ?? action.change ?? action.effect ?? ""));

// A word whose meaning is known, for whoever points at it; an opened action says it in words.
function word(tag, className, text, meant = text) {
  const made = element(tag, className, text);
  if (Object.hasOwn(tips, meant)) made.title = tips[meant];
  return made;
}

// Puts the first items into the list, and after it a button for the next; returns what shows items up to one.
function slices(list, items, noun, build) {
  const more = button("more");
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
  return (index) => {
    while (shown <= index && shown < items.length) next();
    return list.children[index];
  };
}

// --- An asset ---------------------------------------------------------------------------------------------

function assetItem({ asset, actions }, isOnly) {
  const [, bucket, folder] = /^(s3:\/\/[^/]*\/)(.*)$/s.exec(asset.location) ?? ["", "", asset.location];
  const name = element("span", "location", element("span", "dim", bucket), element("b", "", folder));
  const summary = element("summary", "", name, badges(actions), reasons(actions), ...losses(actions));
  const first = actions.find((one) => one.why && one.status !== "applied" && one.status !== "satisfied");
  if (first) summary.append(element("span", `first why ${first.status}`, first.why));
  const details = element("details", "", summary);
  const build = () => {
    if (details.childElementCount === 1) details.append(assetBody(asset, actions));
  };
  summary.addEventListener("click", () => {
    opened[details.open ? "delete" : "add"](asset.location); // as it will be
    build(); // now: a toggle is told of later, and whoever clicks may look at once
  });
  details.addEventListener("toggle", build); // where a search of the browser opens it
  details.open = isOnly || opened.has(asset.location);
  if (details.open) build();
  return element("li", "", details);
}

function reasons(actions) {
  const made = element("span", "reasons");
  for (const reason of new Set(actions.map((one) => one.reason ?? ""))) {
    if (made.childElementCount) made.append(" · ");
    made.append(word("span", "", reason));
  }
  return made;
}

function losses(actions) {
  const lost = actions.filter((one) => one.loses && !one.held_by && !one.status && one.change !== "gone");
  const line = (one) => element("span", "first", element("b", "loses", `${signs.delete} ${one.kind}`), ` ${one.target} loses: ${one.loses}`);
  const lines = lost.slice(0, LOSSES).map(line);
  if (lost.length > LOSSES) lines.push(element("span", "first loses", `and ${count(lost.length - LOSSES, "more deletion")}`));
  return lines;
}

function badges(actions) {
  const told = new Map();
  for (const one of actions) told.set(stateOf(one), (told.get(stateOf(one)) ?? 0) + 1);
  const held = states.filter((state) => told.has(state));
  const badge = (state) => word("span", `badge ${state}`, `${signs[state] ?? ""}${told.get(state)} ${state}`, state);
  return element("span", "badges", ...held.map(badge));
}

function assetBody(asset, actions) {
  const list = element("ol", "actions");
  const body = element("div", "body", list);
  const explained = new Set();
  body.reveal = slices(list, actions, "action", (action) => actionItem(action, explained));
  const others = asset.actions.length - actions.length;
  if (others) {
    const rest = button("rest", `Show ${count(others, "other action")} of this asset`);
    rest.addEventListener("click", () => {
      const whole = assetBody(asset, asset.actions);
      body.replaceWith(whole);
      whole.querySelector("li").focus();
    });
    body.append(rest);
  }
  body.append(assetLinks(asset));
  return body;
}

// What to type for it. A name that is only shown escaped cannot be typed.
function assetLinks({ location, bucket, actions }) {
  const links = element("div", "links", linkTo("asset", location, "Copy the link to this asset", " link to this asset"));
  if (!bucket || location.includes("\\")) return links;
  if (showing) links.append(command(`${showing} --asset ${typed(location)}`));
  if (applying && actions.some((one) => !one.held_by)) links.append(command(`${applying} --only ${typed(`asset=${location}`)}`));
  return links;
}

const typed = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

function command(words, why = "") {
  const line = element("p", "command", element("code", "", words), " ", button("copy", "Copy"));
  if (why) line.append(" ", element("span", "", why));
  return line;
}

function linkTo(name, value, words, shown = "") {
  const link = element("a", "link", `#${shown}`);
  link.href = `#${new URLSearchParams({ [name]: value })}`;
  link.title = link.ariaLabel = words;
  return link;
}

// --- An action --------------------------------------------------------------------------------------------

function actionItem(action, explained) {
  const item = element("li", stateOf(action));
  const kind = word("b", `kind ${action.effect ?? ""}`, `${signs[action.effect] ?? ""} ${action.kind ?? "action"}`.trim(), action.kind);
  const what = element("p", "what", kind, " ", element("code", "", action.target ?? action.id), " ");
  what.append(linkTo("action", action.id, "Copy the link to this action"));
  if (action.status) what.prepend(word("span", `badge ${action.status}`, action.status), " ");
  if (action.change) what.prepend(element("span", `badge ${action.change}`, action.change), " ");
  if (action.held_by) what.prepend(element("span", "badge withheld", "withheld"), " ");
  item.append(what);
  if (action.held_by) item.append(element("p", "why", action.held_by));
  if (action.why) item.append(element("p", "why", action.why));
  if (action.loses) item.append(element("p", "loses", `loses: ${action.loses}`));
  if (action.facts) item.append(element("p", "dim", action.facts));
  if (action.details) item.append(detailsOf(action));
  if (action.was) item.append(element("p", "dim", `was: ${action.was}`));
  for (const name of [action.reason, action.status]) {
    if (!Object.hasOwn(tips, name ?? "") || explained.has(name)) continue;
    explained.add(name);
    item.append(element("p", "meaning", element("b", "", name), `: ${tips[name]}`));
  }
  if (action.changes) item.append(element("ul", "diff", ...action.changes.map(changeItem)));
  if (action.omitted) item.append(element("p", "dim", `and ${action.omitted}`));
  for (const words of action.doubts ?? []) item.append(element("p", "doubt", `not as planned: ${words}`));
  for (const words of action.words ?? []) item.append(element("p", "dim", words));
  if (action.whole?.length) item.append(element("div", "diff whole", ...action.whole.map(wholeLine)));
  item.dataset.id = action.id;
  item.tabIndex = -1;
  return item;
}

// Why, from what, how much, and under which condition; whoever rests on the reason is told what it means.
function detailsOf({ details, reason, id }) {
  const rest = details.startsWith(reason) ? details.slice(reason.length) : ` · ${details}`;
  return element("p", "dim", word("span", "", reason), `${rest} · id ${id}`);
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
