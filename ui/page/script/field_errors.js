// @ts-check
// Sentences about values, each painted on its field.

import { $, all, element } from "./dom.js";
import { unfold } from "./gradio.js";

/**
 * The id of a field's element: ui/page/controls.py makes the same.
 * @param {string} key
 */
export const fieldId = (key) => `field-${key.replace(/[^\p{L}\p{N}]/gu, "-")}`;

export function clearErrors() {
  for (const note of all(".field-error")) note.remove();
  for (const field of all(".has-error")) {
    field.classList.remove("has-error");
    for (const input of all("[aria-invalid]", field)) input.removeAttribute("aria-invalid");
  }
}

/**
 * Paint a sentence on its field.
 * @param {HTMLElement} field
 * @param {string} sentence
 * @returns {HTMLElement} where to put the focus
 */
export function showError(field, sentence) {
  unfold(field);
  const note = element("p", "field-error", sentence);
  note.id = `${field.id}-error`;
  field.classList.add("has-error");
  field.append(note);
  const input = $("input, textarea", field);
  input?.setAttribute("aria-invalid", "true");
  input?.setAttribute("aria-describedby", note.id);
  // What files are chosen with is hidden behind a button.
  const isHidden = input instanceof HTMLInputElement && input.type === "file";
  return (isHidden ? $("button", field) : input) ?? field;
}

/**
 * Paint each sentence on its field.
 * @param {Readonly<Record<string, string>>} errors by the fields' keys
 * @param {{ leads?: boolean }} [options] `leads`: go to the first of them
 * @returns {string[]} those that have no field on the page
 */
export function showErrors(errors, { leads = true } = {}) {
  clearErrors();
  const homeless = [];
  /** @type {HTMLElement | null} */
  let first = null;
  for (const [key, sentence] of Object.entries(errors)) {
    const field = document.getElementById(fieldId(key));
    if (!field) {
      homeless.push(sentence);
      continue;
    }
    const input = showError(field, sentence);
    first ??= input;
  }
  if (!leads) return homeless;
  // At once, and again when a section that had to be unfolded has been laid out.
  const lead = () => {
    first?.focus({ preventScroll: true });
    first?.scrollIntoView({ block: "center" });
  };
  lead();
  setTimeout(lead, 400);
  return homeless;
}
