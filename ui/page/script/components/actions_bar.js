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
    const look = (/** @type {readonly IntersectionObserverEntry[]} */ [seen]) => {
      this.#edit.hidden = Boolean(seen?.isIntersecting);
    };
    new IntersectionObserver(look, { rootMargin: "0px 0px -30%" }).observe(form);
    const settle = (/** @type {readonly IntersectionObserverEntry[]} */ [seen]) =>
      $("#columns")?.classList.toggle("at-result", !seen?.isIntersecting);
    new IntersectionObserver(settle, { rootMargin: "0px 0px -50%" }).observe(form);
  }
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
