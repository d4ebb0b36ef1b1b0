// @ts-check
// The button that opens what varies values: below Generate, and where there is little room, at the end of the form.

import { $, button, isNarrow } from "../dom.js";
import { message, withEllipsis } from "../messages.js";
import { openVary } from "./open.js";

/** Whether there is little room for a form beside what stays in view. */
const isLow = () => matchMedia("(max-height: 720px)").matches;

/** Is there as soon as the page is. */
export class VaryButton {
  #made = button(withEllipsis(message("Vary values")), () => openVary(), "quiet");

  constructor() {
    this.#made.id = "vary";
    this.#made.title = message("Make several results at once, with different values");
    addEventListener("resize", () => this.#place());
  }

  /** @param {boolean} isOffered whether there is a form that can run */
  show(isOffered) {
    this.#made.hidden = !isOffered;
    if (!this.#made.isConnected) this.#place();
  }

  #place() {
    const actions = $("#actions");
    if (!actions) return;
    if (!isNarrow() && !isLow()) actions.append(this.#made);
    else if (this.#made.nextElementSibling !== actions) actions.before(this.#made);
  }
}
