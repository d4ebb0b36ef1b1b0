// Geometry of the image editor: frame, orientation and the mask of a new area.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addedBy,
  croppedTo,
  draggedFrame,
  extendedTo,
  flippedFrame,
  hasNewArea,
  orientation,
  sizeOfFrame,
  turnedFrame,
  wholeFrame,
  withAdded,
} from "../../../ui/page/script/image_editor/frame.js";
import { newAreaMask } from "../../../ui/page/script/image_editor/new_area.js";

const SIZE = { width: 300, height: 200 };
const WHOLE = wholeFrame(SIZE);
/** Return where the editor puts a point of the unedited image. */
const put = (frame, [x, y]) => {
  const [a, b, c, d, e, f] = orientation(frame, SIZE);
  return [a * x + c * y + e, b * x + d * y + f].map((one) => one + 0);
};

test("turns and flips an image", () => {
  const right = turnedFrame(WHOLE, SIZE, 1);
  assert.deepEqual(sizeOfFrame(right), { width: 200, height: 300 });
  assert.deepEqual(put(right, [0, 0]), [200, 0]);
  assert.deepEqual(put(right, [300, 200]), [0, 300]);
  const left = turnedFrame(WHOLE, SIZE, -1);
  assert.deepEqual(put(left, [0, 0]), [0, 300]);
  const flipped = flippedFrame(WHOLE, SIZE, false);
  assert.deepEqual(put(flipped, [10, 20]), [290, 20]);
  assert.deepEqual(put(flippedFrame(WHOLE, SIZE, true), [10, 20]), [10, 180]);
  assert.deepEqual(put(flippedFrame(right, SIZE, false), [0, 0]), [0, 0], "as it is seen");
  assert.deepEqual(put(flippedFrame(right, SIZE, true), [0, 0]), [200, 300]);
});

test("the frame keeps its part of the image when it is turned or flipped", () => {
  const cropped = withAdded(withAdded(WHOLE, SIZE, "left", -100), SIZE, "bottom", 50);
  let frame = cropped;
  for (let turn = 0; turn < 4; turn += 1) frame = turnedFrame(frame, SIZE, 1);
  assert.deepEqual(frame, cropped);
  assert.deepEqual(turnedFrame(turnedFrame(cropped, SIZE, 1), SIZE, -1), cropped);
  const upright = turnedFrame(cropped, SIZE, 1);
  assert.deepEqual(addedBy(upright, SIZE), { left: 50, top: -100, right: 0, bottom: 0 });
  assert.deepEqual(addedBy(flippedFrame(cropped, SIZE, false), SIZE), {
    left: 0,
    top: 0,
    right: -100,
    bottom: 50,
  });
  for (const isUpright of [true, false]) {
    const twice = flippedFrame(flippedFrame(upright, SIZE, isUpright), SIZE, isUpright);
    assert.deepEqual(twice, upright);
  }
});

test("edges cut and add pixels within limits", () => {
  const frame = withAdded(WHOLE, SIZE, "right", 64);
  assert.deepEqual(
    [sizeOfFrame(frame), hasNewArea(frame, SIZE)],
    [{ width: 364, height: 200 }, true],
  );
  assert.equal(hasNewArea(withAdded(WHOLE, SIZE, "top", -20), SIZE), false);
  assert.equal(sizeOfFrame(withAdded(WHOLE, SIZE, "top", -500)).height, 16);
  assert.equal(sizeOfFrame(withAdded(WHOLE, SIZE, "left", 90000)).width, 8192);
});

test("a ratio crops or extends", () => {
  assert.deepEqual(croppedTo(WHOLE, SIZE, 1), { ...WHOLE, left: 50, right: 250 });
  assert.deepEqual(sizeOfFrame(extendedTo(WHOLE, SIZE, 1)), { width: 300, height: 300 });
  assert.deepEqual(extendedTo(WHOLE, SIZE, 1).top, -50);
  const aside = { ...WHOLE, left: 200, right: 280 };
  assert.deepEqual(croppedTo(aside, SIZE, 1), { ...WHOLE, left: 100, right: 300 });
});

test("dragging keeps the ratio and the opposite corner", () => {
  const square = croppedTo(WHOLE, SIZE, 1);
  const corner = draggedFrame(square, SIZE, ["right", "bottom"], { x: -60, y: -10 }, 1);
  assert.deepEqual(sizeOfFrame(corner), { width: 190, height: 190 });
  assert.deepEqual([corner.left, corner.top], [50, 0]);
  const edge = draggedFrame(square, SIZE, ["bottom"], { x: 0, y: 40 }, 1);
  assert.deepEqual([edge.left, edge.right, edge.top, edge.bottom], [30, 270, 0, 240]);
  const free = draggedFrame(WHOLE, SIZE, ["left"], { x: -25.4, y: 99 }, null);
  assert.deepEqual(free, { ...WHOLE, left: -25 });
  const moved = draggedFrame(square, SIZE, ["left", "top", "right", "bottom"], { x: 9, y: -3 }, 1);
  assert.deepEqual([moved.left, moved.top, sizeOfFrame(moved).width], [59, -3, 200]);
});

test("the mask of a new area fades into the image", () => {
  const frame = withAdded(WHOLE, SIZE, "right", 10);
  const mask = newAreaMask(frame, SIZE, 20);
  const row = [...mask.slice(310 * 50, 310 * 51)];
  assert.equal(mask.length, 310 * 200);
  assert.deepEqual(row.slice(300), Array(10).fill(255));
  assert.ok(row.slice(0, 280).every((alpha) => alpha === 0));
  assert.ok(row.slice(281, 300).every((alpha, at) => alpha > (row[280 + at] ?? 0)));
  assert.ok((row[299] ?? 0) > 235 && (row[290] ?? 0) > 50 && (row[290] ?? 0) < 80);
  const hard = newAreaMask(frame, SIZE, 0);
  assert.deepEqual([...hard.slice(298, 302)], [0, 0, 255, 255]);
  assert.ok(newAreaMask(withAdded(WHOLE, SIZE, "left", -30), SIZE, 20).every((one) => one === 0));
});
