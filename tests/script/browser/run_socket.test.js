// The socket of a run: which frames are painted, what the app is answered, and when the end is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openRunSocket } from "../../../ui/page/script/runs/run_socket.js";
import { newPage } from "./fake_browser.js";

/** A socket, what its run has shown in order, and for each frame what lets it be painted. */
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

test("a frame that a newer one has overtaken is answered and not painted", async () => {
  const { socket, shown, paints } = opened();
  socket.frame(1);
  await settled();
  socket.frame(2);
  socket.frame(3);
  assert.deepEqual([shown, socket.sent], [[1], []]); // one after the other
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

test("of an animation each frame is painted", async () => {
  const { socket, shown, paints } = opened();
  for (const number of [1, 2]) socket.frame(number, { at: number - 1, of: 2, rate: 8 });
  await settled();
  paints.get(1)();
  await settled();
  assert.deepEqual(shown, [1, 2]);
});

test("the end is told after the last frame, and that it closed after that", async () => {
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

test("a page that paints nothing is told the end all the same", async (t) => {
  t.mock.method(globalThis, "setTimeout", (passed) => queueMicrotask(passed)); // time goes by at once
  const { socket, shown } = opened();
  socket.frame(1);
  socket.hear({ phase: "done", finished: true });
  await settled();
  assert.deepEqual(shown, [1, "done"]);
});

test("a socket that breaks off before the end says so, and nothing is answered over it", async () => {
  const { socket, shown, paints } = opened();
  socket.frame(1);
  await settled();
  socket.end(1006);
  paints.get(1)();
  await settled();
  assert.deepEqual([shown, socket.sent], [[1, [1006, false]], []]);
});
