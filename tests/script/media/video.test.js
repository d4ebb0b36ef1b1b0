// Frames, speed and loop range of a video.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  afterSteps,
  areSimilar,
  frameAt,
  frameCount,
  jumpFor,
  nextSpeed,
  rateOf,
  timeOf,
  withEnd,
} from "../../../ui/page/script/video/times.js";

test("tells the frame rate from the frames that a player shows", () => {
  const times = (rate, frames) => frames.map((frame) => frame / rate);
  assert.equal(rateOf(times(24, [0, 1, 2, 3, 4])), 24);
  assert.equal(rateOf(times(8, [5, 6, 7, 0, 1])), 8, "also after it has started again");
  assert.equal(rateOf(times(30, [0, 1, 3, 4, 9])), 30, "also if it drops frames");
  assert.ok(Math.abs((rateOf(times(30000 / 1001, [0, 1, 2, 3])) ?? 0) - 29.97) < 0.001);
  assert.equal(rateOf([0, 0.033, 0.067, 0.1, 0.133, 0.167, 0.2]), 30, "also in milliseconds");
  assert.equal(rateOf([0, 0.5]), null);
});

test("steps through every frame and stops at both ends", () => {
  const [rate, duration] = [29.97, 2];
  const last = frameCount(duration, rate) - 1;
  let time = 0;
  for (let frame = 1; frame <= last; frame += 1) {
    time = afterSteps(time, 1, rate, duration);
    assert.equal(frameAt(time, rate, duration), frame);
  }
  assert.equal(afterSteps(time, 1, rate, duration), timeOf(last, rate));
  assert.equal(afterSteps(0, -1, rate, duration), timeOf(0, rate));
  assert.equal(frameAt(3 / rate, rate, duration), 3, "a frame begins at its own time");
});

test("a loop keeps its ends in order", () => {
  const loop = withEnd(null, "from", 2, 10);
  assert.deepEqual(loop, { from: 2, to: 10 });
  assert.deepEqual(withEnd(loop, "to", 5, 10), { from: 2, to: 5 });
  assert.deepEqual(withEnd({ from: 2, to: 5 }, "from", 6, 10), { from: 6, to: 10 });
  assert.deepEqual(withEnd({ from: 2, to: 5 }, "to", 1, 10), { from: 0, to: 1 });
  assert.deepEqual(
    [jumpFor(5.1, { from: 2, to: 5 }), jumpFor(3, { from: 2, to: 5 }), jumpFor(9, null)],
    [2, null, null],
  );
});

test("speeds go up and down in steps", () => {
  assert.deepEqual([nextSpeed(1, 1), nextSpeed(1, -1)], [1.25, 0.75]);
  assert.deepEqual([nextSpeed(2, 1), nextSpeed(0.25, -1)], [2, 0.25]);
});

test("videos of similar length play together", () => {
  assert.ok(areSimilar([4, 4.4]));
  assert.ok(areSimilar([1, 1.4]));
  assert.ok(!areSimilar([4, 8]));
});
