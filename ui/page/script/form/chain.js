// @ts-check
// A chain that has failed goes on: from its form, with what is filled in there, or else with the values that it has.

import { $ } from "../dom.js";
import { ask } from "../requests.js";
import { followChain } from "../runs/following.js";
import { page } from "../state.js";
import { clearErrors } from "./field_errors.js";
import { redrawSoon } from "./form.js";

/** @import { Chain } from "../state.js" */

/** Which one goes on. */
const wanted = { id: "" };

/** @param {Chain} chain */
export async function goOn({ id, chain }) {
  clearErrors();
  page.set({ notice: null, lookingBack: false });
  const press = $("#continue-chain");
  if (page.now.form === chain && press) {
    wanted.id = id;
    page.set({ sending: true });
    press.click();
  } else if (await ask(`/chains/${id}/continue`)) followChain(id);
}

/**
 * What the app is given: the chain's id and the values of the form.
 * @param {readonly unknown[]} values
 */
export const continued = ([, ...values]) => [wanted.id, ...values];

/**
 * What says which steps there are is perhaps another choice than the form was drawn with.
 * @param {unknown} drawn
 * @param {unknown} now
 */
export function switched(drawn, now) {
  if (drawn !== now) redrawSoon();
  return [];
}
