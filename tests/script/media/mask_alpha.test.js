// Growing, shrinking and feathering a mask, and strokes with a soft edge.

import assert from "node:assert/strict";
import { test } from "node:test";
import { featheredMask, grownMask, shrunkMask } from "../../../ui/page/script/mask/alpha.js";
import { isApart, paintPixels, strengthAt } from "../../../ui/page/script/mask/soft.js";

const [WIDTH, HEIGHT] = [61, 41];
const MIDDLE = 20 * WIDTH + 30;

/** Return a mask with a value at some pixels. */
function maskWith(value, ...places) {
  const mask = new Uint8ClampedArray(WIDTH * HEIGHT);
  for (const place of places) mask[place] = value;
  return mask;
}

/** Return a mask with a filled rectangle. */
function rectangle(left, top, right, bottom, value = 255) {
  const mask = new Uint8ClampedArray(WIDTH * HEIGHT);
  for (let y = top; y < bottom; y += 1) mask.fill(value, y * WIDTH + left, y * WIDTH + right);
  return mask;
}

test("a mask grows by whole pixels in all directions", () => {
  for (const pixels of [1, 2, 3, 4, 7, 12]) {
    const grown = grownMask(maskWith(255, MIDDLE), WIDTH, pixels);
    for (let y = 0; y < HEIGHT; y += 1)
      for (let x = 0; x < WIDTH; x += 1) {
        const distance = Math.hypot(x - 30, y - 20);
        const isPainted = grown[y * WIDTH + x] === 255;
        if (distance <= pixels * 0.9) assert.ok(isPainted, `${pixels}: ${x}, ${y}`);
        if (distance > pixels * 1.42) assert.ok(!isPainted, `${pixels}: ${x}, ${y}`);
      }
    assert.ok(grown[MIDDLE + pixels] && grown[MIDDLE - pixels * WIDTH], String(pixels));
    assert.ok(!grown[MIDDLE + pixels + 1] && !grown[MIDDLE - (pixels + 1) * WIDTH], String(pixels));
  }
});

test("a grown mask keeps its soft values and stays on its lines", () => {
  const grown = grownMask(maskWith(90, 0, MIDDLE), WIDTH, 3);
  assert.equal(Math.max(...grown), 90);
  assert.equal(grown[WIDTH - 1], 0, "not around the image's edge");
  assert.equal(grown[2 * WIDTH], 90);
});

test("shrinking undoes growing, except at the image's edges", () => {
  const mask = rectangle(20, 10, 45, 30);
  assert.deepEqual(shrunkMask(grownMask(mask, WIDTH, 5), WIDTH, 5), mask);
  const shrunk = shrunkMask(rectangle(0, 0, 30, HEIGHT), WIDTH, 4);
  assert.deepEqual(shrunk, rectangle(0, 0, 26, HEIGHT));
});

test("feathering fades the edge evenly on both sides", () => {
  const soft = featheredMask(rectangle(0, 0, 30, HEIGHT), WIDTH, 8);
  const row = [...soft.slice(20 * WIDTH, 21 * WIDTH)];
  assert.equal(row[0], 255, "not at the image's edge");
  assert.equal(row[60], 0);
  assert.ok(row.every((value, at) => !at || value <= (row[at - 1] ?? 0)));
  assert.ok(Math.abs((row[29] ?? 0) + (row[30] ?? 0) - 255) <= 1);
  assert.ok((row[24] ?? 0) < 250 && (row[35] ?? 255) > 5);
  assert.ok(new Set(row).size > 10, "with many shades");
  assert.deepEqual(
    featheredMask(rectangle(0, 0, WIDTH, HEIGHT), WIDTH, 8),
    rectangle(0, 0, WIDTH, HEIGHT),
  );
});

/** Paint a stroke onto nothing, or onto earlier pixels. */
function painted(stroke, points, data = new Uint8ClampedArray(4 * WIDTH * HEIGHT)) {
  const pixels = { width: WIDTH, height: HEIGHT, data };
  points.forEach((point, at) => {
    paintPixels(pixels, stroke, points[at - 1] ?? point, point);
  });
  return data;
}
const alphaAt = (data, x, y) => data[4 * (y * WIDTH + x) + 3];

test("a soft stroke fades from its core to its edge", () => {
  assert.deepEqual(
    [strengthAt(0, 10, 1), strengthAt(5, 10, 0.5), strengthAt(10, 10, 1)],
    [1, 1, 0],
  );
  assert.ok(Math.abs(strengthAt(7.5, 10, 0.5) - 0.5) < 1e-9);
  const stroke = { tool: "brush", width: 20, softness: 1, points: [] };
  const data = painted(stroke, [
    [10, 20],
    [50, 20],
  ]);
  assert.ok((alphaAt(data, 30, 20) ?? 0) > 245);
  assert.ok(Math.abs((alphaAt(data, 30, 24) ?? 0) - 255 * strengthAt(4.5, 10, 1)) < 1);
  assert.equal(alphaAt(data, 30, 31), 0);
});

test("crossing soft strokes don't add up, and an eraser takes as softly", () => {
  const stroke = { tool: "brush", width: 20, softness: 1, points: [] };
  const once = painted(stroke, [
    [10, 20],
    [50, 20],
  ]).slice();
  const often = painted(stroke, [
    [10, 20],
    [25, 20],
    [40, 20],
    [50, 20],
    [10, 20],
  ]);
  assert.deepEqual(often, once);
  const erased = painted({ ...stroke, tool: "eraser" }, [[30, 20]], once);
  assert.ok((alphaAt(erased, 30, 20) ?? 255) < 10);
  assert.ok((alphaAt(erased, 15, 20) ?? 0) > 240);
});

test("close points of a soft stroke are left out", () => {
  const stroke = { tool: "brush", width: 100, softness: 0.5, points: [[0, 0]] };
  assert.deepEqual([isApart(stroke, [2, 0]), isApart(stroke, [5, 0])], [false, true]);
  assert.ok(isApart({ ...stroke, softness: 0 }, [2, 0]), "but not of a hard one");
});
