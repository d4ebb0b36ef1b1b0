// @ts-check
// Filters and order of the templates in their dialog. Pure.

import { hasAll } from "../form/choices.js";

/** @import { ReadinessDoc, TemplateDoc } from "../documents.js" */

/**
 * Choices of the user; "" for any. `runs`: only templates that can run now.
 * @typedef {{ text: string, category: string, model: string, input: string, output: string, runs: boolean }} Filter
 */

/** @typedef {Record<string, ReadinessDoc>} Readiness by template id */

/** @type {Filter} */
export const ANY = { text: "", category: "", model: "", input: "", output: "", runs: false };

const CLOSEST = 5; // templates in the section of those that need the smallest downloads

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
 * Return the templates that fit the filter, the most used first.
 * @param {readonly TemplateDoc[]} templates
 * @param {Readiness} readiness
 * @param {Filter} filter
 */
export const chosenOf = (templates, readiness, filter) =>
  templates
    .filter((one) => fits(one, readiness[one.id], filter))
    .sort((one, other) => other.usage - one.usage);

/**
 * Templates below a heading. `bytes`: the smallest download that makes one of them run.
 * @typedef {{ kind: "runs" | "closest" | "more", bytes: number, templates: TemplateDoc[] }} Section
 */

/**
 * Return templates in sections: those that run, those that need the smallest downloads, and the others by what they
 * need. Empty sections are left out.
 * @param {readonly TemplateDoc[]} templates the most used first
 * @param {Readiness} readiness
 * @returns {Section[]}
 */
export function sectionsOf(templates, readiness) {
  const effort = (/** @type {TemplateDoc} */ { id }) => effortOf(readiness[id]);
  const size = (/** @type {TemplateDoc} */ { id }) => readiness[id]?.size ?? 0;
  const sorted = templates.toSorted((one, other) => effort(one) - effort(other));
  const runs = sorted.filter(({ id }) => readiness[id]?.can_run);
  const closest = templates
    .filter((one) => readiness[one.id]?.needs === "models" && size(one))
    .sort((one, other) => size(one) - size(other))
    .slice(0, CLOSEST);
  const first = new Set([...runs, ...closest]);
  /** @type {Section[]} */
  const sections = [
    { kind: "runs", bytes: 0, templates: runs },
    { kind: "closest", bytes: closest[0] ? size(closest[0]) : 0, templates: closest },
    { kind: "more", bytes: 0, templates: sorted.filter((one) => !first.has(one)) },
  ];
  return sections.filter((one) => one.templates.length);
}

/** @param {TemplateDoc} template @param {ReadinessDoc | undefined} known @param {Filter} filter */
function fits(template, known, { text, category, model, input, output, runs }) {
  const { title, description, tags, models, pack } = template;
  return (
    (!runs || Boolean(known?.can_run)) &&
    (!category || template.category === category) &&
    (!model || models.some((one) => hasAll(one, model))) &&
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
    models: [...models.keys()].filter(isName).sort((one, other) => one.localeCompare(other)),
    inputs: [...counted(templates.flatMap((one) => one.inputs)).keys()],
    outputs: [...counted(templates.flatMap((one) => one.outputs)).keys()],
  };
}

/** @param {string} model some indexes say "None" */
const isName = (model) => !["", "none"].includes(model.toLowerCase());

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
