// @ts-check
// Steps of painting a mask: painting them onto a canvas, undo and redo.

import { featheredMask, grownMask, shrunkMask } from "./alpha.js";
import { paintSoftly } from "./soft.js";

/**
 * A stroke of the brush or the eraser through points in pixels of the image, or a change to the whole mask.
 * `softness`: the share of the stroke's radius that fades.
 * @typedef {{ tool: "brush" | "eraser", width: number, softness: number, points: [number, number][] }} Stroke
 * @typedef {{ tool: "grow" | "shrink" | "feather", pixels: number }} EdgeStep
 * @typedef {Stroke | EdgeStep | { tool: "invert" } | { tool: "clear" } | { tool: "mask", image: HTMLImageElement }} Step
 *   `mask`: an existing mask, for example after a reload
 */

/** Color of the mask. The style sheet makes it translucent; the result depends only on the alpha channel. */
const COLOUR = "#ff2a2a";
/** Brush width at the end of the slider, as a share of the image's longer side. */
const WIDEST = 0.35;
const KEY_STEP = 5;
export const SLIDER_END = 100;

export class Steps {
  /** @type {Step[]} */
  #done = [];
  /** @type {Step[]} */
  #undone = [];

  get done() {
    return /** @type {readonly Step[]} */ (this.#done);
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** @param {Step} step */
  add(step) {
    this.#done.push(step);
    this.#undone = [];
  }

  undo() {
    const step = this.#done.pop();
    if (step) this.#undone.push(step);
    return step;
  }

  redo() {
    const step = this.#undone.pop();
    if (step) this.#done.push(step);
    return step;
  }
}

/**
 * Return the brush width in pixels of the image. The curve gives small brushes most of the slider.
 * @param {number} slider 1 to SLIDER_END
 * @param {number} longerSide of the image
 */
export const brushWidth = (slider, longerSide) =>
  Math.max(1, Math.round(longerSide * WIDEST * (slider / SLIDER_END) ** 1.5));

/** @param {number} slider @param {1 | -1} direction */
export const nextSize = (slider, direction) =>
  Math.min(SLIDER_END, Math.max(1, Math.round(slider / KEY_STEP + direction) * KEY_STEP));

/**
 * Paint one step over the previous ones.
 * @param {CanvasRenderingContext2D} context
 * @param {Step} step
 */
export function paintStep(context, step) {
  const { width, height } = context.canvas;
  switch (step.tool) {
    case "clear":
      context.clearRect(0, 0, width, height);
      break;
    case "invert":
      context.globalCompositeOperation = "source-out";
      context.fillStyle = COLOUR;
      context.fillRect(0, 0, width, height);
      break;
    case "mask":
      context.clearRect(0, 0, width, height);
      context.drawImage(step.image, 0, 0, width, height);
      context.globalCompositeOperation = "source-in"; // keep the image's alpha, in our color
      context.fillStyle = COLOUR;
      context.fillRect(0, 0, width, height);
      break;
    case "grow":
      changeAlpha(context, step, grownMask);
      break;
    case "shrink":
      changeAlpha(context, step, shrunkMask);
      break;
    case "feather":
      changeAlpha(context, step, featheredMask);
      break;
    default:
      paintLine(context, step, 0);
  }
  context.globalCompositeOperation = "source-over";
}

/**
 * Paint a stroke from one of its points on. Draw each segment separately, so that the pixels are the same however many
 * calls paint the stroke.
 * @param {CanvasRenderingContext2D} context
 * @param {Stroke} stroke
 * @param {number} from
 */
export function paintLine(context, stroke, from) {
  const { tool, width, points } = stroke;
  context.globalCompositeOperation = tool === "eraser" ? "destination-out" : "source-over";
  Object.assign(context, {
    lineCap: "round",
    lineJoin: "round",
    lineWidth: width,
    strokeStyle: COLOUR,
    fillStyle: COLOUR,
  });
  for (const [at, [x, y]] of points.entries()) {
    if (at < from) continue;
    const [lastX, lastY] = points[at - 1] ?? [x, y];
    if (stroke.softness) {
      paintSoftly(context, stroke, [lastX, lastY], [x, y]);
      continue;
    }
    context.beginPath();
    if (x === lastX && y === lastY) {
      context.arc(x, y, width / 2, 0, 2 * Math.PI); // canvas draws nothing for a line of zero length
      context.fill();
      continue;
    }
    context.moveTo(lastX, lastY);
    context.lineTo(x, y);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
}

/**
 * Change the whole mask. Leave out the part of the image that the change can't reach.
 * @param {CanvasRenderingContext2D} context
 * @param {EdgeStep} step
 * @param {(mask: Uint8ClampedArray, width: number, pixels: number) => Uint8ClampedArray} change
 */
function changeAlpha(context, { pixels: by }, change) {
  const box = paintedBox(context, 2 * by);
  if (!box) return;
  const { left, top, width, height } = box;
  const pixels = context.getImageData(left, top, width, height);
  const { data } = pixels;
  const mask = new Uint8ClampedArray(width * height);
  for (let at = 0; at < mask.length; at += 1) mask[at] = data[4 * at + 3] ?? 0;
  change(mask, width, by).forEach((alpha, at) => {
    data[4 * at] = 255;
    data[4 * at + 1] = data[4 * at + 2] = 42;
    data[4 * at + 3] = alpha;
  });
  context.putImageData(pixels, left, top);
}

/**
 * Return the box around everything that is painted, with some room inside the image; null if nothing is painted.
 * @param {CanvasRenderingContext2D} context
 * @param {number} room
 */
function paintedBox(context, room) {
  const { width, height } = context.canvas;
  const box = { left: width, top: height, right: 0, bottom: 0 };
  for (const { top, data } of bandsOf(context))
    for (let at = 3; at < data.length; at += 4) {
      if (!data[at]) continue;
      const x = (at >> 2) % width;
      const y = top + Math.floor((at >> 2) / width);
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
    }
  if (!box.right) return null;
  const [left, top] = [Math.max(0, box.left - room), Math.max(0, box.top - room)];
  const right = Math.min(width, box.right + room);
  const bottom = Math.min(height, box.bottom + room);
  return { left, top, width: right - left, height: bottom - top };
}

/** @param {CanvasRenderingContext2D} context */
export function isBlank(context) {
  for (const { data } of bandsOf(context))
    for (let at = 3; at < data.length; at += 4) if (data[at]) return false;
  return true;
}

/**
 * Yield a canvas's pixels in bands, which saves memory.
 * @param {CanvasRenderingContext2D} context
 */
function* bandsOf(context) {
  const { width, height } = context.canvas;
  for (let top = 0; top < height; top += BAND)
    yield { top, data: context.getImageData(0, top, width, Math.min(BAND, height - top)).data };
}

const BAND = 256;
