// @ts-check
// Seeds that are fixed take up the last run's; several are under one lock: ui/page/form/seeds.py draws it.

import { showUsedSeed, takeTypedSeed } from "../gradio.js";
import { endedAt } from "../history/past.js";
import { page } from "../state.js";
import { fieldId } from "./field_errors.js";

/** @import { PageState } from "../state.js" */

const MOST = Number.MAX_SAFE_INTEGER;

/**
 * How the lock stands over seeds in these modes: null where they differ, or one is none of the lock's.
 * @param {readonly string[]} modes
 */
export function lockOf(modes) {
  const mode = modes[0] ?? "";
  const isOne = modes.every((other) => other === mode) && ["random", "fixed"].includes(mode);
  return isOne ? mode : null;
}

/**
 * The seeds of the last run of the form that is drawn, null where there is none with as many.
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
    run?.workflow === form ? [{ at: endedAt(run), seeds: Object.values(run.seeds) }] : [],
  );
  const [last] = [...seen, ...earlier]
    .filter(({ seeds }) => seeds.length === count)
    .sort((one, other) => other.at - one.at);
  return last?.seeds ?? null;
}

/**
 * Texts and modes of all seeds as the lock wants them: random, or the last run's, or drawn now.
 * @param {readonly [number, number | null][]} limits of each seed
 * @param {string} mode
 * @param {readonly string[]} values the texts and modes that are there
 */
export function setSeeds(limits, mode, values) {
  const last = lastSeeds(page.now, limits.length);
  return limits.flatMap(([least, most], at) => {
    const typed = values[2 * at] ?? "";
    return mode === "random" ? [typed, mode] : [last?.[at] ?? drawn(least, most), mode];
  });
}

/**
 * The text of a form's only seed in this mode: fixed, it is the last run's, but what has been typed stays. That may be
 * more by now than `typed`.
 * @param {string} mode
 * @param {string} typed
 */
export function setSeed(mode, typed) {
  const now = takeTypedSeed();
  if (now !== null) return now;
  return (mode === "fixed" && lastSeeds(page.now, 1)?.[0]) || typed;
}

/**
 * Show the seeds of a run that was started: those that were drawn or counted up.
 * @param {string} workflow
 * @param {Record<string, string>} seeds by the fields' keys
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
 * A number that a browser holds exactly.
 * @param {number} least
 * @param {number | null} most
 */
function drawn(least, most) {
  const range = Math.min(most ?? MOST, MOST) - least;
  return String(least + Math.floor(Math.random() * range));
}
