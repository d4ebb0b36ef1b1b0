// @ts-check
// One model in the picker: its preview image and its name.

import { addressOf, element } from "../dom.js";
import { message } from "../messages.js";
import { sizeWords } from "../sizes.js";

/** @import { ListedModel } from "../documents.js" */

const SETTLED = 90; // milliseconds; while the user scrolls fast, no images are requested

/**
 * Return a model's image; without one the user's newest result with it, or a pattern with its base model.
 * @param {ListedModel} model
 * @param {(value: string) => string} address returns the URL of a model's image
 */
export function imageOf({ value, base_model: base, made, is_file: isFile }, address) {
  const place = element("span", "thumb", base);
  place.ariaHidden = "true";
  if (!isFile) return place;
  /** @param {string} src @param {() => void} fails */
  const show = (src, fails) => {
    const image = element("img");
    Object.assign(image, { alt: "", decoding: "async", src });
    image.onload = () => place.replaceChildren(image);
    image.onerror = fails;
  };
  const showMade = () => {
    if (!made) return;
    place.dataset.made = message("Your newest result");
    show(addressOf(made), () => delete place.dataset.made);
  };
  setTimeout(() => {
    if (place.isConnected) show(address(value), showMade);
  }, SETTLED);
  return place;
}

/**
 * Return a model's card, an option of a list box.
 * @param {ListedModel} model
 * @param {{ at: number, count: number, isChosen: boolean, isFavourite: boolean }} place its position in the list
 * @param {(value: string) => string} address returns the URL of a model's image
 */
export function cardOf(model, { at, count, isChosen, isFavourite }, address) {
  const card = element("button", "model");
  card.type = "button";
  card.role = "option";
  card.ariaSelected = String(isChosen);
  card.ariaPosInSet = String(at + 1);
  card.ariaSetSize = String(count);
  card.tabIndex = -1;
  card.title = model.value;
  Object.assign(card.dataset, { does: "choose", at: String(at) });
  const words = element("span", "words", element("span", "name breaks", model.label));
  const base = element("span", model.fits ? "" : "unfit", model.base_model);
  const size = model.size ? sizeWords(model.size) : "";
  const facts = [isFavourite ? "★" : "", base.textContent && base, size, model.folder];
  const parts = facts.filter(Boolean).flatMap((fact, at) => (at ? [" · ", fact] : [fact]));
  words.append(element("span", "folder", ...parts));
  card.append(imageOf(model, address), words);
  return card;
}
