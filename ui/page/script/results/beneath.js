// @ts-check
// The part below a run's results: previews to choose from, and its details.

import { all, element, fold } from "../dom.js";
import { message } from "../messages.js";
import { choiceWords } from "../runs/results.js";
import { detailsOf } from "../stage/details.js";
import { thumbnailFor } from "../stage/media.js";

/** @import { StageView } from "../documents.js" */
/** @import { Arrangement } from "../runs/results.js" */

export class Beneath {
  intermediate = element("details", "intermediate");
  details = element("details", "details");
  #choose;

  /** @param {(at: number) => void} choose called with the index of the chosen preview */
  constructor(choose) {
    this.#choose = choose;
  }

  /** @param {Arrangement} arrangement @param {StageView | null} page of the run, null without one */
  show(arrangement, page) {
    const { items, intermediate, echoes } = arrangement;
    const title = message("Previews ({count})", { count: intermediate.length });
    const made = intermediate.map((item, number) => {
      const at = items.length + number;
      const choice = thumbnailFor(item, choiceWords(arrangement, at), () => this.#choose(at));
      choice.dataset.at = String(at);
      return choice;
    });
    fold(this.intermediate, title, made);
    fold(this.details, message("Details"), page ? detailsOf(page, echoes) : []);
  }

  get hasFocus() {
    return this.intermediate.contains(document.activeElement);
  }

  /**
   * Mark a preview as chosen.
   * @param {number} at
   * @param {boolean} hasFocus whether it gets the focus
   */
  mark(at, hasFocus = false) {
    for (const one of all("button", this.intermediate)) {
      one.ariaPressed = String(one.dataset.at === String(at));
      if (hasFocus && one.ariaPressed === "true") one.focus();
    }
  }
}
