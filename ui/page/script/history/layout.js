// @ts-check
// Layout of the history's tiles by day, so that only visible tiles need to be in the page. Pure.

/**
 * A day ("2026-11-18") and the number of runs that ended on it. Lists start with the newest day.
 * @typedef {readonly [string, number]} Day
 *
 * `first`: index of the day's first run in the whole list. `x`, `y`: position of the day's heading in pixels.
 * @typedef {{ day: string, first: number, count: number, x: number, y: number, width: number, height: number }} Block
 *
 * `strip`: a single row that scrolls sideways. `tile`: side length of a tile in pixels.
 * @typedef {{ blocks: Block[], columns: number, tile: number, strip: boolean, width: number, height: number }} Layout
 */

export const GAP = 8;
const HEADING = 28;
const LABEL = 112; // minimum width of a day in a strip, for its heading

/**
 * Arrange tiles in rows below each day's heading.
 * @param {readonly Day[]} days
 * @param {number} width of the list
 * @param {number} least minimum size of a tile
 * @returns {Layout}
 */
export function grid(days, width, least) {
  const columns = Math.max(1, Math.floor((width + GAP) / (least + GAP)));
  const tile = Math.max(1, Math.floor((width - GAP * (columns - 1)) / columns));
  let [first, y] = [0, 0];
  const blocks = days.map(([day, count]) => {
    const rows = Math.ceil(count / columns);
    const block = { day, first, count, x: 0, y, width, height: HEADING + rows * (tile + GAP) };
    first += count;
    y += block.height;
    return block;
  });
  return { blocks, columns, tile, strip: false, width, height: y };
}

/**
 * Return the tile size for a strip. At the visible end about half a tile shows that the strip continues.
 * @param {number} width visible width of the strip
 * @param {number} about approximate tile size in pixels
 */
export function tileOfStrip(width, about) {
  const seen = Math.max(1, Math.round(width / (about + GAP) - 0.5)) + 0.5;
  return Math.max(1, Math.floor(width / seen) - GAP);
}

/**
 * Arrange tiles in one row, with the days next to each other.
 * @param {readonly Day[]} days
 * @param {number} tile
 * @returns {Layout}
 */
export function strip(days, tile) {
  let [first, x] = [0, 0];
  const height = HEADING + tile;
  const blocks = days.map(([day, count]) => {
    const width = Math.max(LABEL, count * (tile + GAP));
    const block = { day, first, count, x, y: 0, width, height };
    first += count;
    x += width;
    return block;
  });
  return { blocks, columns: 1, tile, strip: true, width: x, height };
}

/**
 * Return a tile's position within its day's block.
 * @param {Layout} layout
 * @param {Block} block
 * @param {number} index in the whole list
 */
export function placeIn({ columns, tile, strip }, { first }, index) {
  const at = index - first;
  const step = tile + GAP;
  if (strip) return { x: at * step, y: HEADING };
  return { x: (at % columns) * step, y: HEADING + Math.floor(at / columns) * step };
}

/**
 * Return the range of a block's tiles between two edges: first index and end index (exclusive).
 * @param {Layout} layout
 * @param {Block} block
 * @param {number} from pixels from the start of the list, vertically or, in a strip, horizontally
 * @param {number} to
 * @returns {[number, number]}
 */
export function seenOf({ columns, tile, strip }, { first, count, x, y }, from, to) {
  const begin = strip ? x : y + HEADING;
  const step = tile + GAP;
  const line = (/** @type {number} */ edge) => Math.floor((edge - begin) / step);
  const within = (/** @type {number} */ at) => first + Math.min(Math.max(at * columns, 0), count);
  return [within(line(from)), within(line(to) + 1)];
}

/**
 * Return the block that contains a run.
 * @param {Layout} layout
 * @param {number} index
 */
export const blockOf = ({ blocks }, index) =>
  blocks.find(({ first, count }) => index >= first && index < first + count) ?? null;

/**
 * Return the run that a navigation key moves to. The up and down arrows move by one row, also across days.
 * @param {Layout} layout
 * @param {number} index
 * @param {string} key
 * @returns {number | null} null for any other key; the index may be outside the list
 */
export function reached(layout, index, key) {
  const last = layout.blocks.reduce((sum, { count }) => sum + count, 0) - 1;
  const block = blockOf(layout, index);
  switch (key) {
    case "ArrowLeft":
      return index - 1;
    case "ArrowRight":
      return index + 1;
    case "Home":
      return 0;
    case "End":
      return last;
    case "ArrowUp":
    case "ArrowDown":
      return block && !layout.strip ? beyond(layout, block, index, key === "ArrowDown") : null;
    default:
      return null;
  }
}

/**
 * @param {Layout} layout
 * @param {Block} block
 * @param {number} index
 * @param {boolean} down
 */
function beyond({ blocks, columns }, block, index, down) {
  const column = (index - block.first) % columns;
  const row = Math.floor((index - block.first) / columns) + (down ? 1 : -1);
  const last = block.first + block.count - 1;
  if (row >= 0 && row * columns < block.count)
    return Math.min(block.first + row * columns + column, last);
  const next = blocks[blocks.indexOf(block) + (down ? 1 : -1)];
  if (!next) return index;
  const there = down ? 0 : Math.floor((next.count - 1) / columns);
  return Math.min(next.first + there * columns + column, next.first + next.count - 1);
}
