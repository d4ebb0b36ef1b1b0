// @ts-check
// The ⋯ menu of the editor.

import { button, element } from "../dom.js";
import { message } from "../messages.js";
import { newId } from "./fields.js";

const MARGIN = 8; // pixels
/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/**
 * Words of an item, what it does, and whether the menu offers it now, if it doesn't always.
 * @typedef {readonly [words: string, does: () => void, isOffered?: () => boolean]} MenuItem
 */

/**
 * Return the button of a menu, with the menu.
 * @param {readonly MenuItem[]} items
 */
export function moreMenu(items) {
  const place = element("span", "more");
  const list = element("div", "more-list");
  list.id = newId();
  list.popover = "auto";
  list.role = "menu";
  const opener = button("⋯", () => list.togglePopover());
  opener.ariaLabel = message("More");
  opener.title = message("More");
  opener.ariaHasPopup = "menu";
  opener.ariaExpanded = "false";
  list.ariaLabel = message("More");
  const all = items.map(([label, does, isOffered]) => {
    const item = button(
      label,
      () => {
        list.hidePopover();
        does();
      },
      "choice",
    );
    item.role = "menuitem";
    list.append(item);
    return { item, isOffered };
  });
  const shown = () => all.map(({ item }) => item).filter((item) => !item.hidden);
  list.addEventListener("toggle", (event) => {
    const isOpen = /** @type {ToggleEvent} */ (event).newState === "open";
    opener.ariaExpanded = String(isOpen);
    if (!isOpen) return;
    for (const { item, isOffered } of all) item.hidden = isOffered ? !isOffered() : false;
    const { right, top } = opener.getBoundingClientRect();
    list.style.left = `${Math.max(MARGIN, right - list.offsetWidth)}px`;
    list.style.top = `${Math.max(MARGIN, top - list.offsetHeight - MARGIN)}px`;
    shown()[0]?.focus();
  });
  list.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const offered = shown();
    const at = offered.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    offered[(at + step + offered.length) % offered.length]?.focus();
  });
  place.append(opener, list);
  return place;
}
