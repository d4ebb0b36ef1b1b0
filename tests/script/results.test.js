// Arrangement of a run's results.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stretchFrom } from "../../ui/page/script/batches/rows.js";
import {
  arranged,
  captionOf,
  choiceWords,
  firstSeen,
  placeAfter,
} from "../../ui/page/script/runs/results.js";

const file = (kind, saved = true) => ({
  name: `a.${kind}`,
  url: "/a",
  kind,
  saved,
  thumb: null,
  note: "",
});
const kinds = (items) => items.map((item) => item.kind);

test("images and videos go on the stage, the rest below it", () => {
  const { items, rest } = arranged([file("image"), file("audio"), file("video")], ["said"]);
  assert.deepEqual(kinds(items), ["image", "video"]);
  assert.deepEqual(kinds(rest), ["audio", "text"]);
});

test("an item keeps its file's index in the run", () => {
  const { items } = arranged([file("audio"), file("image"), file("image")], []);
  assert.deepEqual(
    items.map((item) => item.at),
    [1, 2],
  );
});

test("without images or videos, the first result is on the stage", () => {
  const { items, rest } = arranged([file("audio"), file("3d"), file("file")], ["one", "two"]);
  assert.deepEqual(kinds(items), ["audio"]);
  assert.deepEqual(kinds(rest), ["3d", "file", "text", "text"]);
  assert.deepEqual(kinds(arranged([], ["one"]).items), ["text"]);
});

test("separates intermediate images if there are saved ones", () => {
  const both = arranged([file("image", false), file("image")], []);
  assert.deepEqual([both.items.length, both.intermediate.length], [1, 1]);
  const only = arranged([file("image", false), file("image", false)], []);
  assert.deepEqual([only.items.length, only.intermediate.length], [2, 0]);
});

test("a run without results shows nothing", () => {
  assert.deepEqual(arranged([], []), { items: [], rest: [], intermediate: [] });
});

test("labels every choice with its number and file name", () => {
  const both = arranged([file("image", false), file("image"), file("video")], []);
  assert.deepEqual(
    [0, 1, 2].map((at) => choiceWords(both, at)),
    ["Result 1: a.image", "Result 2: a.video", "Intermediate 1: a.image"],
  );
});

test("starts with the given file, or the first or last result", () => {
  const three = arranged([file("audio"), file("image"), file("image")], ["said"]);
  assert.equal(firstSeen(three, 2, false), 1);
  for (const none of [null, undefined, 0]) {
    assert.equal(firstSeen(three, none, false), 0);
    assert.equal(firstSeen(three, none, true), 1);
  }
  assert.equal(firstSeen(arranged([], []), null, true), 0);
});

test("navigation stops at both ends", () => {
  const three = arranged([file("image"), file("image"), file("image")], []);
  const places = [
    [0, -1],
    [0, 1],
    [2, 1],
  ].map(([at, step]) => placeAfter(three, at, step));
  assert.deepEqual(places, [0, 1, 2]);
});

test("a caption has the known parts, to display and to copy", () => {
  const caption = { prompt: "a kite", model: "sd\\xl/base-1.0.safetensors" };
  const parts = captionOf(
    { seeds: { a: "1", b: "2" }, page: { caption } },
    { width: 768, height: 512 },
  );
  assert.deepEqual(
    parts.map(({ shown, copied }) => [shown, copied]),
    [
      ["768 × 512", "768 × 512"],
      ["Seeds 1, 2", "1, 2"],
      ["base-1.0", "sd\\xl/base-1.0.safetensors"],
      ["a kite", "a kite"],
    ],
  );
  assert.deepEqual(
    captionOf({ seeds: {}, page: { caption: { prompt: "", model: "" } } }, null),
    [],
  );
});

test("requests rows in the direction of navigation", () => {
  assert.deepEqual(stretchFrom(6, 1, 100), { from: 6, to: 106 });
  assert.deepEqual(stretchFrom(2, -1, 100), { from: 0, to: 3 });
  assert.deepEqual(stretchFrom(150, -1, 100), { from: 51, to: 151 });
});
