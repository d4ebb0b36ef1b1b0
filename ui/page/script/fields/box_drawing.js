// @ts-check
// A box on the form's image, or on an empty area without one: users drag it, its corner, or a new one. The numbers
// below it have the field's value.

import { $, all, button, element, typeInto } from "../dom.js";
import { whileShown } from "../form/filled.js";
import { message } from "../messages.js";

/** @typedef {[number, number, number, number]} Box left, top, width and height in pixels */

const COARSE = 10; // times as far, with Shift
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class BoxDrawing {
  #inputs;
  #area = element("div", "area");
  #image = element("img");
  #box = button("", () => {}, "box");
  #corner = button("", () => {}, "corner");
  #size;

  /**
   * @param {HTMLElement} place
   * @param {HTMLInputElement[]} inputs X, Y, width and height
   * @param {[number, number]} size of an empty area
   */
  constructor(place, inputs, size) {
    this.#inputs = inputs;
    this.#size = size;
    this.#image.alt = "";
    this.#box.ariaLabel = message("Move the box");
    this.#corner.ariaLabel = message("Resize the box");
    this.#area.append(this.#image, this.#box, this.#corner);
    place.replaceChildren(this.#area);
    this.#drags(this.#area, (start, now) => between(start, now));
    this.#drags(this.#box, (start, now, [x, y, width, height]) => [
      x + now[0] - start[0],
      y + now[1] - start[1],
      width,
      height,
    ]);
    this.#drags(this.#corner, (start, now, [x, y, width, height]) => [
      x,
      y,
      width + now[0] - start[0],
      height + now[1] - start[1],
    ]);
    this.#walks(this.#box, (by, [x, y, width, height]) => [x + by[0], y + by[1], width, height]);
    this.#walks(this.#corner, (by, [x, y, width, height]) => [x, y, width + by[0], height + by[1]]);
    for (const input of inputs) input.addEventListener("input", () => this.draw());
  }

  /** @returns {Box} */
  #now = () => /** @type {Box} */ (this.#inputs.map(({ value }) => Number(value)));

  /** Return the size of the image, or of the empty area, which grows with the box. */
  #pixels() {
    const { naturalWidth, naturalHeight } = this.#image;
    if (!this.#image.hidden && naturalWidth) return [naturalWidth, naturalHeight];
    const [x, y, width, height] = this.#now();
    return [Math.max(this.#size[0], x + width), Math.max(this.#size[1], y + height)];
  }

  /** Draw the box where its numbers say. */
  draw() {
    const shown = imageOfForm();
    this.#image.hidden = !shown;
    if (shown && this.#image.src !== shown.src) {
      this.#image.src = shown.src;
      this.#image.addEventListener("load", () => this.draw(), { once: true });
    }
    const [wide, high] = /** @type {[number, number]} */ (this.#pixels());
    this.#area.style.aspectRatio = `${wide} / ${high}`;
    const [x, y, width, height] = this.#now();
    const parts = { left: x / wide, top: y / high, width: width / wide, height: height / high };
    for (const [name, part] of Object.entries(parts))
      this.#box.style.setProperty(name, `${part * 100}%`);
    this.#corner.style.left = `${((x + width) / wide) * 100}%`;
    this.#corner.style.top = `${((y + height) / high) * 100}%`;
  }

  /** @param {Box} box */
  #set([left, top, wide, high]) {
    const [most, tallest] = /** @type {[number, number]} */ (this.#pixels());
    const [x, y] = [within(left, 0, most - 1), within(top, 0, tallest - 1)];
    const box = [x, y, within(wide, 1, most - x), within(high, 1, tallest - y)];
    for (const [at, input] of this.#inputs.entries()) typeInto(input, String(box[at]));
    this.draw();
  }

  /** @param {HTMLElement} handle @param {(start: [number, number], now: [number, number], box: Box) => Box} moved */
  #drags(handle, moved) {
    handle.addEventListener("pointerdown", (event) => {
      if (event.target !== handle && event.target !== this.#image) return;
      event.preventDefault();
      const [box, start] = [this.#now(), this.#placeOf(event)];
      handle.setPointerCapture(event.pointerId);
      const move = (/** @type {PointerEvent} */ moving) =>
        this.#set(moved(start, this.#placeOf(moving), box));
      handle.addEventListener("pointermove", move);
      for (const end of ["pointerup", "pointercancel"])
        handle.addEventListener(end, () => handle.removeEventListener("pointermove", move), {
          once: true,
        });
    });
  }

  /** @param {HTMLElement} handle @param {(by: [number, number], box: Box) => Box} moved */
  #walks(handle, moved) {
    handle.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const far = event.shiftKey ? COARSE : 1;
      this.#set(moved([arrow[0] * far, arrow[1] * far], this.#now()));
    });
  }

  /** @param {PointerEvent} event @returns {[number, number]} the pixel at the pointer */
  #placeOf(event) {
    const { left, top, width, height } = this.#area.getBoundingClientRect();
    const [wide, high] = /** @type {[number, number]} */ (this.#pixels());
    return [((event.clientX - left) / width) * wide, ((event.clientY - top) / height) * high];
  }
}

/** @param {number} value @param {number} least @param {number} most */
const within = (value, least, most) => Math.round(Math.min(Math.max(value, least), most));

/** @param {[number, number]} a @param {[number, number]} b @returns {Box} */
const between = (a, b) => [
  Math.min(a[0], b[0]),
  Math.min(a[1], b[1]),
  Math.abs(a[0] - b[0]),
  Math.abs(a[1] - b[1]),
];

/** Return the form's image, or null if the form doesn't show exactly one. */
function imageOfForm() {
  const [field, other] = all("#form [id^=field-].of-image");
  return field && !other ? /** @type {HTMLImageElement | null} */ ($("img", field)) : null;
}

/**
 * Draw the box of a field, once Gradio has drawn its numbers, and again whenever an image is loaded.
 * @param {HTMLElement} place
 * @param {string} id of the field
 * @param {[number, number]} size of the area without an image
 */
export function mountBox(place, id, size) {
  const field = document.getElementById(id);
  if (!field) return;
  const inputs = () => /** @type {HTMLInputElement[]} */ (all("input[type=number]", field));
  const start = () => {
    if (inputs().length < 4) return;
    waiting.disconnect();
    const drawing = new BoxDrawing(place, inputs(), size);
    drawing.draw();
    const loaded = () => {
      if (place.isConnected) drawing.draw();
      else document.removeEventListener("load", loaded, true);
    };
    document.addEventListener("load", loaded, true);
    whileShown(place, () => requestAnimationFrame(() => drawing.draw()));
  };
  const waiting = new MutationObserver(start);
  waiting.observe(field, { subtree: true, childList: true });
  start();
}
