// Work in turn, retries, and buttons that are off meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { untilRetry } from "../../ui/page/script/clock.js";
import { offWhile } from "../../ui/page/script/dom.js";
import { inTurn } from "../../ui/page/script/in_turn.js";

test("work in turn begins after an error of earlier work, which is reported", async (t) => {
  const report = t.mock.method(console, "error", () => {});
  const done = [];
  let last = Promise.resolve();
  for (const number of [1, 2, 3])
    last = inTurn(last, () => {
      done.push(number);
      if (number === 2) throw new Error("drawing failed");
      return number;
    });
  assert.equal(await last, 3);
  assert.deepEqual(done, [1, 2, 3]);
  assert.equal(report.mock.calls[0].arguments[0].message, "drawing failed");
});

test("a retry leaves no listener behind", async (t) => {
  const listeners = new Set();
  globalThis.addEventListener = (_, listener) => listeners.add(listener);
  globalThis.removeEventListener = (_, listener) => listeners.delete(listener);
  t.after(() => {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  });
  const timer = t.mock.method(globalThis, "setTimeout", () => {});
  const late = untilRetry(0);
  assert.equal(listeners.size, 1);
  timer.mock.calls[0].arguments[0]();
  await late;
  assert.equal(listeners.size, 0);
  const online = untilRetry(0);
  for (const listener of listeners) listener();
  await online;
  assert.equal(listeners.size, 0);
});

test("a button works again after an error", async () => {
  const pressed = { ariaDisabled: null };
  const failing = offWhile(pressed, async () => {
    assert.equal(pressed.ariaDisabled, "true");
    throw new Error("refused");
  });
  await assert.rejects(failing, /refused/);
  assert.equal(pressed.ariaDisabled, null);
});
