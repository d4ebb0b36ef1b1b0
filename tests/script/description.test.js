// The folded description of a workflow.

import assert from "node:assert/strict";
import { test } from "node:test";
import "./browser/fake_browser.js";

const { beginningOf } = await import("../../ui/page/script/fields/description.js");

const shown = (text, most) => beginningOf(text, (part) => part.length <= most);

test("a long sentence ends with a whole word", () => {
  assert.equal(
    shown("Turn a drawing into paths, returning one file.", 42),
    "Turn a drawing into paths, returning one…",
  );
  assert.equal(
    shown("Turn a drawing into paths, returning one file.", 30),
    "Turn a drawing into paths…",
  );
  assert.equal(shown("Edit with Qwen-Image-Edit-2511 and more.", 28), "Edit with…");
});

test("whole sentences are enough if they fill more than half of the place", () => {
  assert.equal(shown("Remove the sky. Keep the rest of the image.", 26), "Remove the sky.");
  assert.equal(shown("Go. Remove the sky of an image.", 26), "Go. Remove the sky of an…");
});

test("text without spaces is cut between characters", () => {
  assert.equal(
    shown("画像から背景を削除します。透明なPNGを保存します。", 10),
    "画像から背景を削除…",
  );
  assert.equal(shown("背景を削除します。透明なPNGを保存します。", 12), "背景を削除します。");
});
