// @ts-check
// Starts runs and chains with the form's values, and continues chains. Uses the same API as external programs.

import { isSeed, sayRefusal } from "../form/field_errors.js";
import { filled } from "../form/filled.js";
import { showSeeds } from "../form/seeds.js";
import { keptValues, sentValues } from "../form/values.js";
import { message, plural } from "../messages.js";
import { API, json, request } from "../requests.js";
import { textSources } from "../stage/text_sources.js";
import { page } from "../state.js";
import { follow, followChain, keepsGoing, waitingKey } from "./following.js";

/** @import { RunsDoc } from "../documents.js" */
/** @import { HeldField } from "../form/values.js" */
/** @import { Problem } from "../requests.js" */

/**
 * Return the API address of a resource below a workflow or a chain.
 * @param {string} name
 * @param {string} rest
 */
export const apiOf = (name, rest) =>
  `${API}/workflows/${name.split("/").map(encodeURIComponent).join("/")}/${rest}`;

/**
 * Return what a press on Generate sends of the current form.
 * @param {Record<string, unknown>} [held] the values of its fields, by default the last known ones
 */
export const sentForm = (held = filled.now.held) => ({
  values: sentValues(held, filled.now.used, isSeed),
  text_sources: textSources(),
});

/**
 * Handle a press on Generate.
 * @param {string} name the name of the workflow or chain
 * @param {boolean} isChain
 * @param {readonly HeldField[]} fields
 * @param {readonly unknown[]} values the number of runs, then the values of all components
 */
export async function press(name, isChain, fields, [count, ...values]) {
  const held = keptValues(fields, values);
  const form = { ...sentForm(held), watched: true };
  if (isChain) await startChain(name, held, form);
  else await startRuns(name, held, { ...form, count, keeps_going: keepsGoing() });
  return [];
}

/**
 * @param {string} name
 * @param {Record<string, unknown>} held
 * @param {{ count: unknown } & Record<string, unknown>} body
 */
async function startRuns(name, held, body) {
  const headers = { "x-run-socket": waitingKey() };
  const address = apiOf(name, "runs");
  const { told, problem, why, hint } = await request(address, json(body), "POST", headers);
  if (!told) {
    refuse(why, hint, problem);
    return;
  }
  /** @type {RunsDoc} */
  const { runs, refused } = told;
  const [first] = runs;
  if (first) follow(first.id);
  showUsed(name, held, runs.at(-1)?.seeds ?? {});
  if (!refused) return;
  const { detail, hint: advice = "" } = refused;
  const queued = plural(
    "{queued} of {count} run was queued.",
    "{queued} of {count} runs were queued.",
    {
      count: Number(body.count),
      queued: runs.length,
    },
  );
  sayRefusal({ message: queued, hint: `${detail} ${advice}`.trim(), errors: {}, labelled: {} });
}

/**
 * @param {string} name
 * @param {Record<string, unknown>} held
 * @param {Record<string, unknown>} body
 */
async function startChain(name, held, body) {
  const { told, problem, why, hint } = await request(apiOf(name, "chains"), json(body));
  if (!told) refuse(why, hint, problem);
  else showChain(name, held, told);
}

/**
 * Continue a chain with its form's values.
 * @param {string} name
 * @param {string} id
 * @param {readonly string[]} again names of finished steps to run again
 */
export async function continueChain(name, id, again) {
  page.set({ sending: true });
  const { held } = filled.now;
  const body = { ...sentForm(held), again };
  const { told, problem, why, hint } = await request(`${API}/chains/${id}/continue`, json(body));
  if (!told) refuse(why, hint, problem);
  else showChain(name, held, told);
}

/**
 * @param {string} name
 * @param {Record<string, unknown>} held
 * @param {{ id: string, seeds: Record<string, string> }} chain
 */
function showChain(name, held, { id, seeds }) {
  followChain(id);
  showUsed(name, held, seeds);
}

/**
 * Show the seeds that were used. Counting seeds continue from them.
 * @param {string} name
 * @param {Record<string, unknown>} held the form's values at the press
 * @param {Record<string, string>} seeds by field key
 */
function showUsed(name, held, seeds) {
  if (filled.now.name !== name) return;
  filled.set({ used: seeds });
  showSeeds(name, seeds, held);
}

/**
 * @param {string} why
 * @param {string} hint
 * @param {Problem | null} problem
 */
function refuse(why, hint, problem) {
  page.set({ sending: false });
  const places = (problem?.problems ?? []).flatMap(({ field, sentence }) =>
    field === null ? [] : [[field, sentence]],
  );
  const errors = problem?.errors ?? {};
  const isOfFields = Object.keys(errors).length > 0;
  sayRefusal({
    message: isOfFields ? message("Fix the highlighted fields.") : why,
    hint,
    errors,
    labelled: Object.fromEntries(places),
  });
}
