// @ts-check
// Full-window comparison of a few results of an album, each with its verdict.

import { $, closeButton, element, iconButton } from "page/dom.js";
import { ComparedImages } from "page/history/compared_images.js";
import { message } from "page/messages.js";
import { withName } from "./calls.js";
import { mediaOf, votesOf } from "./review.js";

/** @import { ItemDoc } from "./documents.js" */

/** @type {readonly (readonly [ItemDoc["verdict"] & string, string, string])[]} */
const VERDICTS = [
  ["reject", "close", message("Reject")],
  ["keep", "check", message("Keep")],
];

/**
 * Show results beside each other. Others' votes come after the user's own.
 * @param {readonly ItemDoc[]} items
 * @param {((item: ItemDoc, said: Pick<ItemDoc, "verdict" | "stars">) => void) | null} say stores a verdict; null for
 *   users who may not review
 */
export function compareItems(items, say) {
  const place = element("dialog", "side-by-side");
  place.ariaLabel = message("Compare results");
  place.style.setProperty("--count", String(items.length));
  const images = new ComparedImages(place);
  const close = closeButton(() => place.close());
  const title = element("h2", "dialog-title", message("Compare"));
  const results = element("div", "results");
  const arrived = items.map((item) => {
    const node = mediaOf(item);
    const pane = node instanceof HTMLImageElement ? images.paneOf(node, item.address) : node;
    const judges = say ? VERDICTS.map((one) => judgeFor(item, one, say)) : [];
    const votes = votesOf(item.reviews.filter(({ mine }) => !mine));
    const others = element("span", "others flow", ...votes);
    others.hidden = Boolean(say) && !item.verdict && !item.stars;
    const number = element("b", "", `#${item.number}`);
    const caption = element("figcaption", "", number, ...judges, others);
    results.append(element("figure", "", pane, caption));
    return node instanceof HTMLImageElement && node.decode().catch(() => {});
  });
  Promise.all(arrived).then(() => images.look(items.length));
  place.append(element("header", "flow", title, images.tools, close), results);
  place.addEventListener("close", () => place.remove());
  document.body.append(place);
  place.showModal();
  close.focus();
}

/**
 * @param {ItemDoc} item
 * @param {typeof VERDICTS[number]} what
 * @param {(item: ItemDoc, said: Pick<ItemDoc, "verdict" | "stars">) => void} say
 */
function judgeFor(item, [verdict, icon, words], say) {
  const give = () => {
    item.verdict = item.verdict === verdict ? "" : verdict;
    for (const one of judge.parentElement?.querySelectorAll("button") ?? [])
      one.ariaPressed = String(one.value === item.verdict);
    $(".others", judge.parentElement ?? judge)?.removeAttribute("hidden");
    say(item, { verdict: item.verdict, stars: item.stars });
  };
  const judge = iconButton(icon, () => withName(give));
  judge.append(words);
  judge.value = verdict;
  judge.ariaPressed = String(item.verdict === verdict);
  return judge;
}
