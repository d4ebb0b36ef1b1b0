// @ts-check
// Points of a curve between 0 and 1, from left to right, and the line through them. Pure.

/** @typedef {[number, number]} Point */

export const MOST_POINTS = 100;
export const LEAST_POINTS = 2;
const DIGITS = 1000;
const GAP = 1 / DIGITS; // two points can't have the same X

/** @param {number} value */
const rounded = (value) => Math.round(value * DIGITS) / DIGITS;

/** @param {number} value @param {number} least @param {number} most */
const within = (value, least, most) => Math.min(Math.max(value, least), most);

/**
 * Move a point, but not past its neighbors or out of the square.
 * @param {readonly Point[]} points
 * @param {number} at
 * @param {Point} to
 * @returns {Point[]}
 */
export function moved(points, at, [x, y]) {
  const least = at > 0 ? (points[at - 1]?.[0] ?? 0) + GAP : 0;
  const most = at < points.length - 1 ? (points[at + 1]?.[0] ?? 1) - GAP : 1;
  const place = least > most ? (points[at]?.[0] ?? x) : rounded(within(x, least, most));
  return points.with(at, [place, rounded(within(y, 0, 1))]);
}

/**
 * Add a point where there is room for it.
 * @param {readonly Point[]} points
 * @param {Point} point
 * @returns {{ points: Point[], at: number } | null} the points and the new one's place; null without room
 */
export function added(points, [x, y]) {
  const [place, height] = [rounded(within(x, 0, 1)), rounded(within(y, 0, 1))];
  const isTaken = points.some(([other]) => Math.abs(other - place) < GAP);
  if (isTaken || points.length >= MOST_POINTS) return null;
  const after = points.findIndex(([other]) => other > place);
  const at = after < 0 ? points.length : after;
  return { points: points.toSpliced(at, 0, [place, height]), at };
}

/**
 * Add a point on the line, in the middle between a point and the next one, or before the last.
 * @param {readonly Point[]} points
 * @param {number} at
 * @param {boolean} isStraight
 */
export function addedAfter(points, at, isStraight) {
  const from = Math.min(at, points.length - 2);
  const [a, b] = [points[from], points[from + 1]];
  if (!a || !b) return null;
  const x = (a[0] + b[0]) / 2;
  return added(points, [x, heightAt(points, x, isStraight)]);
}

/**
 * Return the points without one of them, or unchanged if too few would be left.
 * @param {readonly Point[]} points
 * @param {number} at
 */
export const removed = (points, at) =>
  points.length > LEAST_POINTS ? points.toSpliced(at, 1) : [...points];

/**
 * Return the height of the line at a place. Beyond the outer points it is flat.
 *
 * A line that isn't straight is the monotone cubic one (Fritsch and Carlson) that ComfyUI's editor draws.
 * @param {readonly Point[]} points
 * @param {number} x
 * @param {boolean} isStraight
 */
export function heightAt(points, x, isStraight) {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return 0;
  if (x <= first[0]) return first[1];
  if (x >= last[0]) return last[1];
  const at = points.findIndex(([place]) => place > x) - 1;
  const [a, b] = [points[at] ?? first, points[at + 1] ?? last];
  const width = b[0] - a[0];
  const t = (x - a[0]) / width;
  if (isStraight) return a[1] + (b[1] - a[1]) * t;
  const slopes = slopesOf(points);
  const [m, n] = [(slopes[at] ?? 0) * width, (slopes[at + 1] ?? 0) * width];
  const [t2, t3] = [t * t, t * t * t];
  return (
    (2 * t3 - 3 * t2 + 1) * a[1] + (t3 - 2 * t2 + t) * m + (3 * t2 - 2 * t3) * b[1] + (t3 - t2) * n
  );
}

/** @param {readonly Point[]} points */
function slopesOf(points) {
  /** @param {number} at */
  const secant = (at) => {
    const [a, b] = [points[at], points[at + 1]];
    return a && b ? (b[1] - a[1]) / (b[0] - a[0]) : 0;
  };
  const secants = points.slice(1).map((_, at) => secant(at));
  const slopes = points.map((_, at) => {
    const [left, right] = [secants[at - 1] ?? secants[at], secants[at] ?? secants[at - 1]];
    if (left === undefined || right === undefined || left * right <= 0) return 0;
    return (left + right) / 2;
  });
  secants.forEach((slope, at) => {
    const [a, b] = [(slopes[at] ?? 0) / slope, (slopes[at + 1] ?? 0) / slope];
    const length = Math.hypot(a, b);
    if (!slope || length <= 3) return;
    slopes[at] = (3 / length) * a * slope;
    slopes[at + 1] = (3 / length) * b * slope;
  });
  return slopes;
}

/**
 * Return the points that can be drawn, sorted; null if the value isn't such a curve.
 * @param {unknown} value
 * @returns {Point[] | null}
 */
export function drawablePoints(value) {
  if (!Array.isArray(value)) return null;
  const filled = value.filter((pair) => Array.isArray(pair) && !pair.every(isBlank));
  const points = filled.map((pair) => /** @type {Point} */ (pair.slice(0, 2).map(toNumber)));
  points.sort((a, b) => a[0] - b[0]);
  const isRight = points.every(
    ([x, y], at) => x >= 0 && x <= 1 && y >= 0 && y <= 1 && x !== points[at - 1]?.[0],
  );
  return isRight && points.length >= LEAST_POINTS ? points : null;
}

/** @param {unknown} value */
const isBlank = (value) => value === null || value === undefined || value === "";

/** @param {unknown} value */
const toNumber = (value) => (isBlank(value) ? Number.NaN : Number(value));
