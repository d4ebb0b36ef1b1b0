// @ts-check
// Search for fields in a long section.

import { $, all, element, typeInto } from "../dom.js";
import { labelPart } from "../gradio.js";
import { message } from "../messages.js";

const SEARCH = ".field-search input";
const TITLE = ".node-title:not(.node-title *)";
const FOLD = "[data-opens]"; // a group that isn't drawn
// Elements to hide as a unit: a size and a seed have several parts.
const UNIT = ":is(.size-field, .seed, [id^=field-]):not(:is(.size-field, .seed) *)";

/**
 * Return the labels and ids of a field, or of both fields of a size. The ids contain the names of the nodes' inputs.
 * @param {HTMLElement} unit
 */
function labelsOf(unit) {
  const fields = unit.id ? [unit] : all("[id^=field-]", unit);
  return fields.map((field) => `${labelPart(field)?.textContent ?? ""} ${field.id}`).join(" ");
}

/**
 * Show only the fields whose labels, ids and node title contain all words.
 * @param {HTMLElement} section
 * @param {string} text
 * @returns {number} number of matching fields
 */
function filter(section, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  /** @type {HTMLElement | null} */
  let title = null;
  let count = 0;
  for (const one of all(`${TITLE}, ${FOLD}, ${UNIT}`, section)) {
    if (one.matches(TITLE)) {
      title = one;
      one.hidden = words.length > 0;
      continue;
    }
    const isFold = one.matches(FOLD);
    const parts = isFold
      ? [one.textContent, one.dataset.keys]
      : [title?.textContent, labelsOf(one)];
    const said = parts.join(" ").toLowerCase();
    one.hidden = !words.every((word) => said.includes(word));
    if (one.hidden) continue;
    count += 1;
    if (title && !isFold) title.hidden = false;
  }
  return count;
}

/** @param {HTMLElement} place */
export function mountFieldSearch(place) {
  const words = message("Search fields");
  const search = Object.assign(element("input"), { type: "search", placeholder: words });
  search.ariaLabel = words;
  const said = element("p", "caption");
  said.role = "status";
  search.addEventListener("input", () => {
    const section = /** @type {HTMLElement | null} */ (place.closest(".section"));
    if (section) said.textContent = filter(section, search.value) ? "" : message("No results.");
  });
  place.replaceChildren(search, said);
}

/**
 * Clear the search if it hides a field.
 * @param {HTMLElement} field
 */
export function endSearch(field) {
  const section = field.closest("[hidden]") && field.closest(".section");
  const search = section && /** @type {HTMLInputElement | null} */ ($(SEARCH, section));
  if (search) typeInto(search, "");
}
