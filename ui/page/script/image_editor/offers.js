// @ts-check
// Shared parts of image fields and painted image fields: the button, the form's own ratio, and Undo.

import { all, iconButton } from "../dom.js";
import { offerUndo } from "../history/undo.js";
import { message } from "../messages.js";

/** Return the editor's button. @param {() => void} does */
export function editButton(does) {
  const made = iconButton("edit", does, "tool edit-image");
  made.ariaLabel = message("Edit");
  made.title = message("Crop, rotate or extend this image");
  return made;
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
