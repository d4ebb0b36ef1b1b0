// @ts-check
// The footer: what shows the keys and what scripts can call, and the choice of a language.

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
