// @ts-check
// Countdown to the start of a waiting run. Pure.

import { durationWords } from "../clock.js";
import { message } from "../messages.js";

/** @import { PageState, Run } from "../state.js" */

/**
 * Return a run's line in the list.
 * @param {Run} run
 * @param {PageState} state
 * @param {number} now `performance.now()`
 */
export const saidOf = (run, state, now) =>
  run.entry ? withStart(run.entry.page.said, run, state, now) : "";

/**
 * Return the headline below the stage.
 * @param {Run} run
 * @param {PageState} state
 * @param {number} now `performance.now()`
 */
export function headlineOf(run, state, now) {
  const { entry, view } = run;
  // The entry comes with the news that the server is back, the view on another socket.
  if (entry && (view?.away || (view?.phase === "waiting" && entry.page.due_in !== null)))
    return withStart(entry.page.said, run, state, now);
  return view?.headline ?? saidOf(run, state, now);
}

/**
 * Add the time until a waiting run starts. If a single run is in progress, its progress bar moves the start.
 * @param {string} place
 * @param {Run} run
 * @param {PageState} state
 * @param {number} now `performance.now()`
 */
function withStart(place, { entry, toldAt }, state, now) {
  const due = entry?.page.due_in ?? null;
  if (entry?.phase !== "waiting" || due === null || state.serverAway) return place;
  const left = due - (now - toldAt) / 1000 + laterBy(state, now);
  const duration = durationWords(Math.max(0, left));
  return message("{place} · starts in about {duration}", { place, duration });
}

/**
 * Return the seconds by which the run in progress will end later than the app expected.
 * @param {PageState} state
 * @param {number} now
 */
function laterBy({ runs }, now) {
  const [first, ...others] = [...runs.values()].filter(
    ({ view, entry }) => !view?.finished && entry?.phase === "running",
  );
  const told = first?.entry?.page.due_in ?? null;
  const left = first?.view?.seconds_left ?? null;
  if (!first || others.length || told === null || left === null) return 0;
  return left - (now - first.at) / 1000 - (told - (now - first.toldAt) / 1000);
}
