// @ts-check
// A list of checkboxes for selecting several choices. Choices selected at the start come first.

import { button, element } from "../dom.js";
import { message, plural } from "../messages.js";

const MANY = 12;

/**
 * Create the list, with buttons to select all or none and, if it is long, a search box.
 * @param {readonly [string, string][]} choices label and value of each
 * @param {readonly string[]} chosen
 * @param {(chosen: string[]) => void} changed
 * @returns {HTMLElement}
 */
export function choiceList(choices, chosen, changed) {
  const place = element("div", "choices");
  const list = element("div", "choice-list");
  const lines = choices.map(([label, value]) => lineFor(label, value, chosen.includes(value)));
  const first = lines.filter(({ box }) => box.checked);
  list.append(
    ...[...first, ...lines.filter((one) => !first.includes(one))].map(({ line }) => line),
  );
  const said = element("p", "chosen");
  said.role = "status";
  const say = (/** @type {number} */ count) => {
    const all = choices.length;
    said.textContent = plural("{count} of {all} selected", "{count} of {all} selected", {
      count,
      all,
    });
  };
  const tell = () => {
    const values = lines.filter(({ box }) => box.checked).map(({ box }) => box.value);
    say(values.length);
    changed(values);
  };
  say(first.length);
  list.addEventListener("change", tell);
  const set = (/** @type {boolean} */ isChosen) => {
    for (const { line, box } of lines) if (!line.hidden) box.checked = isChosen;
    tell();
  };
  const head = element("div", "choice-head");
  if (choices.length > MANY) head.append(searchOf(lines));
  head.append(
    button(message("All"), () => set(true), "quiet"),
    button(message("None"), () => set(false), "quiet"),
    said,
  );
  place.append(head, list);
  return place;
}

/** @typedef {{ line: HTMLLabelElement, box: HTMLInputElement }} ChoiceLine */

/**
 * @param {string} label
 * @param {string} value
 * @param {boolean} isChosen
 * @returns {ChoiceLine}
 */
function lineFor(label, value, isChosen) {
  const line = element("label");
  const box = element("input");
  Object.assign(box, { type: "checkbox", value, checked: isChosen });
  line.append(box, element("span", "", label));
  return { line, box };
}

/** @param {readonly ChoiceLine[]} lines */
function searchOf(lines) {
  const search = element("input");
  search.type = "search";
  search.placeholder = message("Search");
  search.ariaLabel = search.placeholder;
  search.addEventListener("input", () => {
    const text = search.value.trim().toLowerCase();
    for (const { line } of lines)
      line.hidden = !(line.textContent ?? "").toLowerCase().includes(text);
  });
  return search;
}
