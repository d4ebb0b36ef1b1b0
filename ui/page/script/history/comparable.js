// @ts-check
// Runs that can be compared. The comparison itself is loaded when it is opened.

import { message } from "../messages.js";
import { neighbour } from "../runs/runs.js";
import { page } from "../state.js";

/** @import { PastRun } from "../state.js" */
/** @import { Compared } from "./side_by_side.js" */

export const MOST_BESIDE = 6;
export const WITH_OLDER = message("Compare with an older result");
export const WITH_NEWER = message("Compare with a newer result");

/**
 * Return the run to compare a run on the stage with, and the words for it, or null if the history has no other one.
 * @param {string} id
 * @returns {{ runs: [PastRun, PastRun], label: string } | null}
 */
export function comparable(id) {
  const { past } = page.now;
  const run = past.find((one) => one?.id === id);
  if (!run) return null;
  const older = neighbour(past, id, 1);
  const other = older ?? neighbour(past, id, -1);
  return other && { runs: [run, other], label: older ? WITH_OLDER : WITH_NEWER };
}

/**
 * Show a result of each run side by side.
 * @param {readonly Compared[]} runs
 * @param {string} viewer URL of the module that shows 3D models
 */
export async function compare(runs, viewer) {
  const { showBeside } = await import("./side_by_side.js");
  await showBeside(runs, viewer);
}
