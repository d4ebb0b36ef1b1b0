// @ts-check
// Fields of small dialogs, and those with an album's data.

import { element } from "page/dom.js";
import { message } from "page/messages.js";
import { ACCESS } from "./items.js";

/** @import { AlbumDoc } from "./documents.js" */

const TEAM = message(
  "Everyone signed in sees all results, votes and comments, and can review and add results.",
);
const PUBLIC = message(
  "Everyone else sees the kept results, without votes, comments, names and earlier rounds.",
);
const READERS = { private: "", shared: TEAM, public: `${TEAM} ${PUBLIC}` };
const SETTINGS = message("Everyone sees prompts and settings");

/** @param {string} words @param {HTMLElement} field */
export const rowOf = (words, field) => element("label", "row", element("span", "", words), field);

/** @param {string} words @returns {{ input: HTMLInputElement, label: HTMLElement }} */
export function checkBox(words) {
  const input = Object.assign(element("input"), { type: "checkbox" });
  return { input, label: element("label", "", input, element("span", "", words)) };
}

/**
 * @param {HTMLOptionElement[]} options
 * @param {string} chosen
 */
export function selectOf(options, chosen) {
  const made = element("select", "", ...options);
  made.value = chosen;
  return made;
}

/**
 * Return the fields of an album's data.
 * @param {AlbumDoc | null} album null for a new one
 */
export function albumFields(album) {
  const value = album?.title ?? "";
  const title = Object.assign(element("input"), { maxLength: 100, value, required: true });
  const note = Object.assign(element("textarea"), { rows: 2, maxLength: 2000 });
  note.value = album?.note ?? "";
  const ways = ACCESS.map(([value, words]) => new Option(words, value));
  const access = selectOf(ways, album?.access ?? "shared");
  const readers = element("p", "aside");
  const settings = checkBox(SETTINGS);
  settings.input.checked = album?.public_settings ?? false;
  const show = () => {
    readers.textContent = READERS[/** @type {AlbumDoc["access"]} */ (access.value)];
    settings.label.hidden = access.value !== "public";
  };
  access.addEventListener("change", show);
  show();
  return {
    rows: [
      rowOf(message("Title of the album"), title),
      rowOf(message("Description"), note),
      rowOf(message("Access"), access),
      readers,
      settings.label,
    ],
    /** Return the data; null without a title, which the browser then asks for. */
    read() {
      title.value = title.value.trim();
      if (!title.reportValidity()) return null;
      const facts = { title: title.value, note: note.value.trim(), access: access.value };
      return { ...facts, public_settings: settings.input.checked };
    },
  };
}
