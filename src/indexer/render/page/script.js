
// What is asked for, what of it there is, and what a person does.

const OPENED_AT_ONCE = 100;
const TYPING_MS = 120;
const FIELDS = ["status", "change", "effect", "system", "reason", "bucket", "kind", "withheld"];
const OPTIONS = { kind: "action" }; // what the command line calls a field, where it does not call it the same
const WIDE = matchMedia("(min-width: 64rem)");

const byId = (id) => document.getElementById(id);
const [search, theme, list] = ["q", "theme", "assets"].map(byId);
const asked = Object.fromEntries(FIELDS.map((field) => [field, new Set()])); // those of one field are alternatives
let typing = 0;
let reveal = () => undefined;
let found = [];

// --- The address repeats what is asked for, or leads to an asset or an action ------------------------------

function readAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  if (location.hash && !location.hash.includes("=")) return; // it leads to a section
  for (const field of FIELDS) asked[field] = new Set(told.getAll(field));
  search.value = told.get("q") ?? "";
  theme.value = ["light", "dark"].includes(told.get("theme")) ? told.get("theme") : "";
  show();
  if (told.has("asset") || told.has("action")) goTo(told.get("asset"), told.get("action"));
}

function writeAddress() {
  const told = new URLSearchParams();
  for (const [name, value] of [["q", search.value], ["theme", theme.value]]) if (value) told.set(name, value);
  for (const field of FIELDS) for (const value of asked[field]) told.append(field, value);
  try {
    history.replaceState(null, "", `#${told}`);
  } catch {
    location.hash = `${told}`; // where a file may not rewrite its address
  }
}

function goTo(place, id) {
  const isIt = (one) => (id ? one.asset.actions.some((action) => action.id === id) : one.asset.location === place);
  const index = found.findIndex(isIt);
  if (index < 0) {
    byId("found").textContent = `The link leads to an ${id ? "action" : "asset"} that is not listed here`;
    return;
  }
  const details = reveal(index).querySelector("details");
  if (!details.open) details.querySelector("summary").click();
  const body = details.querySelector(".body") ?? details.appendChild(assetBody(found[index].asset, found[index].actions));
  const target = id && body.reveal(found[index].actions.findIndex((action) => action.id === id));
  (target || details).scrollIntoView();
  (target || details.querySelector("summary")).focus();
}

// --- What of it there is ----------------------------------------------------------------------------------

function prepare() {
  for (const asset of assets) {
    for (const action of asset.actions) {
      action.bucket = asset.bucket;
      action.withheld = action.held_by ? "1" : "";
      const { id, target, details, kind, effect, system, status, why, held_by: held, loses, changes, doubts, whole } = action;
      const words = [asset.location, id, target, details, kind, effect, system, status, why, held, loses];
      action.text = [...words, ...[changes, doubts, whole].flat(3)].join("\n").toLowerCase();
    }
  }
}

// The assets with those of their actions that match, and how many there would be of each other value of a field.
function matching() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = FIELDS.filter((field) => asked[field].size);
  const tally = new Map();
  const takes = (action) => {
    if (!words.every((word) => action.text.includes(word))) return false;
    const amiss = wanted.filter((field) => !asked[field].has(action[field] ?? ""));
    if (amiss.length < 2) {
      for (const field of amiss.length ? amiss : FIELDS) {
        const key = `${field} ${action[field]}`;
        if (!tally.has(key)) tally.set(key, new Map());
        tally.get(key).set(stateOf(action), (tally.get(key).get(stateOf(action)) ?? 0) + 1);
      }
    }
    return !amiss.length;
  };
  const matched = assets.map((asset) => ({ asset, actions: asset.actions.filter(takes) }));
  return [matched.filter((one) => one.actions.length), tally];
}

function changed() {
  clearTimeout(typing);
  writeAddress();
  show();
}

function show() {
  document.documentElement.dataset.theme = theme.value;
  if (!assets.length) return;
  let tally;
  [found, tally] = matching();
  const all = found.flatMap((one) => one.actions);
  const held = all.filter((action) => action.held_by).length;
  const parts = [`${found.length.toLocaleString("en")} of ${count(assets.length, "asset")}`, count(all.length - held, "action")];
  if (held) parts.push(`${held.toLocaleString("en")} withheld`);
  byId("found").textContent = parts.join(", ");
  byId("none").hidden = found.length > 0;
  const isFiltered = search.value !== "" || FIELDS.some((field) => asked[field].size);
  byId("clear").disabled = !isFiltered;
  showFilters(tally);
  byId("choice").hidden = !isFiltered || !found.length;
  byId("choice").replaceChildren(...choice(all.length - held));
  list.nextElementSibling?.remove();
  list.replaceChildren();
  reveal = slices(list, found, "asset", (one) => assetItem(one, found.length === 1));
}

function showFilters(tally) {
  for (const link of document.querySelectorAll("[data-filter]")) {
    const { filter, value } = link.dataset;
    if (asked[filter].has(value)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    const counts = tally.get(`${filter} ${value}`) ?? new Map();
    const held = states.filter((state) => counts.has(state));
    const total = [...counts.values()].reduce((sum, one) => sum + one, 0);
    if (!link.closest(".facets")) continue;
    link.classList.toggle("none", !total);
    link.querySelector("b").textContent = total.toLocaleString("en");
    link.querySelector(".sr").textContent = held.map((state) => `${counts.get(state)} ${state}`).join(", ");
    let before = 0;
    for (const part of link.querySelectorAll("rect")) {
      const width = (counts.get(part.getAttribute("class")) ?? 0) * part.parentElement.dataset.scale;
      part.setAttribute("x", before);
      part.setAttribute("width", width);
      before += width;
    }
  }
  const chips = FIELDS.flatMap((field) => [...asked[field]].map((value) => chip(field, value)));
  byId("chips").replaceChildren(...chips);
}

function chip(field, value) {
  const words = field === "withheld" ? "withheld" : `${OPTIONS[field] ?? field}: ${labels[value] ?? value}`;
  const made = button("chip", `${words} ✕`);
  made.ariaLabel = `Remove the filter ${words}`;
  made.addEventListener("click", () => toggle(field, value));
  return element("li", "", made);
}

// --- What to type for what is selected --------------------------------------------------------------------

function choice(planned) {
  const terms = FIELDS.flatMap((field) => [...asked[field]].map((value) => [OPTIONS[field] ?? field, value]));
  const words = search.value.split(/\s+/).filter(Boolean);
  const lines = [];
  const beyond = [...(words.length ? ["a search"] : []), ...["status", "withheld"].filter((field) => asked[field].size)];
  if (applying && !planned) lines.push(element("p", "", "None of these is applied: they are withheld."));
  else if (applying && beyond.length) lines.push(element("p", "", `To apply only these, choose without ${beyond.join(" and ")}: apply has no words for that.`));
  else if (applying) {
    const only = terms.map(([name, value]) => `--only ${typed(`${name}=${value}`)}`);
    lines.push(command([applying, ...only].join(" "), `applies ${planned === 1 ? "it" : `these ${planned.toLocaleString("en")}`}, and what they rest on`));
  }
  if (showing && asked.change.size) lines.push(element("p", "", "To show only these, choose without new, altered and gone: show has no words for that."));
  else if (showing) {
    const options = terms.map(([name, value]) => (name === "withheld" ? "--status withheld" : `--${name} ${typed(value)}`));
    lines.push(command([showing, ...options, ...words.map((word) => `--grep ${typed(word)}`)].join(" "), "shows these"));
  }
  return lines;
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling); // where a page may not write to the clipboard
    button.textContent = "Selected";
  }
}

// Into the address, too, without following it: the filters stay as they are.
async function copyLink(link) {
  try {
    history.replaceState(null, "", link.hash);
    await navigator.clipboard.writeText(link.href);
    link.textContent = link.ariaLabel = "# copied";
  } catch {
    link.textContent = link.ariaLabel = "# in the address";
  }
}

// --- What a person does -----------------------------------------------------------------------------------

function toggle(field, value) {
  const isOn = asked[field].delete(value);
  if (!isOn) asked[field].add(value);
  changed();
  return !isOn;
}

function clearFilters() {
  search.value = "";
  for (const field of FIELDS) asked[field].clear();
  changed();
  search.focus();
}

function openShown() {
  const closed = [...list.querySelectorAll("details:not([open]) > summary")];
  for (const summary of closed.slice(0, OPENED_AT_ONCE)) summary.click();
  const left = closed.length - OPENED_AT_ONCE;
  if (left > 0) byId("found").textContent = `Opened ${count(OPENED_AT_ONCE, "asset")}; ${left} more of those shown are closed`;
}

function closeAll() {
  for (const details of list.querySelectorAll("details[open]")) details.open = false;
  opened.clear();
}

function click(event) {
  const [link, copying, filter] = ["a.link", "button.copy", "[data-filter]"].map((one) => event.target.closest(one));
  if (copying) copy(copying, copying.previousElementSibling.textContent);
  if (!(link || filter) || !assets.length || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link) return copyLink(link);
  if (toggle(filter.dataset.filter, filter.dataset.value) && !WIDE.matches) byId("tools").scrollIntoView();
}

function move(step) {
  const summaries = [...list.querySelectorAll(":scope > li > details > summary")];
  const here = summaries.findIndex((one) => one.closest("li").contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : -1) : here + step;
  if (next < summaries.length) summaries[next]?.focus();
  else list.nextElementSibling?.click();
}

function openOrClose() {
  document.activeElement.closest("#assets > li")?.querySelector("summary").click();
}

const pressed = { "/": () => search.focus(), "?": () => byId("keys").showModal(), j: () => move(1), k: () => move(-1), o: openOrClose };

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  const isTyped = event.target.matches("input, select, textarea");
  if (event.key === "Escape" && (!isTyped || event.target === search)) {
    event.preventDefault();
    if (!search.value) return clearFilters();
    search.value = "";
    changed();
  } else if (!isTyped && assets.length && Object.hasOwn(pressed, event.key)) {
    event.preventDefault();
    pressed[event.key]();
  }
}

function fold() {
  if (byId("facets")) byId("facets").open = WIDE.matches;
}

for (const hidden of document.querySelectorAll(".scripted")) hidden.hidden = false;
prepare();
byId("tools").hidden = assets.length === 0;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(changed, TYPING_MS);
});
theme.addEventListener("change", changed);
WIDE.addEventListener("change", fold);
addEventListener("hashchange", readAddress);
document.addEventListener("click", click);
document.addEventListener("keydown", press);
const buttons = {
  open: openShown, close: closeAll, clear: clearFilters, unfilter: clearFilters,
  help: () => byId("keys").showModal(), leave: () => byId("keys").close(),
};
for (const [name, action] of Object.entries(buttons)) byId(name).addEventListener("click", action);
fold();
if (/^#[^=]+$/.test(location.hash)) show();
else readAddress();
