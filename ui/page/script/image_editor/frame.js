// @ts-check
// Geometry of an edited image: its orientation, and the frame that becomes the new image. A frame inside the image crops
// it; a frame beyond the image adds a new area. Pure.

/** @import { Point, Size } from "../zoom.js" */

/**
 * `turns`: quarter turns clockwise, after a horizontal flip if `mirrored`. The frame's edges are in pixels of the turned
 * image.
 * @typedef {{ turns: number, mirrored: boolean, left: number, top: number, right: number, bottom: number }} Frame
 * @typedef {"left" | "top" | "right" | "bottom"} Edge
 * @typedef {[a: number, b: number, c: number, d: number, e: number, f: number]} Matrix for a canvas
 */

/** Shortest side of a frame, in pixels. At least this much of it shows the image. */
export const LEAST_SIDE = 16;
/** Longest side of a frame, in pixels. */
export const MOST_SIDE = 8192;
/** @type {readonly Edge[]} */
export const EDGES = ["left", "top", "right", "bottom"];
const QUARTERS = 4;

/** @param {Size} size @returns {Frame} the frame of an unedited image */
export const wholeFrame = ({ width, height }) => ({
  turns: 0,
  mirrored: false,
  left: 0,
  top: 0,
  right: width,
  bottom: height,
});

/**
 * Return the size of the image in its orientation.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @returns {Size}
 */
export const orientedSize = ({ turns }, { width, height }) =>
  turns % 2 ? { width: height, height: width } : { width, height };

/** @param {Frame} frame @returns {Size} */
export const sizeOfFrame = ({ left, top, right, bottom }) => ({
  width: right - left,
  height: bottom - top,
});

/**
 * Return the matrix that draws the unedited image in its orientation, at the origin.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @returns {Matrix}
 */
export function orientation({ turns, mirrored }, { width, height }) {
  const flip = mirrored ? -1 : 1;
  const from = mirrored ? width : 0;
  /** @type {Matrix[]} */
  const turned = [
    [flip, 0, 0, 1, from, 0],
    [0, flip, -1, 0, height, from],
    [-flip, 0, 0, -1, width - from, height],
    [0, -flip, 1, 0, 0, width - from],
  ];
  return /** @type {Matrix} */ (turned[turns % QUARTERS]);
}

/**
 * Turn the image by 90°, with its frame.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @param {1 | -1} way 1 for clockwise
 * @returns {Frame}
 */
export function turnedFrame(frame, size, way) {
  const { left, top, right, bottom } = frame;
  const { width, height } = orientedSize(frame, size);
  const turns = (frame.turns + way + QUARTERS) % QUARTERS;
  const edges =
    way > 0
      ? { left: height - bottom, top: left, right: height - top, bottom: right }
      : { left: top, top: width - right, right: bottom, bottom: width - left };
  return { ...frame, turns, ...edges };
}

/**
 * Flip the image, with its frame.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @param {boolean} isUpright whether to swap top and bottom, not left and right
 * @returns {Frame}
 */
export function flippedFrame(frame, size, isUpright) {
  const { turns, mirrored, left, top, right, bottom } = frame;
  const { width, height } = orientedSize(frame, size);
  const edges = isUpright
    ? { top: height - bottom, bottom: height - top }
    : { left: width - right, right: width - left };
  const after = ((isUpright ? 2 : 0) - turns + QUARTERS) % QUARTERS;
  return { ...frame, turns: after, mirrored: !mirrored, ...edges };
}

/**
 * Return how many pixels each edge adds to the image; negative numbers cut.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @returns {Record<Edge, number>}
 */
export function addedBy(frame, size) {
  const { width, height } = orientedSize(frame, size);
  return {
    left: 0 - frame.left,
    top: 0 - frame.top,
    right: frame.right - width,
    bottom: frame.bottom - height,
  };
}

/**
 * Return the frame after one edge adds this many pixels to the image, or cuts them.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @param {Edge} edge
 * @param {number} pixels
 */
export function withAdded(frame, size, edge, pixels) {
  const { width, height } = orientedSize(frame, size);
  const at = { left: -pixels, top: -pixels, right: width + pixels, bottom: height + pixels }[edge];
  return limited({ ...frame, [edge]: Math.round(at) }, size, [edge]);
}

/**
 * Return the frame after the user has dragged some of its edges.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @param {readonly Edge[]} edges all four to move the frame
 * @param {Point} by pixels of the image
 * @param {number | null} ratio width divided by height, or null
 */
export function draggedFrame(frame, size, edges, by, ratio) {
  if (edges.length === EDGES.length) return movedFrame(frame, size, by);
  const moved = { ...frame };
  for (const edge of edges) {
    const distance = edge === "left" || edge === "right" ? by.x : by.y;
    moved[edge] = Math.round(frame[edge] + distance);
  }
  const held = limited(moved, size, edges);
  return ratio ? inRatio(held, size, edges, ratio) : held;
}

/**
 * Return the largest frame of a ratio inside the image. It keeps the current center if there is room.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @param {number} ratio width divided by height
 * @returns {Frame}
 */
export function croppedTo(frame, size, ratio) {
  const { width, height } = orientedSize(frame, size);
  const across = Math.round(Math.min(width, height * ratio));
  const down = Math.round(Math.min(height, width / ratio));
  const left = placed((frame.left + frame.right - across) / 2, width - across);
  const top = placed((frame.top + frame.bottom - down) / 2, height - down);
  return { ...frame, left, top, right: left + across, bottom: top + down };
}

/**
 * Return the smallest frame of a ratio around the whole image.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 * @param {number} ratio width divided by height
 * @returns {Frame}
 */
export function extendedTo(frame, size, ratio) {
  const { width, height } = orientedSize(frame, size);
  const across = Math.round(Math.max(width, height * ratio));
  const down = Math.round(Math.max(height, width / ratio));
  const left = 0 - Math.floor((across - width) / 2);
  const top = 0 - Math.floor((down - height) / 2);
  return { ...frame, left, top, right: left + across, bottom: top + down };
}

/**
 * Return whether the frame has an area outside the image.
 * @param {Frame} frame
 * @param {Size} size of the unedited image
 */
export const hasNewArea = (frame, size) =>
  Object.values(addedBy(frame, size)).some((pixels) => pixels > 0);

/** @param {Frame} frame @param {Size} size @param {Point} by @returns {Frame} */
function movedFrame(frame, size, by) {
  const { width, height } = orientedSize(frame, size);
  const { width: across, height: down } = sizeOfFrame(frame);
  const left = between(Math.round(frame.left + by.x), LEAST_SIDE - across, width - LEAST_SIDE);
  const top = between(Math.round(frame.top + by.y), LEAST_SIDE - down, height - LEAST_SIDE);
  return { ...frame, left, top, right: left + across, bottom: top + down };
}

/**
 * Limit the edges that have moved, so that the frame has a valid size and shows part of the image.
 * @param {Frame} frame
 * @param {Size} size
 * @param {readonly Edge[]} edges
 * @returns {Frame}
 */
function limited(frame, size, edges) {
  const { width, height } = orientedSize(frame, size);
  const { left, top, right, bottom } = frame;
  const limits = {
    left: [right - MOST_SIDE, Math.min(right, width) - LEAST_SIDE],
    top: [bottom - MOST_SIDE, Math.min(bottom, height) - LEAST_SIDE],
    right: [Math.max(left, 0) + LEAST_SIDE, left + MOST_SIDE],
    bottom: [Math.max(top, 0) + LEAST_SIDE, top + MOST_SIDE],
  };
  const kept = { ...frame };
  for (const edge of edges) {
    const [least = 0, most = 0] = limits[edge];
    kept[edge] = between(frame[edge], least, most);
  }
  return kept;
}

/**
 * Return the frame in this ratio. The edges that the user doesn't drag stay; a single dragged edge grows the frame
 * evenly on both sides.
 * @param {Frame} frame
 * @param {Size} size
 * @param {readonly Edge[]} edges
 * @param {number} ratio
 * @returns {Frame}
 */
function inRatio(frame, size, edges, ratio) {
  const { width, height } = sizeOfFrame(frame);
  const isUpright = edges.length === 1 && (edges[0] === "top" || edges[0] === "bottom");
  const isByHeight = edges.length > 1 ? width < height * ratio : isUpright;
  const across = Math.round(isByHeight ? height * ratio : width);
  const down = Math.round(isByHeight ? height : width / ratio);
  const kept = { ...frame };
  if (edges.includes("left")) kept.left = frame.right - across;
  else if (edges.includes("right")) kept.right = frame.left + across;
  else {
    kept.left = Math.round((frame.left + frame.right - across) / 2);
    kept.right = kept.left + across;
  }
  if (edges.includes("top")) kept.top = frame.bottom - down;
  else if (edges.includes("bottom")) kept.bottom = frame.top + down;
  else {
    kept.top = Math.round((frame.top + frame.bottom - down) / 2);
    kept.bottom = kept.top + down;
  }
  const isValid = Math.min(across, down) >= LEAST_SIDE && Math.max(across, down) <= MOST_SIDE;
  const { left, top } = movedFrame(kept, size, { x: 0, y: 0 });
  return isValid && left === kept.left && top === kept.top ? kept : frame;
}

/** @param {number} at @param {number} most */
const placed = (at, most) => Math.round(between(at, 0, most));

/** @param {number} value @param {number} least @param {number} most */
const between = (value, least, most) => Math.min(Math.max(value, least), most);
