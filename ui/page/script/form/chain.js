// @ts-check
// A chain that failed continues, or one of its steps runs again: with what its form holds, or else with its own values.

import { API, ask, json } from "../requests.js";
import { followChain } from "../runs/following.js";
import { continueChain } from "../runs/start.js";
import { page } from "../state.js";
import { clearErrors } from "./field_errors.js";
import { redrawSoon } from "./form.js";

/** @import { ChainDoc } from "../documents.js" */

/**
 * @param {ChainDoc} chain
 * @param {string} [step] the name of a step that is done, and is to run again
 */
export async function goOn({ id, workflow }, step = "") {
  clearErrors();
  page.set({ notice: null, lookingBack: false });
  const again = step ? [step] : [];
  if (page.now.form === workflow) await continueChain(workflow, id, again);
  else if (await ask(`${API}/chains/${id}/continue`, json({ again }))) followChain(id);
}

/**
 * What says which steps there are is perhaps another choice than the form was drawn with.
 * @param {unknown} drawn
 * @param {unknown} now
 */
export function switched(drawn, now) {
  if (drawn !== now) redrawSoon();
  return [];
}
