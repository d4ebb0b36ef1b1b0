// @ts-check
// Dialog with the page's keyboard shortcuts.

import { $, closeButton, dialogHead, element } from "../dom.js";
import { message } from "../messages.js";

/** @typedef {readonly [readonly string[], string]} KeyLine keys, and what they do */

const COMMAND = /Mac|iP(hone|ad)/.test(navigator.userAgent) ? "⌘" : message("Ctrl");
const ENTER = [COMMAND, message("Enter")];
const ESCAPE = [message("Esc")];
const WALK = /** @type {KeyLine} */ ([["←", "→"], message("Previous or next result")]);
/** @type {readonly KeyLine[]} */
const RESULT = [
  WALK,
  [[message("Home"), message("End")], message("Newest or oldest result")],
  [["F"], message("Favorite")],
  [["C"], message("Compare with an older result")],
  [[message("Delete")], message("Delete, with Undo")],
];
/** @type {readonly KeyLine[]} */
const ZOOM = [
  [["+", "−"], message("Zoom")],
  [["0"], message("Fit to the window")],
  [["1"], message("Show at 100%")],
];

/** @type {readonly [string, readonly KeyLine[]][]} keys by the place where they work */
const KEYS = [
  [
    message("Anywhere"),
    [
      [ENTER, message("Generate")],
      [[COMMAND, "K"], message("Choose a workflow")],
      [["?"], message("Keyboard shortcuts")],
    ],
  ],
  [
    message("In a text field"),
    [
      [["↑", "↓"], message("Earlier and later texts (in an empty field or at its start)")],
      [ESCAPE, message("Back to what you were typing")],
    ],
  ],
  [
    message("On a result"),
    [...RESULT, [[message("Enter")], message("Enlarge")], [ESCAPE, message("All results")]],
  ],
  [
    message("On a video"),
    [
      [[",", "."], message("Previous or next frame")],
      [["<", ">"], message("Slower or faster")],
      [["I", "O"], message("Start or end of the loop")],
    ],
  ],
  [
    message("While painting a mask"),
    [
      [["← ↑ ↓ →"], message("Move the brush (farther with Shift)")],
      [[message("Space")], message("Paint at the brush position")],
      [["[", "]"], message("Brush size")],
      ...ZOOM,
      [[message("Space")], message("Drag to move the image")],
      [ESCAPE, message("Leave the image")],
    ],
  ],
  [message("Full screen"), [...RESULT, ...ZOOM, [ESCAPE, message("Exit full screen")]]],
];

/** @param {readonly KeyLine[]} lines */
export const keyList = (lines) =>
  element("dl", "", ...lines.map(([names, does]) => keyLine(names, element("dd", "", does))));

/** @param {readonly string[]} names @param {HTMLElement} does */
const keyLine = (names, does) =>
  element("div", "", element("dt", "", ...names.map((name) => element("kbd", "", name))), does);

/** @returns {HTMLDialogElement} */
function makeDialog() {
  const dialog = element("dialog");
  dialog.id = "keys";
  const close = closeButton(() => dialog.close());
  // The close button comes first: it gets the focus, and browsers scroll a long dialog to the focus.
  dialog.append(dialogHead(dialog, "keys", message("Keyboard shortcuts"), close));
  for (const [where, lines] of KEYS) dialog.append(element("h3", "", where), keyList(lines));
  // Close the dialog on a click on its backdrop.
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close();
  });
  return document.body.appendChild(dialog);
}

export function showKeys() {
  const dialog = /** @type {HTMLDialogElement | null} */ ($("#keys")) ?? makeDialog();
  if (!dialog.open) dialog.showModal();
}
