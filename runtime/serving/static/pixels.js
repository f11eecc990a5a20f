/** Pixels of objects and of whole pictures: masks from run lengths, class maps from their PNG. */

/** Run lengths of a COCO mask: a list, or the text that pycocotools writes (6 bits a character, signed differences). */
export function lengths(counts) {
  if (typeof counts !== "string") return counts;
  const runs = [];
  for (let at = 0; at < counts.length; ) {
    let value = 0, shift = 0, code;
    do {
      code = counts.charCodeAt(at++) - 48;
      value |= (code & 31) << shift;
      shift += 5;
    } while (code & 32);
    if (code & 16) value |= -1 << shift;
    runs.push(runs.length > 2 ? value + runs[runs.length - 2] : value);
  }
  return runs;
}

/**
 * The mask {size: [height, width], counts}, columns first, as a canvas in `colour` that is as large as what it covers;
 * null for one without pixels.
 */
export function painted({ size: [height], counts }, colour) {
  const runs = [...covered(lengths(counts), height)];
  if (!runs.length) return null;
  const edges = (of) => runs.reduce((most, run) => Math.max(most, of(run)), -Infinity);
  const left = -edges((run) => -run.x), top = -edges((run) => -run.from);
  const canvas = blank(edges((run) => run.x) - left + 1, edges((run) => run.to) - top);
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  for (const { x, from, to } of runs) context.fillRect(x - left, from - top, 1, to - from);
  return { canvas, left, top };
}

/** The covered parts of columns: x, and y from (inclusive) to (exclusive). */
function* covered(runs, height) {
  let at = 0;
  for (const [order, length] of runs.entries()) {
    const end = at + length;
    while (order % 2 && at < end) {
      const x = Math.floor(at / height), to = Math.min(end, (x + 1) * height);
      yield { x, from: at - x * height, to: to - x * height };
      at = to;
    }
    at = end;
  }
}

export function blank(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

/** The class of each pixel of a map {png: base64, palette}, as {width, height, values: Uint8Array}. */
export async function classMap({ png, palette }) {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }), { colorSpaceConversion: "none" });
  const canvas = blank(picture.width, picture.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, picture.width, picture.height);
  const value = new Map(palette.map(([red, green, blue], index) => [(red << 16) | (green << 8) | blue, index]));
  const values = new Uint8Array(data.length / 4);
  for (let at = 0; at < values.length; at++) {
    values[at] = value.get((data[4 * at] << 16) | (data[4 * at + 1] << 8) | data[4 * at + 2]) ?? 255;
  }
  return { width: picture.width, height: picture.height, values };
}

/** A class map as a canvas: `colours` has [red, green, blue, alpha] for each value, nothing for what is not shown. */
export function colouredMap({ width, height, values }, colours) {
  const canvas = blank(width, height);
  const image = new ImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const table = new Uint32Array(256);
  for (const [value, [red, green, blue, alpha]] of colours) {
    table[value] = (Math.round(255 * alpha) << 24) | (blue << 16) | (green << 8) | red;
  }
  for (let at = 0; at < words.length; at++) words[at] = table[values[at]];
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
