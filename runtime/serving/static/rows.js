/** The table: a row for each object, pair of objects, class of pixels or category; a row and its object light up together. */

import { BOTH, ONLY, css } from "./colours.js";

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Rows for the objects of one or two models that are shown: {name, colour, items: [of each model or null], cells}. */
export function objectRows(shown, partners) {
  if (shown.length === 1) return nested(shown[0]).map((item) => ({
    name: item.name, colour: item.colour, items: [item], inner: item.parent !== null, cells: [item.score.toFixed(2)],
  }));
  const rows = [];
  for (const [at, items] of shown.entries()) {
    for (const item of items) {
      const partner = partners.get(item) ?? null;
      if (at && partner) continue;
      const pair = at ? [partner, item] : [item, partner];
      const cells = pair.map((each) => each?.score.toFixed(2) ?? "–");
      rows.push({ name: item.name, colour: partner ? BOTH : ONLY[at], items: pair, cells });
    }
  }
  const best = ({ items }) => Math.max(...items.map((item) => item?.score ?? 0));
  return rows.sort((a, b) => best(b) - best(a));
}

/** Best score first, what is part of an object behind it. */
function nested(items) {
  const sorted = [...items].sort((a, b) => b.score - a.score);
  const inside = (parent) => sorted.filter((item) => item.parent === parent);
  const outer = sorted.filter((item) => item.parent === null || !items.includes(item.parent));
  return outer.flatMap((item) => [item, ...inside(item)]);
}

/** Rows for the classes of pixels that occur: `maps` has the regions of each model (answers.js). */
export function regionRows(maps, hidden) {
  const names = [...new Set(maps.flatMap((map) => map?.values.map(({ name }) => name) ?? []))];
  return names.flatMap((name) => {
    const items = maps.map((map) => map?.values.find((each) => each.name === name) ?? null);
    if (hidden.has(name) || !items.some((each) => each?.share)) return [];
    const cells = items.map((each) => (each ? percent(each.share) : "–"));
    return [{ name, colour: items.find(Boolean).colour, items, cells }];
  });
}

/** Rows for categories and attributes: the best of each group, and all that reach the threshold. */
export function labelRows(groups, threshold) {
  const named = new Map();
  for (const [at, list] of groups.entries()) {
    for (const { group, choices } of list) {
      for (const [place, { name, score }] of choices.entries()) {
        if (place && score < threshold) continue;
        const key = `${group}: ${name}`;
        if (!named.has(key)) named.set(key, groups.map(() => "–"));
        named.get(key)[at] = score.toFixed(2);
      }
    }
  }
  return [...named].map(([name, cells]) => ({ name, colour: null, items: groups.map(() => null), cells }));
}

/** Fill the table; `titles` are its columns behind the name, `entered(row or null)` says which one is pointed at. */
export function fill(table, titles, rows, entered) {
  table.tHead.replaceChildren(line("th", ["class", ...titles]));
  table.tBodies[0].replaceChildren(...rows.map((row) => {
    const element = line("td", [row.name, ...row.cells]);
    if (row.colour) element.cells[0].prepend(swatch(row.colour));
    element.classList.toggle("inner", Boolean(row.inner));
    element.tabIndex = 0;
    for (const event of ["pointerenter", "focus"]) element.addEventListener(event, () => entered(row));
    for (const event of ["pointerleave", "blur"]) element.addEventListener(event, () => entered(null));
    row.element = element;
    return element;
  }));
}

function line(kind, texts) {
  const row = document.createElement("tr");
  row.append(...texts.map((text) => Object.assign(document.createElement(kind), { textContent: text })));
  return row;
}

export function swatch(colour) {
  const mark = Object.assign(document.createElement("span"), { className: "swatch" });
  mark.style.backgroundColor = css(colour);
  return mark;
}
