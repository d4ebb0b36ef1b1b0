// @ts-check
// What was typed into forms: each tab goes on for itself, and a new one begins with what was typed last in any.

import { userName } from "../gradio.js";
import { read, SENT_TEXTS, TEXT_SOURCES, TYPED, VALUES, write } from "../storage.js";

const MOST_FORMS = 50;

/**
 * What to keep something of a form under: whoever logs in on this browser has their own.
 * @param {string} name the workflow's
 */
export const ownName = (name) => [userName(), name].filter(Boolean).join("/");

/**
 * @param {string} name the workflow's
 * @returns {Record<string, unknown>} values by the fields' keys
 */
export function typed(name) {
  const key = VALUES + ownName(name);
  return read(sessionStorage, key, null) ?? read(localStorage, key, {});
}

/**
 * @param {string} name the workflow's
 * @param {Record<string, unknown>} values
 */
export function keepTyped(name, values) {
  const own = ownName(name);
  write(sessionStorage, VALUES + own, values);
  write(localStorage, VALUES + own, values);
  /** @type {string[]} */
  const before = read(localStorage, TYPED, []);
  if (before[0] === own) return;
  const forms = [own, ...before.filter((one) => one !== own)];
  for (const old of forms.splice(MOST_FORMS))
    for (const kept of [VALUES, SENT_TEXTS, TEXT_SOURCES]) localStorage.removeItem(kept + old);
  write(localStorage, TYPED, forms);
}
