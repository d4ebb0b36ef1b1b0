// @ts-check
// An image with the canvas of its mask over it, painted on by mouse, finger or pen.

import { element } from "../dom.js";
import {
  brushWidth,
  COLOUR,
  isBlank,
  nextSize,
  paintLine,
  paintStep,
  SLIDER_END,
  Steps,
} from "../mask_steps.js";
import { message } from "../messages.js";

/** @import { Step, Stroke } from "../mask_steps.js" */

const FIRST_SIZE = 35;
const PEN_ERASER = 32; // among a pointer's buttons
const LABEL = message(
  "Brush over what should change. The keys [ and ] change the brush size, Ctrl+Z undoes.",
);

export class MaskCanvas {
  place = element("div", "sheet");
  /** What sets the brush's size. */
  slider = element("input");
  /** @type {"brush" | "eraser"} */
  tool = "brush";
  #image = element("img");
  #canvas = element("canvas");
  #ring = element("span", "ring");
  #steps = new Steps();
  /** What the mask was before any step, null where that is nothing. @type {HTMLImageElement | null} */
  #before = null;
  /** What is being painted. @type {(Stroke & { pointer: number }) | null} */
  #stroke = null;
  #changed;

  /** @param {() => void} changed is called after each step */
  constructor(changed) {
    this.#changed = changed;
    Object.assign(this.slider, { type: "range", min: 1, max: SLIDER_END, value: FIRST_SIZE });
    this.slider.ariaLabel = message("Brush size");
    this.place.tabIndex = 0;
    this.place.role = "application";
    this.place.ariaLabel = LABEL;
    this.place.append(this.#image, this.#canvas, this.#ring);
    this.#listen();
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
   * Show an image and its mask, with no step to undo.
   * @param {HTMLImageElement} image that has been loaded
   * @param {HTMLImageElement | null} mask
   */
  show(image, mask) {
    this.#image.replaceWith(image);
    this.#image = image;
    this.#steps = new Steps();
    this.#stroke = null;
    this.#before = mask;
    const { naturalWidth: width, naturalHeight: height } = image;
    Object.assign(this.#canvas, { width, height });
    this.place.style.setProperty("--ratio", String(width / height || 1));
    this.#paintAll();
  }

  /** The mask, as the alpha of an image of the same size. @returns {Promise<File>} */
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
    this.slider.value = String(nextSize(Number(this.slider.value), direction));
    this.#fitRing();
  }

  #listen() {
    const { place, slider } = this;
    slider.addEventListener("input", () => this.#showRing(null));
    slider.addEventListener("change", () => this.#hideRing());
    place.addEventListener("pointerdown", (event) => this.#begin(event));
    place.addEventListener("pointermove", (event) => this.#move(event));
    place.addEventListener("pointerup", (event) => this.#end(event));
    place.addEventListener("pointercancel", (event) => this.#end(event));
    place.addEventListener("pointerenter", (event) => {
      if (document.activeElement === document.body) place.focus({ preventScroll: true });
      this.#showRing(event);
    });
    place.addEventListener("pointerleave", () => this.#hideRing());
    place.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  get #context() {
    return /** @type {CanvasRenderingContext2D} */ (
      this.#canvas.getContext("2d", { willReadFrequently: true })
    );
  }

  get #width() {
    const { width, height } = this.#canvas;
    return brushWidth(Number(this.slider.value), Math.max(width, height));
  }

  /**
   * @param {PointerEvent} event
   * @returns {[number, number]}
   */
  #pointOf({ clientX, clientY }) {
    const box = this.#canvas.getBoundingClientRect();
    const scale = this.#canvas.width / box.width;
    return [(clientX - box.left) * scale, (clientY - box.top) * scale];
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    const isEraser = Boolean(event.buttons & PEN_ERASER);
    if ((event.button && !isEraser) || this.#stroke || !this.#canvas.width) return;
    event.preventDefault();
    this.place.focus({ preventScroll: true });
    this.place.setPointerCapture(event.pointerId);
    this.#stroke = {
      tool: isEraser ? "eraser" : this.tool,
      width: this.#width,
      points: [this.#pointOf(event)],
      pointer: event.pointerId,
    };
    paintLine(this.#context, this.#stroke, 0);
    this.#showRing(event);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    this.#showRing(event);
    const stroke = this.#stroke;
    if (stroke?.pointer !== event.pointerId) return;
    const from = stroke.points.length;
    const passed = event.getCoalescedEvents();
    stroke.points.push(...(passed.length ? passed : [event]).map((one) => this.#pointOf(one)));
    paintLine(this.#context, stroke, from);
  }

  /** @param {PointerEvent} event */
  #end(event) {
    if (this.#stroke?.pointer !== event.pointerId) return;
    const { tool, width, points } = this.#stroke;
    this.#stroke = null;
    this.#steps.add({ tool, width, points });
    if (event.pointerType === "touch") this.#hideRing();
    this.#changed();
  }

  /** The mask from its beginning on. */
  #paintAll() {
    const context = this.#context;
    const { width, height } = this.#canvas;
    context.clearRect(0, 0, width, height);
    if (this.#before) {
      context.drawImage(this.#before, 0, 0, width, height);
      context.globalCompositeOperation = "source-in"; // its alpha, in our colour
      context.fillStyle = COLOUR;
      context.fillRect(0, 0, width, height);
      context.globalCompositeOperation = "source-over";
    }
    for (const step of this.#steps.done) paintStep(context, step);
  }

  /**
   * The brush's size, where the pointer is or in the middle.
   * @param {PointerEvent | null} event
   */
  #showRing(event) {
    const box = this.place.getBoundingClientRect();
    const [x, y] = event
      ? [event.clientX - box.left, event.clientY - box.top]
      : [box.width / 2, box.height / 2];
    this.#ring.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
    this.#ring.classList.add("shown");
    this.#fitRing();
  }

  #fitRing() {
    const scale = this.#canvas.getBoundingClientRect().width / (this.#canvas.width || 1);
    const size = `${(this.#stroke?.width ?? this.#width) * scale}px`;
    Object.assign(this.#ring.style, { width: size, height: size });
  }

  #hideRing() {
    this.#ring.classList.remove("shown");
  }
}
