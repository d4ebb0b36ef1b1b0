// @ts-check
// What the form on the page holds now.

import { all } from "../dom.js";
import { Store } from "../state.js";

/**
 * Values by the fields' keys, as ui/documents/browser_values.py has them: those of now, and the author's. `name` is the
 * workflow's. `held`: what a press sends, seeds and painted images included; `used`: the seeds of the last run, in digits.
 * @typedef {{ name: string, values: Record<string, unknown>, authors: Record<string, unknown>,
 *   held: Record<string, unknown>, used: Record<string, string> }} Filled
 */

/**
 * Apart from `page`, as it changes with each letter that is typed, which only notes and ideas beside the form look at.
 * @type {Store<Filled>}
 */
export const filled = new Store({ name: "", values: {}, authors: {}, held: {}, used: {} });

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

/**
 * Sentences about values, each seen while the form holds one of these.
 * @param {HTMLElement} place
 * @param {readonly (readonly [string, unknown][])[]} about the fields' keys and values of each
 */
export const mountNotes = (place, about) =>
  whileShown(place, ({ values }) => {
    for (const [at, note] of all("p", place).entries())
      note.hidden = !about[at]?.some(([key, value]) => !(key in values) || values[key] === value);
  });

/**
 * The seeds that count when a form is drawn: the next run continues after them.
 * @param {Record<string, unknown>} held
 * @param {(key: string) => boolean} isSeed
 * @returns {Record<string, string>}
 */
export const countedFrom = (held, isSeed) =>
  Object.fromEntries(
    Object.entries(held).flatMap(([key, value]) =>
      isSeed(key) && typeof value === "string" && value.startsWith("+")
        ? [[key, value.slice(1)]]
        : [],
    ),
  );
