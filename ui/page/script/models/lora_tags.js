// @ts-check
// LoRAs that a prompt names as other front ends write them, `<lora:ink:0.8>`. A button at the prompt makes them rows of the
// form's list of LoRAs.

import { $, button, element, offWhile } from "../dom.js";
import { fieldId, showError } from "../form/field_errors.js";
import { filled, whileShown } from "../form/filled.js";
import { addValues, formName, replacing } from "../form/form.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";

/** @import { ModelListDoc } from "../documents.js" */

const TAG = /<lora:([^<>:\n]+)(?::(-?[\d.]+))?[^<>\n]*>/gi;

/**
 * A list of LoRAs in the form: the field's key, its column with the file, and a new row.
 * @typedef {{ key: string, column: string, row: Record<string, unknown> }} LoraRows
 * @typedef {{ name: string, strength: number }} Tag
 */

/** @param {string} prompt @returns {Tag[]} */
export const tagsIn = (prompt) =>
  [...prompt.matchAll(TAG)].map(([, name = "", strength]) => ({
    name: name.trim(),
    strength: Number(strength ?? 1) || 0,
  }));

/**
 * Return a prompt without its tags that name one of these LoRAs.
 * @param {string} prompt
 * @param {readonly string[]} names
 */
export const withoutTags = (prompt, names) =>
  prompt
    .replace(TAG, (tag, name) => (names.includes(name.trim()) ? "" : tag))
    .replace(/[ \t]+(?=[ ,]|$)/g, "")
    .replace(/(?:,\s*)+(?=,|$)/g, "")
    .trim();

/** @param {string} file such as `styles/ink.safetensors` */
const stemOf = (file) =>
  file
    .replace(/^.*[/\\]/, "")
    .replace(/\.\w+$/, "")
    .toLowerCase();

/**
 * Show the button while the prompt has such tags.
 * @param {string} key of the prompt
 * @param {LoraRows} rows
 */
export function offerRows(key, rows) {
  const field = document.getElementById(fieldId(key));
  const box = field && $("textarea, input[type=text]", field);
  if (!field || !box || $(".lora-tags", field)) return;
  const uses = button("", (pressed) => offWhile(pressed, () => use(field, key, rows)), "quiet");
  const place = element("div", "text-actions lora-tags in-line", uses);
  [...field.children].find((child) => child.contains(box))?.after(place);
  whileShown(place, ({ values }) => {
    const tags = tagsIn(String(values[key] ?? ""));
    place.hidden = !tags.length;
    const names = tags.map(({ name }) => name).join(", ");
    uses.textContent = message("Use as LoRA: {names}", { names });
  });
}

/**
 * Move the tags whose files the server has into the list.
 * @param {HTMLElement} field
 * @param {string} key
 * @param {LoraRows} rows
 */
async function use(field, key, { key: list, column, row }) {
  const query = new URLSearchParams({ field: list, column });
  const name = formName().split("/").map(encodeURIComponent).join("/");
  /** @type {ModelListDoc | null} */
  const doc = await get(`${API}/workflows/${name}/models?${query}`);
  if (!doc) {
    showError(field, message("The models can't be loaded. Try again."));
    return;
  }
  const files = new Map(doc.models.map(({ value }) => [stemOf(value), value]));
  const { [key]: prompt, [list]: before } = filled.now.values;
  const tags = tagsIn(String(prompt ?? ""));
  const known = tags.filter(({ name: one }) => files.has(one.toLowerCase()));
  const unknown = tags.filter((one) => !known.includes(one));
  if (known.length) {
    const added = known.map(({ name: one, strength }) => ({
      ...row,
      [column]: files.get(one.toLowerCase()),
      strength,
    }));
    const text = withoutTags(
      String(prompt),
      known.map(({ name: one }) => one),
    );
    replacing("text");
    addValues({ [key]: text, [list]: [...(Array.isArray(before) ? before : []), ...added] });
  }
  for (const { name: one } of unknown.slice(0, 1))
    showError(field, message("The server has no LoRA “{name}”.", { name: one }));
}
