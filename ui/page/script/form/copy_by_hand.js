// @ts-check
// Where the browser copies nothing, a text is shown in a field of its own, marked to be copied by hand.

import { button, dialog, element } from "../dom.js";
import { message } from "../messages.js";

const LINES = 4;

/**
 * @param {string} why
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
