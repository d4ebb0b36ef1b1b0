// @ts-check
// The ⋯ menu of the editor.

import { button, element } from "../dom.js";
import { message } from "../messages.js";
import { newId } from "./fields.js";

const MARGIN = 8; // pixels
/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/**
 * Return the button of a menu, with the menu.
 * @param {readonly (readonly [string, () => void])[]} items
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
  for (const [label, does] of items) {
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
  }
  list.addEventListener("toggle", (event) => {
    const isOpen = /** @type {ToggleEvent} */ (event).newState === "open";
    opener.ariaExpanded = String(isOpen);
    if (!isOpen) return;
    const { right, top } = opener.getBoundingClientRect();
    list.style.left = `${Math.max(MARGIN, right - list.offsetWidth)}px`;
    list.style.top = `${Math.max(MARGIN, top - list.offsetHeight - MARGIN)}px`;
    /** @type {HTMLElement | null} */ (list.firstElementChild)?.focus();
  });
  list.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const all = /** @type {HTMLElement[]} */ ([...list.children]);
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    all[(at + step + all.length) % all.length]?.focus();
  });
  place.append(opener, list);
  return place;
}
