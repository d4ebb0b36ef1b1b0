// @ts-check
// Sizes of files as text.

import { LANGUAGE } from "./messages.js";

const SIZES = /** @type {const} */ (["kilobyte", "megabyte", "gigabyte", "terabyte"]);

/** @param {number} bytes @returns a size in words, in kilobytes or larger units */
export function sizeWords(bytes) {
  const step = Math.min(Math.floor(Math.log10(Math.max(1000, bytes)) / 3), SIZES.length);
  const count = Math.max(1, bytes / 1000 ** step);
  const isRounded = count >= 10 || step === 1;
  return unitWords(
    isRounded ? Math.round(count) : Math.round(count * 10) / 10,
    SIZES[step - 1] ?? "kilobyte",
  );
}

/**
 * Return a number with its unit, joined by a no-break space. English formatting has an ordinary space there.
 * @param {number} count
 * @param {string} unit a unit of `Intl.NumberFormat`
 */
const unitWords = (count, unit) =>
  count
    .toLocaleString(LANGUAGE, { style: "unit", unit, unitDisplay: "short" })
    .replace(" ", "\u00a0");
