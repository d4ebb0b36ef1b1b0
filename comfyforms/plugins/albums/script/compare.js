// @ts-check
// Full-window comparison of a few results of an album. The keys of the review judge the result under the pointer, or else
// the one with the focus.

import { $, closeButton, element } from "page/dom.js";
import { ComparedImages } from "page/history/compared_images.js";
import { message } from "page/messages.js";
import { withName } from "./calls.js";
import { saidBy } from "./items.js";
import { Judge, mediaOf, votesOf } from "./review.js";

/** @import { ItemDoc } from "./documents.js" */

/**
 * Show results beside each other. Others' votes come after the user's own.
 * @param {readonly ItemDoc[]} items
 * @param {((item: ItemDoc, said: Pick<ItemDoc, "verdict" | "stars">) => void) | null} say stores a verdict; null for
 *   users who may not review
 */
export function compareItems(items, say) {
  const place = element("dialog", "side-by-side");
  place.ariaLabel = message("Compare results");
  /** @type {Map<Element | null, Judge>} */
  const judges = new Map();
  place.addEventListener("keydown", (event) => {
    const { key, ctrlKey, metaKey, altKey, repeat } = event;
    const judge = judges.get($("figure:hover", place) ?? $("figure:focus-within", place));
    if (ctrlKey || metaKey || altKey || repeat || !judge?.press(key)) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // digits are also keys of the zoom
  });
  const images = new ComparedImages(place);
  const close = closeButton(() => place.close());
  const title = element("h2", "dialog-title", message("Compare"));
  const results = element("div", "results");
  const arrived = items.map((item) => {
    const node = mediaOf(item);
    const pane = node instanceof HTMLImageElement ? images.paneOf(node, item.address) : node;
    const votes = votesOf(item.reviews.filter(({ mine }) => !mine));
    const others = element("span", "others flow", ...votes);
    let now = item;
    const draw = () => {
      judge.draw(now);
      others.hidden = Boolean(say) && !now.verdict && !now.stars;
    };
    const judge = new Judge((key) => {
      const said = saidBy(key, now);
      if (!said) return false;
      withName(() => {
        say?.(now, said);
        now = { ...now, ...said };
        draw();
      });
      return true;
    });
    draw();
    const number = element("b", "", `#${item.number}`);
    const caption = element("figcaption", "", number, ...(say ? judge.parts : []), others);
    const figure = element("figure", "", pane, caption);
    if (say) judges.set(figure, judge);
    results.append(figure);
    return node instanceof HTMLImageElement && node.decode().catch(() => {});
  });
  Promise.all(arrived).then(() => images.look(items.length));
  place.append(element("header", "flow", title, images.tools, close), results);
  place.addEventListener("close", () => place.remove());
  document.body.append(place);
  place.showModal();
  close.focus();
}
