// @ts-check
// Confirmation dialog for actions that can't be undone.

import { button, dialog, element } from "./dom.js";
import { message } from "./messages.js";

/**
 * Ask the user to confirm an action.
 * @param {string} asked the question
 * @param {string} about what the action does, and what else it affects
 * @param {string} does label of the button
 * @param {() => void} then runs when the user confirms
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
