// @ts-check
// How many runs one press starts.

import { $ } from "../dom.js";
import { message } from "../messages.js";

/**
 * @param {number} count
 * @returns {string} what the button that starts them is called
 */
export function showCount(count) {
  $("#actions")?.classList.toggle("several", count > 1);
  return count > 1 ? message("Generate ×{count}", { count }) : message("Generate");
}
