// @ts-check
// Sizes and states of downloads as text.

import { durationWords } from "../clock.js";
import { LOCALE, message } from "../messages.js";

/** @import { MissingModelFile, ModelDownload } from "../documents.js" */

const UNITS = /** @type {const} */ (["byte", "kilobyte", "megabyte", "gigabyte"]);
const ACTIVE = ["waiting", "running", "checking", "retrying"];

/**
 * Format a size: "6.5 GB", "812 kB".
 * @param {number} bytes
 */
export function byteWords(bytes) {
  const at = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** at;
  const maximumFractionDigits = at > 1 && value < 100 ? 1 : 0;
  const options = { style: "unit", unit: UNITS[at], unitDisplay: "short", maximumFractionDigits };
  return new Intl.NumberFormat(LOCALE, /** @type {Intl.NumberFormatOptions} */ (options))
    .format(value)
    .replace(" ", "\u00a0");
}

/** @param {ModelDownload | null} download */
export const isActive = (download) => Boolean(download && ACTIVE.includes(download.state));

/**
 * Return the size of all files that can be downloaded, or null if some sizes are unknown.
 * @param {readonly MissingModelFile[]} models
 */
export function totalSize(models) {
  const sizes = models.map(({ size }) => size);
  return sizes.every((size) => size !== null) ? sizes.reduce((sum, size) => sum + size, 0) : null;
}

/**
 * Describe a download's state.
 * @param {ModelDownload} download
 */
export function downloadWords({ state, received, size, speed, problem }) {
  const amount =
    size === null
      ? byteWords(received)
      : message("{part} of {whole}", { part: byteWords(received), whole: byteWords(size) });
  const left = size !== null && speed > 0 ? durationWords((size - received) / speed) : "";
  switch (state) {
    case "waiting":
      return message("Waiting for other downloads");
    case "running":
      return [
        amount,
        speed > 0 && message("{size}/s", { size: byteWords(speed) }),
        left && message("about {time} left", { time: left }),
      ]
        .filter(Boolean)
        .join(" · ");
    case "checking":
      return message("Checking the file…");
    case "retrying":
      return [amount, problem, message("Retrying…")].join(" · ");
    case "paused":
      return [message("Paused"), amount].join(" · ");
    default:
      return problem;
  }
}
