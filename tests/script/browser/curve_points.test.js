// Points of a drawn curve.

import assert from "node:assert/strict";
import test from "node:test";
import {
  added,
  addedAfter,
  drawablePoints,
  heightAt,
  moved,
  removed,
} from "../../../ui/page/script/fields/curve_points.js";

/** @type {import("../../../ui/page/script/fields/curve_points.js").Point[]} */
const POINTS = [
  [0, 0],
  [0.5, 0.8],
  [1, 1],
];

test("a point moves neither past its neighbors nor out of the square", () => {
  assert.deepEqual(moved(POINTS, 1, [0.25, 0.12345])[1], [0.25, 0.123]);
  assert.deepEqual(moved(POINTS, 1, [2, -1])[1], [0.999, 0]);
  assert.deepEqual(moved(POINTS, 1, [-2, 3])[1], [0.001, 1]);
  assert.deepEqual(moved(POINTS, 0, [0.9, 0.5])[0], [0.499, 0.5]);
});

test("moving a point leaves the others exact", () => {
  const exact = POINTS.with(1, [0.3890328631875253, 0.5266163706133749]);
  assert.deepEqual(moved(exact, 2, [1, 0.5])[1], exact[1]);
});

test("a point is added in its place, but not at the X of another", () => {
  assert.deepEqual(added(POINTS, [0.75, 0.2]), {
    points: POINTS.toSpliced(2, 0, [0.75, 0.2]),
    at: 2,
  });
  assert.equal(added(POINTS, [0.5, 0.2]), null);
  assert.deepEqual(addedAfter(POINTS, 0, true)?.points[1], [0.25, 0.4]);
  assert.equal(addedAfter(POINTS, 2, true)?.at, 2);
});

test("two points always remain", () => {
  assert.equal(removed(POINTS, 1).length, 2);
  assert.equal(removed(POINTS.slice(0, 2), 0).length, 2);
});

test("the line passes through the points and stays between them", () => {
  for (const isStraight of [true, false]) {
    for (const [x, y] of POINTS) assert.equal(heightAt(POINTS, x, isStraight), y);
    const heights = Array.from({ length: 50 }, (_, at) => heightAt(POINTS, at / 100, isStraight));
    assert.ok(heights.every((height, at) => height >= (heights[at - 1] ?? 0) && height <= 0.8));
  }
});

test("only complete curves within the square are drawn, from left to right", () => {
  assert.deepEqual(
    drawablePoints([
      [1, 1],
      [0, 0],
      [null, null],
    ]),
    [
      [0, 0],
      [1, 1],
    ],
  );
  for (const wrong of [
    null,
    "0 0",
    [[0, 0]],
    [
      [0, 0],
      [1, null],
    ],
    [
      [0, 0],
      [0, 1],
    ],
    [
      [0, 0],
      [2, 1],
    ],
  ])
    assert.equal(drawablePoints(wrong), null);
});
