// @ts-check
// Copying an image to the clipboard, which browsers offer over HTTPS and on localhost only.

import { addressOf } from "../dom.js";
import { message } from "../messages.js";
import { say } from "../state.js";

const PNG = "image/png"; // the only image type that all browsers write

/** Return whether the browser can copy images. */
export const canCopyImages = () => isSecureContext && "ClipboardItem" in window;

/**
 * Copy an image as PNG. Say so if that fails.
 * @param {string} url
 * @returns {Promise<boolean>} whether it was copied
 */
export async function copyImage(url) {
  try {
    // Safari requires the call within the click, so it gets a promise of the content.
    await navigator.clipboard.write([new ClipboardItem({ [PNG]: pngOf(url) })]);
    return true;
  } catch {
    say(message("This couldn't be copied."), message("Download the image instead."));
    return false;
  }
}

/** @param {string} url @returns {Promise<Blob>} */
async function pngOf(url) {
  const answer = await fetch(addressOf(url));
  if (!answer.ok) throw new Error("not available");
  const blob = await answer.blob();
  if (blob.type === PNG) return blob;
  const image = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d")?.drawImage(image, 0, 0);
  return canvas.convertToBlob({ type: PNG });
}
