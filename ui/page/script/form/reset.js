// @ts-check
// Resets fields to the author's values, one by one. The form's menu resets all at once.

import { $, all, iconButton, typeInto } from "../dom.js";
import { labelOf, labelPart, tellChanges } from "../gradio.js";
import { labeled, message, plural } from "../messages.js";
import { fieldId } from "./field_errors.js";
import { filled } from "./filled.js";
import { replacing } from "./form.js";
import { isRows, numbersOf } from "./values.js";

/** @import { Filled } from "./filled.js" */

const GAP = 4; // pixels

/** @type {{ key: string }} the field to reset */
const state = { key: "" };

/** Let the user undo the reset that follows. */
export function rememberValues() {
  replacing("reset");
  return [];
}

/** Return the fields to reset, as the input of a Gradio listener. */
export const fieldsToReset = () => [[state.key]];

/**
 * Describe the author's value for the user.
 * @param {unknown} value
 */
function words(value) {
  if (value === null || value === undefined || value === "")
    return message("The author left this empty.");
  return labeled(message("Author's value"), valueWords(value));
}

/** @param {{}} value */
function valueWords(value) {
  if (isRows(value)) return value.map(rowWords).join(", ").slice(0, 200);
  if (Array.isArray(value)) return numbersOf(value).join(", ");
  if (typeof value === "object") return message("File");
  if (typeof value === "boolean") return value ? message("Yes") : message("No");
  return String(value).slice(0, 200);
}

/** @param {Record<string, unknown>} row */
const rowWords = (row) =>
  Object.values(row)
    .filter((cell) => typeof cell === "string" || typeof cell === "number")
    .join(" ");

/** @param {string} key @param {Filled} form */
const isChanged = (key, { values, authors }) =>
  key in values && key in authors && comparable(values[key]) !== comparable(authors[key]);

/** @param {unknown} value */
const comparable = (value) =>
  JSON.stringify(Array.isArray(value) && !isRows(value) ? numbersOf(value) : (value ?? ""));

/** @param {string} key */
function putBack(key) {
  state.key = key;
  $("#reset-one")?.click();
  const field = document.getElementById(fieldId(key));
  if (!field) return;
  // The pressed button disappears. Focusing the input instead would open a list or a phone's keyboard.
  field.tabIndex = -1;
  field.focus({ preventScroll: true });
}

/**
 * Place the reset button next to the label, whose end depends on the text layout.
 * @param {HTMLElement} mark
 * @param {HTMLElement} field
 */
function settle(mark, field) {
  const label = labelPart(field);
  if (!label) return;
  const text = document.createRange();
  text.selectNodeContents(label);
  const lines = text.getClientRects();
  const line = lines[lines.length - 1];
  const box = field.getBoundingClientRect();
  if (!line?.width) return;
  const beside = line.right - box.left + GAP;
  const edge = $("#form")?.getBoundingClientRect().right ?? Infinity;
  const hasRoom = box.left + beside + mark.offsetWidth <= edge + GAP;
  mark.style.left = `${hasRoom ? beside : -mark.offsetWidth}px`;
  mark.style.top = `${(line.top + line.bottom) / 2 - box.top}px`;
}

/** @param {Filled} form */
function mark(form) {
  for (const [key, author] of Object.entries(form.authors)) {
    const field = document.getElementById(fieldId(key));
    if (!field) continue;
    let shown = $(".put-back", field);
    if (!field.classList.toggle("changed", isChanged(key, form))) shown?.remove();
    else {
      if (!shown) {
        shown = iconButton("reset", () => putBack(key), "put-back");
        field.append(shown);
      }
      shown.title = words(author); // another form's field may be the same element
      // A field that draws itself late has no label at first.
      shown.ariaLabel = labeled(message("Reset"), labelOf(field));
      settle(shown, field);
    }
  }
  for (const { dataset } of all("#form [data-section]")) {
    const keys = /** @type {string[]} */ (JSON.parse(dataset.keys ?? "[]"));
    const count = keys.filter((key) => isChanged(key, form)).length;
    const words = count ? plural("{count} changed", "{count} changed", { count }) : "";
    tellChanges(dataset.section ?? "", words);
  }
}

/** Put the author's value into a number's box that the user leaves empty, before Gradio sets the least. */
export function fillEmptied() {
  document.addEventListener(
    "blur",
    ({ target }) => {
      if (!(target instanceof HTMLInputElement) || target.type !== "number" || target.value) return;
      const id = target.closest("[id^=field-]")?.id;
      const key = Object.keys(filled.now.authors).find((one) => fieldId(one) === id);
      const author = key && filled.now.authors[key];
      if (typeof author === "number") typeInto(target, String(author));
    },
    { capture: true },
  );
}

/** Keep the reset buttons on changed fields, and each section's count of them, up to date when fields appear or move. */
export function markChanges() {
  const again = () => mark(filled.now);
  // Gradio draws some fields late, and those in a collapsed section only when it is expanded.
  const added = new MutationObserver(again);
  const resized = new ResizeObserver(again);
  filled.subscribe((now, before) => {
    const form = $("#form");
    if (form && now.authors !== before.authors) {
      added.observe(form, { childList: true, subtree: true });
      resized.observe(form);
    }
    mark(now);
  });
}
