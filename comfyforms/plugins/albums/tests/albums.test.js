// @ts-check
// Albums: their tree, changes by others, keys and pins, and the values that a batch takes from results.

import assert from "node:assert/strict";
import { test } from "node:test";
import { differing, inTree, pointIn, saidBy, tileOf, tilesOf } from "../script/items.js";

/** @param {object} item */
const item = (item) => /** @type {any} */ ({ verdict: "", stars: 0, width: 0, height: 0, ...item });
/** @param {string} id @param {string} title @param {string | null} [parent] */
const album = (id, title, parent = null) => /** @type {any} */ ({ id, title, parent });

test("albums follow the one they are in, by title", () => {
  const albums = [album("1", "Winter"), album("2", "Autumn"), album("3", "Leaves", "2")];
  const told = inTree([...albums, album("4", "From elsewhere", "gone")]);
  assert.deepEqual(
    told.map(({ album: { title }, depth }) => [title, depth]),
    [
      ["Autumn", 0],
      ["Leaves", 1],
      ["From elsewhere", 0],
      ["Winter", 0],
    ],
  );
});

test("an item is a tile of its own shape", () => {
  assert.equal(tileOf(item({ id: "1", width: 300, height: 200 })).page.ratio, 1.5);
  assert.equal(tileOf(item({ id: "1" })).page.ratio, null);
  const tiles = tilesOf([item({ id: "1" })], 3);
  assert.deepEqual(
    tiles.map((tile) => tile?.id ?? null),
    ["1", null, null],
  );
});

test("keys give a verdict or stars, or take them back", () => {
  const open = { verdict: /** @type {const} */ (""), stars: 0 };
  const kept = { verdict: /** @type {const} */ ("keep"), stars: 3 };
  assert.deepEqual(saidBy("K", open), { verdict: "keep", stars: 0 });
  assert.deepEqual(saidBy("k", kept), kept);
  assert.deepEqual(saidBy("u", kept), { verdict: "", stars: 3 });
  assert.deepEqual(saidBy("4", open), { verdict: "", stars: 4 });
  assert.deepEqual(saidBy("0", kept), { verdict: "keep", stars: 0 });
  for (const key of ["6", "Enter", "ArrowLeft"]) assert.equal(saidBy(key, open), null);
});

test("a pin is a point of the image", () => {
  const box = { left: 100, top: 50, width: 200, height: 100 };
  assert.deepEqual(pointIn({ x: 150, y: 75 }, box), { x: 0.25, y: 0.25 });
  assert.equal(pointIn({ x: 99, y: 75 }, box), null);
});

test("a batch varies the values in which the results differ", () => {
  const results = [
    { text: "a cat", steps: 20, size: [1, 2] },
    { text: "a dog", steps: 20, size: [1, 3] },
  ];
  assert.deepEqual(differing(results, "text"), ["a cat", "a dog"]);
  assert.deepEqual(differing(results, "size"), ["[1,2]", "[1,3]"]);
  assert.deepEqual(differing(results, "steps"), []);
});
