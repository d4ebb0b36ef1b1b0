// @ts-check
// The image that became the result, over it: a slider says up to where it is seen.

import { addressOf, button, element, isPaintable } from "../dom.js";
import { message } from "../messages.js";

const KNOB = 40; // pixels: the slider is longer than the image by half of it on either side

export class Before {
  /** What lies over the result. */
  place = element("div", "before");
  toggle = button(message("Compare"), () => this.#show(this.place.hidden), "icon compare");
  #image = element("img");
  #split = element("input", "split");
  /** What is pressed and dragged. The slider itself takes keys only: an image below it would be dragged away. */
  #grip = element("div", "grip");
  /** @type {HTMLImageElement | null} */
  #after = null;

  constructor() {
    Object.assign(this.#split, { type: "range", min: "0", max: "100", step: "any" });
    this.#split.ariaLabel = message("Compare with the original");
    this.#split.addEventListener("input", () => this.#divide());
    this.#listen();
    this.#image.alt = message("Before");
    const clip = element("div", "clip");
    clip.append(this.#image, markFor(message("Before")));
    const after = element("div", "after");
    after.append(markFor(message("After")));
    this.place.append(clip, after, this.#split, this.#grip);
    this.toggle.hidden = true;
    this.#show(false);
  }

  /**
   * What can be compared. An image of another shape is cut to that of the result, as workflows do.
   * @param {HTMLImageElement | null} after
   * @param {string} address of the image before, "" where there is none
   */
  async offer(after, address) {
    if (after === this.#after) return;
    this.#after = after;
    this.#show(false);
    this.toggle.hidden = true;
    if (!after || !address) return;
    this.#image.src = addressOf(address);
    const isThere = await isPaintable(this.#image);
    if (after !== this.#after) return;
    this.toggle.hidden = !isThere;
    this.place.style.setProperty("--ratio", String(after.naturalWidth / after.naturalHeight));
  }

  /** A press moves the line there. What turns out to be scrolling moves it back. */
  #listen() {
    const [grip, split] = [this.#grip, this.#split];
    let before = split.value;
    grip.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault(); // else it would take the focus away
      before = split.value;
      grip.setPointerCapture(event.pointerId);
      split.focus({ preventScroll: true });
      this.#moveTo(event.clientX);
    });
    grip.addEventListener("pointermove", (event) => {
      if (grip.hasPointerCapture(event.pointerId)) this.#moveTo(event.clientX);
    });
    grip.addEventListener("pointercancel", () => {
      split.value = before;
      this.#divide();
    });
  }

  /** @param {number} x in the window */
  #moveTo(x) {
    const { left, width } = this.#split.getBoundingClientRect();
    this.#split.value = String((100 * (x - left - KNOB / 2)) / (width - KNOB));
    this.#divide();
  }

  /** @param {boolean} shown */
  #show(shown) {
    this.place.hidden = !shown;
    this.toggle.ariaPressed = String(shown);
    this.#split.value = "50";
    this.#divide();
  }

  #divide() {
    this.place.style.setProperty("--seen", String(Number(this.#split.value) / 100));
  }
}

/** @param {string} text */
function markFor(text) {
  const mark = element("span", "mark", text);
  mark.ariaHidden = "true"; // the slider says it
  return mark;
}
