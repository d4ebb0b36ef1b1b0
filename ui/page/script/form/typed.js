// @ts-check
// Values typed into forms. Each tab has its own, and a new tab starts with the values typed last in any tab.

import { userName } from "../gradio.js";
import { BROUGHT, read, SENT_TEXTS, TEXT_SOURCES, TYPED, VALUES, write } from "../storage.js";

const MOST_FORMS = 50;

/**
 * Return the storage key for a form's data. Each user who signs in with this browser has their own data.
 * @param {string} name the workflow's name
 */
export const ownName = (name) => [userName(), name].filter(Boolean).join("/");

/**
 * Return the values typed into a form.
 * @param {string} name the workflow's name
 * @returns {Record<string, unknown>} by field key
 */
export function typed(name) {
  const key = VALUES + ownName(name);
  return read(sessionStorage, key, null) ?? read(localStorage, key, {});
}

/**
 * Store the values typed into a form. The forms used longest ago are dropped.
 * @param {string} name the workflow's name
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
    for (const kept of [VALUES, SENT_TEXTS, TEXT_SOURCES, BROUGHT])
      localStorage.removeItem(kept + old);
  write(localStorage, TYPED, forms);
}
