// @ts-check
// The history: layout of tiles, requests for missing runs, and deletion.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dateWords, dayWords, shortWhen, when } from "../../ui/page/script/clock.js";
import { GAP, reached, seenOf, wall } from "../../ui/page/script/history/layout.js";
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

/** @type {import("../../ui/page/script/history/layout.js").Day[]} */
const DAYS = [
  ["2026-11-18", 5],
  ["2026-11-17", 4],
];
const square = () => null;

test("rows are as wide as the wall, and each tile keeps its proportions", () => {
  const ratios = [1, 1.5, 0.66, 1.78, 0.5, 1, 3, 0.1, 1.33, 0.75, 1, 1, 1.5, 0.8];
  for (const width of [296, 366, 796, 1000]) {
    const { rows, boxes } = wall([["2026-11-18", 14]], (at) => ratios[at] ?? 1, width, 136);
    assert.equal(boxes.length, 14);
    for (const { first, end, height } of rows.slice(0, -1)) {
      const last = boxes[end - 1];
      assert.ok(last);
      assert.ok(Math.abs(last.x + last.width - width) <= 1, `${width}`);
      assert.ok(height > 60 && height < 190, `${height} at ${width}`);
      for (let at = first + 1; at < end; at += 1) {
        const [before, box] = [boxes[at - 1], boxes[at]];
        assert.equal(box?.x, (before?.x ?? 0) + (before?.width ?? 0) + GAP);
      }
    }
    for (const [at, { width: wide, height }] of boxes.entries())
      if (![6, 7].includes(at))
        // too wide and too high
        assert.ok(Math.abs(wide / height - (ratios[at] ?? 1)) < 0.05, `${at} at ${width}`);
  }
});

test("a row that isn't full has the wanted height", () => {
  const { rows, boxes } = wall([["2026-11-18", 1]], () => 1.5, 900, 136);
  assert.deepEqual(rows, [{ first: 0, end: 1, y: 36, height: 136, scale: 136 }]);
  assert.deepEqual(boxes, [{ x: 0, y: 36, width: 204, height: 136 }]);
});

test("the last row is as high as the one above, and its columns line up", () => {
  for (const count of [8, 9, 11, 16]) {
    const { boxes } = wall([["", count]], square, 1318, 220);
    const [first, last] = [boxes[0], boxes.at(-1)];
    assert.equal(last?.height, first?.height, `${count}`);
    assert.deepEqual(last && { ...last, y: 0 }, boxes[(count - 1) % 6]);
  }
});

test("stacks days, each with rows of its own", () => {
  const { blocks, rows, boxes, height } = wall(DAYS, square, 320, 100);
  assert.deepEqual(
    rows.map(({ first, end }) => [first, end]),
    [
      [0, 3],
      [3, 5],
      [5, 8],
      [8, 9],
    ],
  );
  const [, second] = blocks;
  assert.ok(second && second.y > (boxes[4]?.y ?? 0) + (boxes[4]?.height ?? 0));
  assert.equal(second.first, 5);
  assert.ok(height >= (boxes[8]?.y ?? 0) + (boxes[8]?.height ?? 0));
});

test("shows only the tiles between two edges", () => {
  const layout = wall([["2026-11-18", 10000]], square, 320, 100);
  const [from, to] = seenOf(layout, 5000, 5500);
  assert.ok(to - from <= 21 && from > 0);
  assert.ok((layout.boxes[from]?.y ?? 0) <= 5000 + GAP && (layout.boxes[to]?.y ?? 0) >= 5500);
  assert.deepEqual(seenOf(layout, layout.height, layout.height + 500), [10000, 10000]);
  assert.deepEqual(seenOf(layout, -500, -100), [0, 0]);
  assert.deepEqual(seenOf(wall([], square, 320, 100), 0, 500), [0, 0]);
});

test("arrow keys move between rows and between days", () => {
  const layout = wall(DAYS, square, 320, 100);
  assert.equal(reached(layout, 1, "ArrowDown"), 4);
  assert.equal(reached(layout, 2, "ArrowDown"), 4);
  assert.equal(reached(layout, 4, "ArrowDown"), 6);
  assert.equal(reached(layout, 6, "ArrowUp"), 4);
  assert.equal(reached(layout, 8, "ArrowDown"), 8);
  assert.equal(reached(layout, 0, "ArrowUp"), 0);
  assert.equal(reached(layout, 3, "ArrowRight"), 4);
  assert.equal(reached(layout, 3, "Home"), 0);
  assert.equal(reached(layout, 3, "End"), 8);
  assert.equal(reached(layout, 3, "x"), null);
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

test("formats a time of today without its day", () => {
  const now = new Date(2026, 10, 21, 20);
  const seconds = new Date(2026, 10, 21, 15, 33).getTime() / 1000;
  assert.match(shortWhen(seconds, now), /33/);
  assert.doesNotMatch(shortWhen(seconds, now), /21|2026/);
  assert.match(shortWhen(seconds - 24 * 3600, now), /20/);
  assert.match(when(seconds), /^Nov 21, 2026, 3:33\sPM$/);
  assert.deepEqual([dateWords(seconds, now), dateWords(86400, now)], ["Nov 21", "Jan 2, 1970"]);
});
