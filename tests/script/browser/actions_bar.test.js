// The tabs in the bar with Generate: which one the page shows, and the mark on the other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newPage } from "./fake_browser.js";

newPage();
globalThis.ResizeObserver = class {
  observe() {}
};
globalThis.location = { search: "?workflow=lake" };
globalThis.scrollY = 0;
globalThis.scrollTo = (_x, y) => {
  globalThis.scrollY = y;
};
const madeUp = () => ({
  dataset: {},
  addEventListener() {},
  append() {},
  prepend() {},
});
const columns = madeUp();
const places = { "#actions": madeUp(), "#columns": columns };
const made = [];
globalThis.document = {
  documentElement: { dataset: {}, classList: { contains: () => false } },
  createElement: () => made.at(made.push(madeUp()) - 1),
  querySelector: (one) => places[one] ?? null,
};
const { ActionsBar } = await import("../../../ui/page/script/components/actions_bar.js");
const { INITIAL } = await import("../../../ui/page/script/state.js");
const STATE = { ...INITIAL, formless: false, oneColumn: true };

test("each tab is where the user left it, and a mark says what the other has", () => {
  const bar = new ActionsBar();
  const [form, result] = made;
  const show = (changes) => {
    bar.show({ ...STATE, ...changes });
    return [form.ariaPressed, result.ariaPressed, result.dataset.news, scrollY];
  };
  assert.deepEqual(show({}), ["true", "false", undefined, 0]);
  globalThis.scrollY = 300;
  assert.deepEqual(show({ tab: "result", sending: true }), ["false", "true", "running", 0]);
  globalThis.scrollY = 50;
  assert.deepEqual(show({ sending: true }), ["true", "false", "running", 300]);
  assert.deepEqual(show({}), ["true", "false", "done", 300]);
  assert.deepEqual(show({ tab: "result" }), ["false", "true", undefined, 50]);
  assert.equal(columns.dataset.tab, "result");
  assert.deepEqual(show({ formless: true }), ["false", "false", undefined, 50]);
  assert.equal(columns.dataset.tab, ""); // both, one below the other
});
