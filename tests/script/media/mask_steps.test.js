// Undo and redo of a mask's steps, and the size of its brush.

import assert from "node:assert/strict";
import { test } from "node:test";
import { brushWidth, nextSize, Steps } from "../../../ui/page/script/mask/steps.js";

test("undoes and redoes steps until a new one is added", () => {
  const steps = new Steps();
  const [one, two, three] = ["clear", "invert", "clear"].map((tool) => ({ tool }));
  steps.add(one);
  steps.add(two);
  assert.equal(steps.undo(), two);
  assert.deepEqual([steps.done, steps.canRedo], [[one], true]);
  assert.equal(steps.redo(), two);
  steps.undo();
  steps.add(three);
  assert.deepEqual([steps.done, steps.canRedo, steps.redo()], [[one, three], false, undefined]);
  steps.undo();
  steps.undo();
  assert.deepEqual([steps.done, steps.undo()], [[], undefined]);
});

test("the brush ranges from a pixel to a third of the image", () => {
  assert.equal(brushWidth(1, 512), 1);
  assert.equal(brushWidth(100, 512), 179);
  assert.ok(brushWidth(50, 512) < 179 / 2);
  assert.deepEqual(
    [nextSize(35, 1), nextSize(35, -1), nextSize(100, 1), nextSize(5, -1)],
    [40, 30, 100, 1],
  );
  assert.equal(nextSize(1, 1), 5);
});
