// @ts-check
// Buttons that plugins add to the form's prompt, such as rewriting it with a language model.

import { $, button, element, offWhile } from "../dom.js";
import { message } from "../messages.js";
import { json, request } from "../requests.js";
import { fieldId, showError } from "./field_errors.js";
import { filled } from "./filled.js";
import { fillText } from "./ideas.js";
import { keepReplaced } from "./sent_texts.js";

/** @typedef {{ label: string, address: string }} TextAction */

/** @type {{ awaits: MutationObserver | null }} */
const state = { awaits: null };

/**
 * Add the buttons to the prompt of a form, also if Gradio draws it late.
 * @param {string} key the field's key
 */
export function mountTextActions(key) {
  state.awaits?.disconnect();
  const form = $("#form");
  const add = () => {
    const field = document.getElementById(fieldId(key));
    const box = field && boxOf(field);
    if (!box || $(".text-actions", field)) return;
    const block = [...field.children].find((child) => child.contains(box));
    block?.after(rowOf(field, key)); // before the ideas on a phone
  };
  add();
  state.awaits = new MutationObserver(add);
  if (form) state.awaits.observe(form, { childList: true, subtree: true });
}

/** @param {Element} field @returns {HTMLTextAreaElement | HTMLInputElement | null} */
const boxOf = (field) => field.querySelector("textarea, input[type=text]");

/** @param {HTMLElement} field @param {string} key */
function rowOf(field, key) {
  /** @type {TextAction[]} as `ui/plugin_parts.py` lists them */
  const actions = JSON.parse($("#text-actions")?.textContent ?? "[]");
  const buttons = actions.map(({ label, address }) =>
    button(
      label,
      async (pressed) => {
        pressed.textContent = message("Working…");
        await offWhile(pressed, () => act(address, field, key)).finally(() => {
          pressed.textContent = label;
        });
      },
      "quiet",
    ),
  );
  return element("div", "text-actions in-line", ...buttons);
}

/**
 * Ask for another text, and put it into the field unless the user has typed meanwhile.
 * @param {string} address
 * @param {HTMLElement} field
 * @param {string} key
 */
async function act(address, field, key) {
  const before = boxOf(field)?.value ?? "";
  if (!before.trim()) {
    showError(field, message("Enter a text first."));
    return;
  }
  const { told, why, hint } = await request(address, json({ text: before }));
  const box = boxOf(field);
  if (!box?.isConnected) return;
  if (!told) showError(field, [why, hint].join(" "));
  else if (box.value !== before) showError(field, message("You changed the text. Try again."));
  else {
    keepReplaced(filled.now.name, key, before); // ↑ brings it back
    fillText(field.id, told.text, "text");
  }
}
