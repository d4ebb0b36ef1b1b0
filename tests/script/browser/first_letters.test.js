import assert from "node:assert/strict";
import { test } from "node:test";

import { FirstLetters } from "../../../ui/page/script/stage/first_letters.js";

const CHOICES = ["Your image", "Image to image", "Image to video", "Inpaint", "Écran", "Upscale"];

/**
 * Return the index found for each key. The first choice has the focus at first.
 * @param {string[]} keys
 * @param {number} [pause] milliseconds
 */
function walked(keys, pause = 100) {
  const letters = new FirstLetters();
  let current = 0;
  return keys.map((key, index) => {
    const found = letters.find(CHOICES, current, key, index * pause);
    if (found >= 0) current = found;
    return found;
  });
}

test("letters find a choice regardless of case and accents", () => {
  assert.deepEqual(walked(["u", "p"]), [5, 5]);
  assert.deepEqual(walked([..."in"]), [1, 3]);
  assert.deepEqual(walked(["E"]), [4]);
  assert.deepEqual(walked([..."image to v"]).at(-1), 2);
});

test("repeating a letter cycles through its choices", () => {
  assert.deepEqual(walked([..."iiii"]), [1, 2, 3, 1]);
});

test("a new word begins after a pause", () => {
  assert.deepEqual(walked(["i", "u"], 1500), [1, 5]);
  assert.deepEqual(walked(["i", "u"]), [1, -1]);
});

test("ignores other keys, and a space that matches no choice", () => {
  assert.deepEqual(walked(["Enter", "Tab", " ", "x"]), [-1, -1, -1, -1]);
  assert.deepEqual(walked(["u", " ", "p"]), [5, -1, 5]);
  assert.equal(new FirstLetters().find([], -1, "u", 0), -1);
});
