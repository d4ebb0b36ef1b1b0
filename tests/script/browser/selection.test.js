// Picking results in the history: which are picked by a press with which key.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newPage } from "./fake_browser.js";
import { tileDoc } from "./run_docs.js";

newPage();
globalThis.document = {
  documentElement: { dataset: {} },
  createElement: () => ({ addEventListener() {}, replaceChildren() {} }),
};
const { Selection } = await import("../../../ui/page/script/history/selection.js");

/** Results of a history, the newest first; where one is null it is not known yet. */
const PAST = ["a", "b", null, "d", "e"].map(
  (id) => id && tileDoc({ id, results: 1, kind: "image" }),
);

/** What is picked after each press: a place, and the keys that are held. */
function picked(...presses) {
  const heard = [];
  const selection = new Selection((ids) => heard.push(ids && [...ids].sort().join("")), "");
  const taken = presses.map(([at, ...keys]) =>
    selection.take(PAST, at, Object.fromEntries(keys.map((key) => [`${key}Key`, true]))),
  );
  return { selection, taken, now: heard.at(-1) };
}

test("a press opens a result, unless some are being picked", () => {
  assert.deepEqual(picked([0]).taken, [false]);
  const { taken, now } = picked([0, "ctrl"], [1], [4, "meta"]);
  assert.deepEqual([taken, now], [[true, true, true], "abe"]);
});

test("a press on what is picked gives it back", () => {
  assert.equal(picked([0, "ctrl"], [1], [0]).now, "b");
});

test("Shift takes all up to the last that was pressed, in both directions, but what is not known", () => {
  assert.equal(picked([3, "ctrl"], [0, "shift"]).now, "abd");
  assert.equal(picked([1, "ctrl"], [4, "shift"]).now, "bde");
  assert.equal(picked([3, "shift"]).now, "d"); // there was none before
});

test("a place of which nothing is known cannot be picked", () => {
  assert.deepEqual(picked([2, "ctrl"]).taken, [false]);
});

test("what is deleted is picked no more, and none is at the end", () => {
  const { selection } = picked([0, "ctrl"], [1]);
  assert.equal(selection.place.hidden, false);
  selection.drop(["a"]);
  assert.equal(selection.toggle.textContent, "Done");
  selection.end();
  assert.equal(selection.place.hidden, true);
  assert.equal(selection.toggle.ariaPressed, "false");
});
