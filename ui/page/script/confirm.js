// @ts-check
// What is asked before something goes that nobody can bring back.

import { button, dialog, element } from "./dom.js";
import { message } from "./messages.js";

/**
 * @param {string} asked
 * @param {string} about what becomes of it, and of what belongs to it
 * @param {string} does the word on the button
 * @param {() => void} then
 */
export function confirm(asked, about, does, then) {
  const place = dialog("confirm", asked);
  const end = () => place.hidePopover();
  const cancel = button(message("Cancel"), end);
  const go = button(does, () => {
    end();
    then();
  });
  const last = element("div", "row last");
  last.append(cancel, go);
  place.append(element("p", "", about), last);
  document.body.append(place);
  place.showPopover();
  cancel.focus();
}
