// @ts-check
// The user's finished runs, as far as the page has loaded them: one entry per run, null if it isn't loaded. Pure.

/** @import { RunDoc } from "../documents.js" */
/** @import { PastRun } from "../state.js" */
/** @import { Day } from "./layout.js" */

/** @typedef {readonly (PastRun | null)[]} Past */

/**
 * Cast runs that the app has sent as tiles.
 * @param {readonly RunDoc[]} runs
 */
export const tilesOf = (runs) => /** @type {readonly PastRun[]} */ (runs);

/** @param {PastRun} run @returns when a run ended, in seconds since 1970 */
export const endedAt = ({ finished_at, submitted_at }) => finished_at ?? submitted_at;

/** @param {readonly Day[]} days @returns the number of runs on these days */
export const totalOf = (days) => days.reduce((sum, [, count]) => sum + count, 0);

/**
 * Return the list with loaded runs filled in.
 * @param {Past} past
 * @param {number} at index of the first one
 * @param {readonly PastRun[]} runs
 * @returns {Past}
 */
export function withRuns(past, at, runs) {
  const known = new Set(runs.map(({ id }) => id));
  const cells = past.map((run) => (run && known.has(run.id) ? null : run));
  for (const [place, run] of runs.entries()) if (at + place < cells.length) cells[at + place] = run;
  return cells;
}

/**
 * Return the list after its length has changed. Keep the loaded runs if the list has only grown at the front, judging
 * by the last of the new runs. Otherwise discard them.
 * @param {Past} past
 * @param {number} total
 * @param {number} at
 * @param {readonly PastRun[]} runs
 * @returns {Past}
 */
export function renewed(past, total, at, runs) {
  const grown = total - past.length;
  const last = runs.at(-1);
  const fits = grown >= 0 && last && past[at + runs.length - 1 - grown]?.id === last.id;
  const empty = Array.from({ length: total }, () => null);
  const moved = fits ? [...empty.slice(0, grown), ...past] : empty;
  return withRuns(moved, at, runs);
}

/**
 * Return the list and its days without some runs.
 * @param {Past} past
 * @param {readonly Day[]} days
 * @param {ReadonlySet<string>} ids
 * @returns {{ past: Past, days: Day[] }}
 */
export function without(past, days, ids) {
  let end = 0;
  /** @type {Day[]} */
  const left = days.map(([day, count]) => {
    const runs = past.slice(end, end + count);
    end += count;
    return [day, runs.filter((run) => !run || !ids.has(run.id)).length];
  });
  return {
    past: past.filter((run) => !run || !ids.has(run.id)),
    days: left.filter(([, count]) => count > 0),
  };
}

/**
 * Return a request for the first missing run in a range, relative to the nearest loaded run before it.
 * @param {Past} past
 * @param {number} from
 * @param {number} to exclusive
 * @returns {{ at: number, before: string, skip: number } | null} null if all runs are loaded
 */
export function missing(past, from, to) {
  const at = past.findIndex((run, place) => !run && place >= from && place < to);
  if (at < 0) return null;
  let known = at - 1;
  while (known >= 0 && !past[known]) known -= 1;
  return { at, before: past[known]?.id ?? "", skip: at - known - 1 };
}

/**
 * Return the values that differ between results.
 * @param {readonly (readonly (readonly [string, string])[])[]} results names and values of each result
 * @returns {[string, string[]][]} a name, and its value in each result, "–" if it has none
 */
export function differences(results) {
  const tables = results.map((result) => new Map(result));
  const names = new Set(tables.flatMap((table) => [...table.keys()]));
  return [...names].flatMap((name) => {
    const values = tables.map((table) => table.get(name) ?? "–");
    return new Set(values).size > 1 ? [/** @type {[string, string[]]} */ ([name, values])] : [];
  });
}
