// @ts-check
// Which models the picker shows, and the trigger words for a prompt. Pure.

/** @import { ListedModel } from "../documents.js" */

const MOST_RECENT = 24;
/** Values of the filter beside the names of base models. */
export const FITTING = "//fitting";
export const FAVOURITES = "//favourites";
export const RECENTLY = "//recent";

/** @typedef {(one: ListedModel, other: ListedModel) => number} Order */
/** Orders of the list; by name, as the server sends it, needs none. @type {Record<string, Order>} */
export const ORDERS = {
  newest: (one, other) => other.modified - one.modified,
  largest: (one, other) => other.size - one.size,
};

/**
 * Return the folders of the models, in the order of their names.
 * @param {readonly ListedModel[]} models
 */
export const foldersOf = (models) =>
  [...new Set(models.map(({ folder }) => folder))].filter(Boolean).sort((a, b) => (a < b ? -1 : 1));

/**
 * Return whether some models fit the form's model and others don't, and the base models, most frequent first.
 * @param {readonly ListedModel[]} models
 */
export function basesOf(models) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { base_model: base } of models)
    if (base) counts.set(base, (counts.get(base) ?? 0) + 1);
  const bases = [...counts].sort(([, one], [, other]) => other - one).map(([base]) => base);
  const fitting = models.filter(({ fits }) => fits).length;
  return { isMixed: fitting > 0 && fitting < models.length, bases };
}

/**
 * What the picker shows. `filter`: "" for all, or a base model, or one of the values above. `recent`, `favourites`:
 * values, latest first. `value`: the chosen model, which always fits.
 * @typedef {{ text: string, folder: string, filter: string, recent: readonly string[], favourites: readonly string[],
 *   order?: Order, value?: string }} Wanted
 */

/**
 * Return the models that contain all words of a text, in a folder and those below it.
 * @param {readonly ListedModel[]} models
 * @param {Wanted} wanted
 */
export function matchingModels(models, wanted) {
  const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (/** @type {ListedModel} */ { value, label, folder }) => {
    const name = `${label} ${value}`.toLowerCase();
    const isInside =
      !wanted.folder || folder === wanted.folder || folder.startsWith(`${wanted.folder}/`);
    return isInside && words.every((word) => name.includes(word));
  };
  const found = kindOf(models, wanted).filter(matches);
  return wanted.order ? found.sort(wanted.order) : found;
}

/** @param {readonly ListedModel[]} models @param {Wanted} wanted */
function kindOf(models, { filter, recent, favourites, value: chosen }) {
  if (!filter) return models;
  if (filter === FITTING) return models.filter((one) => one.fits || one.value === chosen);
  const kept = { [RECENTLY]: recent, [FAVOURITES]: favourites }[filter];
  if (!kept) return models.filter((one) => one.base_model === filter);
  const known = new Map(models.map((one) => [one.value, one]));
  return kept.flatMap((value) => known.get(value) ?? []);
}

/** @param {readonly string[]} recent @param {string} value */
export const withUsed = (recent, value) =>
  [value, ...recent.filter((one) => one !== value)].slice(0, MOST_RECENT);

/**
 * Return the trigger words that a prompt lacks.
 * @param {readonly string[]} words
 * @param {string} prompt
 */
export function missingWords(words, prompt) {
  const text = prompt.toLowerCase();
  return words.filter((word) => !text.includes(word.toLowerCase()));
}

/** @param {string} prompt @param {readonly string[]} words */
export function withWords(prompt, words) {
  const text = prompt.trimEnd();
  const between = !text ? "" : /[,;]$/.test(text) ? " " : ", ";
  return words.length ? text + between + words.join(", ") : prompt;
}

/**
 * Return a prompt without a word, and without the comma before it.
 * @param {string} prompt
 * @param {string} word
 */
export function withoutWord(prompt, word) {
  const at = prompt.toLowerCase().lastIndexOf(word.toLowerCase());
  if (at < 0) return prompt;
  const before = prompt.slice(0, at).replace(/[,;]\s*$/, "");
  const after = prompt.slice(at + word.length);
  return before.trim() ? before + after : after.replace(/^[,;]\s*/, "");
}
