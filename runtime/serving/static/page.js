/** The page of `tltpipe serve`: a picture goes in, what one or two models see comes out. */

import { copyButton, themeToggle } from "../theme/theme.js";
import { pairs } from "./agreement.js";
import { labels, objects, regions } from "./answers.js";
import { Camera } from "./camera.js";
import { BOTH, ONLY, css } from "./colours.js";
import { curl, python } from "./lines.js";
import { Panel } from "./panel.js";
import { fill, labelRows, objectRows, regionRows, swatch } from "./rows.js";
import * as server from "./server.js";

const element = (id) => document.getElementById(id);
const THRESHOLD = 0.3;
const AGREED = 254;
/** The value that pixels get on which two models agree; no class has it. */

const state = {
  models: [], picture: null, seen: [], threshold: THRESHOLD, hidden: new Set(), rows: [], row: null, turn: 0,
};
const panels = [0, 1].map((at) => new Panel(element("panel"), (thing) => point(rowOf(at, thing))));
const camera = new Camera(
  async (at, frame, answer) => {
    panels[at].still(frame);
    state.seen[at] = await understood(answer);
    refresh();
  },
  (reason) => {
    element("camera").setAttribute("aria-pressed", "false");
    say(reason, Boolean(reason));
  },
);

const chosen = () => [element("model-a").value, element("model-b").value].filter(Boolean);
const understood = async (answer) => (
  { answer, objects: objects(answer), regions: await regions(answer), labels: labels(answer) }
);

function say(text, wrong = false) {
  element("status").textContent = text;
  element("status").classList.toggle("wrong", wrong);
}

/** Have all chosen models look at the picture; those that have seen it already are not asked again. */
async function predict() {
  const { picture } = state, models = chosen(), turn = ++state.turn;
  element("panels").replaceChildren(...panels.slice(0, models.length).map((panel) => panel.element));
  panels.forEach((panel, at) => (panel.title.textContent = models[at] ?? ""));
  if (!picture) return;
  camera.stop();
  say("Looking …");
  try {
    const shows = await Promise.all(panels.slice(0, models.length).map((each) => each.picture(picture.shown, picture.name)));
    const waiting = (seconds) => say(`The server is busy; next try in ${seconds} s …`);
    for (const model of models) {
      if (!picture.answers.has(model)) {
        picture.answers.set(model, await understood(await server.predict(model, picture.blob, waiting)));
      }
    }
    if (turn !== state.turn) return;
    state.seen = models.map((model) => picture.answers.get(model));
    const { width, height } = state.seen[0].answer.image;
    if (!shows[0]) for (const panel of panels) panel.resize(width, height);
    const time = Object.values(state.seen[0].answer.timings_ms).reduce((sum, each) => sum + each, 0);
    const note = shows[0] ? "" : "; this browser cannot show this kind of picture";
    say(`${picture.name}: ${width} × ${height} pixels, ${Math.round(time)} ms${note}`);
  } catch (problem) {
    if (turn !== state.turn) return;
    state.seen = [];
    say(problem.message, true);
  }
  refresh();
}

/** Everything that follows from answers, threshold and classes; asks the server nothing. */
function refresh() {
  const { seen, threshold, hidden } = state;
  const shown = seen.map((each) => each.objects.filter((item) => item.score >= threshold && !hidden.has(item.name)));
  const two = shown.length === 2;
  const partners = two ? pairs(...shown) : new Map();
  const maps = seen.map((each) => each.regions);
  state.rows = [
    ...objectRows(shown.length ? shown : [[]], partners),
    ...regionRows(maps, hidden),
    ...labelRows(seen.map((each) => each.labels), threshold),
  ];
  state.row = null;
  element("agreement-label").hidden = !two;
  element("threshold-label").hidden = maps.some(Boolean) && !seen.some(({ objects: items }) => items.length);
  fill(element("rows"), two ? ["first", "second"] : [maps[0] ? "share" : "score"], state.rows, point);
  classes(shown, maps);
  element("counts").replaceChildren(...counts(shown, partners, maps));
  element("threshold-value").textContent = threshold.toFixed(2);
  const agreed = two && element("agreement").checked;
  state.views = shown.map((items, at) => ({ items, map: maps[at], agreed: agreed ? agreement(maps, at) : null, colour: (item) => (
    agreed ? (partners.has(item) ? BOTH : ONLY[at]) : item.colour
  ) }));
  repeat();
  paint();
}

/** Draw the panels; the row that is pointed at stands out. */
function paint() {
  for (const [at, { items, map, agreed, colour }] of (state.views ?? []).entries()) {
    const highlighted = state.row?.items[at] ?? null;
    const pixels = agreed ?? map?.pixels;
    panels[at].show(items, map && { pixels, values: map.values, colours: colours(map, highlighted) }, {
      colour, highlighted: items.includes(highlighted) ? highlighted : null,
    });
  }
}

/** Colours of the values of a map that are shown, as pixels.js takes them. */
function colours(map, highlighted) {
  const strong = map.values.includes(highlighted);
  const visible = map.values.filter(({ name, background }) => !state.hidden.has(name) && !background);
  const table = visible.map((each) => [each.value, [...each.colour, strong ? (each === highlighted ? 0.9 : 0.15) : 0.6]]);
  return [...table, [AGREED, [...BOTH, 0.45]]];
}

/** The map `at` with AGREED where both models say the same class that is not background; null for a single one. */
function agreement(maps, at) {
  const [first, second] = maps.map((map) => map?.pixels);
  if (!first || !second || first.values.length !== second.values.length) return null;
  const own = [first, second][at];
  const values = own.values.map((value, place) => (
    value && first.values[place] === second.values[place] ? AGREED : value
  ));
  return { ...own, values };
}

function rowOf(at, thing) {
  return thing && (state.rows.find((row) => row.items[at] === thing) ?? null);
}

function point(row) {
  if (row === state.row) return;
  state.row?.element.classList.remove("lit");
  state.row = row;
  row?.element.classList.add("lit");
  paint();
}

function counts(shown, partners, maps) {
  const text = (words, colour) => {
    const part = document.createElement("span");
    if (colour) part.append(swatch(colour));
    part.append(words);
    return part;
  };
  if (shown.length < 2) {
    const all = state.seen[0]?.objects.length;
    return all ? [text(`${shown[0].length} of ${all} objects reach the score`)] : [];
  }
  if (maps[0] && maps[1]) {
    const [first, second] = maps.map(({ pixels }) => pixels.values);
    const same = first.reduce((sum, value, at) => sum + (value === second[at]), 0);
    return [text(`${((100 * same) / first.length).toFixed(1)} % of the pixels agree`, BOTH)];
  }
  const both = partners.size / 2;
  return [
    text(`${both} both`, BOTH),
    text(`${shown[0].length - both} only the first`, ONLY[0]),
    text(`${shown[1].length - both} only the second`, ONLY[1]),
  ];
}

/** A box to tick for each class that an answer has; how many of it are shown. */
function classes(shown, maps) {
  const found = new Map();
  for (const { objects: items } of state.seen) for (const { name, colour } of items) found.set(name, { colour, count: 0 });
  for (const item of shown.flat()) found.get(item.name).count++;
  for (const map of maps) for (const { name, colour, share, background } of map?.values ?? []) {
    if (share && !background) found.set(name, { colour, count: null });
  }
  const boxes = [...found].sort(([a], [b]) => a.localeCompare(b)).map(([name, { colour, count }]) => {
    const label = document.createElement("label"), box = document.createElement("input");
    Object.assign(box, { type: "checkbox", name, checked: !state.hidden.has(name) });
    box.addEventListener("change", () => {
      state.hidden[box.checked ? "delete" : "add"](name);
      refresh();
      element("classes").querySelector(`[name="${CSS.escape(name)}"]`)?.focus();
    });
    label.append(box, swatch(colour), name, count === null ? "" : ` ${count}`);
    return label;
  });
  element("classes").replaceChildren(element("classes").firstElementChild, ...boxes);
  element("classes").hidden = !boxes.length;
}

function repeat() {
  const { picture, seen, threshold } = state;
  element("save").hidden = !seen.length;
  element("repeat").hidden = !seen.length || !picture;
  if (element("repeat").hidden) return;
  const done = {
    server: new URL(".", document.baseURI).href.replace(/\/$/, ""), name: picture.name, url: picture.url,
    type: picture.blob.type || "application/octet-stream", model: chosen()[0],
    answer: seen[0].answer, threshold: seen[0].regions ? null : threshold,
  };
  element("curl").textContent = curl(done);
  element("python").textContent = python(done);
}

async function look(blob, name, url = null) {
  if (state.picture) URL.revokeObjectURL(state.picture.shown);
  state.picture = { blob, name, url, shown: URL.createObjectURL(blob), answers: new Map() };
  await predict();
}

async function lookAt(address) {
  say("Fetching …");
  try {
    const name = new URL(address).pathname.split("/").pop() || "picture";
    await look(await server.pictureAt(address), decodeURIComponent(name), address);
  } catch (problem) {
    say(problem.message, true);
  }
}

/** A picture or an address that was dropped or pasted. */
function given(event, data) {
  const [file] = data?.files ?? [];
  const text = data?.getData("text/uri-list") || data?.getData("text/plain") || "";
  if (file) look(file, file.name);
  else if (/^https?:\/\//.test(text) && !element("url-form").hidden) lookAt(text.trim());
  else return;
  event.preventDefault();
}

function save(blob, ending) {
  const link = document.createElement("a");
  const name = state.picture?.name.replace(/\.[^.]*$/, "") ?? "camera";
  Object.assign(link, { href: URL.createObjectURL(blob), download: `${name}${ending}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

async function toggleCamera() {
  if (camera.media) return camera.stop();
  state.turn++;
  state.picture = null;
  try {
    await camera.start(chosen());
    element("camera").setAttribute("aria-pressed", "true");
    say("The camera is on; its frames go to this server alone.");
  } catch (problem) {
    say(`no camera: ${problem.message}`, true);
  }
}

/** Another model was chosen: its threshold, its facts. */
function introduce() {
  const model = state.models.find(({ name }) => name === chosen()[0]);
  state.threshold = model.threshold ?? THRESHOLD;
  element("threshold").value = state.threshold;
  const size = model.input_size ? `, ${model.input_size[1]} × ${model.input_size[0]}` : "";
  element("about").textContent = `${model.network}${size}, ${model.classes.length} classes`;
  element("about").title = `sha256 ${model.sha256}`;
}

function listen() {
  element("toggle").append(themeToggle());
  for (const id of ["curl", "python"]) element(id).after(copyButton(() => element(id).textContent));
  element("pick").addEventListener("click", () => element("file").click());
  element("file").addEventListener("change", ({ target }) => target.files[0] && look(target.files[0], target.files[0].name));
  element("camera").addEventListener("click", toggleCamera);
  element("url-form").addEventListener("submit", (event) => {
    event.preventDefault();
    lookAt(element("url").value);
  });
  document.addEventListener("paste", (event) => given(event, event.clipboardData));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  for (const name of ["dragleave", "drop"]) document.addEventListener(name, () => document.body.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    given(event, event.dataTransfer);
  });
  element("threshold").addEventListener("input", ({ target }) => {
    state.threshold = Number(target.value);
    refresh();
  });
  element("model-a").addEventListener("change", () => {
    introduce();
    predict();
  });
  element("model-b").addEventListener("change", predict);
  element("agreement").addEventListener("change", refresh);
  element("save-json").addEventListener("click", () => {
    const answers = state.seen.map(({ answer }) => answer);
    save(new Blob([JSON.stringify(answers.length > 1 ? answers : answers[0], null, 2)], { type: "application/json" }), ".json");
  });
  element("save-picture").addEventListener("click", async () => save(await side(), ".drawn.png"));
}

/** What is seen, as one picture: the panels side by side. */
async function side() {
  const drawn = await Promise.all(panels.slice(0, state.seen.length).map((panel) => panel.drawn()));
  if (drawn.length === 1) return drawn[0];
  const pictures = await Promise.all(drawn.map((each) => createImageBitmap(each)));
  const canvas = new OffscreenCanvas(pictures[0].width + pictures[1].width, pictures[0].height);
  const context = canvas.getContext("2d");
  context.drawImage(pictures[0], 0, 0);
  context.drawImage(pictures[1], pictures[0].width, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

async function start() {
  listen();
  state.models = await server.models();
  for (const { name, task } of state.models) {
    for (const id of ["model-a", "model-b"]) element(id).add(new Option(`${name} (${task.replaceAll("_", " ")})`, name));
  }
  introduce();
  element("url-form").hidden = !(await server.fetchesAddresses());
  await predict();
  refresh();
}

start().catch((problem) => say(problem.message, true));
