// @ts-check
// The buttons that stay in view below the form: how much of the page they cover, and the way from a result to the form.

import { $, button } from "../dom.js";
import { message } from "../messages.js";

/** Is there as soon as the page is. */
export class ActionsBar {
  /** @type {HTMLElement | null} */
  #place = null;
  #edit = button(message("Edit"), edit);

  constructor() {
    this.#edit.id = "edit";
    this.#edit.hidden = true;
  }

  /** @param {boolean} isFormless whether there is nothing to edit */
  show(isFormless) {
    const place = $("#actions");
    if (place && place !== this.#place) this.#attach(place);
    this.#edit.classList.toggle("useless", isFormless);
  }

  /** @param {HTMLElement} place */
  #attach(place) {
    this.#place = place;
    $("#generate", place)?.before(this.#edit);
    new ResizeObserver(() => {
      const { style } = document.documentElement;
      style.setProperty("--actions-height", `${place.getBoundingClientRect().height}px`);
    }).observe(place);
    const form = $("#form");
    if (!form) return;
    const look = (/** @type {readonly IntersectionObserverEntry[]} */ [seen]) => {
      this.#edit.hidden = Boolean(seen?.isIntersecting);
    };
    new IntersectionObserver(look, { rootMargin: "0px 0px -30%" }).observe(form);
  }
}

/** To the first text of the form, which is its prompt. */
function edit() {
  const field = $("#form [id^=field-]:has(textarea)") ?? $("#form [id^=field-]");
  if (!field) return;
  /** @type {HTMLElement | null} */ (
    $("textarea, input:not([type=file]), [tabindex]", field)
  )?.focus({ preventScroll: true });
  field.scrollIntoView({ behavior: "smooth" });
}
