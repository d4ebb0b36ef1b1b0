// @ts-check
// The buttons that stay in view below the form: how much of the page they cover, and the way from a result to the form;
// which of the two is looked at.

import { $, button, glideTo } from "../dom.js";
import { message } from "../messages.js";

/** Is there as soon as the page is. */
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
    place.prepend(this.#edit); // its other buttons may come later
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
 * Tell whether something is in the window, now and whenever that changes.
 * @param {HTMLElement} place
 * @param {string} below how much of the window's lower end does not count
 * @param {(isSeen: boolean) => void} tell
 */
function whenSeen(place, below, tell) {
  // A browser that is busy tells of several changes at once, the last of which is how it is.
  const look = (/** @type {readonly IntersectionObserverEntry[]} */ changes) =>
    tell(Boolean(changes.at(-1)?.isIntersecting));
  new IntersectionObserver(look, { rootMargin: `0px 0px ${below}` }).observe(place);
}

/** To the first text of the form, which is its prompt. */
function edit() {
  const field = $("#form [id^=field-]:has(textarea)") ?? $("#form [id^=field-]");
  if (!field) return;
  /** @type {HTMLElement | null} */ (
    $("textarea, input:not([type=file]), [tabindex]", field)
  )?.focus({ preventScroll: true });
  glideTo(field);
}
