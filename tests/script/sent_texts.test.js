// Texts sent before, and escaping of texts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withText } from "../../ui/page/script/form/sent_texts.js";
import { literalText } from "../../ui/page/script/stage/literal_text.js";

test("keeps the newest fifty texts, each once", () => {
  assert.deepEqual(withText(["a", "b"], "b"), ["b", "a"]);
  assert.deepEqual(withText(["a"], "  "), ["a"]);
  const many = Array.from({ length: 50 }, (_, at) => `text ${at}`);
  assert.equal(withText(many, "one more").length, 50);
  assert.equal(withText(many, "one more")[0], "one more");
});

test("escapes a text so that it stands for itself", () => {
  for (const [text, typed] of [
    ["a red boat | at sea", "a red boat | at sea"],
    ["one of {a|b}", String.raw`one of \{a\|b\}`],
    ["see http://example.org", "see http:/{}/example.org"],
    ["a /* b */", "a /{}* b */"],
    [String.raw`\{`, String.raw`\\{\{}`],
  ])
    assert.equal(literalText(text), typed);
});
