// @ts-check
// What is done with one finished run or with several: marked as favourites, deleted, brought back.

import { announce } from "../dom.js";
import { message, plural } from "../messages.js";
import { API, ask, json } from "../requests.js";
import { lookBackAt } from "../runs/following.js";
import { current, neighbour, withoutRun, withRun } from "../runs/runs.js";
import { page } from "../state.js";
import { offerUndo } from "./undo.js";

/** @import { Undoable } from "../state.js" */

/** As many the server takes at once. */
export const MOST = 200;
const STAYS = message("The ComfyUI server may keep copies.");

/** @param {{ runs: readonly string[], favourite?: boolean, listed?: boolean }} what */
const change = (what) => ask(`${API}/runs`, json(what), "PATCH");

/**
 * @param {readonly string[]} ids
 * @param {boolean} favourite
 */
export async function setFavourite(ids, favourite) {
  if (!(await change({ runs: ids, favourite }))) return;
  let { runs } = page.now;
  for (const id of ids) {
    const view = runs.get(id)?.view;
    if (view) runs = withRun(runs, id, { view: { ...view, page: { ...view.page, favourite } } });
  }
  page.set({ runs, marked: { ids, favourite } });
  announce(favourite ? message("Added to favorites.") : message("Removed from favorites."));
}

/**
 * Delete runs; for a while that can be undone, with what was deleted just before: of that the app is told once more, as it
 * sees to all this, whether the page is there or not. In the place of one that is shown comes the next older one, else the
 * next newer one, unless a run goes on.
 * @param {readonly string[]} ids
 * @returns {Promise<boolean>} whether they are gone; why not has been said
 */
export async function deleteRuns(ids) {
  const { undoable } = page.now;
  const together = [...new Set([...(undoable?.ids ?? []), ...ids])];
  const runs = together.length > MOST ? ids : together;
  if (!(await change({ runs, listed: false }))) return false;
  const { shown } = page.now;
  const isShown = shown !== null && ids.includes(shown);
  const next = isShown && !current(page.now) ? besideDeleted(shown, ids) : null;
  const isNextShown = next !== null && (await lookBackAt(next));
  page.set({
    runs: ids.reduce(withoutRun, page.now.runs),
    deleted: { ids },
    ...(isShown && !isNextShown ? { shown: null, lookingBack: false, notice: null } : {}),
  });
  const first = (runs === ids ? "" : undoable?.shown) || (isShown ? shown : "");
  offerAll({ ids: runs, shown: first });
  return true;
}

/** @param {Undoable} what */
function offerAll(what) {
  const count = what.ids.length;
  const words =
    count === 1
      ? message("Deleted.")
      : plural("{count} result deleted.", "{count} results deleted.", { count });
  const undo = () => restore(what.ids, what.shown);
  offerUndo(words, STAYS, undo, () => page.set({ undoable: null }));
  page.set({ undoable: what });
}

/**
 * @param {string} shown
 * @param {readonly string[]} ids with that one
 */
function besideDeleted(shown, ids) {
  const past = page.now.past.filter((run) => !run || run.id === shown || !ids.includes(run.id));
  return neighbour(past, shown, 1) ?? neighbour(past, shown, -1);
}

/**
 * @param {readonly string[]} ids
 * @param {string} shown the one that was on the stage
 */
async function restore(ids, shown) {
  if (!(await change({ runs: ids, listed: true }))) return;
  if (shown) await lookBackAt({ id: shown });
  page.set({ restored: { ids } });
}
