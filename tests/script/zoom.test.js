// Zooming an image in a window.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FITTED,
  panned,
  percentOf,
  pinched,
  pixelAt,
  scaled,
  sightOf,
  stepped,
  swiped,
  toggled,
} from "../../ui/page/script/zoom.js";

const WINDOW = { width: 1000, height: 600 };
const LARGE = sightOf(WINDOW, { width: 4000, height: 2000 }, 1);
const SMALL = sightOf(WINDOW, { width: 500, height: 300 }, 1);
const CENTRE = { x: 0, y: 0 };

/** Return the point of the image, at its fitted size, that is visible at a point of the window. */
const below = ({ scale, x, y }, at) => [(at.x - x) / scale, (at.y - y) / scale];

test("fits the longer side; 100% is one screen pixel per pixel", () => {
  assert.deepEqual(LARGE.fitted, { width: 1000, height: 500 });
  assert.deepEqual([LARGE.actual, SMALL.actual], [4, 0.5]);
  assert.deepEqual([percentOf(FITTED, LARGE), percentOf(FITTED, SMALL)], [25, 200]);
  assert.equal(sightOf(WINDOW, { width: 4000, height: 2000 }, 2).actual, 2);
});

test("zooming keeps the point at the pointer", () => {
  const at = { x: 200, y: 100 };
  const once = scaled(FITTED, 3, at, LARGE);
  assert.deepEqual(below(once, at), below(FITTED, at));
  const other = { x: -150, y: 120 };
  assert.deepEqual(below(scaled(once, 6, other, LARGE), other), below(once, other));
});

test("limits the scale, and stops the edges at the window's", () => {
  assert.equal(scaled(FITTED, 0.01, CENTRE, LARGE).scale, 1);
  assert.equal(scaled(FITTED, 0.01, CENTRE, SMALL).scale, 0.5);
  assert.equal(scaled(FITTED, 1000, CENTRE, LARGE).scale, 32);
  const doubled = scaled(FITTED, 2, CENTRE, LARGE);
  assert.deepEqual(panned(doubled, { x: 9000, y: -9000 }, LARGE), { scale: 2, x: 500, y: -200 });
  assert.deepEqual(panned(FITTED, { x: 50, y: 50 }, LARGE), FITTED);
});

test("zooming out at another point centers the image again", () => {
  const large = panned(scaled(FITTED, 4, CENTRE, LARGE), { x: 700, y: 300 }, LARGE);
  const { scale, x, y } = scaled(large, 1, { x: 300, y: -200 }, LARGE);
  assert.deepEqual([scale, x + 0, y + 0], [1, 0, 0]); // no -0
});

test("pinching keeps the points below both fingers", () => {
  const before = [
    { x: -50, y: 0 },
    { x: 50, y: 0 },
  ];
  const after = [
    { x: -60, y: 20 },
    { x: 140, y: 20 },
  ];
  const zoom = pinched(FITTED, before, after, LARGE);
  assert.equal(zoom.scale, 2);
  for (const finger of [0, 1])
    assert.deepEqual(below(zoom, after[finger]), below(FITTED, before[finger]));
});

test("toggles 100%, or double size if 100% is the fit", () => {
  const at = { x: 10, y: 0 };
  const actual = toggled(FITTED, at, LARGE);
  assert.equal(actual.scale, 4);
  assert.deepEqual(toggled(actual, at, LARGE), FITTED);
  assert.equal(toggled(FITTED, at, sightOf(WINDOW, WINDOW, 1)).scale, 2);
});

test("finds a pixel wherever the image was moved", () => {
  const natural = { width: 4000, height: 2000 };
  const at = { x: 120, y: -40 };
  const zoom = panned(scaled(FITTED, 7, at, LARGE), { x: 33, y: 11 }, LARGE);
  assert.deepEqual(pixelAt(CENTRE, FITTED, LARGE, natural), { x: 2000, y: 1000 });
  const { x, y } = pixelAt({ x: at.x + 33, y: at.y + 11 }, zoom, LARGE, natural);
  const fitting = pixelAt(at, FITTED, LARGE, natural);
  assert.ok(Math.abs(x - fitting.x) < 1e-9 && Math.abs(y - fitting.y) < 1e-9);
});

test("keys stop at the visible edge and return the rest", () => {
  const to = (from, by, zoom) => stepped(from, by, zoom, LARGE);
  assert.deepEqual(to(CENTRE, { x: 8, y: 0 }, FITTED), { at: { x: 8, y: 0 }, rest: CENTRE });
  assert.deepEqual(to({ x: 0, y: 240 }, { x: 0, y: 40 }, FITTED), {
    at: { x: 0, y: 250 },
    rest: { x: 0, y: 30 },
  });
  assert.deepEqual(to({ x: -490, y: 290 }, { x: -40, y: 40 }, { scale: 4, x: 0, y: 0 }), {
    at: { x: -500, y: 300 },
    rest: { x: -30, y: 30 },
  });
});

test("only a horizontal swipe of some length navigates", () => {
  const to = (x, y) => swiped(CENTRE, { x, y });
  assert.deepEqual(
    [to(-60, 10), to(60, -10), to(-60, 40), to(0, 200), to(-30, 0)],
    [1, -1, 0, 0, 0],
  );
});
