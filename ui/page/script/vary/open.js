// @ts-check
// Opens “Vary values…”.

import { fieldsToVary, theComponent } from "../batches/given.js";
import { masksHold } from "../components/mask_painter.js";
import { $ } from "../dom.js";
import { VaryDialog } from "./dialog.js";

/**
 * Open the dialog, unless it is, once what is painted is kept: what is asked of that stands below the dialog.
 * @param {string} [key] of a field
 * @param {readonly File[]} [files] for it
 * @param {(hasStarted: boolean) => void} [closed]
 */
export function openVary(key = "", files = [], closed = () => {}) {
  const component = theComponent();
  if (!component || $("dialog.vary") || !fieldsToVary().length) return;
  if (masksHold(() => openVary(key, files, closed))) return;
  const dialog = new VaryDialog(closed, key);
  dialog.open(component.place);
  if (key) dialog.give(key, files);
}
