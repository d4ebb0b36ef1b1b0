// @ts-check
// Small modal dialog over a larger one.

import { element } from "../dom.js";

/**
 * Return a dialog that closes on a click beside it, and leaves the page when it closes.
 * @param {string} id
 * @param {string} title
 */
export function question(id, title) {
  const made = element("dialog", "question");
  const heading = element("h2", "dialog-title", title);
  heading.id = `${id}-title`;
  made.id = id;
  made.setAttribute("aria-labelledby", heading.id);
  made.append(heading);
  made.addEventListener("close", () => made.remove());
  made.addEventListener("click", ({ target }) => {
    if (target === made) made.close();
  });
  return made;
}
