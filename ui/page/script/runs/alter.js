// @ts-check
// Changes a result: runs its workflow again with the result as its image.

import { API, ask, json } from "../requests.js";
import { follow, forget, keepsGoing } from "./following.js";
import { apiOf } from "./start.js";

/** @import { Alteration, FormValues, RunDoc } from "../documents.js" */
/** @import { View } from "../state.js" */

/**
 * @param {View} view the result's run
 * @param {number} file the result's index in the run
 * @param {Alteration} alteration
 * @param {number} strength how much changes
 */
export async function alter({ id, seeds }, file, alteration, strength) {
  /** @type {FormValues | null} */
  const form = await ask(`${API}/runs/${id}/values`, undefined, "GET");
  if (!form) return;
  const { image, strength: amount } = alteration;
  const values = { ...form.values, [image]: { run: id, file }, [amount]: strength };
  for (const key of Object.keys(seeds)) delete values[key]; // draws new ones
  const body = { values, watched: true, keeps_going: keepsGoing() };
  /** @type {RunDoc | null} */
  const started = await ask(apiOf(form.workflow, "runs"), json(body));
  if (!started) return;
  follow(started.id);
  forget(id);
}
