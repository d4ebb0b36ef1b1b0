// @ts-check
// The element that shows one result on the stage.

import { addressOf, element } from "../dom.js";
import { message } from "../messages.js";
import { loaded } from "../stage/media.js";

/** @import { Item } from "../runs/results.js" */

const READ_AS_TEXT = /\.(?:txt|md|markdown|csv|json|srt|vtt|log|ya?ml)$/i;
const LONGEST = 1_000_000; // characters

/**
 * Return the element of a result, once it can be painted. A text file is shown like a text.
 * @param {Item} item
 * @param {string} viewer the address of the module that shows 3D models
 */
export async function shownOf(item, viewer) {
  if (item.kind === "text") return textOf(item.text, item.label || message("Text"));
  if (item.kind === "file" && READ_AS_TEXT.test(item.name)) {
    const text = await readText(addressOf(item.url));
    if (text !== null) return textOf(text, item.name);
  }
  return loaded(item, viewer);
}

/** @param {string} text @param {string} label */
async function textOf(text, label) {
  const { proseOf } = await import("./prose.js");
  return element("div", "text", proseOf(text, label));
}

/** @param {string} address @returns a file's text, or null if it isn't available or too long */
async function readText(address) {
  try {
    const answer = await fetch(address);
    const text = answer.ok ? await answer.text() : "";
    return text && text.length <= LONGEST && !text.includes("\0") ? text : null;
  } catch {
    return null;
  }
}
