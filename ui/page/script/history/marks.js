// @ts-check
// Actions on one or several finished runs: mark as favorites, delete, restore.

import { announce } from "../dom.js";
import { message, plural } from "../messages.js";
import { API, ask, json } from "../requests.js";
import { lookBackAt } from "../runs/following.js";
import { current, neighbour, withoutRun, withRun } from "../runs/runs.js";
import { page } from "../state.js";
import { MOST } from "./selection.js";
import { offerUndo } from "./undo.js";

/** @import { Undoable } from "../state.js" */

const STAYS = message("The ComfyUI server may keep copies.");

/**
 * @param {{ runs: readonly string[], favourite?: boolean, listed?: boolean }} what
 * @returns {Promise<{ shared: number } | null>} how many of the runs links show; null after an error
 */
const change = (what) => ask(`${API}/runs`, json(what), "PATCH");

/** @param {readonly string[]} ids @param {boolean} favourite @returns whether the app has stored it */
export async function setFavourite(ids, favourite) {
  if (!(await change({ runs: ids, favourite }))) return false;
  let { runs } = page.now;
  for (const id of ids) {
    const view = runs.get(id)?.view;
    if (view) runs = withRun(runs, id, { view: { ...view, page: { ...view.page, favourite } } });
  }
  page.set({ runs, marked: { ids, favourite } });
  announce(favourite ? message("Added to favorites.") : message("Removed from favorites."));
  return true;
}

/**
 * Delete runs and offer Undo for a while. Undo also restores the runs deleted just before. The request names these
 * again to restart their undo period, which the app tracks even if the page is closed. If a deleted run is on the
 * stage, show the next older one instead, else the next newer one, unless a run is in progress.
 * @param {readonly string[]} ids
 * @param {() => void} [undone] called after the user has restored the runs
 * @returns {Promise<boolean>} whether the runs are deleted; if not, the user has seen the reason
 */
export async function deleteRuns(ids, undone) {
  const { undoable } = page.now;
  const together = [...new Set([...(undoable?.ids ?? []), ...ids])];
  const runs = together.length > MOST ? ids : together;
  const changed = await change({ runs, listed: false });
  if (!changed) return false;
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
  offerAll({ ids: runs, shown: first }, changed.shared, undone);
  return true;
}

/**
 * @param {Undoable} what
 * @param {number} shared how many of the runs had links
 * @param {() => void} [undone]
 */
function offerAll(what, shared, undone) {
  const count = what.ids.length;
  const words =
    count === 1
      ? message("Deleted.")
      : plural("{count} result deleted.", "{count} results deleted.", { count });
  const undo = async () => {
    if (await restore(what.ids, what.shown)) undone?.();
  };
  const links = plural("Shared links no longer show it.", "Shared links no longer show them.", {
    count,
  });
  offerUndo(words, shared ? `${links} ${STAYS}` : STAYS, undo, () => page.set({ undoable: null }));
  page.set({ undoable: what });
}

/**
 * @param {string} shown
 * @param {readonly string[]} ids the deleted runs, including this one
 */
function besideDeleted(shown, ids) {
  const past = page.now.past.filter((run) => !run || run.id === shown || !ids.includes(run.id));
  return neighbour(past, shown, 1) ?? neighbour(past, shown, -1);
}

/**
 * @param {readonly string[]} ids
 * @param {string} shown the run that was on the stage, "" for none
 * @returns {Promise<boolean>} whether the runs are restored
 */
async function restore(ids, shown) {
  if (!(await change({ runs: ids, listed: true }))) return false;
  if (shown) await lookBackAt({ id: shown });
  page.set({ restored: { ids } });
  return true;
}
