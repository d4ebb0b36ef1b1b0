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
 * @param {() => void} [otherwise] runs when the dialog closes without that
 */
export function confirm(asked, about, does, then, otherwise = () => {}) {
  const place = dialog("confirm", asked);
  let isConfirmed = false;
  const end = () => place.hidePopover();
  const cancel = button(message("Cancel"), end);
  const confirmed = () => {
    isConfirmed = true;
    end();
    then();
  };
  const go = button(does, confirmed, "button primary");
  place.addEventListener("toggle", (event) => {
    const { newState } = /** @type {ToggleEvent} */ (event);
    if (newState === "closed" && !isConfirmed) otherwise();
  });
  const last = element("div", "row last", cancel, go);
  place.append(element("p", "", about), last);
  // Everything outside an open modal dialog is inert.
  (document.querySelector("dialog:modal") ?? document.body).append(place);
  place.showPopover();
  cancel.focus();
}
