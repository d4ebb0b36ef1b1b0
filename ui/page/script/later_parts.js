// @ts-check
// Parts of the page that come after its first form: files dropped on the page, the image editor, masks, shared settings.

import { refuseVaried } from "./batches/given.js";
import { masksHold } from "./components/mask_painter.js";
import { refuseFile, takeFiles } from "./form/files.js";
import { offerEditing } from "./image_editor/fields.js";
import { useShared } from "./runs/shared_settings.js";

/** Start them. */
export function beginLater() {
  takeFiles();
  offerEditing();
  useShared();
}

/**
 * Return whether a press of Generate has to wait for a mask; see `masksHold`.
 * @param {() => void} press
 */
export const isHeldByMask = (press) => masksHold(press);

/**
 * Show why an upload was refused.
 * @param {string} why
 */
export const refuseUpload = (why) => refuseVaried(why) || refuseFile(why);
