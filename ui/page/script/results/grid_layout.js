// @ts-check
// Sizes of the cells of a grid of results. Pure.

/**
 * `columns` cells per row, each `width` × `height` pixels.
 * @typedef {{ columns: number, width: number, height: number }} GridLayout
 */

export const CELL_GAP = 8; // pixels between cells
const LEAST = 104; // pixels; with smaller cells, the grid scrolls

/**
 * Return the layout in which images of one shape are as large as possible.
 * @param {number} count
 * @param {{ width: number, height: number }} room
 * @param {number} ratio width of an image divided by its height
 * @returns {GridLayout}
 */
export function imageLayout(count, room, ratio) {
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const across = (room.width - CELL_GAP * (columns - 1)) / columns;
    const down = (room.height - CELL_GAP * (rows - 1)) / rows;
    const width = Math.floor(Math.min(across, down * ratio));
    if (width > best.width) best = { columns, width, height: Math.floor(width / ratio) };
  }
  if (best.width >= Math.min(LEAST, room.width)) return best;
  const columns = Math.max(1, Math.floor((room.width + CELL_GAP) / (LEAST + CELL_GAP)));
  const width = Math.floor((room.width - CELL_GAP * (columns - 1)) / columns);
  return { columns, width, height: Math.floor(width / ratio) };
}
