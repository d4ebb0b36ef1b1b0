// @ts-check
// Before/after comparison: a slider reveals the original image over the result.

import { addressOf, button, element, isPaintable } from "../dom.js";
import { message } from "../messages.js";

const KNOB = 40; // pixels; the slider extends beyond the image by half of this on either side

const OF_ORIGINAL = {
  before: message("Before"),
  after: message("After"),
  slider: message("Compare with the original"),
};

export class Before {
  /** The overlay over the result. */
  place = element("div", "before");
  toggle = button(message("Compare"), () => this.#show(this.place.hidden), "icon compare");
  #image = element("img");
  #split = element("input", "split");
  /** The drag target. The slider takes keys only: dragging it would make the browser drag the image below it. */
  #grip = element("div", "grip");
  /** @type {HTMLImageElement | null} */
  #after = null;

  /** @param {{ before: string, after: string, slider: string }} [words] names of the two images and of the slider */
  constructor(words = OF_ORIGINAL) {
    Object.assign(this.#split, { type: "range", min: "0", max: "100", step: "any" });
    this.#split.ariaLabel = words.slider;
    this.#split.addEventListener("input", () => this.#divide());
    this.#listen();
    this.#image.alt = words.before;
    const clip = element("div", "clip", this.#image, markFor(words.before));
    const after = element("div", "after");
    after.append(markFor(words.after));
    this.place.append(clip, after, this.#split, this.#grip);
    this.toggle.dataset.icon = "compare";
    this.toggle.hidden = true;
    this.#show(false);
  }

  /**
   * Set the images to compare. An original of another shape is cropped to the result's shape, as workflows do.
   * @param {HTMLImageElement | null} after
   * @param {string} address the address of the original image, or ""
   * @param {boolean} [isOpen] whether to compare at once
   */
  async offer(after, address, isOpen = false) {
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
    this.#show(isThere && isOpen);
  }

  /** Move the divider to where the user presses, and back if the gesture turns out to be a scroll. */
  #listen() {
    const [grip, split] = [this.#grip, this.#split];
    let before = split.value;
    grip.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault(); // otherwise the press would take the focus away
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

  /** @param {KeyboardEvent} event */
  #leave = (event) => {
    const over = document.querySelector("dialog:modal");
    const isBelow = over !== null && !over.contains(this.place);
    const isLasting = !this.toggle.isConnected; // an example's comparison
    if (event.key !== "Escape" || isBelow || isLasting || !this.place.checkVisibility()) return;
    event.preventDefault(); // otherwise Esc would also leave the full screen
    event.stopPropagation();
    this.#show(false);
    this.toggle.focus({ preventScroll: true });
  };

  /** @param {number} x the pointer's client coordinate */
  #moveTo(x) {
    const { left, width } = this.#split.getBoundingClientRect();
    this.#split.value = String((100 * (x - left - KNOB / 2)) / (width - KNOB));
    this.#divide();
  }

  /** @param {boolean} shown */
  #show(shown) {
    this.place.hidden = !shown;
    this.toggle.ariaPressed = String(shown);
    // On the window, because the press on Compare leaves the focus on that button.
    if (shown) addEventListener("keydown", this.#leave, { capture: true });
    else removeEventListener("keydown", this.#leave, { capture: true });
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
  mark.ariaHidden = "true"; // the slider has a label
  return mark;
}
