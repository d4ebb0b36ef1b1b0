// @ts-check
// Where the form of another workflow takes long, it is said that it is coming: what stands there is not what was chosen.

import { $, announce } from "../dom.js";
import { message } from "../messages.js";
import { page } from "../state.js";

const LONG = 500; // milliseconds
const MOST = 60000; // it may never come

export const LOADING = message("Loading the form…");

const waiting = { timer: 0 };

/**
 * A form is being drawn.
 * @param {() => boolean} isOther whether it is of another workflow than the one that stands there
 */
export function awaitForm(isOther) {
  clearTimeout(waiting.timer);
  waiting.timer = window.setTimeout(() => {
    if (!isOther()) return;
    show(true);
    announce(LOADING);
    waiting.timer = window.setTimeout(formCame, MOST);
  }, LONG);
}

/** It is there, or will not be. */
export function formCame() {
  clearTimeout(waiting.timer);
  if (page.now.coming) show(false);
}

/** @param {boolean} coming */
function show(coming) {
  $("#form")?.setAttribute("aria-busy", String(coming));
  page.set({ coming });
}
