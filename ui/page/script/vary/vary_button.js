// @ts-check
// The button that opens the “Vary values…” dialog. It is below Generate, or at the end of the form in a small window.

import { $, button, isNarrow } from "../dom.js";
import { message, withEllipsis } from "../messages.js";
import { openVary } from "./open.js";

/** Return whether the window is so low that a larger sticky bar would leave too little room for the form. */
const isLow = () => matchMedia("(max-height: 720px)").matches;

/** The button. It exists as soon as the page does. */
export class VaryButton {
  #made = button(withEllipsis(message("Vary values")), () => openVary(), "quiet");

  constructor() {
    this.#made.id = "vary";
    this.#made.title = message("Generate several results with different values");
    addEventListener("resize", () => this.#place());
  }

  /** @param {boolean} isOffered whether the page has a form that can run */
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
