// @ts-check
// Menu of image fields. An edited image replaces the field's file; the unedited one is kept for Undo and for
// later edits.

import { $, all, element, isPaintable, nameIn } from "../dom.js";
import { useIn } from "../form/files.js";
import { imageButtons, labelOf } from "../gradio.js";
import { message } from "../messages.js";
import { say } from "../state.js";
import { formRatio, imageMenu, offerOriginal } from "./offers.js";

/** @import { Edit } from "./editor.js" */

/** @typedef {{ address: string, edit: Edit }} Original the unedited image, and its last edit */

const FIELD = "#form [id^=field-].of-image:not(.painted)";
const GONE = message("The original image is no longer here. Choose it again.");

/** Originals by the address of the edited image. @type {Map<string, Original>} */
const originals = new Map();
/** Originals of images that are being uploaded, by the id of their field. @type {Map<string, Original>} */
const pending = new Map();

/** Add the menu to image fields once they have an image; the first form may already have some. */
export function offerEditing() {
  for (const image of all(`${FIELD} img`)) offerOn(image);
  document.addEventListener("load", ({ target }) => offerOn(target), true);
}

/** @param {EventTarget | null} image */
function offerOn(image) {
  if (!(image instanceof HTMLImageElement)) return;
  const field = image.closest(FIELD);
  if (field instanceof HTMLElement) imageShown(field, image.src);
}

/** @param {HTMLElement} field @param {string} address */
function imageShown(field, address) {
  const original = pending.get(field.id);
  if (original && original.address !== address) {
    pending.delete(field.id);
    originals.set(address, original);
    // The menu was hidden during the upload, which took its focus.
    if (document.activeElement === document.body) $(".edit-image", field)?.focus();
  }
  if ($(".edit-image", field)) return;
  const press = (/** @type {keyof ReturnType<typeof imageButtons>} */ name) => () =>
    imageButtons(field)[name]?.click();
  const [change, enlarge, remove] = [press("change"), press("enlarge"), press("remove")];
  field.append(imageMenu({ change, edit: () => edit(field), enlarge, remove }));
}

/** @param {HTMLElement} field */
async function edit(field) {
  const shown = /** @type {HTMLImageElement | null} */ ($("img", field));
  if (!shown) return;
  const { src } = shown;
  const before = originals.get(src);
  const address = before?.address ?? src;
  const image = element("img");
  image.src = address;
  if (!(await isPaintable(image))) {
    say(GONE);
    return;
  }
  const { naturalWidth: width, naturalHeight: height } = image;
  const source = { image, size: { width, height }, mask: null, isPainted: false };
  const label = labelOf(field);
  const { editImage } = await import("./editor.js");
  const more = { name: nameIn(address), label, ratio: formRatio() };
  const edited = await editImage({ ...source, ...more }, before?.edit ?? null);
  $(".edit-image", field)?.focus();
  if (!edited) return;
  if (!edited.file) {
    if (before) await restore(field.id, address);
    return;
  }
  pending.set(field.id, { address, edit: edited.edit });
  useIn(field, [edited.file]);
  offerOriginal(label, () => restore(field.id, src, before));
}

/**
 * Put an image back into a field.
 * @param {string} id
 * @param {string} address
 * @param {Original} [original] its original, if it is an edited image itself
 */
async function restore(id, address, original) {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) {
    say(GONE);
    return;
  }
  const blob = await answer.blob();
  if (original) pending.set(id, original);
  else pending.delete(id);
  useIn({ id }, [new File([blob], nameIn(address), { type: blob.type })]);
}
