// @ts-check
// Dialog that turns on what tells the user that a run is done.

import { $, button, dialog, element, showDialog } from "../dom.js";
import { message } from "../messages.js";
import { playWhenDone } from "./done_sound.js";
import { notifies, notifyWhenDone, sounds } from "./tab.js";

export function openBell() {
  const place = dialog("when-done", message("When done"));
  /** @param {string} words @param {boolean | null} isOn @param {(wish: boolean) => unknown} turn */
  const choice = (words, isOn, turn) => {
    const input = Object.assign(element("input"), { type: "checkbox", checked: isOn });
    input.addEventListener("change", async () => {
      input.checked = Boolean(await turn(input.checked));
    });
    return element("label", "in-line", input, words);
  };
  const notify = choice(message("Notify me when a run is done"), notifies(), notifyWhenDone);
  notify.hidden = notifies() === null;
  const sound = choice(message("Play a sound when a run is done"), sounds(), playWhenDone);
  const close = button(message("Close"), () => place.hidePopover());
  place.append(notify, sound, element("div", "row last", close));
  showDialog(place, $("label:not([hidden]) input", place));
}
