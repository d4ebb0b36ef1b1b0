// @ts-check
// The person's finished runs as far as they are known here: a place for each, null where it has not been asked for.
// Pure.

/** @import { RunDoc } from "../documents.js" */
/** @import { PastRun } from "../state.js" */
/** @import { Day } from "./layout.js" */

/** @typedef {readonly (PastRun | null)[]} Past */

/**
 * Runs that an app has sent as tiles.
 * @param {readonly RunDoc[]} runs
 */
export const tilesOf = (runs) => /** @type {PastRun[]} */ (runs);

/**
 * When a run ended, in seconds since 1970.
 * @param {PastRun} run
 */
export const endedAt = ({ finished_at, submitted_at }) => finished_at ?? submitted_at;

/**
 * How many runs there are in these days.
 * @param {readonly Day[]} days
 */
export const totalOf = (days) => days.reduce((sum, [, count]) => sum + count, 0);

/**
 * The list with runs in their places.
 * @param {Past} past
 * @param {number} at
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
 * The list after its length has changed: what was known stays where the new runs fit to it, with all that is new in
 * front of it.
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
 * List and days without some runs.
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
 * How to ask for what is missing in a stretch of the list: after the nearest known run before it.
 * @param {Past} past
 * @param {number} from
 * @param {number} to the place after the last one
 * @returns {{ at: number, before: string, skip: number } | null} null where all is known
 */
export function missing(past, from, to) {
  const at = past.findIndex((run, place) => !run && place >= from && place < to);
  if (at < 0) return null;
  let known = at - 1;
  while (known >= 0 && !past[known]) known -= 1;
  return { at, before: past[known]?.id ?? "", skip: at - known - 1 };
}

/**
 * The days of runs that are all there, by the browser's clock.
 * @param {readonly PastRun[]} runs
 * @returns {Day[]}
 */
export function daysOf(runs) {
  /** @type {Map<string, number>} */
  const days = new Map();
  for (const run of runs) {
    const day = new Date(endedAt(run) * 1000).toLocaleDateString("sv"); // as 2026-11-18
    days.set(day, (days.get(day) ?? 0) + 1);
  }
  return [...days];
}

/**
 * The values that are not the same in all of several results.
 * @param {readonly (readonly (readonly [string, string])[])[]} results names and values of each
 * @returns {[string, string[]][]} a name, and its value in each of them, "–" where there is none
 */
export function differences(results) {
  const tables = results.map((result) => new Map(result));
  const names = new Set(tables.flatMap((table) => [...table.keys()]));
  return [...names].flatMap((name) => {
    const values = tables.map((table) => table.get(name) ?? "–");
    return new Set(values).size > 1 ? [/** @type {[string, string[]]} */ ([name, values])] : [];
  });
}
