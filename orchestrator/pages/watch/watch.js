/**
 * The live page: a list of runs, one of them in full, others laid over its curves. What is shown stands in the address
 * (#run=ID&with=ID,ID), so that a page can be sent to somebody and reloaded. Nothing here changes anything of a run.
 */
import { element, themeToggle } from "/theme/theme.js";
import { extend } from "./curves.js";
import { EXHIBITS } from "./exhibits.js";
import { FIGURES } from "./panels.js";
import { stateChip } from "./parts.js";

const POINTS = 1000;
const LIST_SECONDS = 5;
const HIDDEN_SECONDS = 30;
const view = { runs: [], focus: null, over: new Set(), details: new Map(), steps: new Map() };
const main = document.getElementById("run");
const list = document.getElementById("runs");
const filter = document.getElementById("filter");
let events = null;
let following = "";
let panels = [];
let drawing = false;

async function get(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.detail ?? `${answer.status} ${answer.statusText}`);
  return told;
}

const about = (id) => `/api/runs/${encodeURIComponent(id)}`;
const selected = () => [view.focus, ...[...view.over].filter((id) => id !== view.focus)].filter(Boolean);

/** Read the list of runs, and follow what the address names. */
async function refresh() {
  try {
    view.runs = await get("/api/runs");
    line(true);
  } catch (error) {
    line(false, error);
  }
  if (!view.runs.some((run) => run.id === view.focus)) choose(fromAddress());
  drawList();
}

function fromAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  const known = new Set(view.runs.map((run) => run.id));
  view.over = new Set((told.get("with") ?? "").split(",").filter((id) => known.has(id)));
  const wanted = told.get("run");
  if (known.has(wanted)) return wanted;
  return (view.runs.find((run) => run.state === "running") ?? view.runs[0])?.id ?? null;
}

function choose(id) {
  view.focus = id;
  const others = [...view.over].filter((each) => each !== id);
  if (id) history.replaceState(null, "", `#run=${encodeURIComponent(id)}${others.length ? `&with=${others.map(encodeURIComponent).join(",")}` : ""}`);
  panels = id ? [...FIGURES, ...EXHIBITS].map((make) => make()) : [];
  for (const { node } of panels) node.hidden = true; // until there is something to show
  main.replaceChildren(...panels.map((panel) => panel.node));
  if (!id) main.replaceChildren(element("p", { class: "banner", id: "waiting" }, view.runs.length ? "Choose a run." : "No run yet. This page shows one as soon as its folder is there."));
  follow();
}

/** Read what is selected and not read yet, then listen to what is added. */
async function follow() {
  const ids = selected();
  const name = ids.join(",");
  if (name === following && events?.readyState !== EventSource.CLOSED) return draw();
  following = name;
  events?.close();
  await Promise.all(ids.map(load));
  if (name !== following) return;
  draw();
  if (ids.length) listen(ids);
}

async function load(id) {
  try {
    const [detail, steps] = await Promise.all([get(about(id)), get(`${about(id)}/steps?points=${POINTS}`)]);
    view.details.set(id, detail);
    view.steps.set(id, steps.series ?? {});
  } catch (error) {
    line(false, error);
  }
}

async function loadSteps(id) {
  try {
    view.steps.set(id, (await get(`${about(id)}/steps?points=${POINTS}`)).series ?? {});
    draw();
  } catch (error) {
    line(false, error);
  }
}

function listen(ids) {
  events = new EventSource(`/api/events?runs=${ids.map(encodeURIComponent).join(",")}`);
  let before = false;
  events.addEventListener("open", () => {
    line(true);
    if (before) ids.forEach(loadAgain); // an event tells of the latest steps only: others came while nobody listened
    before = true;
  });
  events.addEventListener("error", () => {
    line(false);
    if (events.readyState === EventSource.CLOSED) following = "";
  });
  events.addEventListener("run", (event) => take(JSON.parse(event.data)));
}

/** What changed of a run. */
function take(change) {
  const detail = view.details.get(change.id);
  if (!detail) return;
  const { steps, log, restarted, ...plain } = change;
  Object.assign(detail, plain);
  if (log) detail.log = [...(detail.log ?? []), ...log].slice(-400);
  if (restarted || (steps && !extend(view.steps.get(change.id) ?? {}, steps))) loadSteps(change.id);
  if (change.columns || change.state) again(change.id);
  const run = view.runs.find((each) => each.id === change.id);
  if (run) for (const key of ["state", "message", "epoch", "epochs", "value"]) if (key in change) run[key] = change[key];
  drawList();
  draw();
}

function loadAgain(id) {
  loadSteps(id);
  again(id);
}

const waiting = new Set();
/** Read a run in full again, soon and once: after an epoch there may be other pictures than an event tells of. */
function again(id) {
  if (waiting.has(id)) return;
  waiting.add(id);
  setTimeout(async () => {
    waiting.delete(id);
    try {
      view.details.set(id, await get(about(id)));
      draw();
    } catch (error) {
      line(false, error);
    }
  }, 700);
}

function line(good, error = null) {
  const node = document.getElementById("line");
  const text = good ? "live" : error instanceof Error && !(error instanceof TypeError) ? error.message : "no answer from tltpipe watch; trying again";
  if (node.textContent !== text) node.replaceChildren(element("span", { class: `chip ${good ? "good" : "bad"}` }, text));
}

/** Draw once a frame, whatever came in. */
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const detail = view.details.get(view.focus);
    if (!detail) return;
    document.title = `${detail.name} · tltpipe watch`;
    for (const panel of panels) panel.node.hidden = false;
    for (const panel of panels) panel.update({ ...view, detail, selected: selected().filter((id) => view.details.has(id)) });
  });
}

function drawList() {
  const wanted = filter.value.trim().toLowerCase();
  filter.hidden = view.runs.length < 8 && !wanted;
  const shown = view.runs.filter((run) => !wanted || `${run.name} ${run.folder}`.toLowerCase().includes(wanted));
  const before = document.activeElement?.dataset?.key;
  list.replaceChildren(...shown.map(row));
  document.getElementById("runs-note").textContent = view.runs.length > 1 ? "Tick runs to lay their curves over the chosen one." : "";
  if (before) list.querySelector(`[data-key="${CSS.escape(before)}"]`)?.focus();
}

function row(run) {
  const current = run.id === view.focus;
  const tick = element("input", {
    type: "checkbox", "aria-label": `Lay ${run.name} over`, "data-key": `tick-${run.id}`, checked: current || view.over.has(run.id), disabled: current || view.runs.length < 2,
    onchange: (event) => { if (event.target.checked) view.over.add(run.id); else view.over.delete(run.id); choose(view.focus); },
  });
  const link = element("a", { href: `#run=${encodeURIComponent(run.id)}`, title: run.folder, "data-key": `run-${run.id}`, "aria-current": current ? "true" : null, onclick: (event) => { event.preventDefault(); choose(run.id); drawList(); } }, run.name);
  const progress = run.epochs ? `epoch ${run.epoch ?? 0} of ${run.epochs}` : run.epoch ? `epoch ${run.epoch}` : "";
  const value = typeof run.value === "number" ? `${run.primary ?? ""} ${run.value.toFixed(3)}` : "";
  const facts = element("div", { class: "facts-line" }, stateChip(run.state), element("span", {}, progress), element("span", {}, value));
  const bar = run.epochs && run.state === "running" ? element("progress", { max: run.epochs, value: run.epoch ?? 0, "aria-label": "Epochs" }) : null;
  return element("li", { class: current ? "current" : "" }, tick, element("div", {}, link, facts), bar);
}

document.getElementById("toggle").append(themeToggle());
filter.addEventListener("input", drawList);
window.addEventListener("hashchange", () => { choose(fromAddress()); drawList(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh().then(follow); });
await refresh();
(function soon() {
  setTimeout(async () => {
    await refresh();
    if (following === "" && view.focus) await follow();
    soon();
  }, 1000 * (document.hidden ? HIDDEN_SECONDS : LIST_SECONDS));
})();
