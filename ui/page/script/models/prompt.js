// @ts-check
// The form's main prompt: the picker adds trigger words to it and removes them.

import { $, typeInto } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { withoutWord, withWords } from "./choosing.js";

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
 */
export function addToPrompt(words) {
  const prompt = box();
  if (prompt) typeInto(prompt, withWords(prompt.value, words));
}

/** @param {string} word */
export function removeFromPrompt(word) {
  const prompt = box();
  if (prompt) typeInto(prompt, withoutWord(prompt.value, word));
}
