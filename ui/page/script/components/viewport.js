// @ts-check
// Where a result is seen: in its box on the page, or over the whole window.

import { $, button, element } from "../dom.js";

/**
 * A dialog that is open either way, with `content` in it and a button for full screen.
 * @param {HTMLElement[]} content
 * @returns {HTMLDialogElement}
 */
export function viewportWith(...content) {
  const viewport = element("dialog", "viewport");
  viewport.append(
    ...content,
    button("", () => toggleFull(viewport), "icon full"),
  );
  // By Esc. What closes by itself is gone for a moment, which flickers.
  viewport.addEventListener("cancel", (event) => {
    event.preventDefault();
    leaveFull(viewport);
  });
  viewport.addEventListener("close", () => setInline(viewport));
  setInline(viewport);
  return viewport;
}

/** @param {HTMLDialogElement} viewport */
export function toggleFull(viewport) {
  if (viewport.matches(":modal")) {
    leaveFull(viewport);
    return;
  }
  viewport.open = false;
  viewport.role = null;
  viewport.showModal();
  label(viewport, "Leave full screen");
}

/** @param {HTMLDialogElement} viewport */
function leaveFull(viewport) {
  viewport.close();
  setInline(viewport);
}

/** @param {HTMLDialogElement} viewport */
function setInline(viewport) {
  viewport.open = true;
  viewport.role = "group";
  viewport.ariaLabel = "Result";
  label(viewport, "Full screen");
}

/**
 * @param {HTMLDialogElement} viewport
 * @param {string} words
 */
function label(viewport, words) {
  const full = $(".full", viewport);
  if (full) full.title = full.ariaLabel = words;
}
