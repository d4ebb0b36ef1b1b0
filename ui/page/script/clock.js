// @ts-check
// Times in words, and pauses between tries. Pure but for chance.

const RETRY = [300, 1000, 2000, 5000];

/**
 * Milliseconds until the next try.
 * @param {number} tries so far
 */
export const pause = (tries) =>
  (RETRY[Math.min(tries, RETRY.length - 1)] ?? 0) * (0.75 + Math.random() / 2);

/**
 * @param {number} seconds
 * @returns {string} "1:05"
 */
export const clock = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/**
 * @param {number} seconds since 1970
 */
export const when = (seconds) =>
  new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
