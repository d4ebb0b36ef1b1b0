// @ts-check
// The loaded rows of a batch, and the layout of the visible ones. Pure.

/** @import { BatchDoc, RowDoc, RowPage, ShownBatch, ShownRow } from "../documents.js" */

/**
 * A row, with its data for the page.
 * @typedef {RowDoc & { page: ShownRow }} BatchRow
 * @typedef {Omit<RowPage, "rows"> & { rows: BatchRow[] }} BatchRows
 *
 * A batch, with its data for the sheet.
 * @typedef {BatchDoc & { page: ShownBatch }} WholeBatch
 *
 * A position in the list of matching rows. `row`: null until it is loaded. `old`: the row may have changed since.
 * @typedef {{ row: BatchRow | null, old: boolean }} Cell
 * @typedef {readonly Cell[]} Cells
 *
 * The layout of rows: the number of columns, and the distance between lines in pixels.
 * @typedef {{ columns: number, line: number }} Lines
 */

const LOOKED_AT = 60; // rows
const SHORT = 12; // characters
const BETWEEN = 14; // pixels
const WIDE = 9; // pixels per character of a value, with room around short ones
const ONE_LINE = 28; // characters of a label and a value that fit in a line on a phone
const ERROR_LINE = 40; // characters of an error that fit in a line on a phone
const MOST_ERROR_LINES = 3; // “Why?” shows the rest

/** @type {Cell} */
const UNKNOWN = { row: null, old: true };

/**
 * Return the cells with the rows that the app has sent, resized to the total.
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

/** @param {Cells} cells @returns {Cells} the cells with all rows marked as possibly outdated */
export const aged = (cells) => cells.map(({ row }) => ({ row, old: true }));

/**
 * Return the range to request so that a part of the list is up to date.
 * @param {Cells} cells
 * @param {number} from
 * @param {number} to the position after the last one
 * @param {number} most the maximum number of rows in a request
 * @returns {{ from: number, limit: number } | null} null if all rows are up to date
 */
export function stale(cells, from, to, most) {
  const stretch = cells.slice(from, to);
  const first = stretch.findIndex(({ old }) => old);
  if (first < 0) return null;
  const last = stretch.findLastIndex(({ old }) => old);
  return { from: from + first, limit: Math.min(last - first + 1, most) };
}

/**
 * Return the range to render: the first position, and the one after the last.
 * @param {Lines} lines
 * @param {number} count
 * @param {number} top pixels of the list above the viewport
 * @param {number} height the viewport's height
 * @param {number} ahead pixels beyond the viewport's edges that are rendered, too
 */
export function rowsSeen({ columns, line }, count, top, height, ahead) {
  const within = (/** @type {number} */ at) => Math.min(Math.max(at * columns, 0), count);
  return {
    from: within(Math.floor((top - ahead) / line)),
    to: within(Math.ceil((top + height + ahead) / line)),
  };
}

/** @param {Lines} lines @param {number} at @returns the column and the top edge of a position */
export const placeOf = ({ columns, line }, at) => ({
  column: at % columns,
  top: Math.floor(at / columns) * line,
});

/** @param {Lines} lines @param {number} count @returns the height of all rows together */
export const heightOf = ({ columns, line }, count) => Math.ceil(count / columns) * line;

/**
 * Return the layout of tiles with captions below.
 * @param {number} width the list's width
 * @param {number} least the minimum size of a tile
 * @param {number} gap
 * @param {number} words the height of a caption
 * @returns {Lines & { tile: number }}
 */
export function tilesIn(width, least, gap, words) {
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const tile = Math.max(1, (width - gap * (columns - 1)) / columns);
  return { columns, tile, line: Math.ceil(tile) + words + gap };
}

/** @param {Cells} cells */
const lookedAt = (cells) => cells.slice(0, LOOKED_AT).flatMap(({ row }) => row ?? []);

/**
 * Return how many lines the values of a row take on a phone. A column with a long value takes two.
 * @param {Cells} cells
 * @param {readonly string[]} labels
 */
export function linesOf(cells, labels) {
  const rows = lookedAt(cells);
  const isLong = (/** @type {string} */ label, /** @type {number} */ at) =>
    rows.some(({ page }) => label.length + (page.cells[at]?.length ?? 0) > ONE_LINE);
  return labels.length + labels.filter(isLong).length;
}

/** @param {Cells} cells @returns how many lines the longest error takes on a phone */
export function errorLinesOf(cells) {
  const longest = Math.max(0, ...cells.map(({ row }) => row?.error.length ?? 0));
  return Math.min(MOST_ERROR_LINES, Math.ceil(longest / ERROR_LINE));
}

/**
 * Return the widths of the value columns by their contents. Long texts get most of the room.
 * @param {Cells} cells
 * @param {readonly string[]} labels
 * @returns {{ columns: string, least: number, most: number }} a CSS grid template, and the minimum and maximum total
 *   widths in pixels
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
    most: lengths.reduce((sum, length) => sum + WIDE * Math.max(length, SHORT) + BETWEEN, 0),
  };
}

/**
 * Return the position of the next known row with a result, in one direction.
 * @param {Cells} cells
 * @param {number} at
 * @param {number} step 1 or -1
 * @returns {number} -1 if there is no such row
 */
export function besideWithResult(cells, at, step) {
  for (let next = at + step; next >= 0 && next < cells.length; next += step) {
    const row = cells[next]?.row;
    if (!row) return -1; // stop at a row that isn't loaded
    if (row.page.run && row.state === "done") return next;
  }
  return -1;
}

/**
 * Return the position of the next row that isn't loaded, in one direction, if no row with a result comes before it.
 * @param {Cells} cells
 * @param {number} at
 * @param {number} step 1 or -1
 * @returns {number} -1 if there is no such row
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
 * Return a range of rows that starts at a position, in one direction: the first position, and the one after the last.
 * @param {number} at
 * @param {number} step 1 or -1
 * @param {number} most the number of rows
 */
export const stretchFrom = (at, step, most) =>
  step > 0 ? { from: at, to: at + most } : { from: Math.max(0, at + 1 - most), to: at + 1 };
