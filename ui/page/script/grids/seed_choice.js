// @ts-check
// The choice between one seed for all runs and a new seed for each.

import { message } from "../messages.js";
import { h } from "../view.js";

/** @import { Seeds } from "../batches/spec.js" */

const WAYS = /** @type {const} */ ([
  ["one", message("Same seed for all runs")],
  ["each", message("New seed for each run")],
]);

/** @param {Seeds | null} chosen null if the choice makes no difference @param {(seeds: Seeds) => void} choose */
export function seedChoice(chosen, choose) {
  const help = message("With the same seed, only the values you vary differ.");
  const id = "vary-help-seeds";
  const boxes = WAYS.map(([value, words]) => {
    const checked = value === chosen;
    const onchange = () => choose(value);
    const box = h("input", { type: "radio", name: "vary-seeds", value, checked, onchange });
    return h("label.in-line", box, h("span", words));
  });
  return h(
    "fieldset.ways.seeds.wraps",
    { hidden: chosen === null, "aria-describedby": id },
    h("legend", message("Seed")),
    boxes,
    h("p.help.aside", { id }, help),
  );
}
