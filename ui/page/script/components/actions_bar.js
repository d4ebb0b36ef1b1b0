// @ts-check
// Bar of buttons that stays in view below the form. It measures its own height, leads from the result to the form, and
// tracks which of the two is in view.

import { $, button, glideTo } from "../dom.js";
import { message } from "../messages.js";

/** Controller of the bar. It exists from the start; the bar itself appears later. */
export class ActionsBar {
  /** @type {HTMLElement | null} */
  #form = null;
  #edit = button(message("Edit"), edit);

  constructor() {
    this.#edit.id = "edit";
    this.#edit.hidden = true;
  }

  /** @param {boolean} isFormless whether there is nothing to edit */
  show(isFormless) {
    const [place, form] = [$("#actions"), $("#form")];
    if (place && form && form !== this.#form) this.#attach(place, form);
    this.#edit.classList.toggle("useless", isFormless);
  }

  /**
   * @param {HTMLElement} place
   * @param {HTMLElement} form
   */
  #attach(place, form) {
    this.#form = form;
    place.prepend(this.#edit); // the other buttons may be added later
    new ResizeObserver(() => {
      const { style } = document.documentElement;
      style.setProperty("--actions-height", `${place.getBoundingClientRect().height}px`);
    }).observe(place);
    whenSeen(form, "-30%", (isSeen) => {
      this.#edit.hidden = isSeen;
    });
    whenSeen(form, "-50%", (isSeen) => $("#columns")?.classList.toggle("at-result", !isSeen));
  }
}

/**
 * Report whether an element is in the window, now and on every change.
 * @param {HTMLElement} place
 * @param {string} below negative margin that excludes the lower part of the window
 * @param {(isSeen: boolean) => void} tell
 */
function whenSeen(place, below, tell) {
  // A busy browser reports several changes at once. Only the last one is current.
  const look = (/** @type {readonly IntersectionObserverEntry[]} */ changes) =>
    tell(Boolean(changes.at(-1)?.isIntersecting));
  new IntersectionObserver(look, { rootMargin: `0px 0px ${below}` }).observe(place);
}

/** Focus the form's first text field, usually the prompt. */
function edit() {
  const field = $("#form [id^=field-]:has(textarea)") ?? $("#form [id^=field-]");
  if (!field) return;
  /** @type {HTMLElement | null} */ (
    $("textarea, input:not([type=file]), [tabindex]", field)
  )?.focus({ preventScroll: true });
  glideTo(field);
}
