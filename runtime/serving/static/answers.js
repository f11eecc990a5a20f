/** An answer of the server as what the page shows: objects, classes of pixels, categories of the whole picture. */

import { ofLabel } from "./colours.js";
import { classMap } from "./pixels.js";

/**
 * The objects of an answer, in its order: `first` says that other objects are part of this one, `parent` which object
 * this is part of.
 */
export function objects(answer) {
  const predictions = answer.predictions ?? [];
  const items = predictions.filter((each) => each.bbox).map((each) => ({
    name: each.category,
    label: each.category_id,
    score: each.score,
    box: each.bbox,
    mask: each.segmentation ?? null,
    polygons: each.polygons ?? [],
    keypoints: points(each.keypoints ?? []),
    skeleton: each.skeleton ?? [],
    colour: ofLabel(each.category_id),
    parent: null,
    first: false,
  }));
  for (const [at, { part_of: parent }] of predictions.entries()) {
    if (parent == null) continue;
    items[at].parent = items[parent];
    items[parent].first = true;
  }
  return items;
}

function points(values) {
  const found = [];
  for (let at = 0; at + 2 < values.length; at += 3) found.push({ x: values[at], y: values[at + 1], v: values[at + 2] });
  return found;
}

/** The classes of pixels of an answer: `pixels`, and for each value its name, colour and share; null without a map. */
export async function regions(answer) {
  if (!answer.map) return null;
  const { classes, palette } = answer.map;
  const pixels = await classMap(answer.map);
  const counts = new Uint32Array(256);
  for (const value of pixels.values) counts[value]++;
  const values = classes.map((name, value) => ({
    name, value, colour: palette[value], share: counts[value] / pixels.values.length, background: value === 0,
  }));
  return { pixels, values };
}

/** Categories and attributes of the whole picture: groups of names with their scores. */
export function labels(answer) {
  const groups = Object.entries(answer.labels?.tasks ?? {}).map(([group, choices]) => ({ group, choices }));
  const attributes = Object.groupBy(answer.labels?.attributes ?? [], ({ group }) => group);
  return [...groups, ...Object.entries(attributes).map(([group, choices]) => ({ group, choices }))];
}
