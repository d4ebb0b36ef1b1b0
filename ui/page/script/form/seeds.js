// @ts-check
// Seed fields. A seed that the user fixes takes the value from the last run. Several seeds share one lock, which
// ui/page/form/arrangement.py draws.

import { showUsedSeed, takeTypedSeed } from "../gradio.js";
import { page } from "../state.js";
import { fieldId } from "./field_errors.js";
import { filled } from "./filled.js";
import { keepTyped, typed } from "./typed.js";

/** @import { PageState } from "../state.js" */

const MOST = Number.MAX_SAFE_INTEGER;

/**
 * Return the lock's state for seeds in these modes: null if they differ, or if the lock doesn't have their mode.
 * @param {readonly string[]} modes
 */
export function lockOf(modes) {
  const mode = modes[0] ?? "";
  const isOne = modes.every((other) => other === mode) && ["random", "fixed"].includes(mode);
  return isOne ? mode : null;
}

/**
 * Return the lock's state after the user has changed a seed's mode. The other modes come from the form's values: Gradio
 * would collect all seeds as inputs.
 * @param {readonly string[]} keys of the seeds
 * @param {string} key of the changed one
 * @param {string} mode
 */
export const lockAfter = (keys, key, mode) =>
  lockOf(keys.map((one) => (one === key ? mode : modeOf(filled.now.held[one]))));

/** @param {unknown} seed as `filled` holds it */
const modeOf = (seed) => (seed ? (String(seed).startsWith("+") ? "counting" : "fixed") : "random");

/**
 * Return the seeds of the last run of the current form that has this number of seeds, null if no run has.
 * @param {Pick<PageState, "form" | "runs" | "past">} state
 * @param {number} count
 */
export function lastSeeds({ form, runs, past }, count) {
  const seen = [...runs.values()].flatMap(({ view }) =>
    view?.finished && view.workflow === form && !view.page.chain
      ? [{ at: view.finished_at ?? 0, seeds: Object.values(view.seeds) }]
      : [],
  );
  const earlier = (past ?? []).flatMap((run) =>
    run?.workflow === form
      ? [{ at: run.finished_at ?? run.submitted_at, seeds: Object.values(run.seeds) }]
      : [],
  );
  const [last] = [...seen, ...earlier]
    .filter(({ seeds }) => seeds.length === count)
    .sort((one, other) => other.at - one.at);
  return last?.seeds ?? null;
}

/**
 * Return the texts and modes of the drawn seeds after a change of the lock: random, or fixed to the seeds of the last run
 * or, without one, to new random numbers. Put the others into the form's values.
 * @param {readonly [key: string, least: number, most: number | null, isDrawn: boolean][]} seeds all of them
 * @param {string} mode
 * @param {readonly string[]} values the current texts and modes of the drawn ones
 */
export function setSeeds(seeds, mode, values) {
  const last = lastSeeds(page.now, seeds.length);
  const rest = [...values];
  /** @type {Record<string, string | null>} */
  const others = {};
  const parts = seeds.flatMap(([key, least, most, isDrawn], at) => {
    const [text = ""] = isDrawn ? rest.splice(0, 2) : [];
    const seed = mode === "random" ? text : (last?.[at] ?? drawn(least, most));
    if (isDrawn) return [seed, mode];
    others[key] = mode === "random" ? null : seed;
    return [];
  });
  const { name, held } = filled.now;
  filled.set({ held: { ...held, ...others } });
  if (Object.keys(others).length) keepTyped(name, { ...typed(name), ...others });
  return parts;
}

/**
 * Return the text of a form's only seed after a change of its mode. A fixed seed takes the value from the last run,
 * unless the user has typed one, which may be newer than `typed`.
 * @param {string} mode
 * @param {string} typed
 */
export function setSeed(mode, typed) {
  const now = takeTypedSeed();
  if (now !== null) return now;
  return (mode === "fixed" && lastSeeds(page.now, 1)?.[0]) || typed;
}

/**
 * Show the random and counted seeds of a started run in their fields.
 * @param {string} workflow
 * @param {Record<string, string>} seeds by field key
 * @param {Record<string, unknown>} [sent] the values that the run was started with
 */
export function showSeeds(workflow, seeds, sent = {}) {
  if (page.now.form !== workflow) return;
  for (const [key, seed] of Object.entries(seeds)) {
    const field = document.getElementById(fieldId(key));
    const was = sent[key];
    const counted = typeof was === "string" && was.startsWith("+") ? was.slice(1) : undefined;
    if (field) showUsedSeed(field, seed, counted);
  }
}

/**
 * Return a random seed that a JavaScript number can represent exactly.
 * @param {number} least
 * @param {number | null} most
 */
function drawn(least, most) {
  const range = Math.min(most ?? MOST, MOST) - least;
  return String(least + Math.floor(Math.random() * range));
}
