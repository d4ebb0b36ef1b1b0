// @ts-check
// Parts of the page that come after its first form: announcements, keyboard shortcuts, files dropped on
// the page, the image editor, masks, shared settings.

import { showAnnouncements } from "./announcement.js";
import { loadLost } from "./arrivals.js";
import { refuseVaried } from "./batches/given.js";
import { INPUTS } from "./dom.js";
import { refuseFile, takeFiles } from "./form/files.js";
import { tellCutUpload, upload } from "./form/uploading.js";
import { asksForShared } from "./form/values.js";
import { offerEditing } from "./image_editor/fields.js";
import { masksHold } from "./mask/holding.js";

/** Start them. */
export function beginLater() {
  showAnnouncements();
  loadLost();
  tellCutUpload();
  takeFiles();
  offerEditing();
  useShared();
  if (matchMedia("(display-mode: standalone)").matches)
    import("./form/received.js").then(({ receiveFiles }) => receiveFiles());
  else globalThis.caches?.delete("shared"); // another site may have sent them: see service_worker.js
}

/** Use the settings of a result that the address names. */
async function useShared() {
  const { search } = location;
  if (!asksForShared(search)) return;
  (await import("./runs/shared_settings.js")).useShared(new URLSearchParams(search));
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
  const isTyped = event.target instanceof Element && event.target.closest(INPUTS);
  if (event.key !== "?" || isTyped || event.ctrlKey || event.metaKey || event.altKey) return false;
  import("./components/keys.js").then(({ showKeys }) => showKeys());
  return true;
}

export const send = upload;

/**
 * Show why an upload was refused.
 * @param {string} why
 */
export const refuseUpload = (why) => refuseVaried(why) || refuseFile(why);
