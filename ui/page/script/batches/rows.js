// @ts-check
// The rows of a batch as far as they are known here, and which of them are seen. Pure.

/** @import { BatchDoc, RowDoc, ShownBatch, ShownRow } from "../documents.js" */

/**
 * A row as the page asks for it.
 * @typedef {RowDoc & { page: ShownRow }} BatchRow
 *
 * A batch as its sheet asks for it.
 * @typedef {BatchDoc & { page: ShownBatch }} WholeBatch
 *
 * A place for each row that is looked for; null: it has not been asked for. `old`: what is known may have changed since.
 * @typedef {{ row: BatchRow | null, old: boolean }} Cell
 * @typedef {readonly Cell[]} Cells
 *
 * How rows stand: so many beside each other, and so many pixels from one line of them to the next.
 * @typedef {{ columns: number, line: number }} Lines
 */

const LOOKED_AT = 60; // rows
const SHORT = 12; // characters
const BETWEEN = 14; // pixels
const ONE_LINE = 28; // characters of a label and a value on a phone
const ERROR_LINE = 40; // letters of a line that is as wide as a phone
const MOST_ERROR_LINES = 3; // a press on “Why?” tells the rest

/** @type {Cell} */
const UNKNOWN = { row: null, old: true };

/**
 * The places with rows that the app has told, of so many in all.
 * @param {Cells} cells
 * @param {number} total
 * @param {number} from
 * @param {readonly BatchRow[]} rows
 * @returns {Cells}
 */
export function withRows(cells, total, from, rows) {
  const next = Array.from({ length: total }, (_, at) => cells[at] ?? UNKNOWN);
  for (const [at, row] of rows.entries())
    if (from + at < total) next[from + at] = { row, old: false };
  return next;
}

/**
 * The same, all to be asked for again.
 * @param {Cells} cells
 * @returns {Cells}
 */
export const aged = (cells) => cells.map(({ row }) => ({ row, old: true }));

/**
 * What to ask for so that a stretch is known.
 * @param {Cells} cells
 * @param {number} from
 * @param {number} to the place after the last one
 * @param {number} most rows at once
 * @returns {{ from: number, limit: number } | null} null where all is known
 */
export function stale(cells, from, to, most) {
  const stretch = cells.slice(from, to);
  const first = stretch.findIndex(({ old }) => old);
  if (first < 0) return null;
  const last = stretch.findLastIndex(({ old }) => old);
  return { from: from + first, limit: Math.min(last - first + 1, most) };
}

/**
 * The places that are seen in a window, as the first one and the one after the last.
 * @param {Lines} lines
 * @param {number} count
 * @param {number} top pixels of the list above the window
 * @param {number} height of the window
 * @param {number} ahead pixels beyond its edges that are drawn, too
 */
export function rowsSeen({ columns, line }, count, top, height, ahead) {
  const within = (/** @type {number} */ at) => Math.min(Math.max(at * columns, 0), count);
  return {
    from: within(Math.floor((top - ahead) / line)),
    to: within(Math.ceil((top + height + ahead) / line)),
  };
}

/**
 * Where a place stands.
 * @param {Lines} lines
 * @param {number} at
 */
export const placeOf = ({ columns, line }, at) => ({
  column: at % columns,
  top: Math.floor(at / columns) * line,
});

/**
 * How high all of them are together.
 * @param {Lines} lines
 * @param {number} count
 */
export const heightOf = ({ columns, line }, count) => Math.ceil(count / columns) * line;

/**
 * Tiles of at least so many pixels, with their words below.
 * @param {number} width of the list
 * @param {number} least
 * @param {number} gap
 * @param {number} words pixels
 * @returns {Lines & { tile: number }}
 */
export function tilesIn(width, least, gap, words) {
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const tile = Math.max(1, Math.floor((width - gap * (columns - 1)) / columns));
  return { columns, tile, line: tile + words + gap };
}

/** @param {Cells} cells */
const lookedAt = (cells) => cells.slice(0, LOOKED_AT).flatMap(({ row }) => row ?? []);

/**
 * How many lines the values of a row have on a phone: two where one of a column's is long.
 * @param {Cells} cells
 * @param {readonly string[]} labels
 */
export function linesOf(cells, labels) {
  const rows = lookedAt(cells);
  const isLong = (/** @type {string} */ label, /** @type {number} */ at) =>
    rows.some(({ page }) => label.length + (page.cells[at]?.length ?? 0) > ONE_LINE);
  return labels.length + labels.filter(isLong).length;
}

/**
 * How many lines the longest of what rows failed of has on a phone.
 * @param {Cells} cells
 */
export function errorLinesOf(cells) {
  const longest = Math.max(0, ...cells.map(({ row }) => row?.error.length ?? 0));
  return Math.min(MOST_ERROR_LINES, Math.ceil(longest / ERROR_LINE));
}

/**
 * How wide the columns of the values are, each by what stands in it: long texts have most of the room.
 * @param {Cells} cells
 * @param {readonly string[]} labels
 * @returns {{ columns: string, least: number }} as a grid's template, and pixels of all together at least
 */
export function widthsOf(cells, labels) {
  const rows = lookedAt(cells);
  const lengths = labels.map((label, at) =>
    Math.max(label.length, ...rows.map(({ page }) => page.cells[at]?.length ?? 0)),
  );
  const least = lengths.map((length) => (length > SHORT ? 120 : 72));
  const parts = lengths.map((length) => Math.min(Math.max(length, SHORT / 2), 4 * SHORT));
  return {
    columns: parts.map((part, at) => `minmax(${least[at]}px, ${part}fr)`).join(" "),
    least: least.reduce((sum, one) => sum + one + BETWEEN, 0),
  };
}

/**
 * The next known row that has a result, in one direction.
 * @param {Cells} cells
 * @param {number} at
 * @param {number} step 1 or -1
 * @returns {number} -1 where there is none
 */
export function besideWithResult(cells, at, step) {
  for (let next = at + step; next >= 0 && next < cells.length; next += step) {
    const row = cells[next]?.row;
    if (!row) return -1; // beyond what is not known is nothing
    if (row.page.run && row.state === "done") return next;
  }
  return -1;
}

/**
 * The next row, in one direction, of which is not known whether it has a result, before any that has one.
 * @param {Cells} cells
 * @param {number} at
 * @param {number} step 1 or -1
 * @returns {number} -1 where there is none
 */
export function unknownBeside(cells, at, step) {
  for (let next = at + step; next >= 0 && next < cells.length; next += step) {
    const row = cells[next]?.row;
    if (!row) return next;
    if (row.page.run && row.state === "done") return -1;
  }
  return -1;
}

/**
 * So many rows from one on, in one direction, as the first place and the one after the last.
 * @param {number} at
 * @param {number} step 1 or -1
 * @param {number} most
 */
export const stretchFrom = (at, step, most) =>
  step > 0 ? { from: at, to: at + most } : { from: Math.max(0, at + 1 - most), to: at + 1 };
