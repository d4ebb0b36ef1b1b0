// @ts-check
// Shared parts of image fields and painted image fields: the menu, the form's own ratio, and Undo.

import { all } from "../dom.js";
import { replacing } from "../form/form.js";
import { offerUndo } from "../history/undo.js";
import { message } from "../messages.js";
import { menuButton } from "../results/pop_menu.js";

/**
 * Return the menu of a field's image.
 * @param {{ change: () => unknown, edit: () => unknown, enlarge: () => unknown, remove: () => unknown }} does
 */
export function imageMenu({ change, edit, enlarge, remove }) {
  const removes = () => {
    replacing("image");
    remove();
  };
  const editing = message("Crop, rotate or extend this image");
  const entries = [
    { label: message("Choose another image"), does: change },
    { label: message("Edit"), title: editing, does: edit },
    { label: message("Enlarge"), does: enlarge },
    { label: message("Remove image"), does: removes, isBad: true },
  ];
  return menuButton(message("Change"), message("Change"), entries, "bare edit-image");
}

/** Return the aspect ratio of the form's width and height, or null if it has no such pair or several. */
export function formRatio() {
  const [pair, other] = all("#form .size");
  if (!pair || other) return null;
  const [width = 0, height = 0] = all("input[type=number]", pair).map((input) =>
    Number(/** @type {HTMLInputElement} */ (input).value),
  );
  return width > 0 && height > 0 ? width / height : null;
}

/**
 * Confirm an edit, and offer to undo it.
 * @param {string} label of the field
 * @param {() => void} undo
 */
export const offerOriginal = (label, undo) =>
  offerUndo(message("Image edited."), label, undo, () => {});
