// @ts-check
// Continues a failed chain or repeats one of its steps: with the values in the chain's form if that form is open,
// otherwise with the chain's own values.

import { API, ask, json } from "../requests.js";
import { followChain } from "../runs/following.js";
import { continueChain } from "../runs/start.js";
import { page } from "../state.js";
import { clearErrors } from "./field_errors.js";
import { redrawSoon } from "./form.js";

/** @import { ChainDoc } from "../documents.js" */

/**
 * Continue a chain.
 * @param {ChainDoc} chain
 * @param {string} [step] the name of a finished step to repeat
 */
export async function goOn({ id, workflow }, step = "") {
  clearErrors();
  page.set({ notice: null, lookingBack: false });
  const again = step ? [step] : [];
  if (page.now.form === workflow) await continueChain(workflow, id, again);
  else if (await ask(`${API}/chains/${id}/continue`, json({ again }))) followChain(id);
}

/**
 * Redraw the form if a choice that decides which steps the chain has differs from the one it was drawn with.
 * @param {unknown} drawn
 * @param {unknown} now
 */
export function switched(drawn, now) {
  if (drawn !== now) redrawSoon();
  return [];
}
