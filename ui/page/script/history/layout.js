// @ts-check
// Where the tiles of a long list stand, day by day, so that only those that are seen are in the page. Pure.

/**
 * A day ("2026-11-18") with how many runs ended on it, the newest first.
 * @typedef {readonly [string, number]} Day
 *
 * `first`: the place in the whole list of the day's first run. `x`, `y`: of the day's heading, in pixels.
 * @typedef {{ day: string, first: number, count: number, x: number, y: number, width: number, height: number }} Block
 *
 * `strip`: all in one row that is moved sideways. `tile`: pixels of a tile's side.
 * @typedef {{ blocks: Block[], columns: number, tile: number, strip: boolean, width: number, height: number }} Layout
 */

export const GAP = 8;
const HEADING = 28;
const LABEL = 112; // a day in a strip is as wide as its name

/**
 * Rows of tiles below each day.
 * @param {readonly Day[]} days
 * @param {number} width of the list
 * @param {number} least of a tile
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
 * How large a tile of a strip is, so that of a strip that goes on about half a tile is seen at the end.
 * @param {number} width of what is seen of it
 * @param {number} about pixels
 */
export function tileOfStrip(width, about) {
  const seen = Math.max(1, Math.round(width / (about + GAP) - 0.5)) + 0.5;
  return Math.max(1, Math.floor(width / seen) - GAP);
}

/**
 * One row of tiles, each day beside the one before.
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
 * Where a tile stands within its day's block.
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
 * The tiles of a block that lie between two edges, as the first one and the one after the last.
 * @param {Layout} layout
 * @param {Block} block
 * @param {number} from pixels from the list's beginning, downwards or, in a strip, sideways
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
 * The block in which a run stands.
 * @param {Layout} layout
 * @param {number} index
 */
export const blockOf = ({ blocks }, index) =>
  blocks.find(({ first, count }) => index >= first && index < first + count) ?? null;

/**
 * The run that an arrow key leads to: beside this one, or a row up or down, in the next day's rows too.
 * @param {Layout} layout
 * @param {number} index
 * @param {string} key
 * @returns {number | null} null for any other key; it may lie beyond the list's ends
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
