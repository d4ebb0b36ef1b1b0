// @ts-check
// Layout of a grid's cells: in columns and rows, or in one row that wraps. Pure.

/** @import { BatchRow } from "../batches/rows.js" */
/** @import { GridAxisDoc, GridDoc } from "../documents.js" */

/**
 * A grid with its cells' data for the page, or without axes only the cells that may have changed.
 * @typedef {Omit<GridDoc, "cells"> & { cells: BatchRow[] }} GridNews
 *
 * A full grid.
 * @typedef {GridNews & { axes: GridAxisDoc[] }} WholeGrid
 *
 * `lines`: the rows, each with the indexes of its cells. `down`: null for one row that wraps.
 * @typedef {{ across: GridAxisDoc, down: GridAxisDoc | null, lines: number[][] }} Arranged
 */

/** @type {GridAxisDoc} */
const NONE = { key: "", label: "", values: [["", ""]] };

/**
 * Arrange the cells in rows.
 * @param {readonly GridAxisDoc[]} axes
 * @param {boolean} isSwapped whether the second axis forms the columns
 * @returns {Arranged}
 */
export function arrangedAxes([first = NONE, second], isSwapped) {
  const lines = second?.values ?? NONE.values;
  const place = (/** @type {number} */ x, /** @type {number} */ y) => x * lines.length + y;
  if (!second || !isSwapped)
    return {
      across: first,
      down: second ?? null,
      lines: lines.map((_, y) => first.values.map((_, x) => place(x, y))),
    };
  return {
    across: second,
    down: first,
    lines: first.values.map((_, x) => lines.map((_, y) => place(x, y))),
  };
}

/**
 * Update a grid with the app's answer.
 * @param {WholeGrid} grid
 * @param {GridNews} news
 * @returns {WholeGrid}
 */
export function withNews(grid, { axes, mark, cells }) {
  if (axes) return { axes, mark, cells };
  const changed = new Map(cells.map((row) => [row.index, row]));
  return { ...grid, mark, cells: grid.cells.map((row) => changed.get(row.index) ?? row) };
}

/**
 * Return the next cell with a result in the direction of an arrow key. Left and right continue in the adjacent row.
 * @param {Arranged} arranged
 * @param {readonly { state: BatchRow["state"], page: Pick<BatchRow["page"], "run"> }[]} cells
 * @param {number} at
 * @param {number} across steps to the right
 * @param {number} down
 * @returns {number} -1 if no cell has a result
 */
export function cellBeside({ lines }, cells, at, across, down) {
  const flat = lines.flat();
  const width = lines[0]?.length ?? 0;
  const step = across + down * width;
  for (let next = flat.indexOf(at) + step; next >= 0 && next < flat.length; next += step) {
    const place = flat[next] ?? 0;
    const cell = cells[place];
    if (cell?.page.run && cell.state === "done") return place;
  }
  return -1;
}

/**
 * Return the size of cells in pixels that makes all cells of a row or column fit, within limits.
 * @param {number} count
 * @param {number} room
 * @param {number} least
 * @param {number} most
 * @param {number} gap after each
 */
export function cellSide(count, room, least, most, gap) {
  const fitting = Math.floor(room / Math.max(1, count)) - gap;
  return Math.max(least, Math.min(most, fitting));
}
