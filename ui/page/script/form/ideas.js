// @ts-check
// What an author lets people try, and texts that came of a run, are filled into the form: typed, where there is a box
// to type into, so that Ctrl+Z takes it back.

import { LIST } from "../gradio.js";
import { fieldId } from "./field_errors.js";
import { filled } from "./filled.js";
import { addValues } from "./form.js";

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
 * @param {Record<string, unknown>} values by field key, as the browser keeps them
 */
export function fillIn(values) {
  const typed = Object.entries(values).map(([key, value]) => typeInto(key, String(value)));
  if (typed.includes(false)) addValues(values);
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
