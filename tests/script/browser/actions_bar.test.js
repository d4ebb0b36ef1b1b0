// The bar below the form: when it shows Edit, which leads from a result to the form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newPage } from "./fake_browser.js";

newPage();
/** The callback and margin of each observer. @type {{ tells: Function, below: string }[]} */
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

test("the last of several changes decides whether Edit shows", () => {
  new ActionsBar().show(false);
  const [edit] = made;
  const tell = (...seen) => {
    for (const { tells } of observers) tells(seen.map((isIntersecting) => ({ isIntersecting })));
    return [edit.hidden, classes.get("at-result")];
  };
  assert.deepEqual(tell(true), [true, false]);
  assert.deepEqual(tell(true, false), [false, true]); // the form has left the view
  assert.deepEqual(tell(false, true), [true, false]);
});
