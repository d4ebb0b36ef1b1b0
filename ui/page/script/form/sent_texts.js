// @ts-check
// History of the texts that this browser has sent. ↑ in an empty field, or at the start of its text, brings them back.

import { $, all, typeInto } from "../dom.js";
import { LIST } from "../gradio.js";
import { read, SENT_TEXTS, write } from "../storage.js";
import { fieldId } from "./field_errors.js";
import { filled } from "./filled.js";
import { ownName } from "./typed.js";

const FIELD = "#form [id^=field-]";
const BOX = `:is(textarea, input[type=text]):not(${LIST}, .seed *)`;
const MOST = 50;

/** @typedef {HTMLInputElement | HTMLTextAreaElement} Box */

/**
 * The user's position in the history: the index of the text in `box`, and the text that it held before.
 * @typedef {{ box: Box, at: number, draft: string }} Walk
 */

/** @type {{ walk: Walk | null }} */
const state = { walk: null };

/**
 * Add a text to the sent texts, newest first.
 * @param {readonly string[]} texts
 * @param {string} text
 */
export const withText = (texts, text) =>
  text.trim() ? [text, ...texts.filter((one) => one !== text)].slice(0, MOST) : [...texts];

/** @returns {Record<string, string[]>} the current form's texts by field id */
const sentBefore = () => read(localStorage, SENT_TEXTS + ownName(filled.now.name), {});

/** Add the form's current texts to the history. */
export function keepSentTexts() {
  const sent = sentBefore();
  for (const field of all(FIELD)) {
    const box = /** @type {Box | null} */ ($(BOX, field));
    if (box) sent[field.id] = withText(sent[field.id] ?? [], box.value);
  }
  write(localStorage, SENT_TEXTS + ownName(filled.now.name), sent);
  state.walk = null;
}

/**
 * Add a text that is about to be replaced to the history, so that ↑ brings it back.
 * @param {string} workflow
 * @param {string} key the field's key
 * @param {unknown} text
 */
export function keepReplaced(workflow, key, text) {
  const place = SENT_TEXTS + ownName(workflow);
  const id = fieldId(key);
  /** @type {Record<string, string[]>} */
  const sent = read(localStorage, place, {});
  write(localStorage, place, { ...sent, [id]: withText(sent[id] ?? [], String(text ?? "")) });
}

/** @param {Box} box */
const isAtStart = (box) => box.selectionStart === 0 && box.selectionEnd === 0;

/** @param {Box} box @param {string} text */
function show(box, text) {
  typeInto(box, text);
  box.setSelectionRange(0, 0);
  box.scrollTop = 0;
}

/**
 * Go to an older text, a newer one, or back to the draft.
 * @param {KeyboardEvent} event
 * @returns {boolean} whether the key was handled
 */
export function walkTexts(event) {
  const box = /** @type {Box} */ (event.target);
  const { ctrlKey, metaKey, altKey, shiftKey, isComposing } = event;
  if (ctrlKey || metaKey || altKey || shiftKey || isComposing) return false;
  const field = box instanceof HTMLElement && box.matches(BOX) ? box.closest(FIELD) : null;
  if (!field) return false;
  const walk = state.walk?.box === box ? state.walk : { box, at: -1, draft: box.value };
  const texts = sentBefore()[field.id]?.filter((text) => text !== walk.draft) ?? [];
  const at = { ArrowUp: walk.at + 1, ArrowDown: walk.at - 1, Escape: -1 }[event.key];
  const isWalk = event.key === "Escape" || isAtStart(box);
  if (at === undefined || !isWalk || at < -1 || at >= texts.length) return false;
  if (at === -1 && walk.at === -1) return false;
  show(box, texts[at] ?? walk.draft);
  state.walk = at === -1 ? null : { ...walk, at };
  event.preventDefault();
  return true;
}

/**
 * End the walk through the history when the user types.
 * @param {Event} event
 */
export function endWalk(event) {
  if (event.isTrusted && state.walk?.box === event.target) state.walk = null;
}
