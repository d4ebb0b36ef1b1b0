// @ts-check
// Presses of Generate that the app hasn't answered. The tab's storage keeps them across a reload of the page.

import { PRESSES, read, write } from "../storage.js";

/**
 * A press. `key`: its idempotency key, so that the app starts it only once; `at`: when it was pressed; `user`: the name of
 * the signed-in user; `name`: the workflow or chain; `held`: the form's values; `body`: the request.
 * @typedef {{ key: string, at: number, user: string, name: string, isChain: boolean, held: Record<string, unknown>,
 *   body: Record<string, unknown> }} Press
 */

/** Milliseconds after which a press isn't sent anymore: its user doesn't expect it any longer. */
export const TOO_OLD = 10 * 60_000;

/** @returns {Press[]} the presses, oldest first */
const all = () => read(sessionStorage, PRESSES, []);

/** @param {Press} press */
export const keepPress = (press) => write(sessionStorage, PRESSES, [...all(), press]);

/** @param {string} key */
export const dropPress = (key) =>
  write(
    sessionStorage,
    PRESSES,
    all().filter((press) => press.key !== key),
  );

/**
 * Return this user's oldest press. Forget the presses of this tab's other users.
 * @param {string} user
 * @param {ReadonlySet<string>} [without] keys of presses to leave out
 */
export function nextPress(user, without = new Set()) {
  for (const press of all()) if (press.user !== user) dropPress(press.key);
  return all().find(({ key }) => !without.has(key)) ?? null;
}
