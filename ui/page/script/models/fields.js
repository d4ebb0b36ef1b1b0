// @ts-check
// “Browse” button beside each list of models. The list stays the form's component and keeps the value.

import { $, button } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { filled } from "../form/filled.js";
import { message } from "../messages.js";
import { setPrompt } from "./prompt.js";

/** @import { LoraRows } from "./lora_tags.js" */

/** @typedef {{ key: string, label: string }} ModelField */

/**
 * `chosen`: the model to put into a field, for the Gradio listener. `keys`: of the form's fields. `awaits`: adds
 * buttons to fields that Gradio draws late. `unfollow`: ends following the prompt.
 * @type {{ chosen: { key: string, value: string } | null, keys: readonly string[], awaits: MutationObserver | null,
 *   unfollow: () => void }}
 */
const state = { chosen: null, keys: [], awaits: null, unfollow: () => {} };

/**
 * Add the buttons to the fields of a form.
 * @param {string} workflow
 * @param {readonly ModelField[]} fields
 * @param {string} prompt key of the main prompt, "" for none
 * @param {LoraRows | null} loras the form's list of LoRAs
 */
export function mountPickers(workflow, fields, prompt, loras) {
  setPrompt(prompt);
  state.unfollow();
  state.unfollow = filled.subscribe(({ values }) => {
    if (loras && String(values[prompt] ?? "").includes("<lora:"))
      import("./lora_tags.js").then(({ offerRows }) => offerRows(prompt, loras));
  });
  state.keys = fields.map(({ key }) => key);
  if (prompt && $("#text-actions"))
    import("../form/text_actions.js").then(({ mountTextActions }) => mountTextActions(prompt));
  state.awaits?.disconnect();
  const form = $("#form");
  const add = () => {
    for (const field of fields) addButton(workflow, field);
  };
  add();
  if (!form || !fields.length) return;
  state.awaits = new MutationObserver(add);
  state.awaits.observe(form, { childList: true, subtree: true });
}

/** @param {string} workflow @param {ModelField} field */
function addButton(workflow, { key, label }) {
  const place = document.getElementById(fieldId(key));
  if (!place || $(".browse-models", place)) return;
  const use = (/** @type {string} */ value) => {
    state.chosen = { key, value };
    $("#choose-model")?.click();
  };
  const opens = browseButton(label, () => {
    const value = String(filled.now.values[key] ?? "");
    return { workflow, field: key, column: "", label, value, use };
  });
  place.append(opens);
  place.classList.add("of-models");
}

/**
 * Return a button that opens the picker.
 * @param {string} label of the field
 * @param {() => import("./picker.js").Place} place
 */
export function browseButton(label, place) {
  const open = async () => {
    const { openPicker } = await import("./picker.js");
    const chosen = state.keys.map((key) => String(filled.now.values[key] ?? "")).filter(Boolean);
    openPicker({ ...place(), chosen }, opens);
  };
  const opens = button(message("Browse"), open, "browse-models");
  opens.ariaLabel = message("Browse models: {field}", { field: label });
  opens.setAttribute("aria-haspopup", "dialog");
  return opens;
}

/**
 * Return the values of all lists of models with the chosen model, as the outputs of a Gradio listener.
 * @param {readonly string[]} keys
 * @param {readonly unknown[]} values
 */
export function withChosen(keys, values) {
  const { chosen } = state;
  state.chosen = null;
  return values.map((value, at) => (keys[at] === chosen?.key ? chosen?.value : value));
}
