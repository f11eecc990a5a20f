/** What a run shows beside its figures: samples, pictures, the machine, the log, the spec. Panels as in panels.js. */
import { short } from "/theme/charts.js";
import { copyButton, element } from "/theme/theme.js";
import { card, fill, meter } from "./parts.js";

const file = (view, kind, name) => `/api/runs/${encodeURIComponent(view.focus)}/${kind}/${encodeURIComponent(name)}`;

/** Predictions beside the truth, with a slider over epochs and steps; at its end it follows the training. */
function samples() {
  const slider = element("input", { type: "range", min: 0, step: 1, "aria-label": "Epoch or step of the samples" });
  const told = element("output", { class: "small" });
  const image = element("img", { class: "sample", alt: "" });
  const link = element("a", { target: "_blank", rel: "noopener" }, image);
  const step = (by) => element("button", { type: "button", "aria-label": by < 0 ? "Earlier" : "Later", onclick: () => { slider.value = Number(slider.value) + by; show(); } }, by < 0 ? "‹" : "›");
  const node = card("Samples: predictions beside the annotation", element("div", { class: "sample-tools" }, step(-1), slider, step(1), told), link);
  let view = null, follows = true;
  const label = (sample) => (sample.epoch ? `epoch ${sample.epoch}` : `step ${short(sample.step)}`);
  function show() {
    const all = view.detail.samples, sample = all[Math.min(all.length - 1, Number(slider.value))];
    follows = sample === all.at(-1);
    told.textContent = label(sample);
    slider.setAttribute("aria-valuetext", told.textContent);
    const url = file(view, "samples", sample.name);
    if (image.getAttribute("src") !== url) {
      image.setAttribute("src", url);
      image.alt = `Predictions at ${told.textContent}, beside the annotation`;
      link.href = url;
    }
  }
  slider.addEventListener("input", show);
  return { node, update(now) {
    view = now;
    const count = now.detail.samples?.length ?? 0;
    node.hidden = !count;
    if (!count) return;
    slider.max = count - 1;
    slider.disabled = count < 2;
    if (follows) slider.value = count - 1;
    show();
  } };
}

function pictures() {
  const place = element("div", { class: "pictures" });
  const node = card("Pictures", place);
  return { node, update(view) {
    const names = view.detail.pictures ?? [];
    node.hidden = !names.length;
    fill(place, JSON.stringify(names), () => names.map((name) => element("a", { href: file(view, "pictures", name), target: "_blank", rel: "noopener" }, element("img", { src: file(view, "pictures", name), alt: name, loading: "lazy" }), name)));
  } };
}

const bytes = (count) => (count >= 1e12 ? `${(count / 1e12).toFixed(1)} TB` : count >= 1e9 ? `${(count / 1e9).toFixed(1)} GB` : `${(count / 1e6).toFixed(0)} MB`);
const percent = (share) => `${Math.round(100 * share)} %`;

/** A meter that warns when what is used up `runsOut`. */
function use(what, share, text, runsOut = false) {
  return element("div", {}, element("p", {}, element("span", {}, what), element("span", {}, text)), typeof share === "number" ? meter(share, !runsOut ? "" : share > 0.95 ? "bad" : share > 0.85 ? "warn" : "") : null);
}

function machine() {
  const place = element("div", { class: "machine" });
  const node = card("Machine of tltpipe watch", place);
  return { node, update({ detail }) {
    const told = detail.machine ?? {};
    const rows = [];
    if (typeof told.cpu === "number") rows.push(use("CPU", told.cpu, percent(told.cpu)));
    if (typeof told.memory === "number") rows.push(use("Memory", told.memory, percent(told.memory), true));
    if (typeof told.disk_free === "number") rows.push(use("Disk", null, `${bytes(told.disk_free)} free`));
    for (const [index, gpu] of (told.gpus ?? []).entries()) rows.push(use(gpu.name ?? `GPU ${index}`, gpu.use, [percent(gpu.use ?? 0), gpu.memory === undefined ? null : `${percent(gpu.memory)} of memory`].filter(Boolean).join(", ")));
    node.hidden = !rows.length;
    place.replaceChildren(...rows);
  } };
}

function log() {
  const place = element("pre", { class: "log", tabindex: 0, "aria-label": "Last lines of the log" });
  const node = card("Log", place);
  return { node, update({ detail }) {
    const lines = detail.log ?? [];
    node.hidden = !lines.length;
    const text = lines.join("\n");
    if (place.textContent === text) return;
    const atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 30;
    place.textContent = text;
    if (atEnd) place.scrollTop = place.scrollHeight;
  } };
}

function spec() {
  const text = element("pre");
  const node = element("section", { class: "card" }, element("details", {}, element("summary", {}, "Spec"), copyButton(() => text.textContent), text));
  return { node, update({ detail }) {
    node.hidden = !detail.spec;
    if (text.textContent !== (detail.spec ?? "")) text.textContent = detail.spec ?? "";
  } };
}

export const EXHIBITS = [samples, pictures, machine, log, spec];
