/** Step curves as the server sends them, and how new points come in. A point is [step, min, max, mean]. */

const MOST = 2000;
/** Points of a curve; with more the server is asked for all of them again, in fewer. */

/** Put `added` (curve → points) behind `series`; false where a curve has become too long, or began anew. */
export function extend(series, added) {
  for (const [name, points] of Object.entries(added)) {
    const own = (series[name] ??= []);
    const last = own.length ? own.at(-1)[0] : -Infinity;
    const first = points.length ? points[0][0] : Infinity;
    if (points.length && points.at(-1)[0] < last) return false; // resumed from an earlier step
    own.push(...(first > last ? points : points.filter((point) => point[0] > last)));
    if (own.length > MOST) return false;
  }
  return true;
}

/** The last step that any curve has. */
export const lastStep = (series) => Math.max(0, ...Object.values(series).map((points) => points.at(-1)?.[0] ?? 0));

/** How a curve is called on the page. */
export function curveTitle(name) {
  const titles = { loss: "Loss", lr: "Learning rate", data_wait: "Waiting for data (share of the step)", images_per_second: "Images per second", gradient_norm: "Gradient norm" };
  return titles[name] ?? name.replace(/^loss\//, "Loss: ");
}

/** The curves that there are, the loss and its terms first. */
export function curveNames(all) {
  const names = [...new Set(all.flatMap((series) => Object.keys(series)))];
  const rank = (name) => (name === "loss" ? 0 : name.startsWith("loss/") ? 1 : 2);
  return names.sort((a, b) => rank(a) - rank(b) || (rank(a) === 1 ? a.localeCompare(b) : 0));
}
