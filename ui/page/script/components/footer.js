// @ts-check
// Footer with a button for the keyboard shortcuts, and the language menu.

import { $ } from "../dom.js";
import { showKeys } from "./keys.js";
import { mountLanguages } from "./language_menu.js";

/** @param {HTMLElement} place */
export function mountFooter(place) {
  $(".keys", place)?.addEventListener("click", showKeys);
  mountLanguages(place);
}
