// @ts-check
// Actions for the selected runs of the history.

import { button, downloadLink, root } from "../dom.js";
import { message } from "../messages.js";
import { addedWays, shareSeveral } from "../stage/share.js";
import { compare, MOST_BESIDE } from "./comparable.js";
import { deleteRuns, setFavourite } from "./marks.js";

/** @import { PastRun } from "../state.js" */

const FAVOURITE = message("Favorite");

/**
 * @param {PastRun[]} runs
 * @param {boolean} isMany whether there are too many for one action
 * @param {string} viewer URL of the module that shows 3D models
 * @param {(runs: PastRun[]) => void} renew called with runs that an action has changed
 */
export function selectedActions(runs, isMany, viewer, renew) {
  const ids = runs.map(({ id }) => id);
  const kept = runs.filter(({ page: tile }) => tile.kind || tile.favourite); // the other runs have no results
  const isMarked = kept.length > 0 && kept.every(({ page: tile }) => tile.favourite);
  const mark = button(FAVOURITE, async () => {
    await setFavourite(
      kept.map(({ id }) => id),
      !isMarked,
    );
    renew(kept.map((run) => ({ ...run, page: { ...run.page, favourite: !isMarked } })));
  });
  mark.ariaPressed = String(isMarked);
  mark.dataset.icon = isMarked ? "star-filled" : "star";
  const beside = button(message("Compare"), () => compare(runs, viewer));
  beside.title = message("Compare 2 to {most} results", { most: MOST_BESIDE });
  const drop = button(message("Delete"), () => deleteRuns(ids));
  const shown = runs.filter(({ page: tile }) => tile.kind).length;
  const isBeside = shown === runs.length && shown >= 2 && shown <= MOST_BESIDE;
  const [way] = addedWays();
  const link = button(way?.several || message("Share…"), () => shareSeveral(ids));
  drop.ariaDisabled = String(!runs.length || isMany);
  mark.ariaDisabled = String(!kept.length || isMany);
  beside.ariaDisabled = String(!isBeside);
  link.ariaDisabled = String(!shown || isMany);
  return [download(runs, isMany), link, mark, beside, drop];
}

/** @param {PastRun[]} runs @param {boolean} isMany */
function download(runs, isMany) {
  const query = new URLSearchParams(
    runs.filter(({ page: tile }) => tile.results > 0).map(({ id }) => ["run", id]),
  );
  if (query.size && !isMany)
    return downloadLink(message("Download"), `${root}/files/chosen.zip?${query}`);
  const off = button(message("Download"), () => {});
  off.ariaDisabled = "true";
  return off;
}
