// @ts-check
// Runs whose texts were put into fields. A new run that still uses such a text counts as made from that run; the app
// checks whether the text is unchanged.

import { formName } from "../form/form.js";
import { ownName } from "../form/typed.js";
import { read, TEXT_SOURCES, write } from "../storage.js";

const MOST = 16; // the API's limit

/**
 * Return the runs with this one first.
 * @param {readonly string[]} runs newest first
 * @param {string} run
 */
const withSource = (runs, run) => [run, ...runs.filter((one) => one !== run)].slice(0, MOST);

/**
 * Return the runs whose texts were put into a form of this tab, or else the last ones of any tab.
 * @param {string} workflow
 * @returns {string[]} run ids
 */
function sourcesOf(workflow) {
  const key = TEXT_SOURCES + ownName(workflow);
  return read(sessionStorage, key, null) ?? read(localStorage, key, []);
}

/**
 * Remember that a run's text was put into a form.
 * @param {string} workflow
 * @param {string} run
 */
export function keepTextSource(workflow, run) {
  const runs = withSource(sourcesOf(workflow), run);
  for (const store of [sessionStorage, localStorage])
    write(store, TEXT_SOURCES + ownName(workflow), runs);
}

/** Return the text sources of the current form. */
export const textSources = () => sourcesOf(formName());
