// @ts-check
// The keys that do something on the page, in a small dialog.

import { $, button, element, INPUTS } from "../dom.js";
import { message } from "../messages.js";

/** @typedef {readonly [readonly string[], string]} Line keys, and what they do */

const COMMAND = /Mac|iP(hone|ad)/.test(navigator.userAgent) ? "⌘" : message("Ctrl");
const ENTER = [COMMAND, message("Enter")];
const ESCAPE = [message("Esc")];
const WALK = /** @type {Line} */ ([["←", "→"], message("Previous or next result")]);

/** @type {readonly [string, readonly Line[]][]} where, and there which keys do what */
const KEYS = [
  [
    message("Anywhere"),
    [
      [ENTER, message("Generate")],
      [[COMMAND, "K"], message("Choose a workflow")],
      [["?"], message("Show these keys")],
    ],
  ],
  [
    message("In a text field"),
    [
      [["↑"], message("Earlier texts you sent (from an empty field, or the start of the text)")],
      [["↓"], message("Later texts")],
      [ESCAPE, message("Back to what you were typing")],
    ],
  ],
  [
    message("On a result, or an earlier one"),
    [WALK, [["F"], message("Add to favourites, or remove")]],
  ],
  [
    message("On an image to paint over"),
    [
      [["[", "]"], message("Smaller or larger brush")],
      [["+", "−"], message("Zoom in or out")],
      [["0"], message("Fit the whole image")],
      [["1"], message("Show at 100%")],
      [[message("Space")], message("Move the image while you drag")],
    ],
  ],
  [
    message("In full screen"),
    [
      WALK,
      [["+", "−"], message("Zoom in or out")],
      [["0"], message("Fit to the window")],
      [["1"], message("Show at 100%")],
      [ESCAPE, message("Leave full screen")],
    ],
  ],
];

/** @returns {HTMLDialogElement} */
function makeDialog() {
  const dialog = element("dialog");
  dialog.id = "keys";
  dialog.tabIndex = -1;
  const title = element("h2", "", message("Keys"));
  title.id = "keys-title";
  dialog.setAttribute("aria-labelledby", title.id);
  const close = button(message("Close"), () => dialog.close());
  dialog.append(title);
  for (const [where, lines] of KEYS) {
    const list = element("dl");
    for (const [names, does] of lines) {
      const line = element("div");
      const pressed = element("dt");
      pressed.append(...names.map((name) => element("kbd", "", name)));
      line.append(pressed, element("dd", "", does));
      list.append(line);
    }
    dialog.append(element("h3", "", where), list);
  }
  dialog.append(close);
  // A press beside it closes it.
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close();
  });
  return document.body.appendChild(dialog);
}

export function showKeys() {
  const dialog = /** @type {HTMLDialogElement | null} */ ($("#keys")) ?? makeDialog();
  if (dialog.open) return;
  dialog.showModal();
  dialog.focus(); // its button, which is the last of it, would have it scrolled to its end
  dialog.scrollTop = 0;
}

/**
 * @param {KeyboardEvent} event
 * @returns {boolean} whether the key was meant for that
 */
export function asksForKeys(event) {
  const isTyped = event.target instanceof Element && event.target.closest(INPUTS);
  return event.key === "?" && !isTyped && !event.ctrlKey && !event.metaKey && !event.altKey;
}
