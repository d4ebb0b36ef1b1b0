// @ts-check
// Layout of the history as a wall: rows of equal width, by day, in which each tile keeps its proportions. All positions
// are computed, so that only visible tiles need to be in the page. Pure.

/**
 * A day ("2026-11-18") and the number of runs that ended on it. Lists start with the newest day. A list without days has
 * the single day "", which gets no heading.
 * @typedef {readonly [string, number]} Day
 *
 * Pixels from the start of the wall.
 * @typedef {{ x: number, y: number, width: number, height: number }} Box
 *
 * `first`, `end`: indexes of a row's tiles in the whole list, `end` exclusive. `scale`: the height before rounding.
 * @typedef {{ first: number, end: number, y: number, height: number, scale: number }} Row
 *
 * `first`: index of the day's first run in the whole list. `y`: top of the day's heading.
 * @typedef {{ day: string, first: number, count: number, y: number }} Block
 * @typedef {{ blocks: Block[], rows: Row[], boxes: Box[], height: number }} Layout
 */

export const GAP = 4;
const HEADING = 36;
const BETWEEN = 16; // pixels between days
const [NARROWEST, WIDEST] = [0.5, 2.5];
const HIGHEST = 1.35; // of the wanted height, for a full row

/**
 * Arrange tiles in rows below each day's heading.
 * @param {readonly Day[]} days
 * @param {(index: number) => number | null} ratioOf a run's width divided by its height, null for a square
 * @param {number} width of the wall
 * @param {number} wanted height of a row; rows may be lower or a little higher to fill the width
 * @returns {Layout}
 */
export function wall(days, ratioOf, width, wanted) {
  /** @type {Layout} */
  const layout = { blocks: [], rows: [], boxes: [], height: 0 };
  let first = 0;
  for (const [day, count] of days) {
    if (first) layout.height += BETWEEN;
    layout.blocks.push({ day, first, count, y: layout.height });
    if (day) layout.height += HEADING;
    const end = first + count;
    while (first < end) first = addRow(layout, first, end, ratioOf, width, wanted);
  }
  return layout;
}

/**
 * Add a row, as wide as the wall unless the day's tiles end before. Such a row is as high as the one above.
 * @param {Layout} layout
 * @param {number} first
 * @param {number} last end of the day's tiles
 * @param {(index: number) => number | null} ratioOf
 * @param {number} width
 * @param {number} wanted
 * @returns {number} end of the row's tiles
 */
function addRow(layout, first, last, ratioOf, width, wanted) {
  const shown = (/** @type {number} */ index) =>
    Math.min(Math.max(ratioOf(index) ?? 1, NARROWEST), WIDEST);
  let [end, sum, height] = [first, 0, Number.POSITIVE_INFINITY];
  while (end < last && height > wanted) {
    const ratios = sum + shown(end);
    const lower = (width - GAP * (end - first)) / ratios;
    const isWorse = wanted - lower > height - wanted && height < HIGHEST * wanted;
    if (isWorse) break;
    [end, sum, height] = [end + 1, ratios, lower];
  }
  const above = layout.rows.at(-1)?.scale;
  const isFull = end < last || height < (above ?? wanted);
  const scale = isFull ? height : (above ?? wanted);
  const row = { first, end, y: layout.height, height: Math.floor(scale), scale };
  let ratios = 0;
  for (let index = first; index < end; index += 1) {
    const edge = (/** @type {number} */ at) => Math.round(at * scale) + GAP * (index - first);
    const x = edge(ratios);
    ratios += shown(index);
    layout.boxes.push({ x, y: row.y, width: edge(ratios) - x, height: row.height });
  }
  layout.rows.push(row);
  layout.height += row.height + GAP;
  return end;
}

/**
 * Return the index of the first row for which a condition holds, by binary search.
 * @param {readonly Row[]} rows for which it holds from some row on
 * @param {(row: Row) => boolean} holds
 */
function firstRow(rows, holds) {
  let [from, to] = [0, rows.length];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (holds(/** @type {Row} */ (rows[middle]))) to = middle;
    else from = middle + 1;
  }
  return from;
}

/**
 * Return the range of the tiles between two edges: first index and end index (exclusive).
 * @param {Layout} layout
 * @param {number} from pixels from the start of the wall
 * @param {number} to
 * @returns {[number, number]}
 */
export function seenOf({ rows, boxes }, from, to) {
  const begin = firstRow(rows, ({ y, height }) => y + height > from);
  const end = firstRow(rows, ({ y }) => y >= to);
  const start = rows[begin]?.first ?? boxes.length;
  return [start, Math.max(start, rows[end - 1]?.end ?? 0)];
}

/** @param {Layout} layout @param {number} index */
export const blockOf = ({ blocks }, index) =>
  blocks.find(({ first, count }) => index >= first && index < first + count) ?? null;

/**
 * Return the run that a navigation key moves to. The up and down arrows move to the nearest tile of the next row, also
 * across days.
 * @param {Layout} layout
 * @param {number} index
 * @param {string} key
 * @returns {number | null} null for any other key; the index may be outside the list
 */
export function reached({ rows, boxes }, index, key) {
  switch (key) {
    case "ArrowLeft":
      return index - 1;
    case "ArrowRight":
      return index + 1;
    case "Home":
      return 0;
    case "End":
      return boxes.length - 1;
    case "ArrowUp":
    case "ArrowDown": {
      const at = firstRow(rows, ({ end }) => end > index);
      const row = rows[at + (key === "ArrowDown" ? 1 : -1)];
      return row ? nearest(boxes, row, middleOf(boxes[index])) : index;
    }
    default:
      return null;
  }
}

/** @param {Box | undefined} box */
const middleOf = (box) => (box ? box.x + box.width / 2 : 0);

/** @param {readonly Box[]} boxes @param {Row} row @param {number} x */
function nearest(boxes, { first, end }, x) {
  const far = (/** @type {number} */ index) => Math.abs(middleOf(boxes[index]) - x);
  let best = first;
  for (let index = first + 1; index < end; index += 1) if (far(index) < far(best)) best = index;
  return best;
}
