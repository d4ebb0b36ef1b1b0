// @ts-check
// Bell below a form. Its menu turns on what tells the user that a run is done.

import { $, button, element } from "../dom.js";
import { message } from "../messages.js";
import { putBeside } from "../results/pop_menu.js";
import { playWhenDone } from "./done_sound.js";
import { notifies, notifyWhenDone, sounds } from "./tab.js";

/** @param {HTMLElement} place */
export function mountBell(place) {
  const menu = element("div", "use-list");
  const bell = button(message("When done"), () => menu.togglePopover(), "bare");
  bell.dataset.icon = "bell";
  bell.ariaHasPopup = "dialog";
  const show = () => bell.classList.toggle("on", notifies() || sounds());
  /** @param {string} words @param {boolean | null} isOn @param {(wish: boolean) => unknown} turn */
  const choice = (words, isOn, turn) => {
    const input = Object.assign(element("input"), { type: "checkbox", checked: isOn });
    input.addEventListener("change", async () => {
      input.checked = Boolean(await turn(input.checked));
      show();
    });
    return element("label", "choice", input, words);
  };
  const notify = choice(message("Notify me when a run is done"), notifies(), notifyWhenDone);
  notify.hidden = notifies() === null;
  const sound = choice(message("Play a sound when a run is done"), sounds(), playWhenDone);
  menu.popover = "auto";
  menu.role = "dialog";
  menu.ariaLabel = bell.textContent;
  menu.append(notify, sound);
  menu.addEventListener("toggle", (event) => {
    const isOpen = /** @type {ToggleEvent} */ (event).newState === "open";
    bell.ariaExpanded = String(isOpen);
    if (!isOpen) return;
    putBeside(bell, menu);
    $("label:not([hidden]) input", menu)?.focus({ preventScroll: true });
  });
  bell.ariaExpanded = "false";
  show();
  place.classList.add("menu");
  place.replaceChildren(bell, menu);
}
