// @ts-check
// What Details says about a result: its settings, its technical texts, and how long it is stored.

import { element, tableOf } from "../dom.js";
import { keptWords } from "../history/expiry.js";

/** @import { StageView } from "../documents.js" */

/**
 * @param {StageView} page
 * @param {readonly [string, string][]} echoes technical texts, by the names of their outputs
 * @returns {HTMLElement[]}
 */
export function detailsOf(page, echoes) {
  const kept = keptWords(page);
  const rows = [...page.details, ...echoes];
  return [
    ...(rows.length ? [tableOf(rows)] : []),
    ...(kept ? [element("p", "kept muted", kept)] : []),
  ];
}
