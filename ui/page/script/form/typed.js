// @ts-check
// What was typed into forms: each tab goes on for itself, and a new one begins with what was typed last in any.

import { userName } from "../gradio.js";
import { read, TYPED, VALUES, write } from "../storage.js";

const MOST_FORMS = 50;

/**
 * Whoever logs in on this browser has their own.
 * @param {string} name the workflow's
 */
const keyOf = (name) => VALUES + [userName(), name].filter(Boolean).join("/");

/**
 * @param {string} name the workflow's
 * @returns {Record<string, unknown>} values by the fields' keys
 */
export function typed(name) {
  const key = keyOf(name);
  return read(sessionStorage, key, null) ?? read(localStorage, key, {});
}

/**
 * @param {string} name the workflow's
 * @param {Record<string, unknown>} values
 */
export function keepTyped(name, values) {
  const key = keyOf(name);
  write(sessionStorage, key, values);
  write(localStorage, key, values);
  /** @type {string[]} */
  const before = read(localStorage, TYPED, []);
  if (before[0] === key) return;
  const keys = [key, ...before.filter((one) => one !== key)];
  for (const old of keys.splice(MOST_FORMS)) localStorage.removeItem(old);
  write(localStorage, TYPED, keys);
}
