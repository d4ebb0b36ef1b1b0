// @ts-check
// Zoom arithmetic for an image in a viewport. Points are relative to the viewport's center. Pure.

/**
 * @typedef {{ width: number, height: number }} Size
 * @typedef {{ x: number, y: number }} Point
 *
 * Position of an image: `scale` relative to its fitted size, center at `x` and `y`.
 * @typedef {{ scale: number, x: number, y: number }} Zoom
 *
 * Sizes that a zoom depends on. `window`: the viewport; `fitted`: the image when it fits into the viewport; `actual`:
 * the scale at which one image pixel is one screen pixel.
 * @typedef {{ window: Size, fitted: Size, actual: number }} Sight
 */

const MOST = 8; // times the larger of the fitted and the actual size
const SAME = 0.005;

/** @type {Zoom} */
export const FITTED = { scale: 1, x: 0, y: 0 };

/**
 * @param {Size} window
 * @param {Size} natural size of the image in its own pixels
 * @param {number} density screen pixels per CSS pixel
 * @returns {Sight}
 */
export function sightOf(window, natural, density) {
  const ratio = Math.min(window.width / natural.width, window.height / natural.height);
  const fitted = { width: natural.width * ratio, height: natural.height * ratio };
  return { window, fitted, actual: 1 / (ratio * density) };
}

/**
 * Return the zoom at another scale. Keep the part of the image at `at` in place.
 * @param {Zoom} zoom
 * @param {number} scale
 * @param {Point} at
 * @param {Sight} sight
 */
export function scaled(zoom, scale, at, sight) {
  const least = Math.min(1, sight.actual);
  const wanted = between(scale, least, MOST * Math.max(1, sight.actual));
  const grown = wanted / zoom.scale;
  const x = at.x - (at.x - zoom.x) * grown;
  const y = at.y - (at.y - zoom.y) * grown;
  return inWindow({ scale: wanted, x, y }, sight);
}

/** @param {Zoom} zoom @param {Point} by @param {Sight} sight */
export const panned = (zoom, by, sight) =>
  inWindow({ ...zoom, x: zoom.x + by.x, y: zoom.y + by.y }, sight);

/**
 * Return the zoom after two fingers have moved from `before` to `after`. Keep the image below the fingers.
 * @param {Zoom} zoom
 * @param {[Point, Point]} before
 * @param {[Point, Point]} after
 * @param {Sight} sight
 */
export function pinched(zoom, before, after, sight) {
  const [from, to] = [middle(before), middle(after)];
  const grown = distance(after) / Math.max(1, distance(before));
  const larger = scaled(zoom, zoom.scale * grown, from, sight);
  return panned(larger, { x: to.x - from.x, y: to.y - from.y }, sight);
}

/**
 * Toggle between the fitted size and 100%. If these are the same, use 200%.
 * @param {Zoom} zoom
 * @param {Point} at
 * @param {Sight} sight
 */
export function toggled(zoom, at, sight) {
  if (!isFitted(zoom)) return FITTED;
  return scaled(zoom, isSame(sight.actual, 1) ? 2 : sight.actual, at, sight);
}

/**
 * Return the zoom of an image that was just opened: a small one isn't enlarged beyond 200%.
 * @param {Sight} sight
 * @returns {Zoom}
 */
export const openedAt = ({ actual }) => (actual < 0.5 ? { ...FITTED, scale: 2 * actual } : FITTED);

/** @param {Zoom} zoom */
export const isFitted = ({ scale }) => isSame(scale, 1);

/**
 * Return the zoom in percent. At 100, one image pixel is one screen pixel.
 * @param {Zoom} zoom
 * @param {Sight} sight
 */
export const percentOf = ({ scale }, { actual }) => Math.round((100 * scale) / actual);

/**
 * Return the point of the image, in its own pixels, at a point of the viewport.
 * @param {Point} at
 * @param {Zoom} zoom
 * @param {Sight} sight
 * @param {Size} natural size of the image in its own pixels
 * @returns {Point}
 */
export function pixelAt(at, zoom, { fitted }, natural) {
  const pixels = natural.width / (fitted.width * zoom.scale);
  return {
    x: natural.width / 2 + (at.x - zoom.x) * pixels,
    y: natural.height / 2 + (at.y - zoom.y) * pixels,
  };
}

/**
 * Move a point, at most to the edge of the visible part of the image. `rest` is the remaining distance.
 * @param {Point} from
 * @param {Point} by
 * @param {Zoom} zoom
 * @param {Sight} sight
 */
export function stepped(from, by, { scale, x, y }, { window, fitted }) {
  const across = seenOf(from.x + by.x, x, fitted.width * scale, window.width);
  const down = seenOf(from.y + by.y, y, fitted.height * scale, window.height);
  const rest = { x: from.x + by.x - across, y: from.y + by.y - down };
  return { at: { x: across, y: down }, rest };
}

/**
 * Return the nearest visible position on one axis.
 * @param {number} at
 * @param {number} middle center of the image
 * @param {number} size of the image
 * @param {number} room size of the viewport
 */
const seenOf = (at, middle, size, room) =>
  between(at, Math.max(-room, 2 * middle - size) / 2, Math.min(room, 2 * middle + size) / 2);

/**
 * Limit an image's position so that it leaves no gap in the viewport. Center a smaller image.
 * @param {Zoom} zoom
 * @param {Sight} sight
 * @returns {Zoom}
 */
function inWindow({ scale, x, y }, { window, fitted }) {
  const across = Math.max(0, (fitted.width * scale - window.width) / 2);
  const down = Math.max(0, (fitted.height * scale - window.height) / 2);
  return { scale, x: between(x, -across, across), y: between(y, -down, down) };
}

/** @param {number} value @param {number} least @param {number} most */
const between = (value, least, most) => Math.min(Math.max(value, least), most);

/** @param {number} one @param {number} other */
const isSame = (one, other) => Math.abs(one - other) < SAME;

/** @param {[Point, Point]} points */
const middle = ([one, other]) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });

/** @param {[Point, Point]} points */
const distance = ([one, other]) => Math.hypot(one.x - other.x, one.y - other.y);

const SWIPE = 40; // pixels

/**
 * Return the direction of a horizontal swipe across a fitted image: 1 for next, -1 for previous, 0 for no swipe.
 * @param {Point} from
 * @param {Point} to
 */
export function swiped(from, to) {
  const across = from.x - to.x;
  const isMeant = Math.abs(across) >= SWIPE && Math.abs(across) > 2 * Math.abs(from.y - to.y);
  return isMeant ? Math.sign(across) : 0;
}
