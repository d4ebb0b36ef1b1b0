// Animated previews.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LivePreviews, nextOf } from "../../ui/page/script/stage/preview_animation.js";

test("loops over the received frames in order", () => {
  const frames = new Map([
    [4, "e"],
    [0, "a"],
    [2, "c"],
  ]);
  assert.deepEqual(
    [-1, 0, 2, 4, 7].map((at) => nextOf(frames, at)),
    [0, 2, 4, 0, 0],
  );
  assert.equal(nextOf(new Map(), 3), 3);
});

test("an animation restarts when its image is back on the page", async (t) => {
  let step = () => {};
  globalThis.window = {
    setInterval: (does) => {
      step = does;
      return 1;
    },
  };
  t.mock.method(globalThis, "clearInterval", () => {
    step = () => {};
  });
  const image = {
    append() {},
    isConnected: true,
    src: "",
  };
  globalThis.document = { createElement: () => image, documentElement: { dataset: {} } };
  const kept = new Set();
  let made = 0;
  t.mock.method(URL, "createObjectURL", () => {
    const address = `blob:${++made}`;
    kept.add(address);
    return address;
  });
  t.mock.method(URL, "revokeObjectURL", (address) => kept.delete(address));
  const previews = new LivePreviews();
  const take = async () => {
    for (const at of [0, 1])
      await previews.imageOf("kite", new ArrayBuffer(1), { at, of: 2, rate: 10 }, () => true);
  };
  const played = () => {
    step();
    return image.src;
  };
  await take();
  assert.deepEqual([played(), played()], ["blob:2", "blob:1"]);
  image.isConnected = false; // another image has replaced it
  played();
  assert.equal(kept.size, 0);
  image.isConnected = true;
  await take();
  assert.deepEqual([played(), played()], ["blob:4", "blob:3"]);
  assert.equal(kept.size, 2);
});
