// Selecting results in the history with clicks and modifier keys.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newPage } from "./fake_browser.js";
import { tileDoc } from "./run_docs.js";

newPage();
globalThis.document = {
  documentElement: { dataset: {} },
  createElement: () => ({ append() {}, addEventListener() {}, replaceChildren() {} }),
};
const { Selection } = await import("../../../ui/page/script/history/selection.js");

/** Results of a history, newest first. A null isn't loaded yet. */
const PAST = ["a", "b", null, "d", "e"].map(
  (id) => id && tileDoc({ id, results: 1, kind: "image" }),
);

/** Return the selection after presses, each with an index and the keys held. */
function picked(...presses) {
  const heard = [];
  const selection = new Selection(
    (ids) => heard.push(ids && [...ids].sort().join("")),
    () => [],
    () => PAST,
    async () => {},
  );
  const taken = presses.map(([at, ...keys]) =>
    selection.take(PAST, at, Object.fromEntries(keys.map((key) => [`${key}Key`, true]))),
  );
  return { selection, taken, now: heard.at(-1) };
}

test("a press opens a result unless a selection is in progress", () => {
  assert.deepEqual(picked([0]).taken, [false]);
  const { taken, now } = picked([0, "ctrl"], [1], [4, "meta"]);
  assert.deepEqual([taken, now], [[true, true, true], "abe"]);
});

test("a press on a selected result deselects it", () => {
  assert.equal(picked([0, "ctrl"], [1], [0]).now, "b");
});

test("Shift selects a range in either direction", () => {
  assert.equal(picked([3, "ctrl"], [0, "shift"]).now, "abd");
  assert.equal(picked([1, "ctrl"], [4, "shift"]).now, "bde");
  assert.equal(picked([3, "shift"]).now, "d"); // nothing was pressed before
});

test("a result that isn't loaded can't be selected", () => {
  assert.deepEqual(picked([2, "ctrl"]).taken, [false]);
});

test("Ctrl+A selects all loaded results, in selection mode only", async () => {
  const heard = [];
  const all = { key: "a", ctrlKey: true, preventDefault() {} };
  const selection = new Selection(
    (ids) => heard.push(ids && [...ids].join("")),
    () => [],
    () => PAST,
    async () => {},
  );
  selection.pressed(all);
  selection.take(PAST, 0, { ctrlKey: true });
  await selection.pressed(all);
  await Promise.resolve();
  assert.deepEqual(heard.slice(1), ["a", "abde"]);
});

test("deleted results leave the selection, and it can end", () => {
  const { selection } = picked([0, "ctrl"], [1]);
  assert.equal(selection.place.hidden, false);
  selection.drop(["a"]);
  assert.equal(selection.toggle.textContent, "Done");
  selection.end();
  assert.equal(selection.place.hidden, true);
  assert.equal(selection.toggle.ariaPressed, "false");
});
