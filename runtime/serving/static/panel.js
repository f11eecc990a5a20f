/** One model's picture: an <img>, and a canvas over it with what the model sees. */

import { draw } from "./drawing.js";
import { blank, colouredMap } from "./pixels.js";

const MOST_HEIGHT = 0.78;
/** Of the window, for the picture. */

export class Panel {
  /** `hovered` is called with an item or a value of the map, or null, that the pointer is on. */
  constructor(template, hovered) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.title = this.element.querySelector("figcaption");
    this.stage = this.element.querySelector(".stage");
    this.image = this.element.querySelector("img");
    this.canvas = this.element.querySelector("canvas");
    this.frame = null;
    this.size = null;
    this.shown = { items: [], map: null };
    this.canvas.addEventListener("pointermove", (event) => hovered(this.under(event)));
    this.canvas.addEventListener("pointerleave", () => hovered(null));
    new ResizeObserver(() => this.paint()).observe(this.stage);
  }

  /** Show the picture at an address of the browser; resolves to whether the browser can show it. */
  async picture(address, name) {
    this.frame = this.size = null;
    this.shown = { items: [], map: null };
    this.canvas.width = this.canvas.width;  // which clears it: nothing of the last picture may lie on this one
    this.image.alt = name;
    this.image.src = address;
    const shows = await this.image.decode().then(() => true, () => false);
    this.image.hidden = !shows;
    this.stage.classList.toggle("empty", !shows);
    if (shows) this.resize(this.image.naturalWidth, this.image.naturalHeight);
    return shows;
  }

  /** Show a frame of the camera in place of a picture. */
  still(frame) {
    this.frame?.close();
    this.frame = frame;
    this.image.hidden = true;
    this.resize(frame.width, frame.height);
  }

  resize(width, height) {
    this.size = { width, height };
    this.stage.classList.remove("empty");
    this.stage.style.aspectRatio = `${width} / ${height}`;
    this.stage.style.maxWidth = `${(MOST_HEIGHT * innerHeight * width) / height}px`;
  }

  /** Draw `items` and `map` ({pixels, colours}, or null) as `view` says (drawing.js). */
  show(items, map, view) {
    this.shown = { items, map, view };
    this.paint();
  }

  paint() {
    if (!this.size || !this.shown.view) return;
    const { width } = this.canvas.getBoundingClientRect();
    const scale = (width * devicePixelRatio) / this.size.width;
    if (!scale) return;
    this.canvas.width = Math.round(this.size.width * scale);
    this.canvas.height = Math.round(this.size.height * scale);
    this.onto(this.canvas.getContext("2d"), scale, devicePixelRatio / scale);
  }

  onto(context, scale, unit) {
    context.setTransform(scale, 0, 0, scale, 0, 0);
    if (this.frame) context.drawImage(this.frame, 0, 0);
    const { items, map, view } = this.shown;
    if (map) {
      context.imageSmoothingEnabled = false;
      context.drawImage(colouredMap(map.pixels, map.colours), 0, 0, this.size.width, this.size.height);
    }
    draw(context, unit, items, view);
  }

  /** The picture with what is drawn on it, as large as it is stored, as a PNG. */
  drawn() {
    const canvas = blank(this.size.width, this.size.height);
    const context = canvas.getContext("2d");
    if (!this.frame && !this.image.hidden) context.drawImage(this.image, 0, 0, this.size.width, this.size.height);
    this.onto(context, 1, Math.max(1, Math.min(this.size.width, this.size.height) / 400));
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  /** The smallest object, or else the value of the map, under the pointer. */
  under(event) {
    if (!this.size) return null;
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const scale = this.size.width / width;
    const x = (event.clientX - left) * scale, y = (event.clientY - top) * scale;
    const inside = ({ box }) => x >= box[0] && y >= box[1] && x < box[0] + box[2] && y < box[1] + box[3];
    const smallest = this.shown.items.filter(inside).sort((a, b) => a.box[2] * a.box[3] - b.box[2] * b.box[3])[0];
    if (smallest || !this.shown.map) return smallest ?? null;
    const { pixels, values } = this.shown.map;
    const row = Math.floor((y * pixels.height) / this.size.height);
    const column = Math.floor((x * pixels.width) / this.size.width);
    return values[pixels.values[row * pixels.width + column]] ?? null;
  }
}
