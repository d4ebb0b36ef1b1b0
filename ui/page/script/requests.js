// @ts-check
// Requests to the app's own routes; what goes wrong is said where runs are told of.

import { root } from "./dom.js";
import { message } from "./messages.js";
import { say } from "./state.js";

/** @import { Offer } from "./state.js" */

/**
 * A problem document of the API. `errors` by the fields' keys; of `problems`, a `sentence` names its field and row.
 * @typedef {{ detail: string, errors?: Record<string, string>,
 *   problems?: { detail: string, sentence: string, field: string | null }[] }} Problem
 */

/** What every program may ask, below the app's root. */
export const API = "/api/v1";
export const SILENT = message("Can't reach ComfyForms.");
const NO_CONTENT = 204;

/** @param {object} told @returns a request's body */
export const json = (told) => new Blob([JSON.stringify(told)], { type: "application/json" });

/**
 * Send a request.
 * @param {string} path below the app's root
 * @param {BodyInit} [body]
 * @param {string} [method]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<{ told: any, why: string, hint: string, problem: Problem | null }>} the answer's JSON, {} where it
 *   needs none; null where it was refused, and why; `problem`: the refusal as the API writes it
 */
export async function request(path, body, method = "POST", headers = {}) {
  const answer = await fetch(root + path, { method, body, headers }).catch(() => null);
  if (!answer) return { told: null, why: SILENT, hint: message("Try again."), problem: null };
  const told = answer.status === NO_CONTENT ? {} : await answer.json().catch(() => null);
  if (answer.ok && told) return { told, why: "", hint: "", problem: null };
  const why = told?.detail ?? message("Something went wrong.");
  return { told: null, why, hint: told?.hint ?? "", problem: told };
}

/**
 * What is wrong with values, where their fields may not be on the page.
 * @param {Problem} problem
 */
const sentencesOf = ({ problems = [] }) => problems.map(({ sentence }) => sentence).join(" ");

/**
 * Ask for something.
 * @param {string} path below the app's root
 * @param {BodyInit} [body]
 * @param {string} [method]
 * @param {readonly Offer[]} [offers] what can be done instead where it is refused
 * @returns {Promise<any>} the answer's JSON; null where it was refused, which has been said
 */
export async function ask(path, body, method, offers = []) {
  const { told, problem, why, hint } = await request(path, body, method);
  if (!told) say(problem?.problems ? sentencesOf(problem) : why, hint, "refused", offers);
  return told;
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
