// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { filled } from "../../ui/page/script/form/filled.js";
import { lastSeeds, lockAfter, lockOf, setSeeds } from "../../ui/page/script/form/seeds.js";
import { INITIAL } from "../../ui/page/script/state.js";
import { staged } from "./browser/run_docs.js";

/** @param {Record<string, unknown>} view */
const run = (view) =>
  /** @type {any} */ ({ view: staged({ finished: true, workflow: "w", finished_at: 5, ...view }) });
/** @param {Record<string, unknown>} past */
const earlier = (past) => /** @type {any} */ ({ workflow: "w", finished_at: 1, ...past });

test("the lock is set only if all seeds are fixed or all random", () => {
  assert.equal(lockOf(["random", "random"]), "random");
  assert.equal(lockOf(["fixed", "fixed"]), "fixed");
  assert.equal(lockOf(["fixed", "random"]), null);
  assert.equal(lockOf(["counting", "counting"]), null);
});

test("the lock follows one seed's change and the others' values", () => {
  filled.set({ held: { a: null, b: "7", c: "+7" } });
  assert.equal(lockAfter(["a", "b"], "a", "fixed"), "fixed");
  assert.equal(lockAfter(["a", "b"], "b", "random"), "random");
  assert.equal(lockAfter(["a", "b"], "a", "random"), null);
  assert.equal(lockAfter(["b", "c"], "b", "fixed"), null);
});

test("reuses the form's last run with the same number of seeds", () => {
  const state = { ...INITIAL, form: "w" };
  assert.equal(lastSeeds(state, 2), null);
  const past = [
    earlier({ seeds: { a: "1", b: "2" } }),
    earlier({ finished_at: 9, seeds: { a: "7" } }),
    earlier({ finished_at: 8, workflow: "v", seeds: { a: "3", b: "4" } }),
  ];
  assert.deepEqual(lastSeeds({ ...state, past }, 2), ["1", "2"]);
  const runs = new Map([
    ["a", run({ seeds: { a: "5", b: "6" } })],
    ["b", run({ seeds: { a: "8", b: "9" }, finished_at: 7, finished: false })],
    ["c", run({ seeds: { a: "8", b: "9" }, finished_at: 7, chain: "of this and others" })],
  ]);
  assert.deepEqual(lastSeeds({ ...state, past, runs }, 2), ["5", "6"]);
});

test("draws seeds within the limits if there is no last run", () => {
  const [one, mode, other] = setSeeds(
    [
      ["a", 3, 5, true],
      ["b", 0, null, true],
    ],
    "fixed",
    ["", "random", "12", "random"],
  );
  assert.equal(mode, "fixed");
  assert.ok(["3", "4", "5"].includes(String(one)));
  assert.match(String(other), /^\d{1,16}$/);
  assert.deepEqual(setSeeds([["a", 0, 9, true]], "random", ["4", "fixed"]), ["4", "random"]);
});
