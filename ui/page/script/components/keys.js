// @ts-check
// The keys that do something on the page, in a small dialog.

import { $, button, element } from "../dom.js";
import { showApi } from "../gradio.js";

const IS_MAC = /Mac|iP(hone|ad)/.test(navigator.userAgent);

/** @type {readonly [string, readonly [string, string][]][]} where, and there which keys do what */
const KEYS = [
  [
    "Anywhere",
    [
      [IS_MAC ? "⌘ Enter" : "Ctrl Enter", "Generate"],
      [IS_MAC ? "⌘ K" : "Ctrl K", "Choose a workflow"],
      ["?", "Show these keys"],
    ],
  ],
  [
    "In a text field",
    [
      ["↑", "Earlier texts you sent (from an empty field, or the start of the text)"],
      ["↓", "Later texts"],
      ["Esc", "Back to what you were typing"],
    ],
  ],
  [
    "On a result, or an earlier one",
    [
      ["← →", "Previous or next result"],
      ["F", "Add to favourites, or remove"],
    ],
  ],
  [
    "In full screen",
    [
      ["← →", "Previous or next result"],
      ["+ −", "Zoom in or out"],
      ["0", "Fit to the window"],
      ["Esc", "Leave full screen"],
    ],
  ],
];
const TYPES = "input, textarea, select, [contenteditable=true]";

/** @returns {HTMLDialogElement} */
function makeDialog() {
  const dialog = element("dialog");
  dialog.id = "keys";
  const title = element("h2", "", "Keys");
  title.id = "keys-title";
  dialog.setAttribute("aria-labelledby", title.id);
  const close = button("Close", () => dialog.close());
  dialog.append(title);
  for (const [where, keys] of KEYS) {
    const list = element("dl");
    for (const [key, does] of keys) {
      const line = element("div");
      const names = element("dt");
      names.append(...key.split(" ").map((one) => element("kbd", "", one)));
      line.append(names, element("dd", "", does));
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
  if (!dialog.open) dialog.showModal();
}

/**
 * @param {KeyboardEvent} event
 * @returns {boolean} whether the key was meant for that
 */
export function asksForKeys(event) {
  const isTyped = event.target instanceof Element && event.target.closest(TYPES);
  return event.key === "?" && !isTyped && !event.ctrlKey && !event.metaKey && !event.altKey;
}

/**
 * The entries in the footer.
 * @param {HTMLElement} place
 */
export function mountFooter(place) {
  $(".keys", place)?.addEventListener("click", showKeys);
  $(".api", place)?.addEventListener("click", showApi);
}
