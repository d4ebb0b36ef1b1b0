// @ts-check
// What came of a run, arranged: what the stage shows, what stands below it. Pure.

import { message, plural } from "../messages.js";

/** @import { ShownFile } from "../documents.js" */
/** @import { View } from "../state.js" */

/**
 * Something to show, of a `run` ("" for none). `at`: the file's place among the run's; texts have none.
 * @typedef {{ kind: ShownFile["kind"] | "text", name: string, url: string, thumb: string | null, note: string,
 *   text: string, run: string, at: number }} Item
 *
 * `items`: what the stage shows, one at a time. `rest`: what stands below it. `intermediate`: images and videos that
 * are not saved, where others are.
 * @typedef {{ items: Item[], rest: Item[], intermediate: Item[] }} Arrangement
 *
 * One thing that a result was made from: as it is shown, and as it is copied.
 * @typedef {{ part: "size" | "seed" | "model" | "prompt", shown: string, copied: string }} CaptionPart
 */

const WATCHED = ["image", "video"];

/**
 * Images and videos stand on the stage, one at a time; where there are none, the first of what else there is.
 * @param {readonly ShownFile[]} files
 * @param {readonly string[]} texts
 * @param {string} [run] whose results these are
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
 * All that can be chosen.
 * @param {Arrangement} arrangement
 */
export const choosable = ({ items, intermediate }) => [...items, ...intermediate];

/**
 * Where the one is that is seen first.
 * @param {Arrangement} arrangement
 * @param {number | null | undefined} file its place among the run's files, if one is meant
 * @param {boolean} fromEnd where none is, the last of the results
 */
export function firstSeen(arrangement, file, fromEnd) {
  const at = choosable(arrangement).findIndex((item) => item.at === file);
  if (at >= 0) return at;
  return fromEnd ? Math.max(0, arrangement.items.length - 1) : 0;
}

/**
 * What one of those is called.
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
 * Where those begin that one walks through, and how many there are: the results, or what was made on the way.
 * @param {Arrangement} arrangement
 * @param {number} at the place of what is seen
 */
export const groupOf = ({ items, intermediate }, at) =>
  at < items.length
    ? { first: 0, count: items.length }
    : { first: items.length, count: intermediate.length };

/**
 * The place one step on, within the group of what is seen.
 * @param {Arrangement} arrangement
 * @param {number} at
 * @param {number} step
 */
export function placeAfter(arrangement, at, step) {
  const { first, count } = groupOf(arrangement, at);
  return count ? Math.min(Math.max(at + step, first), first + count - 1) : at;
}

/**
 * What people ask first of a result, as far as it is known.
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
 * The seeds of a result, called that.
 * @param {readonly string[]} seeds at least one
 */
export const seedWords = (seeds) =>
  plural("Seed {seeds}", "Seeds {seeds}", { count: seeds.length, seeds: seeds.join(", ") });

/**
 * The name of a file without folders and ending.
 * @param {string} file
 */
const stemOf = (file) => file.replace(/^.*[\\/]/, "").replace(/\.[^.]+$/, "");
