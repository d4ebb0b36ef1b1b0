// @ts-check
// A dialog with a selected text that the user copies manually when the browser refuses clipboard access.

import { button, dialog, element } from "../dom.js";
import { message } from "../messages.js";

const LINES = 4;

/**
 * Show the dialog.
 * @param {string} why the dialog's title
 * @param {string} text
 */
export function letCopy(why, text) {
  const place = dialog("to-copy", why);
  const field = element("textarea");
  field.readOnly = true;
  field.rows = LINES;
  field.value = text;
  field.ariaLabel = message("Copy it from here:");
  const row = element("div", "row");
  row.append(field);
  const last = element("div", "row last");
  last.append(button(message("Close"), () => place.hidePopover()));
  place.append(element("p", "", message("Copy it from here:")), row, last);
  document.body.append(place);
  place.showPopover();
  field.focus();
  field.select();
  field.scrollTop = 0;
}
