// @ts-check
// Small dialogs with a form: sharing in an album, an album's data, links for guests, and a guest's name.

import { $, button, dialog, element } from "page/dom.js";
import { message } from "page/messages.js";
import { ACCESS } from "./items.js";

/** @import { AlbumDoc } from "./documents.js" */

/**
 * Show a form in a dialog of its own.
 * @param {string} title
 * @param {HTMLElement[]} content
 * @param {string} words label of the button
 * @param {() => unknown} does
 * @param {string} [leave] label instead of “Cancel”
 */
export function formDialog(title, content, words, does, leave) {
  const place = dialog("share", title);
  const first = fillForm(place, () => place.hidePopover(), content, words, does, leave);
  // Everything outside an open modal dialog is inert.
  ($("dialog:modal") ?? document.body).append(place);
  place.showPopover();
  first.focus();
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
  const act = async () => {
    go.ariaDisabled = "true";
    await does();
    go.ariaDisabled = null;
  };
  const go = button(words, act, "button primary");
  place.append(...content, element("div", "row last", button(leave, close), go));
  place.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the review has keys, too
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault(); // otherwise it also presses the button that gets the focus back
    go.click();
  });
  return $(".row :is(input, textarea, select):not([hidden] *)", place) ?? go;
}

/** @param {string} words @param {HTMLElement} field */
export const rowOf = (words, field) => element("label", "row", element("span", "", words), field);

/** @param {string} words @returns {{ input: HTMLInputElement, label: HTMLElement }} */
export function checkBox(words) {
  const input = Object.assign(element("input"), { type: "checkbox" });
  return { input, label: element("label", "", input, element("span", "", words)) };
}

/**
 * @param {HTMLOptionElement[]} options
 * @param {string} chosen
 */
export function selectOf(options, chosen) {
  const made = element("select", "", ...options);
  made.value = chosen;
  return made;
}

/**
 * Return the fields of an album's data.
 * @param {AlbumDoc | null} album null for a new one
 */
export function albumFields(album) {
  const value = album?.title ?? "";
  const title = Object.assign(element("input"), { maxLength: 100, value, required: true });
  const note = Object.assign(element("textarea"), { rows: 2, maxLength: 2000 });
  note.value = album?.note ?? "";
  const ways = ACCESS.map(([value, words]) => new Option(words, value));
  const access = selectOf(ways, album?.access ?? "shared");
  return {
    rows: [
      rowOf(message("Title of the album"), title),
      rowOf(message("Description"), note),
      rowOf(message("Access"), access),
    ],
    /** Return the data; null without a title, which the browser then asks for. */
    read() {
      title.value = title.value.trim();
      if (!title.reportValidity()) return null;
      return { title: title.value, note: note.value.trim(), access: access.value };
    },
  };
}
