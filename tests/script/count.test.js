// The label of the Generate button.

import assert from "node:assert/strict";
import { test } from "node:test";
import { showCount } from "../../ui/page/script/form/count.js";

globalThis.document = { querySelector: () => null };

test("the button shows how many runs it starts", () => {
  assert.equal(showCount(1, { name: "portrait", chain: false }), "Generate");
  assert.equal(showCount(4, { name: "portrait", chain: false }), "Generate ×4");
});

test("only a chain ignores the count, whatever its name", () => {
  assert.equal(showCount(4, { name: "boats.chain", chain: true }), "Generate");
  assert.equal(showCount(4, { name: "key.chain", chain: false }), "Generate ×4");
});
