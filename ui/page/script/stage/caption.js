// @ts-check
// What a result was made from, beside what is said of its run: a press on any of it copies it.

import { theComponent } from "../batches/given.js";
import { announce, button, element } from "../dom.js";
import { copyOrTell } from "../form/form.js";
import { labeled, message } from "../messages.js";
import { captionOf } from "../runs/results.js";

/** @import { CaptionPart } from "../runs/results.js" */
/** @import { View } from "../state.js" */

const DONE_FOR = 2000;
const COPIED = message("Copied");

export class Caption {
  /** The place on the page. */
  place = element("div", "made-from");
  #group = element("p", "part-of");
  #drawn = "";

  /**
   * @param {View | null} view a run that has ended
   * @param {Element | null} media what is seen of it
   */
  show(view, media) {
    const parts = view ? captionOf(view, sizeOf(media)) : [];
    const chain = view?.page.part_of ?? "";
    const batch = view?.page.batch ?? "";
    const wanted = JSON.stringify([parts, chain, batch]);
    if (wanted === this.#drawn) return;
    this.#drawn = wanted;
    const facts = element("div", "facts");
    facts.append(...parts.filter(({ part }) => part !== "prompt").map(buttonFor));
    const prompt = parts.filter(({ part }) => part === "prompt").map(buttonFor);
    const open = button(
      message("Part of a batch"),
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
  made.append(element("span", "", shown));
  made.title = labeled(message("Copy"), copied);
  made.ariaLabel = labeled(message("Copy"), shown);
  return made;
}

/**
 * For two seconds the button itself says that it has worked.
 * @param {string} text
 * @param {HTMLButtonElement} pressed
 */
async function copy(text, pressed) {
  if (!(await copyOrTell(message("This couldn't be copied."), text))) return;
  pressed.focus(); // copying over plain HTTP takes it away
  pressed.classList.add("done");
  announce(COPIED);
  setTimeout(() => pressed.classList.remove("done"), DONE_FOR);
}

/**
 * The size of a result in its own pixels; that of a preview is none of its.
 * @param {Element | null} media
 */
function sizeOf(media) {
  if (media instanceof HTMLVideoElement)
    return { width: media.videoWidth, height: media.videoHeight };
  if (!(media instanceof HTMLImageElement) || media.className) return null;
  return { width: media.naturalWidth, height: media.naturalHeight };
}
