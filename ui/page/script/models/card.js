// @ts-check
// One model in the picker: its preview image and its name.

import { element } from "../dom.js";

/** @import { ListedModel } from "../documents.js" */

const SETTLED = 90; // milliseconds; while the user scrolls fast, no images are requested

/**
 * Return a model's image, or the first letter of its name.
 * @param {ListedModel} model
 * @param {(value: string) => string} address returns the URL of a model's image
 */
export function imageOf({ value, label, is_file: isFile }, address) {
  const place = element("span", "thumb", label.slice(0, 1).toUpperCase());
  place.ariaHidden = "true";
  if (!isFile) return place;
  setTimeout(() => {
    if (!place.isConnected) return;
    const image = element("img");
    Object.assign(image, { alt: "", decoding: "async", src: address(value) });
    image.onload = () => place.replaceChildren(image);
    image.onerror = () => image.remove(); // the model has no image
    place.append(image);
  }, SETTLED);
  return place;
}

/**
 * Return a model's card, an option of a list box.
 * @param {ListedModel} model
 * @param {{ at: number, count: number, isChosen: boolean }} place its position in the list
 * @param {(value: string) => string} address returns the URL of a model's image
 */
export function cardOf(model, { at, count, isChosen }, address) {
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
  if (model.folder) words.append(element("span", "folder", model.folder));
  card.append(imageOf(model, address), words);
  return card;
}
