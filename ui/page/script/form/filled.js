// @ts-check
// What the form on the page holds now.

import { Store } from "../state.js";

/**
 * Values by the fields' keys, as ui/view/browser_values.py has them: those of now, and the author's. `name` is the
 * workflow's.
 * @typedef {{ name: string, values: Record<string, unknown>, authors: Record<string, unknown> }} Filled
 */

/** @type {Store<Filled>} */
export const filled = new Store({ name: "", values: {}, authors: {} });

/**
 * Show what the form holds, at once and at every change, for as long as the place is on the page.
 * @param {HTMLElement} place
 * @param {(now: Filled) => void} show
 */
export function whileShown(place, show) {
  /** @type {() => void} */
  let end = () => {};
  end = filled.subscribe((now, before) => {
    if (now === before || place.isConnected) show(now);
    else end();
  });
}
