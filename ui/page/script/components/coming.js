// @ts-check
// While a form is being drawn, what stands below it stays where it is. Where that of another workflow takes long, it is
// said that it is coming: what stands there is not what was chosen.

import { $, announce } from "../dom.js";
import { message } from "../messages.js";
import { page } from "../state.js";

const LONG = 500; // milliseconds
const MOST = 60000; // it may never come

export const LOADING = message("Loading the form…");

const waiting = { timer: 0, frame: 0 };

/**
 * A form is being drawn.
 * @param {() => boolean} isOther whether it is of another workflow than the one that stands there
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

/** It is there, or will not be. */
export function formCame() {
  clearTimeout(waiting.timer);
  cancelAnimationFrame(waiting.frame);
  if (page.now.coming) show(false);
  // Its aspect ratios and presets come after its heading, which says that it is there.
  waiting.frame = requestAnimationFrame(() => {
    waiting.frame = requestAnimationFrame(() => keepHeight(""));
  });
}

/** @param {string} height that the form has at least, "" for its own */
function keepHeight(height) {
  const form = $("#form");
  if (form) form.style.minHeight = height;
}

/** @param {boolean} coming */
function show(coming) {
  $("#form")?.setAttribute("aria-busy", String(coming));
  page.set({ coming });
}
