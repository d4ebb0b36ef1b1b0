// @ts-check
// Full-window comparison of a few results, with the values that differ. The user can mark and delete each, and step to
// the next pair.

import { when } from "../clock.js";
import { $, button, closeButton, element } from "../dom.js";
import { message } from "../messages.js";
import { API, ask } from "../requests.js";
import { arrangedRun, choosable } from "../runs/results.js";
import { neighbour } from "../runs/runs.js";
import { loadedWithLink } from "../stage/media.js";
import { page } from "../state.js";
import { Together } from "../video/together.js";
import { WITH_NEWER, WITH_OLDER } from "./comparable.js";
import { ComparedImages } from "./compared_images.js";
import { deleteRuns, setFavourite } from "./marks.js";
import { differences, endedAt } from "./past.js";

/** @import { PastRun, View } from "../state.js" */

/**
 * A run to compare. `at`: the index of its file to show, otherwise its first result.
 * @typedef {PastRun & { at?: number }} Compared
 */

/**
 * Show a result of each run, instead of the results that are compared now.
 * @param {readonly Compared[]} runs
 * @param {string} viewer URL of the module that shows 3D models
 */
export async function showBeside(runs, viewer) {
  /** @type {(one: Compared) => Promise<View | null>} */
  const viewOf = ({ id }) => ask(`${API}/runs/${id}?with_page=true`, undefined, "GET");
  const told = await Promise.all(runs.map(viewOf));
  opened()?.close();
  const given = runs.filter((_, at) => told[at]);
  const views = told.flatMap((view) => view ?? []);
  if (views.length < 2) return;
  const dates = given.map((run) => when(endedAt(run)));
  const dialog = element("dialog", "side-by-side");
  dialog.setAttribute("aria-label", message("Compare results"));
  dialog.style.setProperty("--count", String(views.length));
  const close = closeButton(() => dialog.close());
  const head = element("header", "flow");
  const images = new ComparedImages(dialog);
  const others = element("div", "others");
  if (given.length === 2) others.append(...otherPairs(given, viewer));
  head.append(element("h2", "dialog-title", message("Compare")), images.tools, others, close);
  const results = element("div", "results");
  const captions = captionsOf(views);
  const together = new Together(results, views.length);
  const look = () => {
    together.look();
    images.look(views.length);
  };
  for (const [at, run] of given.entries()) {
    const view = /** @type {View} */ (views[at]);
    const figure = figureOf(view, run.at, viewer, images, look);
    const drop = button(message("Delete"), () => remove(run, given, viewer), "drop");
    figure.append(captionFor(captions[at] ?? "", starFor(view), drop));
    results.append(figure);
  }
  dialog.append(head, results, together.place, ...valuesOf(views, dates));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}

/** The comparison on the page. @returns {HTMLDialogElement | null} */
const opened = () => /** @type {HTMLDialogElement | null} */ ($(".side-by-side[open]"));

/**
 * Return the buttons that compare the first result with a newer or older one than the second.
 * @param {readonly Compared[]} runs two
 * @param {string} viewer
 */
function otherPairs([first, second], viewer) {
  /** @type {[string, string, number][]} */
  const ways = [
    ["‹", WITH_NEWER, -1],
    ["›", WITH_OLDER, 1],
  ];
  return ways.flatMap(([text, label, step]) => {
    const other = first && second && inPlaceOf(second, first, step);
    if (!other) return [];
    const made = button(text, () => showBeside([first, other], viewer));
    made.title = made.ariaLabel = label;
    return [made];
  });
}

/**
 * Return the run to compare in place of one of two: the next older or newer one.
 * @param {Compared} run
 * @param {Compared} kept the other one
 * @param {number} step 1 for an older one, -1 for a newer one
 */
function inPlaceOf(run, kept, step) {
  const { past } = page.now;
  const next = neighbour(past, run.id, step);
  return next?.id === kept.id ? neighbour(past, kept.id, step) : next;
}

/**
 * Delete a run and compare the others. One of two is replaced by the next older or newer one. Undo compares them again.
 * @param {Compared} run
 * @param {readonly Compared[]} runs with this one
 * @param {string} viewer
 */
async function remove(run, runs, viewer) {
  const [kept, ...more] = runs.filter((one) => one !== run);
  const isPair = kept && !more.length;
  const next = isPair ? (inPlaceOf(run, kept, 1) ?? inPlaceOf(run, kept, -1)) : null;
  const again = () => {
    if (opened()) showBeside(runs, viewer);
  };
  if (!(await deleteRuns([run.id], again))) return;
  const others = runs.flatMap((one) => (one === run ? (next ?? []) : one));
  if (others.length > 1) await showBeside(others, viewer);
  else opened()?.close();
}

/**
 * Return a caption for each result: its number in the table, with the workflow if the results have different ones.
 * @param {readonly View[]} views
 */
function captionsOf(views) {
  const isSame = new Set(views.map(({ title }) => title)).size === 1;
  return views.map(({ title }, at) => (isSame ? String(at + 1) : `${at + 1} · ${title}`));
}

/**
 * @param {View} view
 * @param {number | undefined} at the index of the file to show
 * @param {string} viewer
 * @param {ComparedImages} images
 * @param {() => void} shown called once the result is shown
 */
function figureOf(view, at, viewer, images, shown) {
  const figure = element("figure");
  const items = choosable(arrangedRun(view));
  const chosen = items.find((one) => one.at >= 0 && one.at === at);
  const video = items.find(({ kind }) => kind === "video"); // not the same as an animated image
  const item = chosen ?? video ?? items[0];
  if (item?.kind === "text") figure.append(element("p", "text", item.text));
  else if (item)
    loadedWithLink(item, viewer).then((node) => {
      const isImage = node instanceof HTMLImageElement;
      figure.prepend(isImage ? images.paneOf(node, item.url) : node);
      shown();
    });
  return figure;
}

/** @param {string} name @param {HTMLElement[]} actions */
function captionFor(name, ...actions) {
  const caption = element("figcaption");
  const words = element("span", "name breaks", name);
  words.title = name;
  caption.append(words, ...actions);
  return caption;
}

/** @param {View} view */
function starFor({ id, page: { favourite } }) {
  const star = button("", () => change(), "star");
  const change = async () => {
    await setFavourite([id], star.ariaPressed !== "true");
    const { marked } = page.now;
    if (marked?.ids.includes(id)) mark(marked.favourite);
  };
  /** @param {boolean} isMarked */
  const mark = (isMarked) => {
    star.dataset.icon = isMarked ? "star-filled" : "star";
    star.ariaPressed = String(isMarked);
  };
  star.title = star.ariaLabel = message("Favorite");
  mark(favourite);
  return star;
}

/**
 * Draw a table of the values that differ. If only the dates differ, say that all values are the same.
 * @param {readonly View[]} views
 * @param {readonly string[]} dates
 */
function valuesOf(views, dates) {
  const values = differences(
    views.map(({ title, page }) => [[message("Workflow"), title], ...page.details]),
  );
  const dated = differences(dates.map((date) => [[message("Date"), date]]));
  const same = values.length ? [] : [element("p", "same", message("All values are the same."))];
  const rows = [...values, ...dated];
  return rows.length ? [...same, tableFor(rows)] : same;
}

/** @param {readonly (readonly [string, readonly string[]])[]} rows a name, and its value in each result */
function tableFor(rows) {
  const table = element("table");
  const head = table.createTHead().insertRow();
  head.append(element("td"), ...(rows[0]?.[1] ?? []).map((_, at) => columnOf(String(at + 1))));
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
