// @ts-check
// Line over the page that confirms an action and offers Undo for a while.

import { $, all, button, element } from "../dom.js";
import { message } from "../messages.js";

const OFFERED = 10000; // milliseconds; the app's undo period is longer
let closing = 0; // timer of the line; the page has only one

/**
 * Show the line.
 * @param {string} words
 * @param {string} more
 * @param {() => void} undo
 * @param {() => void} [closed] called when the offer ends, and before `undo`
 */
export function offerUndo(words, more, undo, closed = () => {}) {
  const line = $("#undo") ?? element("div");
  line.id = "undo";
  putOnTop(line);
  line.role = "status";
  const close = () => {
    clearTimeout(closing);
    line.replaceChildren();
    closed();
  };
  const does = button(message("Undo"), () => {
    close();
    undo();
  });
  const text = element("p", "", element("strong", "", words), ` ${more}`);
  line.replaceChildren(text, does);
  const later = () => {
    clearTimeout(closing);
    closing = window.setTimeout(
      () => (line.contains(document.activeElement) ? later() : close()),
      OFFERED,
    );
  };
  later();
}

/**
 * Put the line where the user can press it: into the dialog that covers the window, because the page below is inert, and
 * back onto the page once the dialog closes.
 * @param {HTMLElement} line
 */
function putOnTop(line) {
  const dialog = all("dialog:modal").at(-1);
  (dialog ?? $("#columns") ?? document.body).append(line);
  dialog?.addEventListener("close", () => putOnTop(line), { once: true });
}
