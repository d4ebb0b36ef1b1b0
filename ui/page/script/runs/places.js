// @ts-check
// How many runs come before one that waits, and when it begins, as time goes by. Pure.

import { durationWords } from "../clock.js";
import { message, plural } from "../messages.js";

/** @import { PageState, Run } from "../state.js" */

/**
 * As `place_words` of ui/documents/headlines.py has it.
 * @param {number} place
 * @param {number} dueIn seconds
 */
function placeWords(place, dueIn) {
  const duration = durationWords(Math.max(0, dueIn));
  if (place === 1) return message("Next · starts in about {duration}", { duration });
  return plural(
    "{count} ahead · starts in about {duration}",
    "{count} ahead · starts in about {duration}",
    { count: place, duration },
  );
}

/**
 * What the list says of a run, by now. Where one alone is at work, what waits begins as much later or earlier than was
 * told as the bar of that one says now.
 * @param {Run} run
 * @param {PageState} state
 * @param {number} now `performance.now()`
 */
export function saidOf({ entry, toldAt }, state, now) {
  if (!entry) return "";
  const { phase, page } = entry;
  const { place, due_in, said } = page;
  if (phase !== "waiting" || !place || due_in === null || state.serverAway) return said;
  return placeWords(place, due_in - (now - toldAt) / 1000 + laterBy(state, now));
}

/**
 * The same for the line that stands below the stage.
 * @param {Run} run
 * @param {PageState} state
 * @param {number} now
 */
export function headlineOf(run, state, now) {
  const { entry, view } = run;
  const said = saidOf(run, state, now);
  if (view?.phase !== "waiting" || !entry?.page.place || entry.page.due_in === null)
    return view?.headline ?? said;
  return entry.page.place === 1 ? said : message("In the queue · {place}", { place: said });
}

/**
 * Seconds.
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
