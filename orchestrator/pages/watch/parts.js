/** What the panels of the live page are made of. */
import { element } from "/theme/theme.js";

export const STATES = { running: "main", finished: "good", failed: "bad", interrupted: "warn", silent: "warn" };
export const stateChip = (state) => element("span", { class: `chip ${STATES[state] ?? ""}` }, state);

export const card = (title, ...children) => element("section", { class: "card" }, element("h2", {}, title), ...children);
export const named = (view, id) => view.details.get(id)?.name ?? id;

/** Changes `node` only where `text` is another than before, so that a selection in it stays. */
export function fill(node, signature, make) {
  if (node.dataset.signature === signature) return;
  node.dataset.signature = signature;
  node.replaceChildren(...[make()].flat().filter(Boolean));
}

export function duration(seconds) {
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return "–";
  const hours = Math.floor(seconds / 3600), minutes = Math.floor((seconds % 3600) / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${Math.round(seconds)} s`;
}

export function meter(share, kind = "") {
  const wide = typeof share === "number" ? Math.max(0, Math.min(1, share)) : 0;
  return element("div", { class: `meter ${kind}` }, element("i", { style: `width: ${(100 * wide).toFixed(1)}%` }));
}
