// @ts-check
// How an image is enlarged in a window: arithmetic only. Points are measured from the window's centre. Pure.

/**
 * @typedef {{ width: number, height: number }} Size
 * @typedef {{ x: number, y: number }} Point
 *
 * Where an image is: `scale` times as large as it fits, its centre at `x` and `y`.
 * @typedef {{ scale: number, x: number, y: number }} Zoom
 *
 * What is looked at. `fitted`: the image as it fits into the window; `actual`: the scale at which one of its pixels is
 * one of the screen's.
 * @typedef {{ window: Size, fitted: Size, actual: number }} Sight
 */

const MOST = 8; // times the larger of the window and the image's own size
const SAME = 0.005;

/** @type {Zoom} */
export const FITTED = { scale: 1, x: 0, y: 0 };

/**
 * @param {Size} window
 * @param {Size} natural the image in its own pixels
 * @param {number} density how many of the screen's pixels are one of the page's
 * @returns {Sight}
 */
export function sightOf(window, natural, density) {
  const ratio = Math.min(window.width / natural.width, window.height / natural.height);
  const fitted = { width: natural.width * ratio, height: natural.height * ratio };
  return { window, fitted, actual: 1 / (ratio * density) };
}

/**
 * Another scale; what is at the point `at` stays there.
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

/**
 * @param {Zoom} zoom
 * @param {Point} by
 * @param {Sight} sight
 */
export const panned = (zoom, by, sight) =>
  inWindow({ ...zoom, x: zoom.x + by.x, y: zoom.y + by.y }, sight);

/**
 * Two fingers that were at `before` are at `after`: what is below them stays there.
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
 * From the fitting size to 100%, twice that where it is the same, and back.
 * @param {Zoom} zoom
 * @param {Point} at
 * @param {Sight} sight
 */
export function toggled(zoom, at, sight) {
  if (!isFitted(zoom)) return FITTED;
  return scaled(zoom, isSame(sight.actual, 1) ? 2 : sight.actual, at, sight);
}

/** @param {Zoom} zoom */
export const isFitted = ({ scale }) => isSame(scale, 1);

/**
 * How many of the screen's pixels stand for a hundred of the image's.
 * @param {Zoom} zoom
 * @param {Sight} sight
 */
export const percentOf = ({ scale }, { actual }) => Math.round((100 * scale) / actual);

/**
 * Which point of the image, in its own pixels, is seen at a point of the window.
 * @param {Point} at
 * @param {Zoom} zoom
 * @param {Sight} sight
 * @param {Size} natural the image in its own pixels
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
 * Where a point goes that keys move: to the edge of what is seen of the image. `rest` is what is left of the way there.
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
 * The nearest place in which something is seen.
 * @param {number} at
 * @param {number} middle of it
 * @param {number} size of it
 * @param {number} room
 */
const seenOf = (at, middle, size, room) =>
  between(at, Math.max(-room, 2 * middle - size) / 2, Math.min(room, 2 * middle + size) / 2);

/**
 * Not further than to the window's edges; in its middle where there is room.
 * @param {Zoom} zoom
 * @param {Sight} sight
 * @returns {Zoom}
 */
function inWindow({ scale, x, y }, { window, fitted }) {
  const across = Math.max(0, (fitted.width * scale - window.width) / 2);
  const down = Math.max(0, (fitted.height * scale - window.height) / 2);
  return { scale, x: between(x, -across, across), y: between(y, -down, down) };
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
const between = (value, least, most) => Math.min(Math.max(value, least), most);

/**
 * @param {number} one
 * @param {number} other
 */
const isSame = (one, other) => Math.abs(one - other) < SAME;

/** @param {[Point, Point]} points */
const middle = ([one, other]) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });

/** @param {[Point, Point]} points */
const distance = ([one, other]) => Math.hypot(one.x - other.x, one.y - other.y);

const SWIPE = 40; // pixels

/**
 * Where a finger leads that goes across what fits its window: 1 on, -1 back, 0 nowhere.
 * @param {Point} from
 * @param {Point} to
 */
export function swiped(from, to) {
  const across = from.x - to.x;
  const isMeant = Math.abs(across) >= SWIPE && Math.abs(across) > 2 * Math.abs(from.y - to.y);
  return isMeant ? Math.sign(across) : 0;
}
