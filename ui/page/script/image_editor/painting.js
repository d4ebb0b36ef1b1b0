// @ts-check
// Painting an edited image: on a small canvas as a preview, and in full size as files.

import { orientation, orientedSize, sizeOfFrame } from "./frame.js";
import { newAreaMask } from "./new_area.js";

/** @import { Size } from "../zoom.js" */
/** @import { Frame } from "./frame.js" */

/**
 * How a new area is filled: by stretching the image's edges, or with a color.
 * @typedef {"edges" | "white" | "gray" | "black"} Fill
 */

/** Colors in ComfyUI's own shades: it pads images with medium gray. @type {Record<string, string>} */
const COLORS = { white: "#ffffff", gray: "#808080", black: "#000000" };
const MASK_COLOR = "#ff2a2a";
const MOST_PNG = 30_000_000; // bytes; a larger PNG, of a large photo, becomes a JPEG
const JPEG_QUALITY = 0.95;

/**
 * Return a source in its orientation.
 * @param {CanvasImageSource} source in the size of the unedited image
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 */
export function orientedCanvas(source, frame, size) {
  const canvas = canvasOf(orientedSize(frame, size));
  const context = contextOf(canvas);
  context.setTransform(...orientation(frame, size));
  context.drawImage(source, 0, 0, size.width, size.height);
  return canvas;
}

/**
 * Fill the part of the frame outside the image. The context's origin is the turned image's corner.
 * @param {CanvasRenderingContext2D} context
 * @param {HTMLCanvasElement} image the turned image
 * @param {Frame} frame
 * @param {Fill} fill
 */
export function paintNewArea(context, image, { left, top, right, bottom }, fill) {
  const color = COLORS[fill];
  if (color) context.fillStyle = color;
  context.imageSmoothingEnabled = false;
  const across = bandsOf(left, right, image.width);
  const down = bandsOf(top, bottom, image.height);
  for (const x of across)
    for (const y of down) {
      if (x.isInside && y.isInside) continue;
      const target = /** @type {const} */ ([x.to, y.to, x.length, y.length]);
      if (color) context.fillRect(...target);
      else context.drawImage(image, x.from, y.from, x.taken, y.taken, ...target);
    }
  context.imageSmoothingEnabled = true;
}

/**
 * Return the parts of an axis before, inside and after the image: where each is (`to`, `length`), and the pixels of the
 * image that fill it (`from`, `taken`).
 * @param {number} start of the frame
 * @param {number} end
 * @param {number} size of the image
 */
function bandsOf(start, end, size) {
  const [first, last] = [Math.max(start, 0), Math.min(end, size)];
  const bands = [
    { to: start, length: -start, from: 0, taken: 1, isInside: false },
    { to: first, length: last - first, from: first, taken: last - first, isInside: true },
    { to: size, length: end - size, from: size - 1, taken: 1, isInside: false },
  ];
  return bands.filter(({ length }) => length > 0);
}

/**
 * Return the edited image.
 * @param {HTMLCanvasElement} image the turned image
 * @param {Frame} frame
 * @param {Fill} fill
 * @param {string} name of the unedited file
 * @returns {Promise<File>}
 */
export async function editedFile(image, frame, fill, name) {
  const canvas = canvasOf(sizeOfFrame(frame));
  const context = contextOf(canvas);
  context.translate(-frame.left, -frame.top);
  paintNewArea(context, image, frame, fill);
  context.drawImage(image, 0, 0);
  const stem = name.replace(/\.[^.]+$/, "");
  const png = await blobOf(canvas, "image/png");
  if (png.size <= MOST_PNG) return new File([png], `${stem}-edited.png`, { type: png.type });
  const jpeg = await blobOf(canvas, "image/jpeg");
  return new File([jpeg], `${stem}-edited.jpg`, { type: jpeg.type });
}

/**
 * Return the mask of an edited image as the alpha channel of a PNG: the user's own mask and the new area.
 * @param {CanvasImageSource | null} mask in the size of the unedited image
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @param {number} overlap
 * @returns {Promise<File>}
 */
export async function editedMask(mask, frame, size, overlap) {
  const context = contextOf(canvasOf(sizeOfFrame(frame)));
  if (mask) context.drawImage(orientedCanvas(mask, frame, size), -frame.left, -frame.top);
  paintMask(context, newAreaMask(frame, size, overlap));
  const png = await blobOf(context.canvas, "image/png");
  return new File([png], "mask.png", { type: png.type });
}

/**
 * Paint a mask over the canvas's own, where it is stronger.
 * @param {CanvasRenderingContext2D} context
 * @param {Uint8ClampedArray} alphas one per pixel
 */
export function paintMask(context, alphas) {
  const { width, height } = context.canvas;
  const pixels = context.getImageData(0, 0, width, height);
  const { data } = pixels;
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) =>
    Number.parseInt(MASK_COLOR.slice(at, at + 2), 16),
  );
  alphas.forEach((alpha, at) => {
    const place = at * 4;
    data[place] = red;
    data[place + 1] = green;
    data[place + 2] = blue;
    data[place + 3] = Math.max(alpha, data[place + 3] ?? 0);
  });
  context.putImageData(pixels, 0, 0);
}

/** @param {Size} size */
export const canvasOf = ({ width, height }) =>
  Object.assign(document.createElement("canvas"), { width, height });

/** @param {HTMLCanvasElement} canvas */
export const contextOf = (canvas) =>
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

/** @param {HTMLCanvasElement} canvas @param {string} type @returns {Promise<Blob>} */
const blobOf = (canvas, type) =>
  new Promise((done, failed) => {
    canvas.toBlob(
      (blob) => (blob ? done(blob) : failed(new Error("too large"))),
      type,
      JPEG_QUALITY,
    );
  });
