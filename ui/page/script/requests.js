// @ts-check
// Requests to the app's own routes. Errors appear where the page shows messages about runs.

import { root } from "./dom.js";
import { message } from "./messages.js";
import { say } from "./state.js";

/** @import { Offer } from "./state.js" */

/**
 * Problem document of the API. `errors` are keyed by field. In `problems`, each `sentence` names its field and row.
 * @typedef {{ type?: string, detail: string, errors?: Record<string, string>,
 *   problems?: { detail: string, sentence: string, field: string | null }[] }} Problem
 */

/** Path of the public API, below the app's root. */
export const API = "/api/v1";
export const SILENT = message("Can't reach ComfyForms.");
export const RECONNECTING = [SILENT, message("Retrying…")].join(" ");
const NO_CONTENT = 204;
const MOST_KEPT = 10_000; // characters of a PUT that outlives the page; browsers limit their sum
const BY_A_PROXY = [502, 503, 504]; // without JSON: a proxy in front of the app can't reach it

/** Return a random text: a key that others cannot guess. `crypto.randomUUID` would need TLS. */
export const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");

/** @param {object} told @returns the request body; a Blob would first be stored by another process of the browser */
export const json = (told) => JSON.stringify(told);

/**
 * Send a request.
 * @param {string} path below the app's root
 * @param {BodyInit} [body]
 * @param {string} [method]
 * @param {Record<string, string>} [headers]
 * @param {AbortSignal} [signal] ends the request as if the app couldn't be reached
 * @returns {Promise<{ told: any, why: string, hint: string, problem: Problem | null, status: number,
 *   isSilent: boolean }>} `told`: JSON of the response, {} if it is empty, null if the request failed; `why` and `hint`:
 *   the reason; `problem`: the API's problem document; `status`: 0 without a response; `isSilent`: the app may not have
 *   got the request
 */
export async function request(path, body, method = "POST", headers = {}, signal = undefined) {
  const keepalive = method === "PUT" && String(body).length < MOST_KEPT;
  const init = { method, body, headers: new Headers(headers), signal, keepalive };
  if (typeof body === "string") init.headers.set("content-type", "application/json");
  const answer = await fetch(root + path, init).catch(() => null);
  const status = answer?.status ?? 0;
  const failed = { told: null, problem: null, status, isSilent: true };
  if (!answer) return { ...failed, why: SILENT, hint: message("Try again.") };
  const told = status === NO_CONTENT ? {} : await answer.json().catch(() => null);
  if (answer.ok && told) return { told, why: "", hint: "", problem: null, status, isSilent: false };
  const isSilent = !told && (answer.ok || BY_A_PROXY.includes(status));
  const why = told?.detail ?? message("Something went wrong.");
  return { ...failed, why, hint: told?.hint ?? "", problem: told, isSilent };
}

/**
 * Return all problems as text. The sentences name their fields, because the fields may not be on the page.
 * @param {Problem} problem
 */
const sentencesOf = ({ problems = [] }) => problems.map(({ sentence }) => sentence).join(" ");

/**
 * Send a request, and show an error if it fails.
 * @param {string} path below the app's root
 * @param {BodyInit} [body]
 * @param {string} [method]
 * @param {readonly Offer[]} [offers] alternatives to offer with the error
 * @template [T=unknown]
 * @returns {Promise<T | null>} JSON of the response; null after an error, which has been shown
 */
export async function ask(path, body, method, offers = []) {
  const { told, problem, why, hint } = await request(path, body, method);
  if (!told) say(problem?.problems ? sentencesOf(problem) : why, hint, "refused", offers);
  return told;
}

/**
 * Read a resource.
 * @param {string} path
 * @template [T=unknown]
 * @returns {Promise<T | null>} its JSON, or null if it can't be read
 */
export async function get(path) {
  return (await look(path)) ?? null;
}

/**
 * Read a resource that may not exist.
 * @param {string} path
 * @template [T=unknown]
 * @returns {Promise<T | null | undefined>} its JSON; null if it doesn't exist; undefined if the request failed
 */
export async function look(path) {
  const answer = await fetch(root + path).catch(() => null);
  if (answer?.status === 404) return null;
  return answer?.ok ? answer.json().catch(() => undefined) : undefined;
}
