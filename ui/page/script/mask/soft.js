// @ts-check
// Strokes with a soft edge. The strongest value at a pixel counts, so that crossing strokes don't add up. Pure, but for
// the canvas that it reads and writes.

/** @import { Stroke } from "./steps.js" */

const OPAQUE = 255;
const THINNED = 0.05; // share of the brush's width; closer points of a soft stroke make no difference

/**
 * Return how strong a stroke is at a distance from its line: 1 in its core, 0 at its edge.
 * @param {number} distance
 * @param {number} radius
 * @param {number} softness share of the radius that fades, above 0
 */
export function strengthAt(distance, radius, softness) {
  const into = Math.min(1, Math.max(0, (radius - distance) / (radius * softness)));
  return into * into * (3 - 2 * into);
}

/**
 * Return whether a point of a stroke is far enough from the last one.
 * @param {Stroke} stroke
 * @param {[number, number]} point
 */
export function isApart({ points, width, softness }, [x, y]) {
  const last = points.at(-1);
  return !softness || !last || Math.hypot(x - last[0], y - last[1]) >= width * THINNED;
}

/**
 * Paint a part of a stroke between two points.
 * @param {CanvasRenderingContext2D} context whose fill has the mask's color
 * @param {Stroke} stroke
 * @param {[number, number]} from
 * @param {[number, number]} to
 */
export function paintSoftly(context, stroke, from, to) {
  const radius = stroke.width / 2;
  const left = Math.max(0, Math.floor(Math.min(from[0], to[0]) - radius));
  const top = Math.max(0, Math.floor(Math.min(from[1], to[1]) - radius));
  const right = Math.min(context.canvas.width, Math.ceil(Math.max(from[0], to[0]) + radius));
  const bottom = Math.min(context.canvas.height, Math.ceil(Math.max(from[1], to[1]) + radius));
  if (right <= left || bottom <= top) return;
  const pixels = context.getImageData(left, top, right - left, bottom - top);
  const origin = /** @type {const} */ ([left, top]);
  paintPixels(
    pixels,
    stroke,
    [from[0] - origin[0], from[1] - origin[1]],
    [to[0] - origin[0], to[1] - origin[1]],
  );
  context.putImageData(pixels, left, top);
}

/**
 * Paint a part of a stroke into pixels. Its points are relative to them.
 * @param {Pick<ImageData, "width" | "height" | "data">} pixels
 * @param {Stroke} stroke
 * @param {readonly [number, number]} from
 * @param {readonly [number, number]} to
 */
export function paintPixels({ width, height, data }, { tool, width: wide, softness }, from, to) {
  const [x0, y0] = from;
  const [across, down] = [to[0] - x0, to[1] - y0];
  const length = across * across + down * down || 1;
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const [dx, dy] = [x + 0.5 - x0, y + 0.5 - y0];
      const along = Math.min(1, Math.max(0, (dx * across + dy * down) / length));
      const distance = Math.hypot(dx - along * across, dy - along * down);
      const alpha = Math.round(OPAQUE * strengthAt(distance, wide / 2, softness));
      const at = (y * width + x) * 4;
      const before = data[at + 3] ?? 0;
      if (tool === "eraser") data[at + 3] = Math.min(before, OPAQUE - alpha);
      else if (alpha > before) {
        data[at] = 255;
        data[at + 1] = data[at + 2] = 42;
        data[at + 3] = alpha;
      }
    }
}
