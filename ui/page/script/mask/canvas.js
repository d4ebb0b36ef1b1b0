// @ts-check
// Image with a canvas for its mask. The user paints with mouse, touch, pen or keys, and zooms and pans.

import { announce, element } from "../dom.js";
import { message } from "../messages.js";
import { isFitted, percentOf, pixelAt, sightOf, stepped } from "../zoom.js";
import { ZoomGestures } from "../zoom_gestures.js";
import { isApart } from "./soft.js";
import { brushWidth, isBlank, nextSize, paintLine, paintStep, SLIDER_END, Steps } from "./steps.js";

/** @import { Step, Stroke } from "./steps.js" */
/** @import { Point, Sight, Size, Zoom } from "../zoom.js" */

/** @typedef {Stroke["tool"] | "move"} Hand what the pointer does */

const PEN_ERASER = 32; // bit in `PointerEvent.buttons`
const MIDDLE = 1; // value of `MouseEvent.button`
const KEY_PAN = 60; // CSS pixels
const FINE = 8; // steps per pixel: hides rounding differences between ways to compute a point
const PIXELS_SEEN = 300; // percent; at and above it, the image's pixels have sharp edges
const LABEL = message(
  "Brush over the area to change. Move the brush with the arrow keys (farther with Shift) and paint with Space. Press [ or ] to change the brush size, Ctrl+Z to undo, + or - to zoom, Esc to leave.",
);
const PAINTED = { brush: message("Painted."), eraser: message("Erased.") };

export class MaskCanvas {
  place = element("div", "sheet");
  brush = new Brush();
  gestures = new ZoomGestures(
    this.place,
    () => this.#sight,
    (zoom, sight) => this.#drawZoom(zoom, sight),
  );
  /** @type {Hand} */
  #hand = "brush";
  #image = element("img");
  #canvas = element("canvas");
  #ring = new MaskRing(this.gestures);
  #steps = new Steps();
  /** Stroke in progress; `last` is null for keys. @type {(Stroke & { last: PointerEvent | null }) | null} */
  #stroke = null;
  /** Whether the space bar is down. The pointer then moves the image, with any tool. */
  #isSpaceDown = false;
  #changed;
  #zoomed;

  /**
   * @param {() => void} changed called after each step
   * @param {(isFitted: boolean) => void} zoomed called after each zoom or pan
   */
  constructor(changed, zoomed) {
    this.#changed = changed;
    this.#zoomed = zoomed;
    this.place.tabIndex = 0;
    this.place.role = "application";
    this.place.ariaLabel = LABEL;
    this.place.append(this.#image, this.#canvas, this.#ring.place);
    this.#listen();
  }

  /** @param {Hand} hand */
  set hand(hand) {
    this.#hand = hand;
    this.#drawHand();
  }

  get canUndo() {
    return this.#steps.done.length > 0;
  }

  get canRedo() {
    return this.#steps.canRedo;
  }

  /** Whether nothing is painted. */
  get isBlank() {
    return !this.#canvas.width || isBlank(this.#context);
  }

  /**
   * Show an image and its mask. Undo treats the mask as the first step.
   * @param {HTMLImageElement} image already loaded
   * @param {HTMLImageElement | null} mask
   */
  show(image, mask) {
    this.#image.replaceWith(image);
    this.#image = image;
    this.#steps = new Steps();
    this.#stroke = null;
    if (mask) this.#steps.add({ tool: "mask", image: mask });
    const { naturalWidth: width, naturalHeight: height } = image;
    Object.assign(this.#canvas, { width, height });
    this.place.style.setProperty("--ratio", String(width / height || 1));
    this.#paintAll();
    this.gestures.fit();
  }

  /** Export the mask as the alpha channel of an image of the same size. @returns {Promise<File>} */
  async file() {
    const blob = await new Promise((done) => this.#canvas.toBlob(done, "image/png"));
    return new File([/** @type {Blob} */ (blob)], "mask.png", { type: "image/png" });
  }

  /** @param {Step} step */
  take(step) {
    this.#steps.add(step);
    paintStep(this.#context, step);
    this.#changed();
  }

  undo() {
    if (this.#stroke || !this.#steps.undo()) return;
    this.#paintAll();
    this.#changed();
  }

  redo() {
    const step = this.#stroke ? undefined : this.#steps.redo();
    if (!step) return;
    paintStep(this.#context, step);
    this.#changed();
  }

  /** @param {1 | -1} direction */
  resize(direction) {
    this.brush.resize(direction);
    this.#fitRing();
  }

  #listen() {
    const { place } = this;
    const slider = this.brush.size;
    slider.addEventListener("input", () => {
      this.#ring.centre();
      this.#showRing();
    });
    slider.addEventListener("change", () => this.#ring.hide());
    place.addEventListener("pointerdown", (event) => this.#begin(event));
    place.addEventListener("pointermove", (event) => this.#move(event));
    place.addEventListener("pointerup", (event) => this.#end(event));
    place.addEventListener("pointercancel", (event) => this.#end(event));
    place.addEventListener("pointerenter", (event) => {
      // Focus the image so that it receives the keys, above all the space bar.
      if (document.activeElement === document.body || isTool(document.activeElement, place))
        place.focus({ preventScroll: true });
      this.#follow(event);
    });
    place.addEventListener("pointerleave", () => this.#ring.isByKeys || this.#ring.hide());
    place.addEventListener("contextmenu", (event) => event.preventDefault());
    place.addEventListener("mousedown", (event) => {
      if (event.button === MIDDLE) event.preventDefault(); // no autoscroll
    });
    place.addEventListener(
      "wheel",
      (event) => {
        // In the form, the wheel without Ctrl scrolls the page.
        if (place.closest(":modal") || event.ctrlKey || event.metaKey) this.gestures.turned(event);
      },
      { passive: false },
    );
    place.addEventListener("keydown", (event) => this.#pressed(event));
    place.addEventListener("keyup", ({ key }) => key === " " && this.#releaseSpace());
    place.addEventListener("focus", () => {
      if (!place.matches(":focus-visible") || this.#isMoving) return;
      this.#ring.isByKeys = true;
      this.#showRing();
    });
    place.addEventListener("blur", () => {
      this.#releaseSpace();
      if (!place.matches(":hover")) this.#ring.hide();
    });
    new ResizeObserver(() => this.gestures.fit()).observe(place);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isMoved = this.#hand === "move";
    const way = isMoved ? wayOf(event, -KEY_PAN) : wayOf(event);
    if (event.key === " ") this.#pressSpace();
    else if (way && !isMoved) this.#step(way);
    else if (way && !isFitted(this.gestures.zoom)) this.gestures.pan(way);
    else return;
    event.preventDefault();
  }

  /** Move the brush by keys. It paints while the space bar is down. @param {Point} way */
  #step(way) {
    const [stroke, sight] = [this.#stroke, this.#sight];
    if (!sight || stroke?.last) return;
    this.#ring.step(way, sight, this.#canvas);
    this.#showRing();
    if (!stroke) return;
    stroke.points.push(this.#pixelOf(this.#ring.at, sight));
    paintLine(this.#context, stroke, stroke.points.length - 1);
  }

  /** Start a stroke if keys have moved the brush. Otherwise let the pointer move the image. */
  #pressSpace() {
    const sight = this.#sight;
    if (!this.#ring.isByKeys || this.#isMoving || !sight) this.#holdSpace(true);
    else if (!this.#stroke) this.#start(this.#ring.at, sight, null, false);
  }

  #releaseSpace() {
    this.#holdSpace(false);
    if (!this.#stroke || this.#stroke.last) return;
    announce(PAINTED[this.#stroke.tool]);
    this.#keep(this.#stroke);
  }

  /** @param {boolean} isDown */
  #holdSpace(isDown) {
    this.#isSpaceDown = isDown;
    this.#drawHand();
  }

  /** Whether the pointer moves the image instead of painting. */
  get #isMoving() {
    return this.#hand === "move" || this.#isSpaceDown;
  }

  #drawHand() {
    this.place.classList.toggle("movable", this.#isMoving || this.gestures.isHeld);
    this.place.classList.toggle("held", this.gestures.isHeld);
  }

  /** @returns {Sight | null} */
  get #sight() {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (!this.#canvas.width || !width) return null;
    return sightOf({ width, height }, this.#canvas, devicePixelRatio);
  }

  /** @param {Zoom} zoom @param {Sight | null} sight */
  #drawZoom(zoom, sight) {
    const isLarge = sight !== null && percentOf(zoom, sight) >= PIXELS_SEEN;
    this.place.classList.toggle("pixels", isLarge);
    this.#fitRing();
    this.#zoomed(isFitted(zoom));
  }

  get #context() {
    return /** @type {CanvasRenderingContext2D} */ (
      this.#canvas.getContext("2d", { willReadFrequently: true })
    );
  }

  get #width() {
    return this.brush.widthFor(this.#canvas);
  }

  /** @param {Point} at @param {Sight} sight @returns {[number, number]} */
  #pixelOf(at, sight) {
    const { x, y } = pixelAt(at, this.gestures.zoom, sight, this.#canvas);
    return [Math.round(x * FINE) / FINE, Math.round(y * FINE) / FINE];
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    const isEraser = Boolean(event.buttons & PEN_ERASER);
    const isMiddle = event.pointerType === "mouse" && event.button === MIDDLE;
    const sight = this.#sight;
    if ((event.button && !isEraser && !isMiddle) || !sight) return;
    event.preventDefault();
    this.place.focus({ preventScroll: true });
    if (this.#stroke && !this.#isSecondFinger(event)) return;
    this.place.setPointerCapture(event.pointerId);
    if (this.#isMoving || isMiddle || this.#stroke || this.gestures.isHeld) {
      this.#hold(event);
      return;
    }
    this.#start(this.gestures.pointOf(event), sight, event, isEraser);
    this.#follow(event);
  }

  /**
   * @param {Point} at
   * @param {Sight} sight
   * @param {PointerEvent | null} last
   * @param {boolean} isEraser whether to erase with any tool
   */
  #start(at, sight, last, isEraser) {
    const tool = isEraser || this.#hand === "eraser" ? "eraser" : "brush";
    const { softness } = this.brush;
    const points = [this.#pixelOf(at, sight)];
    this.#stroke = { tool, width: this.#width, softness, points, last };
    paintLine(this.#context, this.#stroke, 0);
  }

  /** @param {PointerEvent} event */
  #isSecondFinger({ pointerType }) {
    return pointerType === "touch" && this.#stroke?.last?.pointerType === "touch";
  }

  /**
   * Start moving the image. Discard a stroke that the first of two fingers has painted.
   * @param {PointerEvent} event
   */
  #hold(event) {
    if (this.#stroke?.last) {
      this.gestures.hold(this.#stroke.last);
      this.#stroke = null;
      this.#paintAll();
    }
    this.gestures.hold(event);
    this.#ring.hide();
    this.#drawHand();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    this.gestures.move(event);
    this.#follow(event);
    const [stroke, sight] = [this.#stroke, this.#sight];
    if (stroke?.last?.pointerId !== event.pointerId || !sight) return;
    const from = stroke.points.length;
    const passed = event.getCoalescedEvents();
    for (const one of passed.length ? passed : [event]) {
      const point = this.#pixelOf(this.gestures.pointOf(one), sight);
      if (isApart(stroke, point)) stroke.points.push(point);
    }
    stroke.last = event;
    paintLine(this.#context, stroke, from);
  }

  /** @param {PointerEvent} event */
  #end(event) {
    this.gestures.release(event);
    this.#drawHand();
    if (this.#stroke?.last?.pointerId !== event.pointerId) return;
    if (event.pointerType === "touch") this.#ring.hide();
    this.#keep(this.#stroke);
  }

  /** @param {Stroke} stroke the finished stroke */
  #keep({ tool, width, softness, points }) {
    this.#stroke = null;
    this.#steps.add({ tool, width, softness, points });
    this.#changed();
  }

  /** Repaint the mask from its steps. */
  #paintAll() {
    const context = this.#context;
    const { width, height } = this.#canvas;
    context.clearRect(0, 0, width, height);
    for (const step of this.#steps.done) paintStep(context, step);
  }

  /** @param {PointerEvent} event */
  #follow(event) {
    if (this.#stroke && !this.#stroke.last) return; // keys are painting
    this.#ring.follow(event);
    this.#showRing();
  }

  #showRing() {
    this.#ring.isShown = !this.#isMoving && !this.gestures.isHeld;
    this.#fitRing();
  }

  /** Make the ring as wide as the stroke. */
  #fitRing() {
    const sight = this.#sight;
    if (!sight) return;
    const scale = (sight.fitted.width * this.gestures.zoom.scale) / this.#canvas.width;
    this.#ring.width = (this.#stroke?.width ?? this.#width) * scale;
  }
}

/** @param {Element | null} focused @param {HTMLElement} place */
const isTool = (focused, place) =>
  focused instanceof HTMLButtonElement && place.closest("dialog") === focused.closest("dialog");

const FIRST_SIZE = 35;

/** The brush: its size and the softness of its edge, each with a slider. */
class Brush {
  /** Slider for the size. */
  size = slider(1, FIRST_SIZE, message("Brush size"));
  /** Slider for the softness, in percent of the radius. */
  edge = slider(0, 0, message("Brush softness"));

  /** Softness as a share of the radius. */
  get softness() {
    return Number(this.edge.value) / SLIDER_END;
  }

  /** @param {{ width: number, height: number }} image @returns the width in pixels of an image */
  widthFor({ width, height }) {
    return brushWidth(Number(this.size.value), Math.max(width, height));
  }

  /** @param {1 | -1} direction */
  resize(direction) {
    this.size.value = String(nextSize(Number(this.size.value), direction));
  }
}

/** @param {number} min @param {number} value @param {string} name */
function slider(min, value, name) {
  const made = element("input");
  Object.assign(made, { type: "range", min, max: SLIDER_END, value });
  made.ariaLabel = name;
  return made;
}

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
function wayOf({ key, shiftKey }, step = shiftKey ? FAR : STEP) {
  const way = ARROWS[key];
  return way ? { x: way.x * step, y: way.y * step } : null;
}

/** Ring that shows where the brush would paint. The pointer or the arrow keys move it. */
class MaskRing {
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
