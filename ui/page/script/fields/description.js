// @ts-check
// A workflow's description: two lines that end with a whole sentence or word, and a button that shows the rest.

import { $, button } from "../dom.js";
import { message } from "../messages.js";

const PARTS = /(?<=[\s\u3000-\u9fff])/u; // Chinese and Japanese text breaks between any characters
const SENTENCES = /^.+[.!?。！？](?=\s|$|[\u3000-\u9fff])/su;
const LAST_MARKS = /[\s,;:–—-]+$/;

/**
 * Return the beginning of a text: its whole sentences if they are more than half of what fits, else its whole words.
 * @param {string} text
 * @param {(text: string) => boolean} fits
 */
export function beginningOf(text, fits) {
  let words = "";
  for (const part of text.split(PARTS)) {
    if (words && !fits(`${(words + part).trimEnd()}…`)) break;
    words += part;
  }
  const [sentences = ""] = SENTENCES.exec(words) ?? [];
  return sentences.length > words.length / 2 ? sentences : `${words.replace(LAST_MARKS, "")}…`;
}

/**
 * Fold a description if it is longer than its place. Its place may become wider or narrower.
 * @param {HTMLElement} place
 */
export function mountDescription(place) {
  const text = $("p", place);
  if (!text) return;
  const whole = text.textContent;
  const fits = (/** @type {string} */ words) => {
    text.textContent = words;
    return text.scrollHeight <= text.clientHeight + 1;
  };
  const fit = () => {
    more.hidden = more.ariaExpanded === "false";
    if (fits(whole)) return;
    more.hidden = false;
    text.textContent = beginningOf(whole, fits);
  };
  const more = button(
    message("More"),
    () => {
      const isOpen = text.classList.toggle("open");
      more.textContent = isOpen ? message("Less") : message("More");
      more.ariaExpanded = String(isOpen);
      fit();
    },
    "link",
  );
  more.ariaExpanded = "false";
  place.append(more);
  new ResizeObserver(fit).observe(place);
}
