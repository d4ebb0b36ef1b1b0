// @ts-check
// The footer: what shows the keys, and the choice of a language.

import { $ } from "../dom.js";
import { showKeys } from "./keys.js";
import { mountLanguages } from "./language_menu.js";

/** @param {HTMLElement} place */
export function mountFooter(place) {
  $("button", place)?.addEventListener("click", showKeys);
  mountLanguages(place);
}
