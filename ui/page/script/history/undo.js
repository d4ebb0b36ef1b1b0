// @ts-check
// A line over the page that says what was done, and for a while undoes it.

import { $, button, element } from "../dom.js";
import { message } from "../messages.js";

const OFFERED = 10000; // milliseconds; the app waits longer
let closing = 0; // the timer of the one line there is; nobody else looks at it

/**
 * @param {string} words
 * @param {string} more
 * @param {() => void} undo
 * @param {() => void} closed is called when it is no longer offered, before that is undone
 */
export function offerUndo(words, more, undo, closed) {
  // Inside the page's own element: only there do its styles for narrow windows hold.
  const line = $("#undo") ?? ($("#columns") ?? document.body).appendChild(element("div"));
  line.id = "undo";
  line.role = "status";
  const close = () => {
    clearTimeout(closing);
    line.replaceChildren();
    closed();
  };
  const does = button(message("Undo"), () => {
    close();
    undo();
  });
  const text = element("p");
  text.append(element("strong", "", words), ` ${more}`);
  line.replaceChildren(text, does);
  const later = () => {
    clearTimeout(closing);
    closing = window.setTimeout(
      () => (line.contains(document.activeElement) ? later() : close()),
      OFFERED,
    );
  };
  later();
}
