// @ts-check
// What Details says about a result: its settings, and how long it is stored.

import { element, tableOf } from "../dom.js";
import { keptWords } from "../history/expiry.js";

/** @import { StageView } from "../documents.js" */

/** @param {StageView} page @returns {HTMLElement[]} */
export function detailsOf(page) {
  const kept = keptWords(page);
  return [
    ...(page.details.length ? [tableOf(page.details)] : []),
    ...(kept ? [element("p", "kept muted", kept)] : []),
  ];
}
