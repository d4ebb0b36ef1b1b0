// @ts-check
// A few results beside each other over the whole window, with the values in which they differ.

import { when } from "../clock.js";
import { announce, button, element, inHalves } from "../dom.js";
import { message, plural } from "../messages.js";
import { ask } from "../requests.js";
import { arranged } from "../runs/results.js";
import { loadedWithLink } from "../stage/media.js";
import { differences, tellingNames } from "./past.js";

/** @import { PastRun, View } from "../state.js" */

export const MOST_BESIDE = 4;

/**
 * Show the first result of each of these runs.
 * @param {readonly PastRun[]} runs
 * @param {string} viewer where the module is that shows 3D models
 */
export async function compare(runs, viewer) {
  /** @type {(View | null)[]} */
  const told = await Promise.all(runs.map(({ id }) => ask(`/history/${id}`, undefined, "GET")));
  const views = told.flatMap((view) => view ?? []);
  if (views.length < 2) return;
  const names = namesOf(runs.filter(({ id }) => views.some((view) => view.id === id)));
  const dialog = element("dialog", "side-by-side");
  dialog.setAttribute("aria-label", message("Compare results"));
  const close = button(message("Close"), () => dialog.close(), "button close");
  const head = element("header");
  head.append(element("h2", "", message("Compare")), close);
  const results = element("div", "results");
  results.append(...views.map((view, at) => figureOf(view, captionOf(names, at), viewer)));
  dialog.append(head, results, tableFor(views));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
  const count = views.length;
  announce(
    plural("{count} result beside each other.", "{count} results beside each other.", { count }),
  );
}

/**
 * What tells them apart beside their values, which the table lists.
 * @param {readonly PastRun[]} runs
 */
const namesOf = (runs) => tellingNames(runs.map(({ title, at }) => [title, when(at)]));

/**
 * A result's name behind the number that its values stand under.
 * @param {readonly string[]} names
 * @param {number} at
 */
function captionOf(names, at) {
  const number = String(at + 1);
  const name = names[at] ?? "";
  return name === number ? number : `${number} · ${name}`;
}

/**
 * @param {View} view
 * @param {string} name
 * @param {string} viewer
 */
function figureOf(view, name, viewer) {
  const figure = element("figure");
  const [item] = arranged(view.files, view.texts, view.id).items;
  if (item?.kind === "text") figure.append(element("p", "text", item.text));
  else if (item) loadedWithLink(item, viewer).then((node) => figure.prepend(node));
  const caption = element("figcaption");
  caption.title = name;
  caption.append(inHalves(name));
  figure.append(caption);
  return figure;
}

/** @param {View[]} views */
function tableFor(views) {
  const rows = differences(
    views.map(({ title, details }) => [[message("Workflow"), title], ...details]),
  );
  if (!rows.length) return element("p", "same", message("All values are the same."));
  const table = element("table");
  const head = table.createTHead().insertRow();
  head.append(element("td"), ...views.map((_, at) => columnOf(String(at + 1))));
  const body = table.createTBody();
  for (const [name, values] of rows) {
    const row = body.insertRow();
    const title = element("th", "", name);
    title.scope = "row";
    row.append(title, ...values.map((value) => element("td", "", value)));
  }
  return table;
}

/** @param {string} text */
function columnOf(text) {
  const head = element("th", "", text);
  head.scope = "col";
  return head;
}
