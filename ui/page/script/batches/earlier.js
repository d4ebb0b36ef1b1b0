// @ts-check
// List that opens earlier batches, which no longer have a card on the page.

import { when } from "../clock.js";
import { $, button, dialog, element, showDialog } from "../dom.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";
import { theComponent } from "./given.js";
import { progressWords, titleWords } from "./words.js";

/** @import { BatchDoc, BatchPage } from "../documents.js" */

/**
 * Add a button that lists the user's batches, if there are any.
 * @param {HTMLElement} before the element after the button
 * @param {() => void} left called when the user opens a batch
 */
export async function offerEarlier(before, left) {
  const batches = await allBatches();
  const open = button(message("Earlier batches"), () => list(batches, left), "quiet");
  if (batches.length) before.before(open);
}

/** Return all of the user's batches, newest first. */
async function allBatches() {
  /** @type {BatchDoc[]} */
  const batches = [];
  for (let cursor = ""; ; ) {
    const query = new URLSearchParams({ limit: "200", ...(cursor && { cursor }) });
    /** @type {BatchPage | null} */
    const told = await get(`${API}/batches?${query}`);
    batches.push(...(told?.batches ?? []));
    if (!told?.next) return batches;
    cursor = told.next;
  }
}

/** @param {readonly BatchDoc[]} batches @param {() => void} left */
function list(batches, left) {
  const place = dialog("batch-list", message("Earlier batches"));
  place.classList.add("earlier");
  const items = element("ul");
  items.append(
    ...batches.map((batch) => {
      const open = button("", () => {
        place.hidePopover();
        left();
        theComponent()?.open(batch.id);
      });
      const said = `${when(batch.created_at)} · ${progressWords(batch)}`;
      open.append(element("strong", "", titleWords(batch)), element("span", "aside", said));
      return element("li", "", open);
    }),
  );
  place.append(items);
  showDialog(place, $("button", items));
}
