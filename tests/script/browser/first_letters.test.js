import assert from "node:assert/strict";
import { test } from "node:test";

import { FirstLetters } from "../../../ui/page/script/stage/first_letters.js";

const CHOICES = ["Your image", "Image to image", "Image to video", "Inpaint", "Écran", "Upscale"];

/**
 * Where the focus is after each key, from the first choice on.
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

test("letters go to the choice that begins with them, in any case and without its accents", () => {
  assert.deepEqual(walked(["u", "p"]), [5, 5]);
  assert.deepEqual(walked([..."in"]), [1, 3]);
  assert.deepEqual(walked(["E"]), [4]);
  assert.deepEqual(walked([..."image to v"]).at(-1), 2);
});

test("the same letter again goes on to the next, and around", () => {
  assert.deepEqual(walked([..."iiii"]), [1, 2, 3, 1]);
});

test("after a pause a word begins anew", () => {
  assert.deepEqual(walked(["i", "u"], 1500), [1, 5]);
  assert.deepEqual(walked(["i", "u"]), [1, -1]);
});

test("what is no letter is left to the menu, and so is a blank that goes on with no choice", () => {
  assert.deepEqual(walked(["Enter", "Tab", " ", "x"]), [-1, -1, -1, -1]);
  assert.deepEqual(walked(["u", " ", "p"]), [5, -1, 5]);
  assert.equal(new FirstLetters().find([], -1, "u", 0), -1);
});
