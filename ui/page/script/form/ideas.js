// @ts-check
// Fills the author's ideas and texts from results into the form. If a field has a text box, the text is inserted as if
// typed, so that Ctrl+Z undoes it.

import { LIST } from "../gradio.js";
import { fieldId } from "./field_errors.js";
import { filled } from "./filled.js";
import { addValues, formName, replacing } from "./form.js";
import { typed } from "./typed.js";

/** @import { Idea } from "../state.js" */
/** @import { Replacing } from "./replaced.js" */

const BOXES = "textarea, input[type=number], input[type=text]";

/**
 * Put a text into a field of the form.
 * @param {string} id the field's element id
 * @param {string} text
 * @param {Replacing} [what] what the text comes from
 */
export function fillText(id, text, what = "result") {
  const key = Object.keys(filled.now.authors).find((one) => fieldId(one) === id);
  if (key) fillIn({ [key]: text }, what);
}

/**
 * Fill in an idea, but keep the user's own images and masks.
 * @param {Idea} idea
 */
export function tryOut({ values, instead }) {
  const wanted = Object.entries(values).filter(
    ([key]) => !(key in instead && hasOwnFile(key, instead[key] ?? [])),
  );
  fillIn(Object.fromEntries(wanted), "idea");
}

/**
 * Return whether a field holds a file or a mask other than these.
 * @param {string} key
 * @param {readonly string[]} places paths from ui/web/upload_folder.py: a folder for each file, and its name
 */
function hasOwnFile(key, places) {
  const folders = new Set(places.map((place) => place.split("/")[0]));
  const held = /** @type {Record<string, any>} */ (typed(formName()))[key];
  return [held?.file, held?.mask].some((place) => place && !folders.has(place.split("/")[0]));
}

/**
 * Type values into their fields. If any field has no text box, redraw the form with all values.
 * @param {Record<string, unknown>} values by field key, in the browser's format
 * @param {Replacing} what the values come from
 */
function fillIn(values, what) {
  // The boxes of a mask's tools, a curve or rows take no text.
  const typedIn = Object.entries(values).map(
    ([key, value]) => typeof value !== "object" && typeInto(key, String(value)),
  );
  replacing(what); // the form's values still are those from before
  if (typedIn.includes(false)) addValues(values);
}

/**
 * Insert a text into a field as an undoable edit.
 * @param {string} key
 * @param {string} text
 * @returns {boolean} whether the field has a text box
 */
function typeInto(key, text) {
  const box = document.getElementById(fieldId(key))?.querySelector(BOXES);
  if (!(box instanceof HTMLTextAreaElement || box instanceof HTMLInputElement)) return false;
  if (!box.checkVisibility() || box.matches(LIST)) return false;
  box.focus();
  box.select();
  return document.execCommand("insertText", false, text);
}
