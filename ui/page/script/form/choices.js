// @ts-check
// Which workflows a list shows, and under which headings. Pure.

import { message } from "../messages.js";

/**
 * One workflow to choose: ui/page/workflow_chooser.py.
 * @typedef {{ name: string, title: string, description: string, group: string, own: boolean, thumb: string,
 *   note: string }} Choice
 */

const RECENT = message("Recent");

/**
 * A text as it is searched: without capitals and accents.
 * @param {string} text
 */
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/**
 * Whether all words of a text are somewhere in what is said of a workflow, in any order.
 * @param {Choice} choice
 * @param {string} text
 */
export function matches({ title, description, group }, text) {
  return hasAll(`${title} ${description} ${group}`, text);
}

/**
 * @param {string} said
 * @param {string} text
 */
const hasAll = (said, text) =>
  plain(text)
    .split(/\s+/)
    .every((word) => plain(said).includes(word));

/**
 * Which of those found Enter takes: the first with this title, else with one that begins so, with all words in its title,
 * or of all; not the one that is open where there is another such.
 * @param {readonly Choice[]} found as they are listed
 * @param {string} text
 * @param {string} open the name of the one that is open
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
 * The choices by their headings, each once: a person's own, those used last, then the others as they come.
 * @param {readonly Choice[]} choices
 * @param {readonly string[]} recent names, the one used last first
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

/**
 * @param {Map<string, Choice[]>} groups
 * @param {string} group
 * @param {Choice} choice
 */
function addTo(groups, group, choice) {
  groups.set(group, [...(groups.get(group) ?? []), choice]);
}

/**
 * The names used last, with one more in front.
 * @param {readonly string[]} recent
 * @param {string} name
 * @param {number} most
 */
export const withRecent = (recent, name, most) =>
  [name, ...recent.filter((one) => one !== name)].slice(0, most);
