// @ts-check
// Footer with buttons for the keyboard shortcuts and the API page, and the language menu.

import { $ } from "../dom.js";
import { showApi } from "../gradio.js";
import { showKeys } from "./keys.js";
import { mountLanguages } from "./language_menu.js";

/** @param {HTMLElement} place */
export function mountFooter(place) {
  $(".keys", place)?.addEventListener("click", showKeys);
  $(".api", place)?.addEventListener("click", showApi);
  mountLanguages(place);
}
