// @ts-check
// A small dialog over a larger one, which keeps the focus.

import { element } from "../dom.js";

/**
 * It leaves the page with its end; a press beside it ends it.
 * @param {string} id
 * @param {string} title
 */
export function question(id, title) {
  const made = element("dialog", "question");
  const heading = element("h2", "", title);
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
