// @ts-check
// Caption of a result: its size, seed, model and prompt. Pressing a part copies it.

import { theComponent } from "../batches/given.js";
import { announce, button, element } from "../dom.js";
import { copyOrTell } from "../form/copying.js";
import { labeled, message } from "../messages.js";
import { captionOf } from "../runs/results.js";

/** @import { CaptionPart } from "../runs/results.js" */
/** @import { View } from "../state.js" */

const DONE_FOR = 2000;
const COPIED = message("Copied");

export class Caption {
  /** The root element. */
  place = element("div", "made-from");
  #group = element("p", "part-of muted");
  #drawn = "";

  /**
   * @param {View | null} view a finished run
   * @param {Element | null} media the element that shows its result
   */
  show(view, media) {
    const parts = view ? [...soundOf(media), ...captionOf(view, sizeOf(media))] : [];
    const chain = view?.page.part_of ?? "";
    const batch = view?.page.batch ?? "";
    const wanted = JSON.stringify([parts, chain, batch]);
    if (wanted === this.#drawn) return;
    this.#drawn = wanted;
    const facts = element("div", "facts wraps");
    facts.append(...parts.filter(({ part }) => part !== "prompt").map(buttonFor));
    const prompt = parts.filter(({ part }) => part === "prompt").map(buttonFor);
    const open = button(
      message("Show the batch"),
      (link) => theComponent()?.open(batch, link),
      "link",
    );
    this.#group.replaceChildren(batch ? open : chain);
    this.place.replaceChildren(
      ...(chain || batch ? [this.#group] : []),
      ...(parts.length ? [facts, ...prompt] : []),
    );
  }
}

/** @param {CaptionPart} part */
function buttonFor({ part, shown, copied }) {
  const made = button("", (pressed) => copy(copied, pressed), "copy");
  made.dataset.part = part;
  made.dataset.icon = "copy";
  made.append(element("span", "", shown));
  made.title = labeled(message("Copy"), copied);
  made.ariaLabel = labeled(message("Copy"), shown);
  return made;
}

/**
 * Copy a text. The pressed button shows for two seconds that it worked.
 * @param {string} text
 * @param {HTMLButtonElement} pressed
 */
async function copy(text, pressed) {
  if (!(await copyOrTell(message("This couldn't be copied."), text))) return;
  pressed.focus(); // copying over plain HTTP moves the focus away
  const show = (/** @type {boolean} */ isDone) => {
    pressed.classList.toggle("done", isDone);
    pressed.dataset.icon = isDone ? "check" : "copy";
  };
  show(true);
  announce(COPIED);
  setTimeout(() => show(false), DONE_FOR);
}

/**
 * Return the length and rate of a sound, as a part of the caption.
 * @param {Element | null} media
 * @returns {CaptionPart[]}
 */
function soundOf(media) {
  const words = media instanceof HTMLElement ? (media.dataset.sound ?? "") : "";
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
