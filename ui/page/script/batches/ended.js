// @ts-check
// Which batches have ended, and which of those get a card. Pure.

/** @import { BatchDoc } from "../documents.js" */

/** @param {Pick<BatchDoc, "state">} batch */
export const hasEnded = ({ state }) => state === "done" || state === "stopped";

/**
 * Return a filter for the batches that get a card.
 * @param {readonly string[]} shown ids of the batches that had a card before a reload
 * @returns a function that keeps batches that are unfinished, ended since its first call, or had a card
 */
export function sinceOpened(shown) {
  /** @type {Set<string> | undefined} */
  let earlier;
  return (/** @type {readonly BatchDoc[]} */ batches) => {
    earlier ??= new Set(batches.map(({ id }) => id).filter((id) => !shown.includes(id)));
    for (const batch of batches) if (!hasEnded(batch)) earlier.delete(batch.id);
    return batches.filter(({ id }) => !earlier?.has(id));
  };
}
