// @ts-check
// Ring that shows where the brush would paint. The pointer or the arrow keys move it.

import { announce, element } from "../dom.js";
import { message } from "../messages.js";
import { pixelAt, stepped } from "../zoom.js";

/** @import { Point, Sight, Size } from "../zoom.js" */
/** @import { ZoomGestures } from "../zoom_gestures.js" */

const STEP = 8; // CSS pixels
const FAR = 40; // CSS pixels, with Shift
const REST = 600; // milliseconds after the last step until the position is announced
/** @type {Readonly<Record<string, Point>>} */
const ARROWS = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/**
 * Return the movement for an arrow key, or null for any other key.
 * @param {KeyboardEvent} event
 * @param {number} [step] CSS pixels
 * @returns {Point | null}
 */
export function wayOf({ key, shiftKey }, step = shiftKey ? FAR : STEP) {
  const way = ARROWS[key];
  return way ? { x: way.x * step, y: way.y * step } : null;
}

export class MaskRing {
  place = element("span", "ring");
  /** Position relative to the center of the viewport. @type {Point} */
  at = { x: 0, y: 0 };
  /** Whether keys, not the pointer, have moved it last. */
  isByKeys = false;
  #gestures;
  #telling = 0;

  /** @param {ZoomGestures} gestures of the image */
  constructor(gestures) {
    this.#gestures = gestures;
  }

  /** @param {PointerEvent} event */
  follow(event) {
    // Browsers also send pointermove when an element moves below a mouse that stands still.
    if (this.isByKeys && event.type === "pointermove" && !event.movementX && !event.movementY)
      return;
    this.isByKeys = false;
    clearTimeout(this.#telling);
    this.#put(this.#gestures.pointOf(event));
  }

  /**
   * Move the ring by keys. At the edge of the visible area, move the image instead.
   * @param {Point} by
   * @param {Sight} sight
   * @param {Size} natural size of the image in its own pixels
   */
  step(by, sight, natural) {
    const { at, rest } = stepped(this.at, by, this.#gestures.zoom, sight);
    this.isByKeys = true;
    this.#put(at);
    if (rest.x || rest.y) this.#gestures.pan({ x: -rest.x, y: -rest.y });
    clearTimeout(this.#telling);
    this.#telling = window.setTimeout(() => this.#tell(sight, natural), REST);
  }

  centre() {
    this.#put({ x: 0, y: 0 });
  }

  /** @param {boolean} isShown */
  set isShown(isShown) {
    this.place.classList.toggle("shown", isShown);
  }

  /** @param {number} width in CSS pixels */
  set width(width) {
    Object.assign(this.place.style, { width: `${width}px`, height: `${width}px` });
  }

  hide() {
    this.isByKeys = this.isShown = false;
    clearTimeout(this.#telling);
  }

  /** @param {Point} at */
  #put(at) {
    this.at = at;
    this.place.style.transform = `translate(${at.x}px, ${at.y}px) translate(-50%, -50%)`;
  }

  /**
   * Announce the ring's position to screen readers.
   * @param {Sight} sight
   * @param {Size} natural
   */
  #tell(sight, natural) {
    const { x, y } = pixelAt(this.at, this.#gestures.zoom, sight, natural);
    const across = Math.round((100 * x) / natural.width);
    const down = Math.round((100 * y) / natural.height);
    announce(message("Across {across}%, down {down}%", { across, down }));
  }
}
