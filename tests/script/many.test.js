// The control for several results beside Generate.

import assert from "node:assert/strict";
import { test } from "node:test";
import { manyWords, within } from "../../ui/page/script/making/counts.js";

test("the control shows images per run and runs", () => {
  assert.equal(manyWords(1, 1), "1 image");
  assert.equal(manyWords(1, 4), "4 images");
  assert.equal(manyWords(2, 4), "2 × 4 images");
  assert.equal(manyWords(3, 1), "3 images");
});

test("a form without a field for images shows its runs", () => {
  assert.equal(manyWords(1, null), "1 run");
  assert.equal(manyWords(3, null), "3 runs");
});

test("numbers stay whole and within their limits", () => {
  assert.equal(within(20, 1, 16), 16);
  assert.equal(within(0, 1, null), 1);
  assert.equal(within(Number.NaN, 2, 8), 2);
  assert.equal(within(3.4, 1, null), 3);
});
