// @ts-check
// Presses of Generate that wait for a mask. The painters themselves come when a form has one.

import { all } from "../dom.js";

/** `holds`: returns whether a press has to wait; `press` repeats it. @typedef {{ holds: (press: () => void) => boolean }} Holder */

/** @type {WeakMap<Element, Holder>} */
const painters = new WeakMap();

/** @param {Element} place @param {Holder} painter */
export const addPainter = (place, painter) => void painters.set(place, painter);

/**
 * Return whether a press of Generate has to wait: for an upload, or for the user's decision to run without a mask.
 * @param {() => void} press repeats the press when it no longer has to wait
 */
export const masksHold = (press) =>
  all(".mask-painter").some((place) => painters.get(place)?.holds(press));
