// @ts-check
// Arranges a run's results on the stage and below it. Pure.

import { message, plural } from "../messages.js";

/** @import { ShownFile } from "../documents.js" */
/** @import { View } from "../state.js" */

/**
 * A result to show. `run`: the id of its run, or "". `at`: the file's index in the run, -1 for a text.
 * @typedef {{ kind: ShownFile["kind"] | "text", name: string, url: string, thumb: string | null, note: string,
 *   text: string, run: string, at: number }} Item
 *
 * `items`: results on the stage, one at a time. `rest`: results below it. `intermediate`: images and videos that aren't
 * saved, if others are.
 * @typedef {{ items: Item[], rest: Item[], intermediate: Item[] }} Arrangement
 *
 * A part of a result's caption: its displayed text, and the text to copy.
 * @typedef {{ part: "size" | "seed" | "model" | "prompt", shown: string, copied: string }} CaptionPart
 */

const WATCHED = ["image", "video"];

/**
 * Arrange a run's results: images and videos on the stage, or else the first of the other results.
 * @param {readonly ShownFile[]} files
 * @param {readonly string[]} texts
 * @param {string} [run] the run's id
 * @returns {Arrangement}
 */
export function arranged(files, texts, run = "") {
  const all = files.map((file, at) => ({ ...file, text: "", run, at }));
  const watched = all.filter((file) => WATCHED.includes(file.kind));
  const saved = watched.filter((file) => file.saved);
  const others = [
    ...all.filter((file) => !WATCHED.includes(file.kind)),
    ...texts.map((text) => textItem(text, run)),
  ];
  if (!watched.length)
    return { items: others.slice(0, 1), rest: others.slice(1), intermediate: [] };
  const items = saved.length ? saved : watched;
  const isSaved = all.some((file) => file.saved);
  return {
    items,
    rest: others,
    intermediate: isSaved && saved.length ? watched.filter((file) => !file.saved) : [],
  };
}

/**
 * @param {string} text
 * @param {string} run
 * @returns {Item}
 */
const textItem = (text, run) => ({
  kind: "text",
  name: message("Text"),
  url: "",
  thumb: null,
  note: "",
  text,
  run,
  at: -1,
});

/**
 * Return all items that the user can select.
 * @param {Arrangement} arrangement
 */
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

/**
 * Return an item's label.
 * @param {Arrangement} arrangement
 * @param {number} at
 */
export function choiceWords(arrangement, at) {
  const file = choosable(arrangement)[at]?.name ?? "";
  const number = at - arrangement.items.length + 1;
  return number > 0
    ? message("Intermediate {number}: {file}", { number, file })
    : message("Result {number}: {file}", { number: at + 1, file });
}

/**
 * Return the start and size of the group that the arrows navigate: the results or the intermediate items.
 * @param {Arrangement} arrangement
 * @param {number} at the index of the current item
 */
export const groupOf = ({ items, intermediate }, at) =>
  at < items.length
    ? { first: 0, count: items.length }
    : { first: items.length, count: intermediate.length };

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
 * Return the known parts of a result's caption.
 * @param {View} view
 * @param {{ width: number, height: number } | null} size
 * @returns {CaptionPart[]}
 */
export function captionOf({ seeds: byField, page }, size) {
  const { prompt, model } = page.caption;
  const seeds = Object.values(byField);
  const pixels = size?.width ? `${size.width} × ${size.height}` : "";
  const seed = seeds.join(", ");
  /** @type {CaptionPart[]} */
  const parts = [
    { part: "size", shown: pixels, copied: pixels },
    { part: "seed", shown: seed && seedWords(seeds), copied: seed },
    { part: "model", shown: stemOf(model), copied: model },
    { part: "prompt", shown: prompt, copied: prompt },
  ];
  return parts.filter(({ copied }) => copied);
}

/**
 * Return the seeds of a result with their label.
 * @param {readonly string[]} seeds at least one
 */
export const seedWords = (seeds) =>
  plural("Seed {seeds}", "Seeds {seeds}", { count: seeds.length, seeds: seeds.join(", ") });

/**
 * Return a file's name without its folders and extension.
 * @param {string} file
 */
const stemOf = (file) => file.replace(/^.*[\\/]/, "").replace(/\.[^.]+$/, "");
