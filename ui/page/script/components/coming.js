// @ts-check
// Loading state of the form. It keeps the form's height during a redraw, so that the page below doesn't jump. If the
// form of another workflow takes long, it tells the user that the form is loading.

import { $, announce } from "../dom.js";
import { message } from "../messages.js";
import { page } from "../state.js";

const LONG = 500; // milliseconds
const MOST = 60000; // the form may never arrive

export const LOADING = message("Loading the form…");

const waiting = { timer: 0, frame: 0 };

/**
 * Start the loading state.
 * @param {() => boolean} isOther whether the new form has another workflow than the one on the page
 */
export function awaitForm(isOther) {
  clearTimeout(waiting.timer);
  cancelAnimationFrame(waiting.frame);
  keepHeight(`${$("#form")?.offsetHeight ?? 0}px`);
  waiting.timer = window.setTimeout(() => {
    waiting.timer = window.setTimeout(formCame, MOST);
    if (!isOther()) return;
    show(true);
    announce(LOADING);
  }, LONG);
}

/** End the loading state: the form has arrived, or won't. */
export function formCame() {
  clearTimeout(waiting.timer);
  cancelAnimationFrame(waiting.frame);
  if (page.now.coming) show(false);
  // The heading signals that the form has arrived. Its aspect ratios and presets follow a little later.
  waiting.frame = requestAnimationFrame(() => {
    waiting.frame = requestAnimationFrame(() => keepHeight(""));
  });
}

/**
 * Wait until the form has all of these elements.
 * @param {readonly string[]} ids
 * @returns {Promise<void>}
 */
export function fieldsDrawn(ids) {
  const areThere = () => ids.every((id) => document.getElementById(id));
  if (areThere()) return Promise.resolve();
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!areThere()) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(document.body, { subtree: true, childList: true });
  });
}

/** Remove the first view, which ui/page/first_view has put over the page until the form is there. */
export const endFirstView = () => /** @type {any} */ (window).firstView?.end();

/** @param {string} height minimum height of the form, "" for its natural height */
function keepHeight(height) {
  const form = $("#form");
  if (form) form.style.minHeight = height;
}

/** @param {boolean} coming */
function show(coming) {
  $("#form")?.setAttribute("aria-busy", String(coming));
  page.set({ coming });
}
