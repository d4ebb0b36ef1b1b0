// @ts-check
// Zooming and panning an image by wheel, touch, mouse, keys and buttons. The style sheet gets the position as --zoom,
// --x and --y.

import { FITTED, panned, pinched, scaled, toggled } from "./zoom.js";

/** @import { Point, Sight, Zoom } from "./zoom.js" */

const STEP = 1.25; // per key press or click
const WHEEL = 0.0015; // per scrolled pixel
const PINCHED_WHEEL = 0.01; // a touchpad pinch arrives as wheel events with Ctrl and smaller deltas
const LINE = 33; // pixels per line of scrolling
const CENTRE = { x: 0, y: 0 };

export class ZoomGestures {
  zoom = FITTED;
  #window;
  #sight;
  #shown;
  /** Positions of the fingers and the mouse while they are down. @type {Map<number, Point>} */
  #pointers = new Map();

  /**
   * @param {HTMLElement} window viewport of the image
   * @param {() => Sight | null} sight returns null while there is nothing to zoom
   * @param {(zoom: Zoom, sight: Sight | null) => void} shown called after each change
   */
  constructor(window, sight, shown) {
    this.#window = window;
    this.#sight = sight;
    this.#shown = shown;
  }

  /** The geometry for zooming, or null while there is nothing to zoom. */
  get sight() {
    return this.#sight();
  }

  /** Whether the user is dragging the image. */
  get isHeld() {
    return this.#pointers.size > 0;
  }

  /** @param {Zoom} zoom */
  show(zoom) {
    this.zoom = zoom;
    const { style } = this.#window;
    style.setProperty("--zoom", String(zoom.scale));
    style.setProperty("--x", `${zoom.x}px`);
    style.setProperty("--y", `${zoom.y}px`);
    this.#shown(zoom, this.#sight());
  }

  /** Keep the scale after the viewport or the image has changed, without a gap beside the image. */
  keep() {
    this.#scale(1);
  }

  fit() {
    this.show(FITTED);
  }

  /** Zoom to 100%: one image pixel is one screen pixel. */
  showActual() {
    const sight = this.#sight();
    if (sight) this.show(scaled(this.zoom, sight.actual, CENTRE, sight));
  }

  /** @param {Point} [at] point that stays in place */
  enlarge(at) {
    this.#scale(STEP, at);
  }

  /** @param {Point} [at] */
  reduce(at) {
    this.#scale(1 / STEP, at);
  }

  /** @param {Point} [at] */
  toggle(at = CENTRE) {
    const sight = this.#sight();
    if (sight) this.show(toggled(this.zoom, at, sight));
  }

  /** @param {Point} by */
  pan(by) {
    const sight = this.#sight();
    if (sight) this.show(panned(this.zoom, by, sight));
  }

  /**
   * Return an event's position relative to the viewport's center.
   * @param {MouseEvent} event
   * @returns {Point}
   */
  pointOf({ clientX, clientY }) {
    const { left, top, width, height } = this.#window.getBoundingClientRect();
    return { x: clientX - left - width / 2, y: clientY - top - height / 2 };
  }

  /** @param {WheelEvent} event */
  turned(event) {
    if (!this.#sight()) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
    const speed = event.ctrlKey ? PINCHED_WHEEL : WHEEL;
    this.#scale(Math.exp(-pixels * speed), this.pointOf(event));
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (!this.#sight() || event.ctrlKey || event.metaKey || event.altKey) return;
    switch (event.key) {
      case "+":
      case "=":
        this.enlarge();
        break;
      case "-":
        this.reduce();
        break;
      case "0":
        this.fit();
        break;
      case "1":
        this.showActual();
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  hold(event) {
    this.#pointers.set(event.pointerId, this.pointOf(event));
  }

  /** @param {PointerEvent} event */
  move(event) {
    const sight = this.#sight();
    const before = this.#pointers.get(event.pointerId);
    if (!sight || !before) return;
    const at = this.pointOf(event);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, at);
    this.show(
      other
        ? pinched(this.zoom, [before, other], [at, other], sight)
        : panned(this.zoom, { x: at.x - before.x, y: at.y - before.y }, sight),
    );
  }

  /** @param {PointerEvent} event */
  release(event) {
    this.#pointers.delete(event.pointerId);
  }

  releaseAll() {
    this.#pointers.clear();
  }

  /** @param {number} factor @param {Point} [at] */
  #scale(factor, at = CENTRE) {
    const sight = this.#sight();
    if (sight) this.show(scaled(this.zoom, this.zoom.scale * factor, at, sight));
  }
}
