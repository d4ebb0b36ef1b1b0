// @ts-check
// Texts of runs that were put into fields: what is started with one as it is counts as made from its run. The app sees
// whether it is still there.

import { formName } from "../form/form.js";
import { ownName } from "../form/typed.js";
import { read, TEXT_SOURCES, write } from "../storage.js";

const MOST = 16; // as the API takes

/**
 * @param {readonly string[]} runs the last one first
 * @param {string} run
 */
export const withSource = (runs, run) => [run, ...runs.filter((one) => one !== run)].slice(0, MOST);

/**
 * The runs whose texts were put into a form, in this tab or else last in any.
 * @param {string} workflow
 * @returns {string[]} by their ids
 */
function sourcesOf(workflow) {
  const key = TEXT_SOURCES + ownName(workflow);
  return read(sessionStorage, key, null) ?? read(localStorage, key, []);
}

/**
 * A text of a run goes into a form.
 * @param {string} workflow
 * @param {string} run
 */
export function keepTextSource(workflow, run) {
  const runs = withSource(sourcesOf(workflow), run);
  for (const store of [sessionStorage, localStorage])
    write(store, TEXT_SOURCES + ownName(workflow), runs);
}

/** Those of the form that is there. */
export const textSources = () => sourcesOf(formName());
