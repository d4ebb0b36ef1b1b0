// @ts-check
// The number of runs that one press of Generate starts.

import { $ } from "../dom.js";
import { message } from "../messages.js";

/**
 * Show the number of runs. A chain always runs once, even if a higher number was chosen for the previous form.
 * @param {number} chosen
 * @param {{ chain: boolean } | null} form
 * @returns {string} the label of the Generate button
 */
export function showCount(chosen, form) {
  const count = form?.chain ? 1 : chosen;
  $("#actions")?.classList.toggle("several", count > 1);
  const list = $("#count");
  if (list) list.title = count > 1 ? ($("#about-count")?.textContent ?? "").trim() : "";
  const words = message("Generate");
  return count > 1 ? `${words} ×${count}` : words;
}
