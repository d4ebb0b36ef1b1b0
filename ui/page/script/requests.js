// @ts-check
// Requests to the app's own routes; what goes wrong is said where runs are told of.

import { root } from "./dom.js";
import { message } from "./messages.js";
import { say } from "./state.js";

/** @import { Offer } from "./state.js" */

export const SILENT = message("Can't reach ComfyForms.");

/** @param {object} told @returns a request's body */
export const json = (told) => new Blob([JSON.stringify(told)], { type: "application/json" });

/**
 * Ask for something to be done.
 * @param {string} path below the app's root
 * @param {BodyInit} [body]
 * @param {string} [method]
 * @param {readonly Offer[]} [offers] what can be done instead where it is refused
 * @returns {Promise<any>} the answer's JSON; null where it was refused, which has been said
 */
export async function ask(path, body, method = "POST", offers = []) {
  const answer = await fetch(root + path, { method, body }).catch(() => null);
  if (!answer) {
    say(SILENT, message("Try again."));
    return null;
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  const what = told.message ?? told.detail ?? message("Something went wrong.");
  say(what, told.hint, "refused", offers);
  return null;
}

/**
 * Ask for something that may well be refused.
 * @param {string} path below the app's root
 * @param {BodyInit} body
 * @returns {Promise<any>} the answer's JSON, or null where there is none
 */
export async function tryTo(path, body) {
  const answer = await fetch(root + path, { method: "POST", body }).catch(() => null);
  return answer?.ok ? answer.json().catch(() => null) : null;
}

/**
 * Read something.
 * @param {string} path
 * @returns {Promise<any>} its JSON, or null where it cannot be had
 */
export async function get(path) {
  return (await look(path)) ?? null;
}

/**
 * Look whether something is there.
 * @param {string} path
 * @returns {Promise<any>} its JSON; null where there is no such thing; undefined where nobody can tell
 */
export async function look(path) {
  const answer = await fetch(root + path).catch(() => null);
  if (answer?.status === 404) return null;
  return answer?.ok ? answer.json().catch(() => undefined) : undefined;
}
