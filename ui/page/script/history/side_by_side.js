// @ts-check
// A few results beside each other over the whole window, with the values in which they differ.

import { addressOf, announce, button, element } from "../dom.js";
import { message, plural } from "../messages.js";
import { get } from "../requests.js";
import { say } from "../state.js";
import { differences } from "./past.js";

/** @import { PastRun, View } from "../state.js" */

export const MOST_BESIDE = 4;

/**
 * Show the first image of each of these runs.
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
  const images = element("div", "images");
  images.append(...views.map(figureOf));
  dialog.append(head, images, tableFor(views));
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
  const file = view.files.find(({ kind, saved }) => kind === "image" && saved) ?? view.files[0];
  if (file) {
    const image = element("img");
    figure.append(Object.assign(image, { alt: file.name, src: addressOf(file.url) }));
  }
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
