// @ts-check
// Error messages and notes about values, each shown on its field.

import { endSearch } from "../components/field_search.js";
import { $, all, announce, element, INPUTS, typeInto } from "../dom.js";
import { closeFocused, isRandomSeed, LIST, labelOf, SEED_TEXT, unfold } from "../gradio.js";
import { labeled } from "../messages.js";
import { page, say } from "../state.js";
import { changeWords, clamped, isRight, refusalOf, seedRefusal, sentNumber } from "./values.js";

/** @import { HeldField, NumberRule, Rule } from "./values.js" */

/**
 * `rules` of the form's numbers and seeds and the last known `values`, both by field key. `awaits` watches for fields
 * that Gradio has yet to draw and that have an error to show. `refusals`: why fields refused the last file, by element
 * id, while they have no other. `showIn`: shows the errors of fields in parts of the form that aren't drawn yet.
 * @typedef {Readonly<Record<string, unknown>>} FieldValues
 * @type {{ rules: Record<string, Rule>, values: FieldValues, awaits: MutationObserver | null,
 *   refusals: Map<string, string>, showIn: (errors: Record<string, string>) => void }}
 */
const form = { rules: {}, values: {}, awaits: null, refusals: new Map(), showIn: () => {} };
const INPUT = "input, textarea";

/**
 * Return the id of a field's element. ui/page/form/kinds/view.py generates the same ids.
 * @param {string} key
 */
export const fieldId = (key) => `field-${key.replace(/[^\p{L}\p{N}]/gu, "-")}`;

export function clearErrors() {
  for (const field of all(".has-error")) clearError(field);
}

/**
 * Show why a field refused a file, also at the next press of Generate, until the field gets a file.
 * @param {HTMLElement} field
 * @param {string} why
 */
export function showRefusal(field, why) {
  clearErrors();
  form.refusals.set(field.id, why);
  showError(field, why);
}

/** @param {HTMLElement} field */
export function clearError(field) {
  for (const note of all(".field-error", field)) note.remove();
  field.classList.remove("has-error");
  for (const input of all("[aria-invalid]", field)) input.removeAttribute("aria-invalid");
}

/**
 * Remove each error whose field now holds a valid value.
 * @param {readonly HeldField[]} fields
 * @param {Record<string, unknown>} now
 * @param {Record<string, unknown>} before
 * @returns {boolean} whether any value changed
 */
export function clearMended(fields, now, before) {
  const json = (/** @type {unknown} */ value) => JSON.stringify(value ?? null);
  const others = fields.filter(([key]) => json(now[key]) !== json(before[key]));
  for (const [key] of others) form.refusals.delete(fieldId(key));
  for (const [key, kind] of others) {
    const field = document.getElementById(fieldId(key));
    if (!field?.classList.contains("has-error") || !isRight(kind, form.rules[key], now[key]))
      continue;
    // Gradio may report a value late, after the user has typed more.
    if (!leftWrong(field, form.rules[key])) clearError(field);
  }
  return others.length > 0;
}

/**
 * Show an error on its field. A collapsed section is expanded first.
 * @param {HTMLElement} field
 * @param {string} sentence
 * @returns {Promise<void> | null} see `unfold`
 */
export function showError(field, sentence) {
  const opening = unfold(field);
  endSearch(field);
  clearError(field);
  const note = element("p", "field-error", sentence);
  note.id = `${field.id}-error`;
  field.classList.add("has-error");
  const cell = cellOf(field, sentence);
  if (cell) cell.closest(".line")?.after(note);
  else field.append(note);
  const input = cell ? $(INPUTS, cell) : $(INPUT, field);
  input?.setAttribute("aria-invalid", "true");
  input?.setAttribute("aria-describedby", note.id);
  return opening;
}

/**
 * Return the cell that an error of repeatable rows names, as in "LoRA 2: Strength: Maximum 100."
 * @param {HTMLElement} field
 * @param {string} sentence
 */
const cellOf = (field, sentence) =>
  all(".line > .cell", field).find((cell) => {
    const row = cell.closest(".line")?.ariaLabel ?? "";
    const name = labeled(row, $(".name", cell)?.textContent ?? "");
    return sentence.startsWith(labeled(name, ""));
  });

/**
 * Show each error on its field.
 * @param {Readonly<Record<string, string>>} errors by field key
 * @param {{ leads?: boolean, labelled?: Readonly<Record<string, string>> }} [options] `leads`: focus the first wrong
 *   field; `labelled`: the same errors with field labels, for fields that aren't on the page
 * @returns {string[]} the errors whose fields aren't on the page
 */
export function showErrors(errors, { leads = true, labelled = {} } = {}) {
  clearErrors();
  const homeless = [];
  const opening = [];
  const folded = new Set(foldedKeys());
  /** @type {Record<string, string>} */
  const shown = {};
  let isUndrawn = false;
  for (const [key, sentence] of Object.entries(errors)) {
    const field = document.getElementById(fieldId(key));
    // A field without a file still says why it refused the last one.
    if (field) opening.push(showError(field, form.refusals.get(field.id) ?? sentence));
    else if (folded.has(key)) isUndrawn = true;
    else homeless.push(labelled[key] ?? sentence);
    if (field || folded.has(key)) shown[key] = sentence;
  }
  if (isUndrawn) form.showIn(shown);
  if (leads && opening.length) page.set({ tab: "form" });
  if (leads) leadToFirst(opening.filter((one) => one !== null));
  return homeless;
}

/** Return the keys of all fields in collapsed sections, drawn or not. @returns {string[]} */
export const foldedKeys = () =>
  all("#form [data-section]").flatMap(({ dataset }) => JSON.parse(dataset.keys ?? "[]"));

/**
 * Focus the first wrong field and scroll to it.
 * @param {Promise<void>[]} opening sections that are expanding; if the user presses a key or a pointer button before
 *   they are open, the focus stays unchanged
 */
async function leadToFirst(opening) {
  const left = new AbortController();
  for (const act of ["keydown", "pointerdown"])
    addEventListener(act, () => left.abort(), { capture: true, signal: left.signal });
  await Promise.all(opening);
  if (left.signal.aborted) return;
  left.abort();
  const field = $("#form .has-error");
  const input = field && inputOf(field);
  if (!input) return;
  input.focus({ preventScroll: true });
  // An open list would cover the error below it.
  if (input instanceof HTMLInputElement && input.matches(LIST)) closeFocused(input);
  input.scrollIntoView({ block: "center" });
}

/**
 * Return the element to focus in a field. A file field hides its input, so this is its button.
 * @param {HTMLElement} field
 */
function inputOf(field) {
  const input = $("[aria-invalid]", field) ?? $(INPUT, field);
  const isHidden = input instanceof HTMLInputElement && input.type === "file";
  return (isHidden ? $("button", field) : input) ?? field;
}

/**
 * Show why no run was started, or why a result couldn't be used (ui/page/stage.py).
 * @param {{ message: string, errors: Readonly<Record<string, string>>, hint?: string,
 *   labelled?: Readonly<Record<string, string>> }} refusal `labelled`: the errors with field labels, for fields that
 *   aren't on the page
 */
export function sayRefusal({ message: why, errors, hint = "", labelled = {} }) {
  const homeless = showErrors(errors, { labelled });
  const isOfFields = Object.keys(errors).length > 0 && !homeless.length;
  say(why, [hint, ...homeless].filter(Boolean).join(" "), "refused", [], isOfFields);
}

/**
 * Show each error on its field as soon as Gradio has drawn the field. Each error is shown only once, so that it doesn't
 * reappear after the user has corrected the value.
 * @param {Readonly<Record<string, string>>} errors by field key; an empty record cancels pending errors
 */
export function showErrorsSoon(errors) {
  form.awaits?.disconnect();
  form.awaits = null;
  const place = $("#form-side");
  if (!Object.keys(errors).length || !place) return;
  /** @type {Set<HTMLElement>} */
  const told = new Set();
  const look = () => {
    for (const [key, sentence] of Object.entries(errors)) {
      const field = document.getElementById(fieldId(key));
      if (!field || told.has(field)) continue;
      told.add(field);
      showError(field, sentence);
    }
  };
  form.awaits = new MutationObserver(look);
  form.awaits.observe(place, { childList: true, subtree: true });
  look();
}

/**
 * Set the rules of a newly drawn form.
 * @param {Record<string, Rule>} rules of its numbers and seeds, by field key
 * @param {(errors: Record<string, string>) => void} showIn shows errors of fields that aren't drawn yet
 */
export function setRules(rules, showIn) {
  Object.assign(form, { rules, showIn });
  form.refusals.clear();
}

/** @param {string} key */
export const isSeed = (key) => "least" in (form.rules[key] ?? {});

/**
 * Return whether the current form has a seed field for a step of a chain.
 * @param {string} step the step's name
 */
export const hasSeed = (step) =>
  Object.entries(form.rules).some(([key, rule]) => key.startsWith(`${step}.`) && "least" in rule);

/**
 * Replace a number with the value that will be sent. If it differs from what the user typed, add a note to the field.
 * @param {HTMLElement} field
 * @param {NumberRule} rule
 */
function settle(field, rule) {
  const input = /** @type {HTMLInputElement | null} */ ($("input[type=number]", field));
  if (!input || input.value === "") return;
  const typed = Number(input.value);
  const isSlider = Boolean($("input[type=range]", field));
  const sent = sentNumber(rule, isSlider ? clamped(rule, typed) : typed);
  if (sent === null || sent === typed) return;
  typeInto(input, String(sent));
  const note = element("p", "field-note", changeWords(rule, typed, sent));
  Object.assign(note.dataset, { typed: String(typed), sent: String(sent) });
  note.role = "status";
  field.append(note);
}

/**
 * Settle the numbers before the form is sent, because a keyboard shortcut can press Generate while a number has focus.
 * @param {Node | null} [only] the input to settle; all numbers by default
 */
export function settleNumbers(only = null) {
  for (const [key, rule] of Object.entries(form.rules)) {
    if ("least" in rule) continue; // seeds are sent unchanged
    const field = document.getElementById(fieldId(key));
    if (field && (!only || field.contains(only))) settle(field, rule);
  }
}

/**
 * Settle a number on blur, before Gradio changes it silently. Report an invalid number or seed immediately.
 * @param {EventTarget | null} target the element that lost focus
 */
export function settleLeft(target) {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement)) return;
  if (target.type === "number") settleNumbers(target);
  // During a press, wait until pointerup: a layout shift would move the pressed element and lose the click.
  if (!$(":active")) tellLeft(target)?.scrollIntoView({ block: "nearest" });
  else addEventListener("pointerup", () => void setTimeout(tellLeft, 0, target), { once: true });
}

/**
 * Show an error if the app would refuse this number or seed.
 * @param {HTMLInputElement | HTMLTextAreaElement} target
 * @returns {HTMLElement | null} the error, null if there is no new one
 */
function tellLeft(target) {
  const field = /** @type {HTMLElement | null} */ (target.closest("[id^=field-]"));
  const [, rule] = Object.entries(form.rules).find(([key]) => fieldId(key) === field?.id) ?? [];
  if (!field || !rule) return null;
  const problem = problemOf(field, rule, target.value);
  if (!problem || problem === $(".field-error", field)?.textContent) return null;
  showError(field, problem);
  announce(labeled(labelOf(field), problem));
  return $(".field-error", field);
}

/**
 * Return why the app would refuse a typed value, "" if it would accept it.
 * @param {HTMLElement} field
 * @param {Rule} rule
 * @param {string} typed
 */
function problemOf(field, rule, typed) {
  if ("least" in rule) return isRandomSeed(field) ? "" : seedRefusal(rule, typed);
  if ($("input[type=range]", field)) return ""; // a slider clamps its own number
  return refusalOf(rule, typed === "" ? null : Number(typed));
}

/**
 * Return whether the app would refuse the current text of a number or seed.
 * @param {HTMLElement} field
 * @param {Rule | undefined} rule
 */
function leftWrong(field, rule) {
  const input = /** @type {HTMLInputElement | null} */ (
    $(`input[type=number], ${SEED_TEXT}`, field)
  );
  return Boolean(rule && input && problemOf(field, rule, input.value));
}

/**
 * Remove a field's notes when the user types into it, because they are about the previous number.
 * @param {EventTarget | null} target the input
 */
export function forgetNote(target) {
  const field = target instanceof Element ? target.closest("[id^=field-]") : null;
  if (field) for (const note of all(".field-note", field)) note.remove();
}

/**
 * Remove the notes about numbers that have changed in any way, for example by a reset.
 * @param {FieldValues} values the form's current values by field key
 */
export function forgetNotes(values) {
  const before = form.values;
  form.values = values;
  for (const [key, value] of Object.entries(values)) {
    if (value === before[key]) continue; // another field changed; this report may predate the typing here
    const field = document.getElementById(fieldId(key));
    for (const note of field ? all(".field-note", field) : []) {
      // Gradio may report the typed number late, after it was replaced.
      const { typed, sent } = note.dataset;
      if (String(value) !== typed && String(value) !== sent) note.remove();
    }
  }
}
