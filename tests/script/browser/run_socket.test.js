// The socket of a run: painted frames, acknowledgments, and the delivery of the end.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openRunSocket } from "../../../ui/page/script/runs/run_socket.js";
import { newPage } from "./fake_browser.js";

/** Return a socket, what its run has shown in order, and a function per frame that finishes painting it. */
function opened() {
  newPage();
  const shown = [];
  const paints = new Map();
  const socket = openRunSocket("a", {
    told: (view) => shown.push(view.phase),
    paint: (frame) => {
      shown.push(frame);
      return new Promise((resolve) => paints.set(frame, resolve));
    },
    closed: (code, isOver) => shown.push([code, isOver]),
  });
  socket.open();
  return { socket, shown, paints };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("acknowledges an overtaken frame without painting it", async () => {
  const { socket, shown, paints } = opened();
  socket.frame(1);
  await settled();
  socket.frame(2);
  socket.frame(3);
  assert.deepEqual([shown, socket.sent], [[1], []]); // one frame at a time
  paints.get(1)();
  await settled();
  assert.deepEqual(
    [shown, socket.sent],
    [
      [1, 3],
      ["painted 1", "painted 2"],
    ],
  );
  paints.get(3)();
  await settled();
  assert.deepEqual(socket.sent.at(-1), "painted 3");
  assert.ok(socket.url.endsWith("/live/a"));
});

test("paints every frame of an animation", async () => {
  const { socket, shown, paints } = opened();
  for (const number of [1, 2]) socket.frame(number, { at: number - 1, of: 2, rate: 8 });
  await settled();
  paints.get(1)();
  await settled();
  assert.deepEqual(shown, [1, 2]);
});

test("delivers the end after the last frame, then the close", async () => {
  const { socket, shown, paints } = opened();
  socket.hear({ phase: "running", finished: false });
  socket.frame(1);
  socket.hear({ phase: "done", finished: true });
  socket.end(1000);
  await settled();
  assert.deepEqual(shown, ["running", 1]);
  paints.get(1)();
  await settled();
  assert.deepEqual(shown, ["running", 1, "done", [1000, true]]);
});

test("delivers the end even if the page paints nothing", async (t) => {
  t.mock.method(globalThis, "setTimeout", (passed) => queueMicrotask(passed)); // timers fire at once
  const { socket, shown } = opened();
  socket.frame(1);
  socket.hear({ phase: "done", finished: true });
  await settled();
  assert.deepEqual(shown, [1, "done"]);
});

test("delivers the end after a frame that can't be painted", async (t) => {
  t.mock.method(console, "error", () => {});
  const { socket, shown, paints } = opened();
  socket.frame(1);
  await settled();
  socket.frame(2);
  paints.get(1)(Promise.reject(new Error("no image")));
  socket.hear({ phase: "done", finished: true });
  await settled();
  paints.get(2)();
  await settled();
  assert.deepEqual(shown, [1, 2, "done"]);
});

test("reports an early close and sends nothing afterward", async () => {
  const { socket, shown, paints } = opened();
  socket.frame(1);
  await settled();
  socket.end(1006);
  paints.get(1)();
  await settled();
  assert.deepEqual([shown, socket.sent], [[1, [1006, false]], []]);
});
