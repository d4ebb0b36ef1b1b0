// @ts-check
// The sheet of a batch: requests for visible rows, their layout, and the cells and fields of grids.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  aged,
  besideWithResult,
  errorLinesOf,
  heightOf,
  linesOf,
  placeOf,
  rowsSeen,
  stale,
  tilesIn,
  unknownBeside,
  widthsOf,
  withRows,
} from "../../ui/page/script/batches/rows.js";
import { EMPTY, rowOfAxis, seedsOf, specOf } from "../../ui/page/script/batches/spec.js";
import {
  arrangedAxes,
  cellBeside,
  cellSide,
  withNews,
} from "../../ui/page/script/grids/grid_cells.js";

/** @param {string} key @param {number} count */
const axis = (key, count) => ({
  key,
  label: key,
  values: Array.from(
    { length: count },
    (_, at) => /** @type {[string, string]} */ ([`${at}`, `${at}`]),
  ),
});
/** @param {string} state @param {string} [run] */
const told = (state, run = "") => /** @type {any} */ ({ state, page: { run } });
const DONE = { page: { run: "1" }, state: /** @type {const} */ ("done") };
const FAILED = { page: { run: "1" }, state: /** @type {const} */ ("failed") };
/** @param {string} key @param {any} several @param {object} more */
const field = (key, several, more = {}) => ({
  key,
  label: key,
  several,
  help: "",
  wildcards: false,
  choices: [],
  long: false,
  accept: "",
  advanced: false,
  ...more,
});
/** @param {string} key @param {string} [text] */
const row = (key, text = "1") => ({
  field: key,
  text,
  chosen: [],
  files: [],
  replaces: false,
  find: "",
});

test("puts rows in place and requests only outdated ones again", () => {
  let cells = withRows([], 5, 1, [told("done", "a"), told("failed")]);
  assert.deepEqual(
    cells.map((cell) => cell.row?.state ?? "-"),
    ["-", "done", "failed", "-", "-"],
  );
  assert.deepEqual(stale(cells, 0, 5, 100), { from: 0, limit: 5 });
  assert.equal(stale(cells, 1, 3, 100), null);
  cells = aged(cells);
  assert.deepEqual(stale(cells, 1, 4, 2), { from: 1, limit: 2 });
  assert.equal(cells[1]?.row?.page.run, "a");
  assert.equal(withRows(cells, 2, 0, []).length, 2);
});

test("renders only the visible rows of ten thousand", () => {
  const table = { columns: 1, line: 72 };
  assert.deepEqual(rowsSeen(table, 10000, 7200, 720, 0), { from: 100, to: 110 });
  assert.deepEqual(rowsSeen(table, 3, 0, 720, 300), { from: 0, to: 3 });
  const tiles = tilesIn(640, 150, 10, 40);
  assert.deepEqual(tiles, { columns: 4, tile: 152.5, line: 203 });
  assert.deepEqual(placeOf(tiles, 9), { column: 1, top: 406 });
  assert.equal(heightOf(tiles, 9), 609);
  assert.deepEqual(rowsSeen(tiles, 1000, 2030, 406, 0), { from: 40, to: 48 });
});

test("column widths follow their contents", () => {
  const cells = withRows([], 1, 0, [
    /** @type {any} */ ({ page: { cells: ["a".repeat(90), "20"] } }),
  ]);
  const { columns, least } = widthsOf(cells, ["Prompt", "Steps"]);
  assert.equal(columns, "minmax(120px, 48fr) minmax(72px, 6fr)");
  assert.equal(least, 120 + 72 + 28);
  assert.equal(linesOf(cells, ["Prompt", "Steps"]), 3);
});

test("cards have room for errors", () => {
  const failed = (/** @type {string} */ error) =>
    withRows([], 1, 0, [/** @type {any} */ ({ ...told("failed", "b"), error })]);
  assert.equal(errorLinesOf(failed("")), 0);
  assert.equal(errorLinesOf(failed("x".repeat(90))), 3);
  assert.equal(errorLinesOf(failed("x".repeat(9000))), 3);
});

test("arrows go to the next row with a result", () => {
  const rows = [told("done", "a"), told("failed", "b"), told("done", "c")];
  const cells = withRows([], 4, 0, rows);
  assert.equal(besideWithResult(cells, 0, 1), 2);
  assert.equal(besideWithResult(cells, 2, -1), 0);
  assert.equal(besideWithResult(cells, 2, 1), -1);
});

test("finds the rows to load where the known ones end", () => {
  const rows = [told("failed", "a"), told("done", "b"), told("failed", "c")];
  const cells = withRows([], 9, 3, rows);
  assert.equal(unknownBeside(cells, 3, 1), -1);
  assert.equal(unknownBeside(cells, 4, 1), 6);
  assert.equal(unknownBeside(cells, 4, -1), 2);
  assert.equal(unknownBeside(withRows(cells, 6, 3, rows), 4, 1), -1);
});

test("a grid's first axis is its columns, unless swapped", () => {
  const axes = [axis("x", 2), axis("y", 3), axis("z", 9)];
  const { across, down, lines } = arrangedAxes(axes, false);
  assert.deepEqual([across.key, down?.key], ["x", "y"]);
  assert.deepEqual(lines, [
    [0, 3],
    [1, 4],
    [2, 5],
  ]);
  const turned = arrangedAxes(axes, true);
  assert.deepEqual([turned.across.key, turned.down?.key], ["y", "x"]);
  assert.deepEqual(turned.lines, [
    [0, 1, 2],
    [3, 4, 5],
  ]);
});

test("a grid of one field has one line and can't be swapped", () => {
  for (const isSwapped of [false, true]) {
    const { down, lines } = arrangedAxes([axis("x", 3)], isSwapped);
    assert.equal(down, null);
    assert.deepEqual(lines, [[0, 1, 2]]);
  }
  assert.deepEqual(arrangedAxes([], false).lines, [[0]]);
});

test("arrows go to the next cell with a result, as arranged", () => {
  const cells = [DONE, FAILED, DONE, DONE, DONE, DONE];
  const grid = arrangedAxes([axis("x", 2), axis("y", 3)], false);
  assert.equal(cellBeside(grid, cells, 0, 1, 0), 3);
  assert.equal(cellBeside(grid, cells, 3, 1, 0), 4); // the next line starts with a failed cell
  assert.equal(cellBeside(grid, cells, 0, 0, 1), 2);
  assert.equal(cellBeside(grid, cells, 0, -1, 0), -1);
  assert.equal(cellBeside(grid, cells, 5, 0, 1), -1);
  const turned = arrangedAxes([axis("x", 2), axis("y", 3)], true);
  assert.equal(cellBeside(turned, cells, 0, 0, 1), 3);
});

test("an update of a grid has all cells or only changed ones", () => {
  /** @param {number} index @param {any} state */
  const cell = (index, state) => /** @type {any} */ ({ index, state });
  const told = { axes: [axis("x", 2)], mark: "a-1", cells: [cell(4, "done"), cell(7, "waiting")] };
  const some = withNews(told, { axes: null, mark: "a-2", cells: [cell(7, "running")] });
  assert.deepEqual(some, { ...told, mark: "a-2", cells: [cell(4, "done"), cell(7, "running")] });
  assert.deepEqual(withNews(some, told), told);
});

test("cells are as large as possible, within bounds", () => {
  assert.equal(cellSide(4, 832, 96, 300, 8), 200);
  assert.equal(cellSide(40, 832, 96, 300, 8), 96);
  assert.equal(cellSide(1, 832, 96, 300, 8), 300);
});

test("runs share a seed unless the user chooses or varies seeds", () => {
  const fields = [field("a", "numbers"), field("b", "numbers"), field("s", "seeds")];
  const one = { ...EMPTY, rows: [row("a")] };
  const table = { name: "a.csv", text: "" };
  const more = [{ rows: [row("a"), row("b")] }, { paired: true }, { table }, { rows: [], table }];
  for (const draft of [one, ...more.map((what) => ({ ...one, ...what }))]) {
    assert.equal(seedsOf(draft, fields), "one");
    assert.equal(specOf({ ...draft, seeds: "each" }, fields).seeds, "each");
  }
  assert.equal(seedsOf({ ...EMPTY, rows: [row("a"), row("s")] }, fields), null);
  assert.equal(specOf({ ...one, table }, fields, ["s"]).seeds, "form");
  assert.equal(specOf({ ...one, seeds: "each" }, fields.slice(0, 2)).seeds, "form");
});

test("fills in a reopened grid in the format of each field", () => {
  /** @param {any} one @param {string[]} values @param {string} [find] */
  const filled = (one, values, find = "") => rowOfAxis(one, { field: "f", values, find });
  assert.equal(filled(field("f", "numbers"), ["1", "2.5"]).text, "1, 2.5");
  assert.equal(filled(field("f", "texts"), ["a, b", "c"]).text, "a, b\nc");
  assert.deepEqual(filled(field("f", "choices"), ["a, b", "c"]).chosen, ["a, b", "c"]);
  assert.equal(filled(field("f", "choices", { long: true }), ["a, b", "c"]).text, '"a, b", c');
  const { replaces, find, text } = filled(field("f", "texts"), ["boat", "ship", "kite"], "boat");
  assert.deepEqual([replaces, find, text], [true, "boat", "ship\nkite"]);
  assert.deepEqual(filled(field("f", "files"), []).files, []);
});

test("beside other rows, a row with the form's value is left out", () => {
  const fields = [field("a", "texts"), field("b", "numbers")];
  const [prompt, steps] = [row("a", "a boat"), row("b", "2, 4")];
  /** @param {any[]} rows @param {string} text */
  const keys = (rows, text = "a boat") =>
    specOf({ ...EMPTY, rows }, fields, [], { a: text, b: 20 }).axes.map((one) => one.field);
  assert.deepEqual(keys([prompt, steps]), ["b"]);
  assert.deepEqual(keys([prompt]), ["a"]);
  assert.deepEqual(keys([row("a", "a boat\na ship"), steps]), ["a", "b"]);
  assert.deepEqual(keys([row("a", "a {red|blue} boat"), steps], "a {red|blue} boat"), ["a", "b"]);
  const table = { name: "a.csv", text: "b\n2" };
  const values = { a: "a boat" };
  assert.deepEqual(specOf({ ...EMPTY, rows: [prompt], table }, fields, [], values).axes, []);
});
