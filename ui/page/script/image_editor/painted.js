// @ts-check
// Editing the image of the mask painter: its mask takes part, and a new area is masked.

import { addressOf, element, isPaintable, nameIn } from "../dom.js";
import { formRatio } from "./offers.js";

/** @import { Value } from "../components/mask_painter.js" */
/** @import { Edit } from "./editor.js" */

/** @typedef {{ value: Value, edit: Edit }} Original the unedited image with its mask, and the last edit */

/** Originals by the places of the edited image and its mask. @type {Map<string, Original>} */
const originals = new Map();

/**
 * Let the user edit an image and its mask.
 * @param {Value} value both as uploaded
 * @param {string} label of the field
 * @param {(file: File) => Promise<Value["background"]>} upload
 * @returns {Promise<{ value: Value, original: Value } | null>} null if nothing has changed
 * @throws if an upload fails
 */
export async function editPainted(value, label, upload) {
  const before = originals.get(placesOf(value));
  const from = before?.value ?? value;
  const image = await loadedImage(from.background.url);
  if (!image) return null;
  const mask = from.layers[0] ? await loadedImage(from.layers[0].url) : null;
  const { naturalWidth: width, naturalHeight: height } = image;
  const name = nameIn(image.src);
  const ratio = formRatio();
  const source = { image, mask, size: { width, height }, isPainted: true, name, label, ratio };
  const { editImage } = await import("./editor.js");
  const edited = await editImage(source, before?.edit ?? null);
  if (!edited) return null;
  if (!edited.file) return before ? { value: from, original: from } : null;
  const background = await upload(edited.file);
  const layers = edited.mask ? [await upload(edited.mask)] : [];
  const after = { background, layers };
  originals.set(placesOf(after), { value: from, edit: edited.edit });
  return { value: after, original: value };
}

/** @param {string} url */
async function loadedImage(url) {
  const image = element("img");
  image.src = addressOf(url);
  return (await isPaintable(image)) ? image : null;
}

/** @param {Value} value */
const placesOf = ({ background, layers }) =>
  JSON.stringify([background.path, ...layers.map(({ path }) => path)]);
