// @ts-check
// Language menu. A choice reloads the page in that language.

import { $ } from "../dom.js";
import { LANGUAGE } from "../messages.js";
import { ask, json } from "../requests.js";

/** @param {Element} place */
export function mountLanguages(place) {
  const menu = /** @type {HTMLSelectElement} */ ($("select", place));
  menu.value = LANGUAGE;
  menu.addEventListener("change", async () => {
    if (await ask("/language", json({ tag: menu.value }))) location.reload();
    else menu.value = LANGUAGE;
  });
}
