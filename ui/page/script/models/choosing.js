// @ts-check
// Which models the picker shows, and the trigger words for a prompt. Pure.

/** @import { ListedModel } from "../documents.js" */

const MOST_RECENT = 24;
/** Value of the filter for recently used models: no folder has such a name. */
export const RECENTLY = "//recent";

/**
 * Return the folders of the models, in the order of their names.
 * @param {readonly ListedModel[]} models
 */
export const foldersOf = (models) =>
  [...new Set(models.map(({ folder }) => folder))].filter(Boolean).sort((a, b) => (a < b ? -1 : 1));

/**
 * Return the models that contain all words of a text, in a folder and those below it.
 * @param {readonly ListedModel[]} models
 * @param {string} text
 * @param {string} folder "" for all folders, RECENTLY for recently used models
 * @param {readonly string[]} recent values, latest first
 */
export function matchingModels(models, text, folder, recent) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (/** @type {ListedModel} */ { value, label }) => {
    const name = `${label} ${value}`.toLowerCase();
    return words.every((word) => name.includes(word));
  };
  if (folder === RECENTLY) {
    const known = new Map(models.map((one) => [one.value, one]));
    return recent.flatMap((value) => known.get(value) ?? []).filter(fits);
  }
  const isInside = (/** @type {ListedModel} */ one) =>
    !folder || one.folder === folder || one.folder.startsWith(`${folder}/`);
  return models.filter((one) => isInside(one) && fits(one));
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
