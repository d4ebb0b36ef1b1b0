// Aspect ratios of sizes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { keepsShape, RATIOS, ratioOf, withRatio } from "../../ui/page/script/form/ratios.js";

const rule = (step, min, max) => ({ whole: true, min, max, step, grain: null, typical: 512 });
const both = (...limits) => [rule(...limits), rule(...limits)];

test("a ratio keeps the area, within steps and limits", () => {
  assert.deepEqual(withRatio(1, [512, 1024], both(8, 16, 4096)), [728, 728]);
  assert.deepEqual(withRatio(1.5, [512, 512], both(64, 64, 576)), [576, 384]);
  assert.deepEqual(withRatio(16 / 9, [64, 64], both(8, 256, 4096)), [456, 256]);
});

test("uses blocks of eight if a field accepts any number", () => {
  assert.deepEqual(withRatio(1.5, [500, 500], both(1, 1, 4096)), [616, 408]);
});

test("recognizes every chosen ratio, with any step", () => {
  for (const step of [1, 2, 8, 16, 64])
    for (const [name, ratio] of RATIOS) {
      const rules = both(step, 64, 4096);
      assert.equal(ratioOf(withRatio(ratio, [1024, 1024], rules), rules), name, `${step}`);
    }
});

test("finds no ratio for other sizes or missing numbers", () => {
  const rules = both(8, 16, 4096);
  assert.equal(ratioOf([640, 512], rules), "");
  assert.equal(ratioOf([512, 0], rules), "");
  assert.equal(ratioOf([Number.NaN, 512], rules), "");
});

test("an image keeps its shape at the same ratio, named or not", () => {
  const rules = both(8, 256, 1024);
  assert.ok(keepsShape([1920, 1080], [680, 384], rules));
  assert.ok(!keepsShape([1920, 1080], [512, 512], rules));
  const odd = withRatio(1000 / 430, [512, 512], rules);
  assert.ok(keepsShape([1000, 430], odd, rules));
  assert.ok(!keepsShape([1000, 430], [680, 384], rules));
});
