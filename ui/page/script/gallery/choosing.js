// @ts-check
// Filters and order of the templates in the gallery. Pure.

import { hasAll } from "../form/choices.js";

/** @import { ReadinessDoc, TemplateDoc } from "../documents.js" */

/**
 * Choices of the user; "" for any. `runs`: only templates that can run now.
 * @typedef {{ text: string, category: string, model: string, input: string, output: string, runs: boolean }} Filter
 */

/** @typedef {Record<string, ReadinessDoc>} Readiness by template id */

/** @type {Filter} */
export const ANY = { text: "", category: "", model: "", input: "", output: "", runs: false };

/** @type {Record<ReadinessDoc["needs"], number>} */
const EFFORT = {
  nothing: 0,
  key: 1,
  models: 2,
  choices: 3,
  nodes: 4,
  "paid nodes": 5,
  comfyui: 6,
  "another workflow": 7,
};
const UNKNOWN = 3;

/**
 * Return how much is missing, for sorting: first templates that run for free, then those that cost credits.
 * @param {ReadinessDoc | undefined} known
 */
const effortOf = (known) => (known ? EFFORT[known.needs] + (known.is_paid ? 1 : 0) : UNKNOWN);

/**
 * Return the templates that fit the filter, those that run first, then by usage.
 * @param {readonly TemplateDoc[]} templates
 * @param {Readiness} readiness
 * @param {Filter} filter
 */
export function chosenOf(templates, readiness, filter) {
  const found = templates.filter((one) => fits(one, readiness[one.id], filter));
  const rank = new Map(found.map((one, at) => [one.id, at]));
  const at = (/** @type {TemplateDoc} */ { id }) => rank.get(id) ?? 0;
  return found.sort(
    (one, other) =>
      effortOf(readiness[one.id]) - effortOf(readiness[other.id]) ||
      other.usage - one.usage ||
      at(one) - at(other),
  );
}

/**
 * @param {TemplateDoc} template
 * @param {ReadinessDoc | undefined} known
 * @param {Filter} filter
 */
function fits(template, known, { text, category, model, input, output, runs }) {
  const { title, description, tags, models, pack } = template;
  return (
    (!runs || Boolean(known?.can_run)) &&
    (!category || template.category === category) &&
    (!model || models.includes(model)) &&
    (!input || template.inputs.some((kind) => kind === input)) &&
    (!output || template.outputs.some((kind) => kind === output)) &&
    hasAll([title, description, template.category, pack, ...tags, ...models].join(" "), text)
  );
}

/**
 * Return the values that templates have for a filter, most frequent first, except for categories, which keep the
 * servers' order.
 * @param {readonly TemplateDoc[]} templates
 * @returns {{ categories: string[], models: string[], inputs: string[], outputs: string[] }}
 */
export function valuesOf(templates) {
  const models = counted(templates.flatMap((one) => one.models));
  return {
    categories: [...new Set(templates.map((one) => one.category).filter(Boolean))],
    models: [...models.keys()].sort((one, other) => one.localeCompare(other)),
    inputs: [...counted(templates.flatMap((one) => one.inputs)).keys()],
    outputs: [...counted(templates.flatMap((one) => one.outputs)).keys()],
  };
}

/**
 * @param {readonly string[]} values
 * @returns {Map<string, number>} the number of each value, largest first
 */
function counted(values) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return new Map([...counts].sort(([, one], [, other]) => other - one));
}
