// @ts-check
// The history: layout of tiles, requests for missing runs, and deletion.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dayWords } from "../../ui/page/script/clock.js";
import {
  GAP,
  grid,
  placeIn,
  reached,
  seenOf,
  strip,
  tileOfStrip,
} from "../../ui/page/script/history/layout.js";
import {
  differences,
  missing,
  renewed,
  without,
  withRuns,
} from "../../ui/page/script/history/past.js";

/** @param {string} id */
const run = (id) => /** @type {any} */ ({ id });
/** @param {readonly any[]} past */
const ids = (past) => past.map((one) => one?.id ?? "-").join("");

test("stacks days, each with rows of its own", () => {
  const layout = grid(
    [
      ["2026-11-18", 5],
      ["2026-11-17", 1],
    ],
    320,
    96,
  );
  assert.equal(layout.columns, 3);
  const [first, second] = layout.blocks;
  assert.ok(first && second);
  assert.equal(second.y, first.height);
  assert.equal(layout.height, first.height + second.height);
  assert.deepEqual(placeIn(layout, first, 4), { x: layout.tile + 8, y: 28 + layout.tile + 8 });
  assert.deepEqual(placeIn(layout, second, 5), { x: 0, y: 28 });
});

test("a scrollable strip ends within a tile at any width", () => {
  for (const width of [296, 366, 406, 744, 796, 1000]) {
    const tile = tileOfStrip(width, 84);
    const seen = (width % (tile + GAP)) / tile;
    assert.ok(seen > 0.3 && seen < 0.8, `${seen} at ${width}`);
    assert.ok(tile > 70 && tile < 110, `${tile}`);
  }
});

test("shows only the tiles between two edges", () => {
  const layout = grid([["2026-11-18", 10000]], 320, 96);
  const [block] = layout.blocks;
  assert.ok(block);
  const [from, to] = seenOf(layout, block, 5000, 5500);
  assert.ok(to - from <= 21 && from > 0);
  assert.deepEqual(seenOf(layout, block, layout.height, layout.height + 500), [10000, 10000]);
  const row = strip([["2026-11-18", 10000]], 84);
  assert.ok(row.blocks[0]);
  assert.deepEqual(seenOf(row, row.blocks[0], 0, 183), [0, 2]);
});

test("arrow keys move between rows and between days", () => {
  const layout = grid(
    [
      ["2026-11-18", 5],
      ["2026-11-17", 4],
    ],
    320,
    96,
  );
  assert.equal(reached(layout, 1, "ArrowDown"), 4);
  assert.equal(reached(layout, 2, "ArrowDown"), 4);
  assert.equal(reached(layout, 4, "ArrowDown"), 6);
  assert.equal(reached(layout, 6, "ArrowUp"), 4);
  assert.equal(reached(layout, 8, "ArrowDown"), 8);
  assert.equal(reached(layout, 3, "Home"), 0);
  assert.equal(reached(layout, 3, "End"), 8);
  assert.equal(reached(layout, 3, "x"), null);
  assert.equal(reached(strip([["2026-11-18", 5]], 84), 1, "ArrowDown"), null);
});

test("requests missing runs after the nearest known run", () => {
  const past = [run("a"), run("b"), null, null, null, run("f")];
  assert.deepEqual(missing(past, 0, 4), { at: 2, before: "b", skip: 0 });
  assert.deepEqual(missing(past, 4, 6), { at: 4, before: "b", skip: 2 });
  assert.equal(missing(past, 0, 2), null);
  assert.deepEqual(missing([null, null], 1, 2), { at: 1, before: "", skip: 1 });
});

test("puts each run at its position once", () => {
  assert.equal(ids(withRuns([run("a"), null, null], 1, [run("b"), run("c"), run("d")])), "abc");
  assert.equal(ids(withRuns([run("a"), run("b"), null], 2, [run("b")])), "a-b");
});

test("adds new runs in front, or restarts the list on a mismatch", () => {
  const past = [run("b"), run("c"), run("d")];
  assert.equal(ids(renewed(past, 4, 0, [run("a"), run("b"), run("c")])), "abcd");
  assert.equal(ids(renewed(past, 4, 0, [run("x"), run("y")])), "xy--");
  assert.equal(ids(renewed(past, 2, 0, [run("b")])), "b-");
});

test("removing runs shrinks or removes their days", () => {
  const past = [run("a"), run("b"), null];
  const left = without(
    past,
    [
      ["2026-11-18", 1],
      ["2026-11-17", 2],
    ],
    new Set(["a", "b"]),
  );
  assert.equal(ids(left.past), "-");
  assert.deepEqual(left.days, [["2026-11-17", 1]]);
});

test("lists only the values that differ", () => {
  const results = [
    [
      ["Prompt", "a boat"],
      ["Seed", "1"],
    ],
    [
      ["Prompt", "a boat"],
      ["Seed", "2"],
      ["Steps", "9"],
    ],
  ];
  assert.deepEqual(differences(/** @type {any} */ (results)), [
    ["Seed", ["1", "2"]],
    ["Steps", ["–", "9"]],
  ]);
});

test("formats days as headings", () => {
  const now = new Date(2026, 10, 21, 0, 5);
  assert.equal(dayWords("2026-11-21", now), "Today");
  assert.equal(dayWords("2026-11-20", now), "Yesterday");
  assert.match(dayWords("2026-11-18", now), /18/);
  assert.doesNotMatch(dayWords("2026-11-18", now), /2026/);
  assert.match(dayWords("2025-11-18", now), /2025/);
});
