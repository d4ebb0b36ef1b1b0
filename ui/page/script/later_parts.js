// @ts-check
// Parts of the page that come after its first form: announcements, keyboard shortcuts, files dropped on
// the page, the image editor, masks, shared settings.

import { showAnnouncements } from "./announcement.js";
import { refuseVaried } from "./batches/given.js";
import { asksForKeys, showKeys } from "./components/keys.js";
import { masksHold } from "./components/mask_painter.js";
import { tellCutUpload, uploadEnds } from "./form/cut_uploads.js";
import { refuseFile, takeFiles } from "./form/files.js";
import { offerEditing } from "./image_editor/fields.js";
import { useShared } from "./runs/shared_settings.js";

/** Start them. */
export function beginLater() {
  showAnnouncements();
  tellCutUpload();
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
 * Show the keyboard shortcuts if the key asks for them, and return whether it does.
 * @param {KeyboardEvent} event
 */
export function showKeysFor(event) {
  if (!asksForKeys(event)) return false;
  showKeys();
  return true;
}

/** Note that the app has answered an upload. */
export const uploadAnswered = uploadEnds;

/**
 * Show why an upload was refused.
 * @param {string} why
 */
export const refuseUpload = (why) => refuseVaried(why) || refuseFile(why);
