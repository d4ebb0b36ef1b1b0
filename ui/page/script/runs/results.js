// @ts-check
// Arranges a run's results on the stage and below it. Pure.

import { message, plural } from "../messages.js";

/** @import { RunOutput, ShownFile } from "../documents.js" */
/** @import { View } from "../state.js" */

/**
 * A result to show. `run`: the id of its run, or "". `at`: the file's index in the run, -1 for a text without a file.
 * `label`: the name of its output, if several outputs have results. `before`: the image to compare it with, or "".
 * @typedef {{ kind: ShownFile["kind"] | "text", name: string, url: string, thumb: string | null, note: string,
 *   text: string, run: string, at: number, label: string, before: string }} Item
 *
 * `items`: results on the stage. `intermediate`: previews of steps on the way to them. `echoes`: technical texts, by the
 * names of their outputs. `areTwins`: both items show the same frames, so that the stage shows only one of them;
 * undefined until it is known.
 * @typedef {{ items: Item[], intermediate: Item[], echoes: [string, string][], areTwins?: boolean }} Arrangement
 *
 * A part of a result's caption: its displayed text, and the text to copy.
 * @typedef {{ part: "size" | "seed" | "steps" | "model" | "prompt", shown: string, copied: string }} CaptionPart
 *
 * A run's results. `outputs`: names the nodes and has their order. `name`: of a text that is saved as a file, without
 * the extension.
 * @typedef {{ files: readonly ShownFile[], texts: readonly string[], run?: string, outputs?: readonly RunOutput[],
 *   name?: string }} Results
 * @typedef {Item & { output: string, role: RunOutput["role"] }} Result
 */

/** Pictures first. @type {Record<Item["kind"], number>} */
const ORDER = { image: 0, video: 0, "3d": 1, audio: 2, text: 3, file: 4 };
const SHARED = ["image", "video", "audio"];

/** @param {string} kind */
export const canBeShared = (kind) => SHARED.includes(kind);

/** @param {View} view */
export const arrangedRun = ({ id, page, texts, outputs }) =>
  arranged({ files: page.files, texts, run: id, outputs, name: page.file_name });

/**
 * Arrange results by kind, and in the order of their outputs. A text that is also a file appears once, and so do equal
 * texts. The image that another one is compared with is among the previews.
 * @param {Results} results
 * @returns {Arrangement}
 */
export function arranged(results) {
  const ordered = inOrder(results).sort((one, other) => ORDER[one.kind] - ORDER[other.kind]);
  const compared = new Set(results.files.flatMap((file) => file.compared ?? []));
  const isAside = (/** @type {Result} */ { at, role }) => compared.has(at) || role === "preview";
  const shown = ordered.filter(({ role }) => role !== "echo");
  return {
    items: labelled(shown.filter((one) => !isAside(one))),
    intermediate: labelled(shown.filter(isAside)),
    echoes: ordered.filter(({ role }) => role === "echo").map(({ output, text }) => [output, text]),
  };
}

/** @param {Results} results @returns the results in the order of their outputs */
function inOrder({ files, texts, run = "", outputs = [], name = "" }) {
  /** @type {Result[]} */
  const ordered = [];
  const left = new Set(files.keys());
  const leftTexts = new Set(texts.keys());
  const fileOf = (/** @type {number} */ text) => files.findIndex((file) => file.text === text);
  const putText = (/** @type {number} */ at, /** @type {Output} */ { name: output, role }) => {
    const text = texts[at];
    if (!text?.trim() || !leftTexts.delete(at)) return;
    if (ordered.some((one) => one.kind === "text" && one.text === text)) return;
    const file = files[fileOf(at)];
    const own = { name: name ? `${name}.txt` : "", url: "", ...pick(file), text };
    ordered.push({ ...PLAIN, ...own, kind: "text", run, at: fileOf(at), output, role });
  };
  const putFile = (/** @type {number} */ at, /** @type {Output} */ output) => {
    const file = files[at];
    if (!file || !left.delete(at) || output.role === "copy") return;
    if (file.text !== null && file.text !== undefined) {
      putText(file.text, output);
      return;
    }
    const before = files[file.compared ?? -1]?.url ?? "";
    const { name, role } = output;
    ordered.push({ ...PLAIN, ...file, text: "", run, at, output: name, role, before });
  };
  const byRole = [...outputs].sort(
    (one, other) => Number(one.role !== "result") - Number(other.role !== "result"),
  );
  for (const output of byRole) {
    for (const at of output.files) putFile(at, output);
    for (const at of output.texts) putText(at, output);
  }
  for (const at of [...left]) putFile(at, UNNAMED);
  for (const at of [...leftTexts]) putText(at, UNNAMED);
  return ordered;
}

/** @typedef {{ name: string, role: RunOutput["role"] }} Output */

/** @type {Output} */
const UNNAMED = { name: "", role: "result" };
const PLAIN = /** @type {const} */ ({ thumb: null, note: "", label: "", before: "" });

/** @param {ShownFile | undefined} file */
const pick = (file) => (file ? { name: file.name, url: file.url } : {});

/**
 * Return the results with the names of their outputs, if they have different ones. Several results of an output are
 * numbered.
 * @param {readonly Result[]} results
 * @returns {Item[]}
 */
function labelled(results) {
  const names = new Set(results.map(({ output }) => output));
  const isNamed = names.size > 1 || results.every(({ kind }) => kind === "text");
  /** @type {Map<string, number>} */
  const numbers = new Map();
  return results.map(({ output, role: _, ...item }) => {
    const number = (numbers.get(output) ?? 0) + 1;
    numbers.set(output, number);
    const several = results.filter((one) => one.output === output).length > 1;
    const label =
      several && output ? message("{label} {number}", { label: output, number }) : output;
    return { ...item, label: isNamed ? label : "" };
  });
}

/** @param {Arrangement} arrangement @returns all items that the user can select */
export const choosable = ({ items, intermediate }) => [...items, ...intermediate];

/**
 * Return the index of the item to show first.
 * @param {Arrangement} arrangement
 * @param {number | null | undefined} file the index of the file to show, if any
 * @param {boolean} fromEnd whether to fall back to the last result instead of the first
 */
export function firstSeen(arrangement, file, fromEnd) {
  const at = choosable(arrangement).findIndex((item) => item.at === file);
  if (at >= 0) return at;
  return fromEnd ? Math.max(0, arrangement.items.length - 1) : 0;
}

/** @param {Arrangement} arrangement @param {number} at */
export function choiceWords(arrangement, at) {
  const item = choosable(arrangement)[at];
  const file = item?.label || item?.name || "";
  const number = at - arrangement.items.length + 1;
  return number > 0
    ? message("Preview {number}: {file}", { number, file })
    : message("Result {number}: {file}", { number: at + 1, file });
}

/**
 * Return the position of an item among its group, such as "3 of 24".
 * @param {number} at
 * @param {number} count
 */
export const placeWords = (at, count) => message("{number} of {count}", { number: at + 1, count });

/**
 * Return the start and size of the group that the arrows navigate: the results or the intermediate items. They don't
 * lead from a result to its twin.
 * @param {Arrangement} arrangement
 * @param {number} at the index of the current item
 */
export function groupOf({ items, intermediate, areTwins }, at) {
  if (at >= items.length) return { first: items.length, count: intermediate.length };
  return areTwins ? { first: at, count: 1 } : { first: 0, count: items.length };
}

/**
 * Return the index one step further, within the current item's group.
 * @param {Arrangement} arrangement
 * @param {number} at
 * @param {number} step
 */
export function placeAfter(arrangement, at, step) {
  const { first, count } = groupOf(arrangement, at);
  return count ? Math.min(Math.max(at + step, first), first + count - 1) : at;
}

/**
 * Return the known parts of a result's caption. Without a prompt, it has the workflow's title.
 * @param {View} view
 * @param {{ width: number, height: number } | null} size
 * @returns {CaptionPart[]}
 */
export function captionOf({ seeds: byField, page, title }, size) {
  const { prompt, opening, model, steps } = page.caption;
  const seeds = Object.values(byField);
  const pixels = size?.width ? `${size.width} × ${size.height}` : "";
  const seed = seeds.join(", ");
  /** @type {CaptionPart[]} */
  const parts = [
    { part: "size", shown: pixels, copied: pixels },
    { part: "steps", shown: steps && message("Steps {steps}", { steps }), copied: steps },
    { part: "model", shown: stemOf(model), copied: model },
    { part: "seed", shown: seed && seedWords(seeds), copied: seed },
    { part: "prompt", shown: opening || title, copied: prompt },
  ];
  return parts.filter(({ shown }) => shown);
}

/**
 * Return the seeds of a result with their label.
 * @param {readonly string[]} seeds at least one
 */
export const seedWords = (seeds) =>
  plural("Seed {seeds}", "Seeds {seeds}", { count: seeds.length, seeds: seeds.join(", ") });

/** @param {string} file @returns a file's name without its folders and extension */
const stemOf = (file) => file.replace(/^.*[\\/]/, "").replace(/\.[^.]+$/, "");
