// @ts-check
// Presets as files, to pass on or keep. They contain values and no files.

import { element } from "../dom.js";
import { filled } from "../form/filled.js";
import { formName, refill } from "../form/form.js";
import { valuesOf } from "../form/replaced.js";
import { message } from "../messages.js";
import { API, ask, get, json } from "../requests.js";
import { say } from "../state.js";

/** @import { PresetsDoc } from "../documents.js" */

/** @typedef {Record<string, unknown>} Values */

const FORMAT = "comfyforms_preset"; // the key with the format's version
const MOST_BYTES = 1_000_000;
export const LONGEST_NAME = 60; // as in comfy/records/presets.py

/** @param {unknown} value a field's, in the browser's format @returns {boolean} whether it has a file */
const isFile = (value) =>
  Array.isArray(value)
    ? value.some(isFile)
    : typeof value === "object" && value !== null && "file" in value;

/** @param {string} name @param {Values} values */
export function downloadPreset(name, values) {
  const kept = Object.entries(values).filter(([, value]) => !isFile(value));
  const content = { [FORMAT]: 1, name, values: Object.fromEntries(kept) };
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)]));
  link.download = `${name.replace(/[^\p{L}\p{N} _-]/gu, "-")}.preset.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  if (kept.length < Object.keys(values).length)
    say(message("The downloaded preset has no images or other files."), "", "");
}

/**
 * Return the preset in a file, null without one.
 * @param {Blob} file
 * @returns {Promise<{ name: string, values: Values } | null>}
 */
async function presetIn(file) {
  if (file.size > MOST_BYTES) return null;
  try {
    const { [FORMAT]: version, name, values } = JSON.parse(await file.text());
    const isPreset = version === 1 && typeof name === "string" && name.trim();
    return isPreset && typeof values === "object" && values ? { name, values } : null;
  } catch {
    return null;
  }
}

/**
 * Add the preset in a file to the user's own for the form on the page. It overwrites none.
 * @param {Blob} file
 * @returns {Promise<boolean>} whether the file is a preset; errors in it are shown
 */
export async function openPreset(file) {
  const preset = await presetIn(file);
  if (!preset) return false;
  const workflow = formName();
  const path = `${API}/presets?workflow=${encodeURIComponent(workflow)}`;
  const { name: wanted, values } = preset;
  if (!Object.keys(values).some((key) => key in filled.now.authors)) {
    say(message("This preset doesn't fit this form."), message("Open its workflow first."));
    return true;
  }
  /** @type {PresetsDoc | null} */
  const presets = await get(path);
  const own = presets?.own ?? [];
  const name = freeName(wanted.trim().slice(0, LONGEST_NAME), own);
  if (await ask(path, json({ name, values, shared: false }))) {
    const use = () => refill(workflow, { ...valuesOf(workflow), ...values }, "preset", name);
    const offer = { label: message("Use"), does: use };
    say(message("{name} is saved.", { name }), "", "", [offer]);
  }
  return true;
}

/** @param {string} wanted @param {readonly string[]} taken */
export function freeName(wanted, taken) {
  let name = wanted;
  for (let number = 2; taken.includes(name); number++) {
    const end = ` (${number})`;
    name = wanted.slice(0, LONGEST_NAME - end.length) + end;
  }
  return name;
}

/**
 * Let the user choose a file with a preset, and add it.
 * @param {() => void} done
 */
export function choosePreset(done) {
  const picker = element("input");
  picker.type = "file";
  picker.accept = ".json";
  picker.addEventListener("change", async () => {
    const [file] = picker.files ?? [];
    if (!file) return;
    if (await openPreset(file)) done();
    else
      say(
        message("This file contains no preset."),
        message("Choose a file that a preset was saved to."),
      );
  });
  picker.click();
}
