// @ts-check
// The form's main prompt, to which the picker adds trigger words.

import { $, typeInto } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { withWords } from "./choosing.js";

/** `key`: of the prompt's field, "" for none. */
const form = { key: "" };

/** @param {string} key */
export function setPrompt(key) {
  form.key = key;
}

/** @returns {HTMLTextAreaElement | HTMLInputElement | null} */
const box = () =>
  form.key
    ? /** @type {HTMLTextAreaElement | HTMLInputElement | null} */ (
        $(
          "textarea, input[type=text]",
          document.getElementById(fieldId(form.key)) ?? new DocumentFragment(),
        )
      )
    : null;

/** Return the prompt, null if the form shows none. */
export const promptText = () => box()?.value ?? null;

/**
 * Add words to the end of the prompt.
 * @param {readonly string[]} words
 * @returns {() => void} takes them out again, unless the user has changed the prompt since
 */
export function addToPrompt(words) {
  const prompt = box();
  if (!prompt) return () => {};
  const before = prompt.value;
  const after = withWords(before, words);
  typeInto(prompt, after);
  return () => {
    const now = box();
    if (now?.value === after) typeInto(now, before);
  };
}
