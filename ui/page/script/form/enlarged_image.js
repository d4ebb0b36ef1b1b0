// @ts-check
// A field's image over the whole window. Gradio would enlarge the field, which scrolls with the page and keeps its
// height.

import { coverWindow, uncoverWindow } from "../back.js";
import { button, element } from "../dom.js";
import { message } from "../messages.js";

/**
 * Show an image over the whole window until the user closes it.
 * @param {string} address
 * @param {string} label of the field
 */
export function enlargeImage(address, label) {
  const dialog = element("dialog", "enlarged-image");
  dialog.ariaLabel = label;
  const image = element("img");
  Object.assign(image, { src: address, alt: label });
  const close = button(message("Close"), () => dialog.close(), "button");
  dialog.append(image, close);
  dialog.addEventListener("close", () => {
    dialog.remove();
    uncoverWindow();
  });
  document.body.append(dialog);
  dialog.showModal();
  coverWindow(() => dialog.close());
}
