// @ts-check
// Back to the author's values, field by field or all at once, and back from there.

import { $, button } from "../dom.js";
import { labelOf, labelPart } from "../gradio.js";
import { message } from "../messages.js";
import { fieldId } from "./field_errors.js";
import { filled } from "./filled.js";
import { numbersOf } from "./values.js";

/** @import { Filled } from "./filled.js" */

const UNDO = message("Undo reset");
const REDO = message("Redo reset");
const GAP = 4; // pixels

/**
 * What all components held before the last reset, as Gradio has it, or null; whether that is
 * undone; and the field that is to be put back.
 * @type {{ before: readonly unknown[] | null, isUndone: boolean, key: string }}
 */
const state = { before: null, isUndone: false, key: "" };

/**
 * Nothing is thrown away by a reset.
 * @param {readonly unknown[]} values of all components
 */
export function rememberValues(values) {
  Object.assign(state, { before: values, isUndone: false });
  showUndo();
  return [];
}

/**
 * The fields to put back, as the input of a listener.
 * @param {readonly string[]} [keys] without them it is the one that was asked for
 */
export const fieldsToReset = (keys = [state.key]) => [keys];

/**
 * What the components held before the last reset, for which they give what they hold now: pressed again, that comes back.
 * @param {readonly unknown[]} values
 */
export function undo(values) {
  const before = state.before ?? values;
  Object.assign(state, { before: values, isUndone: !state.isUndone });
  showUndo();
  return before;
}

/** The button is there from the first reset of this form on. */
function showUndo() {
  const place = $("#undo-reset");
  place?.classList.toggle("offered", state.before !== null);
  if (place) place.textContent = state.isUndone ? REDO : UNDO;
}

/**
 * The author's value, as a person reads it.
 * @param {unknown} value
 */
function words(value) {
  if (value === null || value === undefined || value === "")
    return message("The author left this empty.");
  if (Array.isArray(value))
    return message("The author’s value: {value}", { value: numbersOf(value).join(", ") });
  if (typeof value === "object") return message("The author gave a file.");
  if (typeof value === "boolean")
    return value ? message("The author’s value: Yes") : message("The author’s value: No");
  return message("The author’s value: {value}", { value: String(value).slice(0, 200) });
}

/**
 * Whether a field holds what its author gave.
 * @param {unknown} now
 * @param {unknown} authors
 */
const isAuthors = (now, authors) => comparable(now) === comparable(authors);

/** @param {unknown} value */
const comparable = (value) =>
  JSON.stringify(Array.isArray(value) ? numbersOf(value) : (value ?? ""));

/** @param {string} key */
function putBack(key) {
  state.key = key;
  $("#reset-one")?.click();
  const field = document.getElementById(fieldId(key));
  if (!field) return;
  field.tabIndex = -1; // the button goes; in its own box a list would open, and a phone show its keys
  field.focus({ preventScroll: true });
}

/**
 * Beside the label, whose end only the browser knows.
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
function mark({ values, authors }) {
  for (const [key, author] of Object.entries(authors)) {
    const field = document.getElementById(fieldId(key));
    if (!field) continue;
    let shown = $(".put-back", field);
    const isChanged = key in values && !isAuthors(values[key], author);
    field.classList.toggle("changed", isChanged);
    if (!isChanged) shown?.remove();
    else {
      if (!shown) {
        shown = button("↺", () => putBack(key), "put-back");
        shown.ariaLabel = message("Reset {field}", { field: labelOf(field) });
        shown.title = words(author);
        field.append(shown);
      }
      settle(shown, field);
    }
  }
}

/** Mark the fields that were changed, as they come and move. */
export function markChanges() {
  const again = () => mark(filled.now);
  // Gradio draws some fields late, and those of a folded section when it is unfolded.
  const added = new MutationObserver(again);
  const resized = new ResizeObserver(again);
  filled.subscribe((now, before) => {
    const form = $("#form");
    if (form && now.authors !== before.authors) {
      state.before = null; // of components that are gone; the button may be the same
      showUndo();
      added.observe(form, { childList: true, subtree: true });
      resized.observe(form);
    }
    mark(now);
  });
}
