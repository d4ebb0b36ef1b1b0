// @ts-check
// A grid's cells stand in columns and lines, can be turned, and lead to each other; what an image carries is filled in.

import assert from "node:assert/strict";
import { test } from "node:test";
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
const DONE = { run: "1", state: /** @type {const} */ ("done") };
const FAILED = { run: "1", state: /** @type {const} */ ("failed") };
/** @param {string} key @param {any} kind @param {object} more */
const field = (key, kind, more = {}) => ({
  key,
  label: key,
  kind,
  choices: [],
  long: false,
  wildcards: false,
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

test("the first axis are the columns, the second the lines, unless they are swapped", () => {
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

test("the cells of one field are in one line, which cannot be swapped", () => {
  for (const isSwapped of [false, true]) {
    const { down, lines } = arrangedAxes([axis("x", 3)], isSwapped);
    assert.equal(down, null);
    assert.deepEqual(lines, [[0, 1, 2]]);
  }
  assert.deepEqual(arrangedAxes([], false).lines, [[0]]);
});

test("arrows lead to the next cells with a result, as they stand", () => {
  const cells = [DONE, FAILED, DONE, DONE, DONE, DONE];
  const grid = arrangedAxes([axis("x", 2), axis("y", 3)], false);
  assert.equal(cellBeside(grid, cells, 0, 1, 0), 3);
  assert.equal(cellBeside(grid, cells, 3, 1, 0), 4); // the next line begins with one that failed
  assert.equal(cellBeside(grid, cells, 0, 0, 1), 2);
  assert.equal(cellBeside(grid, cells, 0, -1, 0), -1);
  assert.equal(cellBeside(grid, cells, 5, 0, 1), -1);
  const turned = arrangedAxes([axis("x", 2), axis("y", 3)], true);
  assert.equal(cellBeside(turned, cells, 0, 0, 1), 3);
});

test("news of a grid are of all cells, or of those that have changed", () => {
  /** @param {number} index @param {any} state */
  const cell = (index, state) => /** @type {any} */ ({ index, state });
  const told = { axes: [axis("x", 2)], mark: "a-1", cells: [cell(4, "done"), cell(7, "waiting")] };
  const some = withNews(told, { axes: null, mark: "a-2", cells: [cell(7, "running")] });
  assert.deepEqual(some, { ...told, mark: "a-2", cells: [cell(4, "done"), cell(7, "running")] });
  assert.deepEqual(withNews(some, told), told);
});

test("cells are as large as all of them fit, within bounds", () => {
  assert.equal(cellSide(4, 832, 96, 300, 8), 200);
  assert.equal(cellSide(40, 832, 96, 300, 8), 96);
  assert.equal(cellSide(1, 832, 96, 300, 8), 300);
});

test("whatever is varied has one seed for all runs, unless it is wished or varied otherwise", () => {
  const fields = [field("a", "number"), field("b", "number"), field("s", "seed")];
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

test("what an image carries is filled in as each field takes it", () => {
  /** @param {any} one @param {string[]} values @param {string} [find] */
  const filled = (one, values, find = "") => rowOfAxis(one, { field: "f", values, find });
  assert.equal(filled(field("f", "number"), ["1", "2.5"]).text, "1, 2.5");
  assert.equal(filled(field("f", "text"), ["a, b", "c"]).text, "a, b\nc");
  assert.deepEqual(filled(field("f", "choice"), ["a, b", "c"]).chosen, ["a, b", "c"]);
  assert.equal(filled(field("f", "choice", { long: true }), ["a, b", "c"]).text, '"a, b", c');
  const { replaces, find, text } = filled(field("f", "text"), ["boat", "ship", "kite"], "boat");
  assert.deepEqual([replaces, find, text], [true, "boat", "ship\nkite"]);
  assert.deepEqual(filled(field("f", "files"), []).files, []);
});

test("a field that says no more than the form varies nothing beside others", () => {
  const fields = [field("a", "text"), field("b", "number")];
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
