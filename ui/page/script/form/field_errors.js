// @ts-check
// Sentences about values, each painted on its field.

import { endSearch } from "../components/field_search.js";
import { $, all, announce, element, typeInto } from "../dom.js";
import { closeFocused, isRandomSeed, LIST, labelOf, SEED_TEXT, unfold } from "../gradio.js";
import { labeled } from "../messages.js";
import { say } from "../state.js";
import { changeWords, clamped, isRight, refusalOf, seedRefusal, sentNumber } from "./values.js";

/** @import { HeldField, NumberRule, Rule } from "./values.js" */

/**
 * By the fields' keys `rules` of the form's numbers and seeds, and the `values` that it was last told to hold. `awaits`
 * fields that have something to say.
 * @typedef {Readonly<Record<string, unknown>>} FieldValues
 * @type {{ rules: Record<string, Rule>, values: FieldValues, awaits: MutationObserver | null }}
 */
const form = { rules: {}, values: {}, awaits: null };
const INPUT = "input, textarea";

/**
 * The id of a field's element: ui/page/form/kinds/view.py makes the same.
 * @param {string} key
 */
export const fieldId = (key) => `field-${key.replace(/[^\p{L}\p{N}]/gu, "-")}`;

export function clearErrors() {
  for (const field of all(".has-error")) clearError(field);
}

/** @param {HTMLElement} field */
function clearError(field) {
  for (const note of all(".field-error", field)) note.remove();
  field.classList.remove("has-error");
  for (const input of all("[aria-invalid]", field)) input.removeAttribute("aria-invalid");
}

/**
 * An error goes with the value that it was about, as soon as that is right.
 * @param {readonly HeldField[]} fields
 * @param {Record<string, unknown>} now
 * @param {Record<string, unknown>} before
 * @returns {boolean} whether any value is another one
 */
export function clearMended(fields, now, before) {
  const json = (/** @type {unknown} */ value) => JSON.stringify(value ?? null);
  const others = fields.filter(([key]) => json(now[key]) !== json(before[key]));
  for (const [key, kind] of others) {
    const field = document.getElementById(fieldId(key));
    if (!field?.classList.contains("has-error") || !isRight(kind, form.rules[key], now[key]))
      continue;
    // Gradio may tell of what was typed after more was.
    if (!leftWrong(field, form.rules[key])) clearError(field);
  }
  return others.length > 0;
}

/**
 * Paint a sentence on its field, which comes into view if its section is folded.
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
  field.append(note);
  const input = $(INPUT, field);
  input?.setAttribute("aria-invalid", "true");
  input?.setAttribute("aria-describedby", note.id);
  return opening;
}

/**
 * Paint each sentence on its field.
 * @param {Readonly<Record<string, string>>} errors by the fields' keys
 * @param {{ leads?: boolean, labelled?: Readonly<Record<string, string>> }} [options] `leads`: go to
 * the first of them; `labelled`: the same where the field is not on the page
 * @returns {string[]} those that have no field on the page
 */
export function showErrors(errors, { leads = true, labelled = {} } = {}) {
  clearErrors();
  const homeless = [];
  const opening = [];
  for (const [key, sentence] of Object.entries(errors)) {
    const field = document.getElementById(fieldId(key));
    if (field) opening.push(showError(field, sentence));
    else homeless.push(labelled[key] ?? sentence);
  }
  if (leads) leadToFirst(opening.filter((one) => one !== null));
  return homeless;
}

/**
 * Put the focus into the first wrong field on the page and scroll to it, once the caller has changed
 * the rest of the page: the stage above the form may be about to go.
 * @param {Promise<void>[]} opening sections that are being unfolded; a user who presses something meanwhile is left alone
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
  // It would hide the sentence below it.
  if (input instanceof HTMLInputElement && input.matches(LIST)) closeFocused(input);
  input.scrollIntoView({ block: "center" });
}

/**
 * What takes the focus in a field: files are chosen with a button, which hides the input.
 * @param {HTMLElement} field
 */
function inputOf(field) {
  const input = $(INPUT, field);
  const isHidden = input instanceof HTMLInputElement && input.type === "file";
  return (isHidden ? $("button", field) : input) ?? field;
}

/**
 * Say why nothing was started: ui/page/stage.py.
 * @param {{ message: string, hint: string, errors: Readonly<Record<string, string>>,
 *   labelled: Readonly<Record<string, string>> }} refusal
 */
export function sayRefusal({ message: why, hint, errors, labelled }) {
  const homeless = showErrors(errors, { labelled });
  const isOfFields = Object.keys(errors).length > 0 && !homeless.length;
  say(why, [hint, ...homeless].filter(Boolean).join(" "), "refused", [], isOfFields);
}

/**
 * Paint each sentence on its field as soon as Gradio has drawn it, and once: what is mended stays so.
 * @param {Readonly<Record<string, string>>} errors by the fields' keys; none are awaited any longer where there are none
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
 * Another form is there.
 * @param {Record<string, Rule>} rules of its numbers and seeds, by the fields' keys
 */
export function setRules(rules) {
  form.rules = rules;
}

/**
 * Whether a field of the form that is there is a seed.
 * @param {string} key
 */
export const isSeed = (key) => "least" in (form.rules[key] ?? {});

/**
 * Whether the form that is there asks for a seed among the fields of a chain's step.
 * @param {string} step its name
 */
export const hasSeed = (step) =>
  Object.entries(form.rules).some(([key, rule]) => key.startsWith(`${step}.`) && "least" in rule);

/**
 * A number is shown as it is sent, with a word on the field where that is another one than was typed.
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
 * Before the form is sent: Generate may be pressed by keys, from within a number.
 * @param {Node | null} [only] the number that is meant, if not all are
 */
export function settleNumbers(only = null) {
  for (const [key, rule] of Object.entries(form.rules)) {
    if ("least" in rule) continue; // a seed is sent as it is
    const field = document.getElementById(fieldId(key));
    if (field && (!only || field.contains(only))) settle(field, rule);
  }
}

/**
 * A number that is left is settled, before Gradio does so without a word. One that would be refused
 * is told at once, and so is a seed.
 * @param {EventTarget | null} target what is left
 */
export function settleLeft(target) {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement)) return;
  if (target.type === "number") settleNumbers(target);
  // What a pointer is on stays below it, or the press would be lost.
  if (!$(":active")) tellLeft(target)?.scrollIntoView({ block: "nearest" });
  else addEventListener("pointerup", () => void setTimeout(tellLeft, 0, target), { once: true });
}

/**
 * Tell of a number or seed that was left and would be refused.
 * @param {HTMLInputElement | HTMLTextAreaElement} target
 * @returns {HTMLElement | null} what tells it
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
 * Why what is typed would be refused, "" where it would not.
 * @param {HTMLElement} field
 * @param {Rule} rule
 * @param {string} typed
 */
function problemOf(field, rule, typed) {
  if ("least" in rule) return isRandomSeed(field) ? "" : seedRefusal(rule, typed);
  if ($("input[type=range]", field)) return ""; // a slider mends its own
  return refusalOf(rule, typed === "" ? null : Number(typed));
}

/**
 * Whether what stands in a number or a seed would be refused.
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
 * What was said of a number is about that one only.
 * @param {EventTarget | null} target what is typed into
 */
export function forgetNote(target) {
  const field = target instanceof Element ? target.closest("[id^=field-]") : null;
  if (field) for (const note of all(".field-note", field)) note.remove();
}

/**
 * The form holds other values: what was said of a number goes with it, whatever has put another into its place.
 * @param {FieldValues} values by the fields' keys
 */
export function forgetNotes(values) {
  const before = form.values;
  form.values = values;
  for (const [key, value] of Object.entries(values)) {
    if (value === before[key]) continue; // another field's change, told after this one was typed into
    const field = document.getElementById(fieldId(key));
    for (const note of field ? all(".field-note", field) : []) {
      // Gradio may tell of what was typed after that was changed.
      const { typed, sent } = note.dataset;
      if (String(value) !== typed && String(value) !== sent) note.remove();
    }
  }
}
