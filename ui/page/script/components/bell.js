// @ts-check
// Dialog that turns on what tells the user that a run is done.

import { $, dialog, element, showDialog, tell } from "../dom.js";
import { message } from "../messages.js";
import { playWhenDone } from "./done_sound.js";
import { notifies, notifyWhenDone, sounds } from "./tab.js";

const BLOCKED = message(
  "Your browser blocks notifications for this page. Allow them in the address bar.",
);

export function openBell() {
  const place = dialog("when-done", message("When done"));
  const said = element("p", "aside");
  said.role = "status";
  const isBlocked = () => notifies() !== null && Notification.permission === "denied";
  const sayBlocked = () => tell(said, isBlocked() ? BLOCKED : "");
  /** @param {string} words @param {boolean | null} isOn @param {(wish: boolean) => unknown} turn */
  const choice = (words, isOn, turn) => {
    const input = Object.assign(element("input"), { type: "checkbox", checked: isOn });
    input.addEventListener("change", async () => {
      input.checked = Boolean(await turn(input.checked));
      sayBlocked();
    });
    return element("label", "in-line", input, words);
  };
  const notify = choice(message("Notify me when a run is done"), notifies(), notifyWhenDone);
  notify.hidden = notifies() === null;
  sayBlocked();
  const sound = choice(message("Play a sound when a run is done"), sounds(), playWhenDone);
  place.append(notify, said, sound);
  showDialog(place, $("label:not([hidden]) input", place));
}
