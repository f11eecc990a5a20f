/** Figures and curves of the live page. A panel makes its `node` once and brings it up to date with `update(view)`. */
import { colour, lineChart, short } from "/theme/charts.js";
import { copyButton, element, remember, remembered } from "/theme/theme.js";
import { curveNames, curveTitle } from "./curves.js";
import { card, duration, fill, meter, named, STATES, stateChip } from "./parts.js";

function title() {
  const name = element("h1", { id: "run-title", tabindex: -1 });
  const chip = element("span"), path = element("p", { class: "path small soft mono" });
  const node = element("div", { class: "title" }, name, chip, path);
  return { node, update({ detail, runs, focus }) {
    name.textContent = detail.name;
    fill(chip, detail.state, () => stateChip(detail.state));
    path.textContent = [detail.network, runs.find((run) => run.id === focus)?.folder].filter(Boolean).join(" · ");
  } };
}

function banner() {
  const node = element("div", { role: "status" });
  return { node, update({ detail }) {
    const words = { failed: "This run failed.", interrupted: "This run was interrupted.", silent: "Nothing has been written for a while: it may have been killed, or its machine may be gone." };
    node.hidden = !words[detail.state] && !detail.message;
    fill(node, JSON.stringify([detail.state, detail.message, detail.resume]), () => element("div", { class: `banner ${STATES[detail.state] ?? ""}` },
      words[detail.state] ? element("strong", {}, words[detail.state]) : null,
      detail.message ? element("pre", { class: "message" }, detail.message) : null,
      detail.resume ? element("div", {}, element("p", { class: "small soft" }, "To resume it:"), element("div", { class: "command" }, element("code", {}, detail.resume), copyButton(() => detail.resume))) : null));
  } };
}

/** Of a run that has measured nothing yet. */
function nothing() {
  const node = element("p", { class: "card soft" }, "No step and no epoch has been logged yet. The curves begin with the first step.");
  return { node, update({ detail, steps, focus }) {
    node.hidden = Object.keys(steps.get(focus) ?? {}).length > 0 || Object.keys(detail.columns ?? {}).length > 0;
  } };
}

const lastOf = (points) => points?.findLast((each) => typeof each.at(-1) === "number")?.at(-1);

function facts() {
  const node = element("dl", { class: "facts" });
  return { node, update({ detail, steps, focus }) {
    const series = steps.get(focus) ?? {};
    const sign = (detail.primary ?? "").includes("loss") ? -1 : 1; // the lowest loss is the best one
    const best = (detail.columns?.[detail.primary] ?? []).filter((each) => typeof each[1] === "number").reduce((top, each) => (top && sign * top[1] >= sign * each[1] ? top : each), null);
    const rows = [
      ["epoch", detail.epochs ? `${detail.epoch ?? 0} / ${detail.epochs}` : short(detail.epoch)],
      ["step", short(detail.step)],
      ["loss", short(lastOf(series.loss))],
      best ? [`best ${detail.titles?.[detail.primary] ?? detail.primary}, epoch ${best[0]}`, best[1].toFixed(3)] : null,
      ["images per second", short(lastOf(series.images_per_second))],
      detail.state === "running" ? ["time left", duration(detail.eta)] : null,
    ].filter((row) => row && row[1] !== "–");
    node.hidden = !rows.length;
    fill(node, JSON.stringify(rows), () => rows.map(([what, value]) => element("div", {}, element("dt", {}, what), element("dd", {}, value))));
  } };
}

/** Curves over steps: the losses of one run, or one curve of several runs; then the others, a chart each. */
function stepCharts() {
  const node = element("section", { class: "charts", "aria-label": "Curves over steps" });
  const charts = new Map();
  const chart = (key, options) => {
    if (!charts.has(key)) {
      const place = element("div", { class: "card" });
      node.append(place);
      charts.set(key, { place, drawn: lineChart(place, { xTitle: "step", ...options }) });
    }
    const { place, drawn } = charts.get(key);
    place.hidden = false;
    drawn.set(options);
  };
  return { node, update(view) {
    const { selected, steps } = view;
    const names = curveNames(selected.map((id) => steps.get(id) ?? {}));
    for (const { place } of charts.values()) place.hidden = true;
    node.hidden = !names.length;
    const losses = names.filter((name) => name === "loss" || name.startsWith("loss/"));
    if (selected.length > 1) {
      for (const name of names) chart(name, { title: curveTitle(name), named: true, series: overlay(view, (id) => steps.get(id)?.[name]) });
      return;
    }
    const own = steps.get(selected[0]) ?? {};
    if (losses.length) chart("losses", { title: "Loss", named: false, series: losses.map((name, index) => ({ name: name === "loss" ? "total" : name.slice(5), points: own[name], colour: colour(index) })) });
    for (const name of names.filter((each) => !losses.includes(each))) chart(name, { title: curveTitle(name), named: false, series: [{ name: curveTitle(name), points: own[name] }] });
  } };
}

/** A series of each selected run that has one; its colour is its place in the selection. */
function overlay(view, points) {
  const names = view.selected.map((id) => named(view, id));
  return view.selected.map((id, index) => ({ name: names.indexOf(names[index]) === index ? names[index] : `${names[index]} (${id})`, points: points(id), colour: colour(index) })).filter((each) => each.points?.length);
}

/** Figures per epoch: the primary one first, others as chosen. */
function epochChart() {
  const select = element("select", { "aria-label": "Figure" });
  const place = element("div");
  const node = element("section", { class: "card" }, element("div", { class: "card-tools" }, element("label", {}, "Figure per epoch", select)), place);
  const drawn = lineChart(place, { title: "", xTitle: "epoch", height: 240 });
  let current = null;
  select.addEventListener("change", () => { current.chosen = select.value; remember("figure", select.value); show(); });
  function show() {
    const { view, chosen } = current;
    const label = view.detail.titles?.[chosen] ?? chosen;
    drawn.set({ title: label, named: view.selected.length > 1, series: overlay(view, (id) => view.details.get(id)?.columns?.[chosen]).map((each) => (view.selected.length > 1 ? each : { ...each, name: label })) });
  }
  return { node, update(view) {
    const columns = [...new Set(view.selected.flatMap((id) => Object.keys(view.details.get(id)?.columns ?? {})))];
    node.hidden = !columns.length;
    if (!columns.length) return;
    const order = columns.sort((a, b) => (b === view.detail.primary) - (a === view.detail.primary));
    fill(select, JSON.stringify(order), () => order.map((name) => element("option", { value: name }, view.detail.titles?.[name] ?? name)));
    const wanted = current?.chosen ?? remembered("figure", null);
    current = { view, chosen: order.includes(wanted) ? wanted : order[0] };
    select.value = current.chosen;
    show();
  } };
}

function classTable() {
  const place = element("div", { class: "scroll classes" });
  const node = card("Classes, at the last validation", place);
  return { node, update({ detail }) {
    const table = detail.per_class ?? {};
    const columns = Object.keys(table).filter((name) => Object.keys(table[name]).length);
    node.hidden = !columns.length;
    if (!columns.length) return;
    const classes = [...new Set([...(detail.classes ?? []), ...columns.flatMap((name) => Object.keys(table[name]))])].filter((name) => columns.some((column) => name in table[column]));
    fill(place, JSON.stringify([classes, table]), () => element("table", {},
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "class"), element("th", { class: "share" }, element("span", { class: "visually-hidden" }, "as a bar")), columns.map((name) => element("th", { scope: "col", class: "number" }, detail.titles?.[name] ?? name)))),
      element("tbody", {}, classes.map((name) => element("tr", {}, element("th", { scope: "row" }, name), element("td", { class: "share" }, meter(table[columns[0]][name])), columns.map((column) => element("td", { class: "number" }, short(table[column][name]))))))));
  } };
}

export const FIGURES = [title, banner, facts, nothing, stepCharts, epochChart, classTable];
