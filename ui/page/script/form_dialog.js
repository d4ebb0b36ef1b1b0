// @ts-check
// Small dialogs with a form: fields, a button that acts, and “Cancel”.

import { $, button, dialog, element, offWhile, showDialog } from "./dom.js";
import { message } from "./messages.js";

/**
 * Show a form in a dialog of its own.
 * @param {string} id
 * @param {string} title
 * @param {HTMLElement[]} content
 * @param {string} words label of the button
 * @param {() => unknown} does
 * @param {string} [leave] label instead of “Cancel”
 */
export function formDialog(id, title, content, words, does, leave) {
  const place = dialog(id, title);
  const first = fillForm(place, () => place.hidePopover(), content, words, does, leave);
  showDialog(place, first);
  return place;
}

/**
 * Fill a form into a dialog, with a button and “Cancel”. Enter in a text field does the same as the button.
 * @param {HTMLElement} place
 * @param {() => void} close
 * @param {HTMLElement[]} content
 * @param {string} words label of the button
 * @param {() => unknown} does
 * @param {string} [leave] label instead of “Cancel”
 * @returns {HTMLElement} the field or button that gets the focus
 */
export function fillForm(place, close, content, words, does, leave = message("Cancel")) {
  const go = button(words, () => offWhile(go, does), "button primary");
  place.append(...content, element("div", "row last", button(leave, close), go));
  place.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the page has keys, too
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault(); // otherwise it also presses the button that gets the focus back
    go.click();
  });
  return $(".row :is(input, textarea, select):not([hidden] *)", place) ?? go;
}
