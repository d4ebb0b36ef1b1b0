// @ts-check
// Copying texts to the clipboard, with a dialog for browsers that refuse it.

import { $, all, announce, button, dialog, element, root, showDialog } from "../dom.js";
import { message } from "../messages.js";

const DONE_FOR = 2000; // milliseconds
const LINES = 4;

/** Whether only this computer reaches a link to the page's address. */
export const ONLY_HERE = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(root).hostname);

/** Return what to say of such a link, and how administrators change it; nothing of other links. */
export function onlyHereWords() {
  if (!ONLY_HERE) return [];
  const words = element("p", "smaller", message("This link works on this computer only."));
  if (!$('#operates, #user-menu [href="operator"]')) return [words];
  const summary = element("summary", "", message("How to share on your network"));
  const how = message(
    "Start ComfyForms with --host 0.0.0.0, and open it at this computer's network address.",
  );
  return [words, element("details", "aside", summary, element("p", "", how))];
}

/**
 * Show the dialog.
 * @param {string} why the dialog's title
 * @param {string} text
 */
function letCopy(why, text) {
  const place = dialog("to-copy", why);
  const field = element("textarea");
  field.readOnly = true;
  field.rows = LINES;
  field.value = text;
  field.ariaLabel = message("Copy it from here:");
  const row = element("div", "row", field);
  place.append(element("p", "", message("Copy it from here:")), row);
  showDialog(place, field);
  field.select();
  field.scrollTop = 0;
}

/**
 * Copy a text. Browsers offer the Clipboard API only over HTTPS and on localhost, and may refuse it even there, so the
 * deprecated `execCommand` is the fallback for plain HTTP.
 * @param {string} text
 */
export async function copyText(text) {
  const isWritten = await navigator.clipboard?.writeText(text).then(
    () => true,
    () => false,
  );
  if (isWritten) return;
  const before = document.activeElement;
  const field = document.body.appendChild(element("textarea", "spoken"));
  field.value = text;
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  if (!copied) throw new Error("not copied");
}

/**
 * Copy a text, or show it in a dialog if the browser refuses.
 * @param {string} what the dialog's title
 * @param {string} text
 * @returns {Promise<boolean>} whether the text was copied
 */
export async function copyOrTell(what, text) {
  try {
    await copyText(text);
    return true;
  } catch {
    letCopy(what, text);
    return false;
  }
}

/**
 * Show on a button for two seconds that its action succeeded.
 * @param {HTMLElement | null} place
 * @param {string} words
 */
export function showDone(place, words) {
  if (!place) return;
  place.dataset.label ??= place.textContent ?? "";
  place.dataset.style ??= place.getAttribute("style") ?? "";
  // Keep the button's width and give most of its padding to the text, so that its neighbors hardly move.
  const { width } = place.getBoundingClientRect();
  const style = `${place.dataset.style}; transition: none`; // Gradio would animate the change
  place.style.cssText = `${style}; min-width: ${width}px !important; padding-inline: 4px !important`;
  place.textContent = words;
  announce(words);
  setTimeout(() => {
    place.textContent = place.dataset.label ?? "";
    place.style.cssText = style;
  }, DONE_FOR);
}

/** Make copy buttons copy the text in their `data-copy` attribute. @param {HTMLElement} place their container */
export function mountCopy(place) {
  for (const copying of all("[data-copy]", place))
    copying.addEventListener("click", () => {
      const text = copying.dataset.copy ?? "";
      copyOrTell(message("This couldn't be copied."), text).then(
        (isCopied) => isCopied && showDone(copying, message("Copied")),
      );
    });
}

/**
 * Return a button that copies a text, or selects it where copying isn't allowed.
 * @param {string} text
 * @param {() => HTMLElement | null} shown the element that shows the text
 * @param {string} [className]
 */
export const copyButton = (text, shown, className = "button") =>
  button(
    message("Copy"),
    () =>
      copyText(text).then(
        () => announce(message("Copied")),
        () => select(shown()),
      ),
    className,
  );

/** @param {HTMLElement | null} place */
function select(place) {
  if (place) getSelection()?.selectAllChildren(place);
}
