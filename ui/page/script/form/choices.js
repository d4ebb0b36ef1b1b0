// @ts-check
// Search and grouping in the list of workflows. Pure.

import { message } from "../messages.js";

/**
 * A workflow in the list; ui/page/workflow_chooser.py creates these.
 * @typedef {{ name: string, title: string, description: string, group: string, own: boolean, thumb: string,
 *   note: string }} Choice
 */

const RECENT = message("Recent");

/**
 * Normalize a text for searching: lowercase, without accents.
 * @param {string} text
 */
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/**
 * Return whether a workflow's title, description and group contain all words of a text, in any order.
 * @param {Choice} choice
 * @param {string} text
 */
export function matches({ title, description, group }, text) {
  return hasAll(`${title} ${description} ${group}`, text);
}

/**
 * Return whether a text contains all words of another, in any order, regardless of case and accents.
 * @param {string} said
 * @param {string} text
 */
export const hasAll = (said, text) =>
  plain(text)
    .split(/\s+/)
    .every((word) => plain(said).includes(word));

/**
 * Return the search result that Enter opens. Workflows with exactly this title come first, then titles that start with
 * the text, then titles that contain all its words, then all others. Within a group, the open workflow comes last.
 * @param {readonly Choice[]} found in the order of the list
 * @param {string} text
 * @param {string} open the name of the open workflow
 * @returns {Choice | undefined}
 */
export function bestOf(found, text, open) {
  const typed = plain(text.trim());
  const named = typed ? found.filter(({ title }) => plain(title) === typed) : [];
  const begun = typed ? found.filter(({ title }) => plain(title).startsWith(typed)) : [];
  const titled = found.filter(({ title }) => hasAll(title, text));
  const best = [named, begun, titled].find(({ length }) => length > 0) ?? found;
  return best.find(({ name }) => name !== open) ?? best[0];
}

/**
 * Group the workflows by heading, each listed once: the user's own, the recently used ones, then the rest in the given
 * order.
 * @param {readonly Choice[]} choices
 * @param {readonly string[]} recent names, most recent first
 * @returns {[string, Choice[]][]}
 */
export function grouped(choices, recent) {
  const known = new Map(choices.map((choice) => [choice.name, choice]));
  const last = recent.flatMap((name) => known.get(name) ?? []).filter(({ own }) => !own);
  const own = choices.filter((choice) => choice.own);
  const rest = choices.filter((choice) => !choice.own && !last.includes(choice));
  /** @type {Map<string, Choice[]>} */
  const groups = new Map();
  for (const choice of own) addTo(groups, choice.group, choice);
  for (const choice of last) addTo(groups, RECENT, choice);
  for (const choice of rest) addTo(groups, choice.group, choice);
  return [...groups];
}

/** @param {Map<string, Choice[]>} groups @param {string} group @param {Choice} choice */
function addTo(groups, group, choice) {
  groups.set(group, [...(groups.get(group) ?? []), choice]);
}

/** @param {readonly string[]} recent @param {string} name @param {number} most */
export const withRecent = (recent, name, most) =>
  [name, ...recent.filter((one) => one !== name)].slice(0, most);
