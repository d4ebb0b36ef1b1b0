// Previews that are the frames of an animation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nextOf } from "../../ui/page/script/stage/preview_animation.js";

test("what has come is played round and round, in the order of the places", () => {
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
