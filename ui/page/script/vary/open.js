// @ts-check
// Opening the “Try several values” dialog.

import { fieldsToVary, theComponent } from "../batches/given.js";
import { $ } from "../dom.js";
import { masksHold } from "../mask/holding.js";

/**
 * Open the dialog, unless it is open already. If a mask is still being uploaded or needs an answer from the user, wait
 * for that first, because the dialog would cover the question.
 * @param {string} [key] key of a field to vary
 * @param {readonly File[]} [files] files for the field
 * @param {(hasStarted: boolean) => void} [closed]
 */
export async function openVary(key = "", files = [], closed = () => {}) {
  const component = theComponent();
  if (!component || $("dialog.vary") || !fieldsToVary().length) return;
  if (masksHold(() => openVary(key, files, closed))) return;
  const { VaryDialog } = await import("./dialog.js");
  if ($("dialog.vary")) return; // of a second press
  const dialog = new VaryDialog(closed, key);
  dialog.open(component.place);
  if (key) dialog.give(key, files);
}
