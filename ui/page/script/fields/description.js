// @ts-check
// A workflow's description: two lines, and a button that shows the rest.

import { $, button } from "../dom.js";
import { message } from "../messages.js";

/**
 * Fold a description if it is longer than its place. Its place may become wider or narrower.
 * @param {HTMLElement} place
 */
export function mountDescription(place) {
  const text = $("p", place);
  if (!text) return;
  const more = button(
    message("More"),
    () => {
      const isOpen = text.classList.toggle("open");
      more.textContent = isOpen ? message("Less") : message("More");
      more.ariaExpanded = String(isOpen);
    },
    "link",
  );
  more.ariaExpanded = "false";
  place.append(more);
  new ResizeObserver(() => {
    if (!text.classList.contains("open")) more.hidden = text.scrollHeight <= text.clientHeight + 1;
  }).observe(text);
}
