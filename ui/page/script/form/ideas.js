// @ts-check
// What an author lets people try, and texts that came of a run, are filled into the form: typed, where there is a box
// to type into, so that Ctrl+Z takes it back.

import { LIST } from "../gradio.js";
import { fieldId } from "./field_errors.js";
import { filled } from "./filled.js";
import { addValues, formName } from "./form.js";
import { typed } from "./typed.js";

/** @import { Idea } from "../state.js" */

const BOXES = "textarea, input[type=number], input[type=text]";

/**
 * Put a text into a field of the form.
 * @param {string} id of the field
 * @param {string} text
 */
export function fillText(id, text) {
  const key = Object.keys(filled.now.authors).find((one) => fieldId(one) === id);
  if (key) fillIn({ [key]: text });
}

/**
 * Fill in an idea. An image of the person's own, or a mask, stays.
 * @param {Idea} idea
 */
export function tryOut({ values, instead }) {
  const wanted = Object.entries(values).filter(
    ([key]) => !(key in instead && hasOwnFile(key, instead[key] ?? [])),
  );
  fillIn(Object.fromEntries(wanted));
}

/**
 * Whether a field holds a file that none of these is, or a mask that is no part of one of them.
 * @param {string} key
 * @param {readonly string[]} places as ui/web/upload_folder.py has them: a folder for each, and a name in it
 */
function hasOwnFile(key, places) {
  const folders = new Set(places.map((place) => place.split("/")[0]));
  const held = /** @type {Record<string, any>} */ (typed(formName()))[key];
  return [held?.file, held?.mask].some((place) => place && !folders.has(place.split("/")[0]));
}

/**
 * @param {Record<string, unknown>} values by field key, as the browser keeps them
 */
function fillIn(values) {
  const typedIn = Object.entries(values).map(([key, value]) => typeInto(key, String(value)));
  if (typedIn.includes(false)) addValues(values);
}

/**
 * @param {string} key
 * @param {string} text
 * @returns {boolean} whether the field could be typed into
 */
function typeInto(key, text) {
  const box = document.getElementById(fieldId(key))?.querySelector(BOXES);
  if (!(box instanceof HTMLTextAreaElement || box instanceof HTMLInputElement)) return false;
  if (!box.checkVisibility() || box.matches(LIST)) return false;
  box.focus();
  box.select();
  return document.execCommand("insertText", false, text);
}
