// @ts-check
// Language menu. A choice reloads the page in that language.

import { $ } from "../dom.js";
import { LANGUAGE } from "../messages.js";
import { ask, json } from "../requests.js";

/** @param {Element} place @param {() => void} [before] called before the page changes */
export function mountLanguages(place, before) {
  const menu = /** @type {HTMLSelectElement} */ ($("select", place));
  menu.value = LANGUAGE;
  menu.addEventListener("change", async () => {
    if (await ask("/language", json({ tag: menu.value }))) {
      before?.();
      location.reload();
    } else menu.value = LANGUAGE;
  });
}
