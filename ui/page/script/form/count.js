// @ts-check
// How many runs one press starts.

import { $ } from "../dom.js";
import { message } from "../messages.js";

/**
 * A chain runs once, whatever was chosen for the form before.
 * @param {number} chosen
 * @param {{ chain: boolean } | null} form
 * @returns {string} what the button that starts them is called
 */
export function showCount(chosen, form) {
  const count = form?.chain ? 1 : chosen;
  $("#actions")?.classList.toggle("several", count > 1);
  const list = $("#count");
  if (list) list.title = count > 1 ? ($("#about-count")?.textContent ?? "").trim() : "";
  return count > 1 ? message("Generate ×{count}", { count }) : message("Generate");
}
