// @ts-check
// The current values of the form on the page.

import { all } from "../dom.js";
import { Store } from "../state.js";

/**
 * Current values and the author's values by field key, in the format of ui/documents/browser_values.py. `name`: the
 * workflow's name. `held`: the values that Generate sends, including seeds and painted images. `used`: the seeds of the
 * last run, in digits.
 * @typedef {{ name: string, values: Record<string, unknown>, authors: Record<string, unknown>,
 *   held: Record<string, unknown>, used: Record<string, string> }} Filled
 */

/**
 * Separate from `page`, because it changes with each keystroke and only a few parts of the form subscribe to it.
 * @type {Store<Filled>}
 */
export const filled = new Store({ name: "", values: {}, authors: {}, held: {}, used: {} });

/**
 * Call `show` with the form's values now and after every change, until the element is removed from the page.
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
 * Show each note only while the form holds one of the values that the note is about.
 * @param {HTMLElement} place
 * @param {readonly (readonly [string, unknown][])[]} about the field keys and values of each note
 */
export const mountNotes = (place, about) =>
  whileShown(place, ({ values }) => {
    for (const [at, note] of all("p", place).entries())
      note.hidden = !about[at]?.some(([key, value]) => !(key in values) || values[key] === value);
  });

/**
 * Return the seeds that are in counting mode when a form is drawn. The next run counts on from them.
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
