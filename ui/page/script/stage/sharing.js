// @ts-check
// Ways to share results that plugins add, beside a link.

import { $ } from "../dom.js";

/**
 * What to share. Of several, the last comes first.
 * @typedef {{ results: readonly { run: string, file: number }[] } | { runs: readonly string[] } | { batch: string }} Shared
 *
 * A way to share, as `ui/plugin_parts.py` lists them in the page's head.
 * @typedef {{ label: string, module: string }} SharingAction
 */

/** @returns {readonly SharingAction[]} */
export const waysToShare = () => JSON.parse($("#sharing")?.textContent ?? "[]");

/**
 * @param {SharingAction} way
 * @param {Shared} what
 */
export async function shareBy({ module }, what) {
  /** @type {{ share: (what: Shared) => unknown }} */
  const { share } = await import(module);
  return share(what);
}
