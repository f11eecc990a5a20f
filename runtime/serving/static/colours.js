/** Colours of classes, as our drawn pictures have them (converters/pictures/drawing.py), and of agreement. */

const PALETTE = [
  [230, 57, 70], [29, 120, 216], [255, 183, 3], [46, 160, 67], [155, 81, 224], [251, 111, 36], [0, 168, 176],
  [222, 74, 152], [139, 195, 28], [92, 107, 232], [166, 94, 46], [0, 138, 108], [196, 160, 255], [120, 130, 145],
];
export const BOTH = [128, 134, 145];
/** Only the first model, only the second. */
export const ONLY = [[251, 111, 36], [29, 120, 216]];
export const THIN = [240, 240, 240];

/** The colour of label `label`, from 1. */
export const ofLabel = (label) => PALETTE[(Math.max(1, label) - 1) % PALETTE.length];

export const css = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;

/** Black or white, whichever reads better on a colour. */
export function ink([red, green, blue]) {
  const light = [red, green, blue].map((value) => (value / 255) ** 2.2);
  return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] < 0.36 ? "#fff" : "#111114";
}
