// @ts-check
// Caption of a result: its size, seed, model and prompt.

import { theComponent } from "../batches/given.js";
import { button, element } from "../dom.js";
import { LANGUAGE, message } from "../messages.js";
import { captionOf } from "../runs/results.js";

/** @import { CaptionPart } from "../runs/results.js" */
/** @import { View } from "../state.js" */

export class Caption {
  /** The root element. */
  place = element("div", "made-from");
  #group = element("span", "part-of muted");
  #drawn = "";

  /**
   * @param {View | null} view a finished run
   * @param {Element | null} media the element that shows its result
   */
  show(view, media) {
    const parts = view ? [...lengthOf(media), ...captionOf(view, sizeOf(media))] : [];
    const chain = view?.page.part_of ?? "";
    const batch = view?.page.batch ?? "";
    const wanted = JSON.stringify([parts, chain, batch]);
    if (wanted === this.#drawn) return;
    this.#drawn = wanted;
    const facts = element("p", "facts");
    if (chain || batch) facts.append(this.#group); // first: a long line is cut
    facts.append(...parts.filter(({ part }) => part !== "prompt").map(factFor));
    const prompt = parts.filter(({ part }) => part === "prompt").map(factFor);
    const open = button(
      message("Show the batch"),
      (link) => theComponent()?.open(batch, link),
      "link",
    );
    this.#group.replaceChildren(batch ? open : chain);
    this.place.replaceChildren(...prompt, ...(facts.hasChildNodes() ? [facts] : []));
  }
}

/** @param {CaptionPart} part */
function factFor({ part, shown, copied }) {
  const made = element("span", "fact muted", shown);
  made.dataset.part = part;
  made.title = copied || shown;
  return made;
}

/**
 * Return the length of a video, or the length and rate of a sound, as a part of the caption.
 * @param {Element | null} media
 * @returns {CaptionPart[]}
 */
function lengthOf(media) {
  let words = media instanceof HTMLElement ? (media.dataset.sound ?? "") : "";
  if (media instanceof HTMLVideoElement && media.duration > 0 && Number.isFinite(media.duration)) {
    const rounded = Math.round(media.duration * 10) / 10;
    words = message("{seconds} s", { seconds: rounded.toLocaleString(LANGUAGE) });
  }
  return words ? [{ part: "size", shown: words, copied: words }] : [];
}

/**
 * Return the size of an image or video in its own pixels, or null for previews and other media.
 * @param {Element | null} media
 */
function sizeOf(media) {
  if (media instanceof HTMLVideoElement)
    return { width: media.videoWidth, height: media.videoHeight };
  if (!(media instanceof HTMLImageElement) || media.className) return null;
  return { width: media.naturalWidth, height: media.naturalHeight };
}
