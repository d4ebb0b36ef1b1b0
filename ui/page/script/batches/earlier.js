// @ts-check
// The way to batches of before, which have no card on the page any more.

import { when } from "../clock.js";
import { button, element } from "../dom.js";
import { message } from "../messages.js";
import { get } from "../requests.js";
import { theComponent } from "./given.js";
import { question } from "./question.js";
import { progressWords, titleWords } from "./words.js";

/** @import { Batch } from "../state.js" */

/**
 * A button that lists them, where there are any.
 * @param {HTMLElement} before what it stands before
 * @param {HTMLElement} over what the list lies over
 * @param {() => void} left is called when one is opened
 */
export async function offerEarlier(before, over, left) {
  /** @type {Batch[] | null} */
  const batches = await get("/batches");
  if (batches?.length)
    before.before(button(message("Your batches"), () => list(batches, over, left), "quiet"));
}

/**
 * @param {readonly Batch[]} batches
 * @param {HTMLElement} over
 * @param {() => void} left
 */
function list(batches, over, left) {
  const place = question("batch-list", message("Your batches"));
  place.classList.add("earlier");
  const items = element("ul");
  items.append(
    ...batches.map((batch) => {
      const item = element("li");
      const open = button("", () => {
        place.close();
        left();
        theComponent()?.open(batch.id);
      });
      const said = `${when(batch.created_at)} · ${progressWords(batch)}`;
      open.append(element("strong", "", titleWords(batch)), element("span", "", said));
      item.append(open);
      return item;
    }),
  );
  const last = element("div", "last");
  last.append(button(message("Close"), () => place.close()));
  place.append(items, last);
  over.append(place);
  place.showModal();
  items.querySelector("button")?.focus();
}
