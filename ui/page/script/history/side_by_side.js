// @ts-check
// A few results beside each other over the whole window, with the values in which they differ.

import { announce, button, element } from "../dom.js";
import { message, plural } from "../messages.js";
import { get } from "../requests.js";
import { arranged } from "../runs/results.js";
import { loaded } from "../stage/media.js";
import { say } from "../state.js";
import { differences } from "./past.js";

/** @import { PastRun, View } from "../state.js" */

export const MOST_BESIDE = 4;

/**
 * Show the first result of each of these runs.
 * @param {readonly PastRun[]} runs
 */
export async function compare(runs) {
  /** @type {(View | null)[]} */
  const told = await Promise.all(runs.map(({ id }) => get(`/history/${id}`)));
  const views = told.flatMap((view) => view ?? []);
  if (views.length < 2) {
    say(message("These results no longer exist."));
    return;
  }
  const dialog = element("dialog", "side-by-side");
  dialog.setAttribute("aria-label", message("Compare results"));
  const close = button(message("Close"), () => dialog.close(), "button close");
  const head = element("header");
  head.append(element("h2", "", message("Compare")), close);
  const results = element("div", "results");
  results.append(...views.map(figureOf));
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
 * @param {View} view
 * @param {number} at
 */
function figureOf(view, at) {
  const figure = element("figure");
  const [item] = arranged(view.files, view.texts).items;
  if (item?.kind === "text") figure.append(element("p", "text", item.text));
  else if (item) loaded(item, "").then((node) => figure.prepend(node));
  figure.append(element("figcaption", "", String(at + 1)));
  return figure;
}

/** @param {View[]} views */
function tableFor(views) {
  const rows = differences(
    views.map(({ workflow, details }) => [[message("Workflow"), workflow], ...details]),
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
