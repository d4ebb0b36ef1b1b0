// @ts-check
// How many results a press of Generate makes: images per run, if the form has a field for them, times runs.

import { message, plural } from "../messages.js";
import { Store } from "../state.js";

/**
 * The form's field for the number of images per run; see ui/page/form/arrangement.py. `id`: its element.
 * @typedef {{ key: string, id: string, label: string, help: string, least: number, most: number | null }} ImagesField
 */

export const MOST_RUNS = 16;

/** @typedef {{ images: ImagesField | null, runs: number }} Counts */

/** @type {Store<Counts>} */
export const counts = new Store(/** @type {Counts} */ ({ images: null, runs: 1 }));

/**
 * Describe what a press of Generate makes.
 * @param {number} runs
 * @param {number | null} each images per run, null if the form has no field for them
 */
export function manyWords(runs, each) {
  if (each === null) return plural("{count} run", "{count} runs", { count: runs });
  const isProduct = runs > 1 && each > 1;
  const count = isProduct ? each : runs * each;
  const made = plural("{count} image", "{count} images", { count });
  return isProduct ? message("{runs} × {made}", { runs, made }) : made;
}

/**
 * Return the nearest whole number within the limits.
 * @param {number} number
 * @param {number} least
 * @param {number | null} most
 */
export const within = (number, least, most) =>
  Math.min(Math.max(Math.round(number) || least, least), most ?? Infinity);

/** @param {number} count runs that the daily limit leaves */
export const leftWords = (count) =>
  plural("{count} run left of your 24-hour limit", "{count} runs left of your 24-hour limit", {
    count,
  });
