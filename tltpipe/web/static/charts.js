/**
 * Charts as SVG: lines with bands, bars, a matrix. Colours and type come from theme.css (classes below .chart), so that
 * light, dark and paper look alike; text is set as text, whatever names it holds. A chart is drawn as wide as its place
 * and again when that changes. With the keyboard: Tab to it, arrow keys, Home and End move the cursor, Escape leaves.
 */
import { element } from "./theme.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 50, right: 12, top: 10, bottom: 26 };
const COLOURS = 8;
let made = 0;

function shape(name, attributes = {}, text = null) {
  const drawn = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "style") drawn.style.cssText = value;
    else if (value !== null) drawn.setAttribute(key, value);
  }
  if (text !== null) drawn.textContent = text;
  return drawn;
}

/** The colour of the series at `index`, as a value of the custom property --own. */
export const colour = (index) => `var(--s${index % COLOURS})`;

/** A number for people: four digits that count, thousands with commas, tiny ones with an exponent. */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size < 0.001) return value.toExponential(1).replace("e-", "e−");
  return String(Number(value.toPrecision(size < 1 ? 3 : 4)));
}

const compact = (value) => {
  const size = Math.abs(value);
  if (size >= 1e6) return `${short(value / 1e6)}M`;
  if (size >= 1e4) return `${short(value / 1e3)}k`;
  return short(value);
};

/** About `count` round values from `low` to `high`. */
export function ticks(low, high, count) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough - 1e-12);
  const values = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-6; k++) values.push(Number((k * step).toPrecision(12)));
  return values;
}

function logTicks(low, high) {
  const values = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const each of high / low > 1000 ? [1] : [1, 2, 5]) {
      const value = each * 10 ** power;
      if (value >= low * 0.999 && value <= high * 1.001) values.push(Number(value.toPrecision(6)));
    }
  }
  return values.length >= 2 ? values : [low, high];
}

/** Keep `draw` called with the width of `place`, from now on. */
function whenWide(place, draw) {
  let width = 0;
  const look = () => {
    const now = Math.round(place.clientWidth);
    if (now > 0 && now !== width) draw((width = now));
  };
  new ResizeObserver(look).observe(place);
  look();
  return () => draw(width || 600);
}

/**
 * Lines over a common axis.
 *
 * `options`: title; xTitle; format (value → text); log (whether the axis starts logarithmic; null for no choice);
 * zero (the axis begins at 0); named (a single series is named, too); height; marks [{x, name}]; series [{name, points, dashed?, colour?}], where a point is
 * [x, value] or [x, min, max, mean]. A value that is null or no number breaks the line. Returns {set(options)}: what is
 * given replaces what was, and the cursor, hidden series and scale stay.
 */
export function lineChart(place, options) {
  const state = { xTitle: "", format: short, log: false, zero: false, height: 220, marks: [], series: [], ...options, hidden: new Set(), at: null };
  const id = `chart-${++made}`;
  const scale = element("button", { type: "button", "aria-pressed": String(Boolean(state.log)), onclick: () => { state.log = !state.log; redraw(); } }, "log");
  const head = element("div", { class: "chart-head" }, element("h3", { id }, state.title), element("div", { class: "controls no-print" }, scale));
  const svg = shape("svg", { tabindex: 0, role: "img" });
  const read = element("div", { class: "chart-read", role: "status", hidden: true });
  const key = element("ul", { class: "chart-key" });
  const frame = element("div", { class: "chart" }, svg, read);
  place.replaceChildren(head, frame, key);
  scale.hidden = state.log === null;
  let geometry = null;

  const shown = () => state.series.map((series, index) => ({ ...series, index })).filter((series) => !state.hidden.has(series.name));
  const usable = (value) => typeof value === "number" && Number.isFinite(value) && (!state.log || value > 0);
  const middle = (point) => (point.length > 2 ? point[3] : point[1]);

  function extent(lists) {
    let [x0, x1, y0, y1, whole] = [Infinity, -Infinity, Infinity, -Infinity, true];
    for (const series of lists) {
      for (const point of series.points) {
        if (!usable(middle(point))) continue;
        x0 = Math.min(x0, point[0]); x1 = Math.max(x1, point[0]);
        whole &&= Number.isInteger(point[0]);
        for (const value of point.length > 2 ? [point[1], point[2]] : [point[1]]) {
          if (usable(value)) { y0 = Math.min(y0, value); y1 = Math.max(y1, value); }
        }
      }
    }
    return x0 > x1 ? null : { x0, x1, y0, y1, whole };
  }

  function draw(width) {
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${state.height}`);
    svg.setAttribute("height", state.height);
    scale.setAttribute("aria-pressed", String(Boolean(state.log)));
    drawKey();
    const lists = shown();
    const found = extent(lists);
    svg.setAttribute("aria-label", describe(lists, found));
    if (!found) {
      geometry = null;
      svg.append(shape("text", { class: "empty", x: width / 2, y: state.height / 2 }, "nothing yet"));
      hideRead();
      return;
    }
    geometry = scales(found, width);
    drawAxes(geometry);
    for (const mark of state.marks) {
      if (mark.x < found.x0 || mark.x > found.x1) continue;
      const line = shape("line", { class: "mark", x1: geometry.x(mark.x), x2: geometry.x(mark.x), y1: MARGIN.top, y2: geometry.bottom });
      line.append(shape("title", {}, mark.name));
      svg.append(line);
    }
    for (const series of lists) drawSeries(series, geometry);
    if (state.at !== null) point(state.at);
  }

  function scales({ x0, x1, y0, y1, whole }, width) {
    const log = Boolean(state.log);
    let [low, high] = log ? [y0, y1] : [state.zero ? Math.min(0, y0) : y0, y1];
    if (low === high) [low, high] = log ? [low / 1.5, high * 1.5] : [low - (Math.abs(low) * 0.1 || 0.5), high + (Math.abs(high) * 0.1 || 0.5)];
    else if (!log) { const air = (high - low) * 0.05; high += air; if (!state.zero || low < 0) low -= y0 >= 0 && low - air < 0 ? low : air; }
    const right = width - MARGIN.right, bottom = state.height - MARGIN.bottom;
    const way = log ? Math.log : (value) => value;
    return {
      x0, x1, low, high, right, bottom, log, whole,
      x: (value) => (x0 === x1 ? (MARGIN.left + right) / 2 : MARGIN.left + ((value - x0) / (x1 - x0)) * (right - MARGIN.left)),
      y: (value) => bottom - ((way(value) - way(low)) / (way(high) - way(low))) * (bottom - MARGIN.top),
    };
  }

  function drawAxes({ x, y, x0, x1, low, high, right, bottom, log, whole }) {
    for (const value of log ? logTicks(low, high) : ticks(low, high, 4)) {
      svg.append(shape("line", { class: "grid", x1: MARGIN.left, x2: right, y1: y(value), y2: y(value) }));
      svg.append(shape("text", { x: MARGIN.left - 7, y: y(value) + 4, "text-anchor": "end" }, state.format === short ? compact(value) : state.format(value)));
    }
    const room = state.xTitle ? right - state.xTitle.length * 6.4 - 26 : right + 1;
    for (const value of x0 === x1 ? [x0] : ticks(x0, x1, Math.max(2, Math.floor((right - MARGIN.left) / 64)))) {
      if ((whole && !Number.isInteger(value)) || x(value) > room) continue;
      svg.append(shape("text", { x: x(value), y: bottom + 18, "text-anchor": "middle" }, compact(value)));
    }
    if (state.xTitle) svg.append(shape("text", { x: right, y: bottom + 18, "text-anchor": "end" }, state.xTitle));
  }

  function drawSeries(series, { x, y, low }) {
    const own = `--own: ${series.colour ?? colour(series.index)}`;
    const parts = pieces(series.points.map((each) => (usable(middle(each)) ? each : null)));
    const spread = parts.filter((part) => part.length > 1 && part[0].length > 2);
    if (spread.length) {
      const floor = (value) => y(usable(value) ? value : low);
      const bands = spread.map((part) => `M${part.map((each) => `${x(each[0]).toFixed(1)},${floor(each[2]).toFixed(1)}`).join("L")}L${part.toReversed().map((each) => `${x(each[0]).toFixed(1)},${floor(each[1]).toFixed(1)}`).join("L")}Z`);
      svg.append(shape("path", { class: "band", style: own, d: bands.join("") }));
    }
    const lines = parts.filter((part) => part.length > 1).map((part) => `M${part.map((each) => `${x(each[0]).toFixed(1)},${y(middle(each)).toFixed(1)}`).join("L")}`);
    if (lines.length) svg.append(shape("path", { class: `line${series.dashed ? " dashed" : ""}`, style: own, d: lines.join("") }));
    for (const part of parts) if (part.length === 1) svg.append(shape("circle", { class: "dot", style: own, r: 3.5, cx: x(part[0][0]), cy: y(middle(part[0])) }));
  }

  function drawKey() {
    key.hidden = state.series.length < (state.named ? 1 : 2) && !state.hidden.size;
    const buttons = state.series.map((series, index) => element("li", {}, element("button", {
      type: "button", "aria-pressed": String(!state.hidden.has(series.name)), title: "Show or hide",
      onclick: () => { if (!state.hidden.delete(series.name)) state.hidden.add(series.name); redraw(); key.children[index]?.firstChild.focus(); },
    }, element("i", { style: `--own: ${series.colour ?? colour(index)}` }), series.name)));
    key.replaceChildren(...buttons);
  }

  function describe(lists, found) {
    if (!found) return `${state.title}: nothing yet`;
    const last = lists.map((series) => [series.name, series.points.findLast((each) => usable(middle(each)))]).filter(([, each]) => each);
    return `${state.title}, ${state.xTitle} ${short(found.x0)} to ${short(found.x1)}. Last: ${last.map(([name, each]) => `${name} ${state.format(middle(each))}`).join(", ")}. Arrow keys read values.`;
  }

  /** Show the values at the x nearest to `wanted`. */
  function point(wanted) {
    svg.querySelectorAll(".cursor").forEach((each) => each.remove());
    if (!geometry) return;
    const near = shown().map((series) => ({ series, point: nearest(series.points, wanted, (each) => usable(middle(each))) })).filter((each) => each.point);
    if (!near.length) return;
    const at = near.map((each) => each.point[0]).reduce((best, each) => (Math.abs(each - wanted) < Math.abs(best - wanted) ? each : best));
    state.at = at;
    svg.append(shape("line", { class: "rule cursor", x1: geometry.x(at), x2: geometry.x(at), y1: MARGIN.top, y2: geometry.bottom }));
    const rows = near.filter((each) => Math.abs(each.point[0] - at) <= (geometry.x1 - geometry.x0) / 100 || near.length === 1).map(({ series, point: own }) => {
      const style = `--own: ${series.colour ?? colour(series.index)}`;
      svg.append(shape("circle", { class: "dot cursor", style, r: 4, cx: geometry.x(own[0]), cy: geometry.y(middle(own)) }));
      const range = own.length > 2 && own[1] !== own[2] ? ` (${state.format(own[1])} to ${state.format(own[2])})` : "";
      return element("span", { style }, element("i"), element("em", {}, series.name), `${state.format(middle(own))}${range}`);
    });
    read.replaceChildren(element("b", {}, `${state.xTitle} ${short(at)}`.trim()), ...rows);
    read.hidden = false;
    const share = frame.clientWidth / (geometry.right + MARGIN.right), left = geometry.x(at) * share;
    const other = left > frame.clientWidth / 2;
    read.style.left = `${Math.max(0, other ? left - read.offsetWidth - 12 : Math.min(left + 12, frame.clientWidth - read.offsetWidth))}px`;
  }

  function hideRead() {
    state.at = null;
    read.hidden = true;
    svg.querySelectorAll(".cursor").forEach((each) => each.remove());
  }

  function step(by) {
    const all = [...new Set(shown().flatMap((series) => series.points.filter((each) => usable(middle(each))).map((each) => each[0])))].sort((a, b) => a - b);
    if (!all.length) return;
    const here = state.at === null ? (by > 0 ? -1 : all.length) : all.indexOf(state.at);
    point(all[Math.min(all.length - 1, Math.max(0, here + by))]);
  }

  svg.addEventListener("pointermove", (event) => {
    if (!geometry) return;
    const share = (event.clientX - svg.getBoundingClientRect().left) / svg.getBoundingClientRect().width;
    const place = (share * (geometry.right + MARGIN.right) - MARGIN.left) / (geometry.right - MARGIN.left);
    point(geometry.x0 + Math.min(1, Math.max(0, place)) * (geometry.x1 - geometry.x0));
  });
  svg.addEventListener("pointerleave", hideRead);
  svg.addEventListener("blur", hideRead);
  svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
    if (event.key === "Escape") hideRead();
    else if (event.key in moves) step(moves[event.key]);
    else return;
    event.preventDefault();
  });

  const redraw = whenWide(frame, draw);
  return {
    set(changed) {
      Object.assign(state, changed);
      head.firstChild.textContent = state.title;
      redraw();
    },
  };
}

/** The runs of points without null. */
function pieces(points) {
  const parts = [[]];
  for (const each of points) {
    if (each) parts.at(-1).push(each);
    else if (parts.at(-1).length) parts.push([]);
  }
  return parts.filter((part) => part.length);
}

/** The point whose x is nearest to `wanted`; points are in order of x. */
function nearest(points, wanted, usable) {
  let low = 0, high = points.length - 1;
  while (low < high) {
    const half = (low + high) >> 1;
    if (points[half][0] < wanted) low = half + 1;
    else high = half;
  }
  const near = points.slice(Math.max(0, low - 2), low + 2).filter(usable);
  return near.reduce((best, each) => (best && Math.abs(best[0] - wanted) <= Math.abs(each[0] - wanted) ? best : each), null);
}

/** Bars: `options` are title, format, most (the value of a full bar; default the largest) and rows [{name, value, colour?}]. */
export function barChart(place, options) {
  const { title, rows, format = short } = options;
  const most = options.most ?? Math.max(...rows.map((row) => row.value ?? 0), 1e-9);
  const body = rows.map((row, index) => {
    const bar = shape("svg", { height: 12, width: "100%", role: "presentation" });
    bar.append(shape("rect", { class: "fill", style: `--own: ${row.colour ?? colour(0)}`, width: `${Math.max(0, Math.min(100, (100 * (row.value ?? 0)) / most))}%`, height: 12, rx: 3 }));
    return element("tr", { "data-row": index }, element("th", { scope: "row" }, row.name), element("td", { style: "width: 45%" }, bar), element("td", { class: "number" }, format(row.value)));
  });
  place.replaceChildren(element("div", { class: "chart-head" }, element("h3", {}, title)), element("div", { class: "chart scroll" }, element("table", {}, element("tbody", {}, body))));
}

/**
 * A matrix of counts, each row coloured by its share: `options` are title, rows and columns (names), values (a list of
 * lists), rowTitle, columnTitle. Arrow keys move from cell to cell.
 */
export function heatMatrix(place, options) {
  const { title, rows, columns, values, rowTitle = "", columnTitle = "" } = options;
  const read = element("p", { class: "small soft", role: "status" }, "A row adds up to 100 %. Point at a cell, or move with the arrow keys.");
  const svg = shape("svg", { role: "group", "aria-label": title });
  const longest = Math.min(22, Math.max(...rows.map((name) => name.length), 1));
  const left = longest * 6.6 + 22, cell = columns.length > 14 ? 26 : columns.length > 8 ? 34 : 46;
  const top = Math.min(22, Math.max(...columns.map((name) => name.length), 1)) * 5 + 26;
  const width = left + cell * columns.length + 70, height = top + cell * rows.length + 8;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.cssText = `min-width: ${Math.min(width, 900)}px; max-width: ${width * 1.2}px`;
  const cells = values.map((row, r) => {
    const total = row.reduce((sum, each) => sum + each, 0);
    svg.append(shape("text", { x: left - 8, y: top + (r + 0.5) * cell + 4, "text-anchor": "end" }, cut(rows[r])));
    return row.map((value, c) => {
      const share = total ? value / total : 0;
      const group = shape("g", { class: "cell", tabindex: r + c ? -1 : 0, role: "img", "aria-label": `${rowTitle} ${rows[r]}, ${columnTitle} ${columns[c]}: ${short(value)}, ${(100 * share).toFixed(1)} %` });
      group.append(shape("rect", { class: "fill", "fill-opacity": (share ? 0.08 + 0.92 * share : 0.03).toFixed(3), x: left + c * cell, y: top + r * cell, width: cell, height: cell, rx: 3 }));
      if (value && cell > 30) group.append(shape("text", { class: share > 0.55 ? "over" : "", x: left + (c + 0.5) * cell, y: top + (r + 0.5) * cell + 4, "text-anchor": "middle" }, share >= 0.995 ? "100" : (100 * share).toFixed(share < 0.1 ? 1 : 0)));
      const tell = () => { read.textContent = group.getAttribute("aria-label"); };
      group.addEventListener("pointerenter", tell);
      group.addEventListener("focus", tell);
      group.addEventListener("keydown", (event) => {
        const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
        const [down, right] = moves[event.key] ?? [0, 0];
        const next = cells[r + down]?.[c + right];
        if (!(event.key in moves)) return;
        event.preventDefault();
        if (!next) return;
        group.setAttribute("tabindex", -1);
        next.setAttribute("tabindex", 0);
        next.focus();
      });
      svg.append(group);
      return group;
    });
  });
  columns.forEach((name, c) => {
    const x = left + (c + 0.5) * cell, y = top - 7;
    svg.append(shape("text", { x, y, transform: `rotate(-35 ${x} ${y})` }, cut(name)));
  });
  place.replaceChildren(element("div", { class: "chart-head" }, element("h3", {}, title)), element("div", { class: "chart scroll" }, svg), read);
}

const cut = (name) => (name.length > 22 ? `${name.slice(0, 21)}…` : name);
