// The page's observable state.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withRun } from "../../ui/page/script/runs/runs.js";
import { INITIAL, page, Store, say } from "../../ui/page/script/state.js";

test("a subscriber gets the state at once, and every change", () => {
  const store = new Store({ a: 1, b: 2 });
  const heard = [];
  store.subscribe((now, before) => heard.push([now.a, before.a]));
  store.set({ a: 3 });
  assert.deepEqual(heard, [
    [1, 1],
    [3, 1],
  ]);
  assert.deepEqual(store.now, { a: 3, b: 2 });
});

test("an ended subscription gets no more changes", () => {
  const store = new Store({ a: 1 });
  let times = 0;
  const end = store.subscribe(() => {
    times += 1;
  });
  end();
  store.set({ a: 2 });
  assert.equal(times, 1);
});

test("a notice replaces the status, or goes beside a run's", () => {
  say("No.", "Why.");
  assert.deepEqual(page.now.notice, {
    headline: "No.",
    advice: "Why.",
    phase: "refused",
    beside: false,
    ofFields: false,
    offers: [],
  });
  page.set({ runs: withRun(page.now.runs, "a", {}) });
  say("No.");
  assert.equal(page.now.notice?.beside, true);
  say("");
  assert.equal(page.now.notice, null);
  page.set({ runs: withRun(new Map(), "a", { view: { finished: true } }), shown: null });
  say("No.");
  assert.equal(page.now.notice?.beside, false);
  page.set({ shown: "a" });
  say("No.");
  assert.equal(page.now.notice?.beside, true);
  say("Starting…", "", "waiting");
  assert.equal(page.now.notice?.beside, false);
  page.set({ ...INITIAL, oneColumn: true }); // the stage may be out of view
  say("No.");
  assert.equal(page.now.notice?.beside, true);
  page.set({ ...INITIAL });
  say("Fix the highlighted fields.", "", "refused", [], true);
  assert.equal(page.now.notice?.beside, true); // at Generate
  page.set({ ...INITIAL });
});
