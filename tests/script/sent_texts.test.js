// Texts that were sent before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withText } from "../../ui/page/script/form/sent_texts.js";

test("the newest text comes first, each once, and no more than fifty of them", () => {
  assert.deepEqual(withText(["a", "b"], "b"), ["b", "a"]);
  assert.deepEqual(withText(["a"], "  "), ["a"]);
  const many = Array.from({ length: 50 }, (_, at) => `text ${at}`);
  assert.equal(withText(many, "one more").length, 50);
  assert.equal(withText(many, "one more")[0], "one more");
});
