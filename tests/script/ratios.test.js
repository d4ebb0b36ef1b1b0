// Aspect ratios of sizes.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  keepsShape,
  megapixels,
  RATIOS,
  ratioOf,
  withRatio,
} from "../../ui/page/script/form/ratios.js";

const rule = (step, min, max) => ({ whole: true, min, max, step, grain: null, typical: 512 });
const both = (...limits) => [rule(...limits), rule(...limits)];

test("a ratio keeps the area, in steps and within limits", () => {
  assert.deepEqual(withRatio(1, [512, 1024], both(8, 16, 4096)), [728, 728]);
  assert.deepEqual(withRatio(1.5, [512, 512], both(64, 64, 576)), [576, 384]);
  assert.deepEqual(withRatio(16 / 9, [64, 64], both(8, 256, 4096)), [456, 256]);
});

test("where a field takes every number, sizes are in blocks of eight, as models want them", () => {
  assert.deepEqual(withRatio(1.5, [500, 500], both(1, 1, 4096)), [616, 408]);
});

test("every ratio that was chosen is the one that holds, in any steps", () => {
  for (const step of [1, 2, 8, 16, 64])
    for (const [name, ratio] of RATIOS) {
      const rules = both(step, 64, 4096);
      assert.equal(ratioOf(withRatio(ratio, [1024, 1024], rules), rules), name, `${step}`);
    }
});

test("another size has no ratio, nor has a number that is missing", () => {
  const rules = both(8, 16, 4096);
  assert.equal(ratioOf([640, 512], rules), "");
  assert.equal(ratioOf([512, 0], rules), "");
  assert.equal(ratioOf([Number.NaN, 512], rules), "");
});

test("an image keeps its shape where the size has the same ratio, also one with no name", () => {
  const rules = both(8, 256, 1024);
  assert.ok(keepsShape([1920, 1080], [680, 384], rules));
  assert.ok(!keepsShape([1920, 1080], [512, 512], rules));
  const odd = withRatio(1000 / 430, [512, 512], rules);
  assert.ok(keepsShape([1000, 430], odd, rules));
  assert.ok(!keepsShape([1000, 430], [680, 384], rules));
});

test("megapixels are told in two digits", () => {
  assert.equal(megapixels([512, 512]), "0.26\u00a0MP");
  assert.equal(megapixels([4096, 4096]), "16.8\u00a0MP");
  assert.equal(megapixels([0, 512]), "");
});
