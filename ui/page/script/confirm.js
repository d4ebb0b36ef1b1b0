// @ts-check
// Confirmation dialog for actions that can't be undone.

import { $, element } from "./dom.js";
import { formDialog } from "./form_dialog.js";

/**
 * Ask the user to confirm an action.
 * @param {string} asked the question
 * @param {string} about what the action does, and what else it affects
 * @param {string} does label of the button
 * @param {() => void} then runs when the user confirms
 * @param {() => void} [otherwise] runs when the dialog closes without that
 */
export function confirm(asked, about, does, then, otherwise = () => {}) {
  let isConfirmed = false;
  const confirmed = () => {
    isConfirmed = true;
    place.hidePopover();
    then();
  };
  const place = formDialog("confirm", asked, [element("p", "", about)], does, confirmed);
  $(".last button", place)?.focus(); // “Cancel”
  place.addEventListener("toggle", (event) => {
    const { newState } = /** @type {ToggleEvent} */ (event);
    if (newState === "closed" && !isConfirmed) otherwise();
  });
}
