// @ts-check
// Mask of the area that an edit adds around an image. It overlaps the image and fades out there, so that the model can
// blend both, like ComfyUI's ImagePadForOutpaint (nodes.py::ImagePadForOutpaint.expand_image). Pure.

import { addedBy, sizeOfFrame } from "./frame.js";

/** @import { Size } from "../zoom.js" */
/** @import { Frame } from "./frame.js" */

const OPAQUE = 255;

/**
 * Return the mask of the new area, in the frame's size: 255 outside the image.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @param {number} overlap pixels by which the mask reaches into the image at the edges that have moved outward
 * @returns {Uint8ClampedArray}
 */
export function newAreaMask(frame, size, overlap) {
  const { width, height } = sizeOfFrame(frame);
  const added = addedBy(frame, size);
  const across = alphasAlong(width, added.left, added.right, overlap);
  const down = alphasAlong(height, added.top, added.bottom, overlap);
  const mask = new Uint8ClampedArray(width * height);
  for (let y = 0; y < height; y += 1) {
    const row = down[y] ?? 0;
    for (let x = 0; x < width; x += 1) mask[y * width + x] = Math.max(row, across[x] ?? 0);
  }
  return mask;
}

/**
 * Return the mask's values along one axis.
 * @param {number} length of the frame
 * @param {number} before pixels added at the start
 * @param {number} after pixels added at the end
 * @param {number} overlap
 */
function alphasAlong(length, before, after, overlap) {
  /** @param {number} distance into the image from an edge that has moved outward */
  const alphaAt = (distance) => {
    if (distance < 0) return OPAQUE;
    const left = overlap > 0 ? Math.max(0, 1 - distance / overlap) : 0;
    return Math.round(OPAQUE * left * left);
  };
  return Array.from({ length }, (_, at) => {
    const [start, end] = [at + 0.5 - before, length - after - at - 0.5];
    return Math.max(before > 0 ? alphaAt(start) : 0, after > 0 ? alphaAt(end) : 0);
  });
}
