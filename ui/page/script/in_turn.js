// @ts-check
// Work that must not overtake earlier work.

/**
 * Do something after earlier work has ended. An error of the earlier work goes to the console and doesn't stop this.
 * @template T
 * @param {Promise<unknown>} before
 * @param {() => T | Promise<T>} does
 * @returns {Promise<T>}
 */
export const inTurn = (before, does) => before.catch(console.error).then(does);
