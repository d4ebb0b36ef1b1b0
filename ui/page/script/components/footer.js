// @ts-check
// The footer: what shows the keys, and the choice of a language.

import { $ } from "../dom.js";
import { LANGUAGE } from "../messages.js";
import { ask, json } from "../requests.js";
import { showKeys } from "./keys.js";

/** @param {HTMLElement} place */
export function mountFooter(place) {
  $("button", place)?.addEventListener("click", showKeys);
  const menu = /** @type {HTMLSelectElement} */ ($("select", place));
  menu.value = LANGUAGE;
  menu.addEventListener("change", async () => {
    if (await ask("/language", json({ tag: menu.value }))) location.reload();
  });
}
