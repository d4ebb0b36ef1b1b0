// The bar below the form: when Edit, which leads from a result to the form, is there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newPage } from "./fake_browser.js";

newPage();
/** What each observer was given, with what it is about. @type {{ tells: Function, below: string }[]} */
const observers = [];
globalThis.IntersectionObserver = class {
  constructor(tells, { rootMargin }) {
    observers.push({ tells, below: rootMargin });
  }
  observe() {}
};
globalThis.ResizeObserver = class {
  observe() {}
};
/** @type {Map<string, boolean>} */
const classes = new Map();
const madeUp = () => ({
  addEventListener() {},
  append() {},
  prepend() {},
  replaceChildren() {},
  classList: { toggle: (name, isOn) => classes.set(name, isOn) },
});
const places = { "#actions": madeUp(), "#form": madeUp(), "#columns": madeUp() };
const made = [];
globalThis.document = {
  documentElement: { dataset: {} },
  createElement: () => made.at(made.push(madeUp()) - 1),
  querySelector: (one) => places[one] ?? null,
};
const { ActionsBar } = await import("../../../ui/page/script/components/actions_bar.js");

test("a busy browser tells of several changes at once: Edit is there by the last of them", () => {
  new ActionsBar().show(false);
  const [edit] = made;
  const tell = (...seen) => {
    for (const { tells } of observers) tells(seen.map((isIntersecting) => ({ isIntersecting })));
    return [edit.hidden, classes.get("at-result")];
  };
  assert.deepEqual(tell(true), [true, false]);
  assert.deepEqual(tell(true, false), [false, true]); // the result has come above the form
  assert.deepEqual(tell(false, true), [true, false]);
});
