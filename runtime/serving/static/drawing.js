/** Objects on a canvas: masks, outlines, boxes, skeletons, names. The context is scaled to pixels of the picture. */

import { THIN, css, ink } from "./colours.js";
import { painted } from "./pixels.js";

const FADED = 0.2;

/**
 * Draw `items` on `context`, where `unit` is the length of a pixel of the screen in pixels of the picture. `view` has
 * `colour(item)` and `highlighted`, the item that stands out, or null.
 */
export function draw(context, unit, items, view) {
  const order = [...items].sort((a, b) => (a === view.highlighted) - (b === view.highlighted) || a.score - b.score);
  const opacity = (item) => (view.highlighted && item !== view.highlighted ? FADED : 1);
  for (const layer of [area, frame, skeleton, chip]) {
    for (const item of order) {
      context.globalAlpha = opacity(item);
      layer(context, unit, item, item.first ? THIN : view.colour(item), item === view.highlighted);
    }
  }
  context.globalAlpha = 1;
}

function area(context, unit, item, colour, strong) {
  const alpha = strong ? 0.65 : 0.4, opacity = context.globalAlpha;
  if (item.mask) {
    const key = css(colour);
    if (item.painted?.key !== key) item.painted = { key, ...painted(item.mask, key) };
    const { canvas, left, top } = item.painted;
    if (!canvas) return;
    context.globalAlpha = opacity * alpha;
    context.imageSmoothingEnabled = false;
    context.drawImage(canvas, left, top);
    context.globalAlpha = opacity;
  }
  if (!item.polygons.length) return;
  context.beginPath();
  for (const ring of item.polygons) {
    context.moveTo(ring[0], ring[1]);
    for (let at = 2; at < ring.length; at += 2) context.lineTo(ring[at], ring[at + 1]);
    context.closePath();
  }
  context.lineWidth = unit;
  context.strokeStyle = css(colour);
  context.stroke();
  if (item.mask) return;
  context.fillStyle = css(colour, alpha);
  context.fill("evenodd");
}

function frame(context, unit, item, colour, strong) {
  const width = (strong ? 4 : item.first ? 1.5 : 2.5) * unit;
  context.lineWidth = width + (item.first ? unit : 0);
  context.strokeStyle = item.first ? "#14141880" : css(colour);
  context.strokeRect(...item.box);
  if (!item.first) return;
  context.lineWidth = width;
  context.strokeStyle = css(colour);
  context.strokeRect(...item.box);
}

function skeleton(context, unit, item, colour) {
  const point = (number) => item.keypoints[number - 1];
  context.lineWidth = 2 * unit;
  context.strokeStyle = css(colour);
  for (const [from, to] of item.skeleton) {
    if (!point(from)?.v || !point(to)?.v) continue;
    context.beginPath();
    context.moveTo(point(from).x, point(from).y);
    context.lineTo(point(to).x, point(to).y);
    context.stroke();
  }
  for (const { x, y, v } of item.keypoints) {
    if (!v) continue;
    context.beginPath();
    context.arc(x, y, 3 * unit, 0, 2 * Math.PI);
    context.fillStyle = css(colour);
    context.fill();
    context.lineWidth = unit;
    context.strokeStyle = "#fff";
    context.stroke();
  }
}

function chip(context, unit, item, colour, strong) {
  if (item.first && !strong) return;
  const size = 12 * unit, high = 17 * unit;
  context.font = `600 ${size}px system-ui, sans-serif`;
  const text = `${item.name} ${item.score.toFixed(2)}`;
  const [x, y] = item.box;
  const top = y >= high ? y - high : Math.max(0, y);
  context.fillStyle = css(colour);
  context.fillRect(x - unit, top, context.measureText(text).width + 8 * unit, high);
  context.fillStyle = ink(colour);
  context.textBaseline = "middle";
  context.fillText(text, x + 3 * unit, top + high / 2);
}
