// @ts-check
// The choice between one seed for all runs and a new seed for each.

import { element } from "../dom.js";
import { message } from "../messages.js";

/** @import { Seeds } from "../batches/spec.js" */

export class SeedChoice {
  /** The element on the page. */
  place = element("fieldset", "ways seeds wraps");
  /** @type {HTMLInputElement[]} */
  #boxes = [];

  /** @param {(seeds: Seeds) => void} chosen */
  constructor(chosen) {
    const ways = [
      { seeds: /** @type {const} */ ("one"), words: message("Same seed for all runs") },
      { seeds: /** @type {const} */ ("each"), words: message("New seed for each run") },
    ];
    this.place.append(element("legend", "", message("Seed")));
    for (const { seeds, words } of ways) {
      const box = element("input");
      Object.assign(box, { type: "radio", name: "vary-seeds", value: seeds });
      box.addEventListener("change", () => chosen(seeds));
      this.#boxes.push(box);
      const label = element("label", "in-line", box, element("span", "", words));
      this.place.append(label);
    }
    const help = element(
      "p",
      "help aside",
      message("With the same seed, only the values you vary differ."),
    );
    help.id = "vary-help-seeds";
    this.place.setAttribute("aria-describedby", help.id);
    this.place.append(help);
  }

  /** @param {Seeds | null} seeds null if the choice makes no difference */
  show(seeds) {
    this.place.hidden = seeds === null;
    for (const box of this.#boxes) box.checked = box.value === seeds;
  }
}
