// @ts-check
// Actions that plugins add to the menu of a result.

import { $, announce } from "../dom.js";
import { ask, json } from "../requests.js";

/** @import { Item } from "../runs/results.js" */

/** @typedef {{ label: string, address: string, kinds: readonly string[] }} ResultAction */

/**
 * Return the actions for a result, as `ui/plugin_parts.py` lists them in the page's head.
 * @param {Item} item
 * @returns {ResultAction[]}
 */
export function resultActions({ kind, at, url }) {
  if (at < 0 || !url) return [];
  /** @type {ResultAction[]} */
  const actions = JSON.parse($("#result-actions")?.textContent ?? "[]");
  return actions.filter(({ kinds }) => !kinds.length || kinds.includes(kind));
}

/**
 * Run an action, and open the page that it answers with.
 * @param {ResultAction} action
 * @param {Item} item
 * @returns {Promise<string>} words to show; empty after an error, which has been shown
 */
export async function runAction({ address }, { run, at }) {
  /** @type {{ url?: string, message?: string } | null} */
  const told = await ask(address, json({ run, file: at }));
  if (told?.url) window.open(told.url, "_blank", "noopener");
  if (told?.message) announce(told.message);
  return told?.message ?? "";
}
