// @ts-check
// Footer with a button for the keyboard shortcuts, and the language menu.

import { $ } from "../dom.js";
import { mountLanguages } from "./language_menu.js";

/** @param {HTMLElement} place */
export function mountFooter(place) {
  $(".keys", place)?.addEventListener("click", async () => (await import("./keys.js")).showKeys());
  mountLanguages(place);
}
