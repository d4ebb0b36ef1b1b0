// @ts-check
// A chain goes on that has failed, or of which a step is to run again: from its form, with what is filled in there, or
// else with the values that it has.

import { $ } from "../dom.js";
import { ask } from "../requests.js";
import { followChain } from "../runs/following.js";
import { textSources } from "../stage/text_sources.js";
import { page } from "../state.js";
import { clearErrors } from "./field_errors.js";
import { redrawSoon } from "./form.js";

/** @import { Chain } from "../state.js" */

/** Which one goes on, and which of its steps runs though it is done. */
const wanted = { id: "", again: "" };

/**
 * @param {Chain} chain
 * @param {string} [again] the name of a step that is done, and is to run again
 */
export async function goOn({ id, chain }, again = "") {
  clearErrors();
  page.set({ notice: null, lookingBack: false });
  const press = $("#continue-chain");
  if (page.now.form === chain && press) {
    Object.assign(wanted, { id, again });
    page.set({ sending: true });
    press.click();
  } else if (await ask(`/chains/${id}/continue?${new URLSearchParams({ again })}`)) followChain(id);
}

/**
 * What the app is given: which chain goes on, where texts came from, and the values of the form.
 * @param {readonly unknown[]} values
 */
export const continued = ([, ...values]) => [{ ...wanted, text_sources: textSources() }, ...values];

/**
 * What says which steps there are is perhaps another choice than the form was drawn with.
 * @param {unknown} drawn
 * @param {unknown} now
 */
export function switched(drawn, now) {
  if (drawn !== now) redrawSoon();
  return [];
}
