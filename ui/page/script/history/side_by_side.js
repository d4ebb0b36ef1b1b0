// @ts-check
// Full-window comparison of a few results, with the values that differ. The user can step to the next pair.

import { when } from "../clock.js";
import { button, element } from "../dom.js";
import { message } from "../messages.js";
import { API, ask } from "../requests.js";
import { arrangedRun } from "../runs/results.js";
import { neighbour } from "../runs/runs.js";
import { loadedWithLink } from "../stage/media.js";
import { page } from "../state.js";
import { Together } from "../video/together.js";
import { ComparedImages } from "./compared_images.js";
import { setFavourite } from "./marks.js";
import { differences, endedAt } from "./past.js";

/** @import { PastRun, View } from "../state.js" */

export const MOST_BESIDE = 4;

/**
 * Show the first result of each run.
 * @param {readonly PastRun[]} runs
 * @param {string} viewer URL of the module that shows 3D models
 */
export async function compare(runs, viewer) {
  /** @type {(View | null)[]} */
  const told = await Promise.all(
    runs.map(({ id }) => ask(`${API}/runs/${id}?with_page=true`, undefined, "GET")),
  );
  const views = told.flatMap((view) => view ?? []);
  if (views.length < 2) return;
  const endById = new Map(runs.map((run) => [run.id, endedAt(run)]));
  const dates = views.map(({ id }) => when(endById.get(id) ?? 0));
  const dialog = element("dialog", "side-by-side");
  dialog.setAttribute("aria-label", message("Compare results"));
  dialog.style.setProperty("--count", String(views.length));
  const close = button(message("Close"), () => dialog.close(), "button close");
  const head = element("header");
  const images = new ComparedImages(dialog);
  const others = element("div", "others");
  if (runs.length === 2) others.append(...otherPairs(runs, viewer, dialog));
  head.append(element("h2", "", message("Compare")), images.tools, others, close);
  const results = element("div", "results");
  const captions = captionsOf(views);
  const together = new Together(results, views.length);
  const look = () => {
    together.look();
    images.look(views.length);
  };
  /** @type {(view: View, at: number) => HTMLElement} */
  const shown = (view, at) => figureOf(view, captions[at] ?? "", viewer, images, look);
  results.append(...views.map(shown));
  dialog.append(head, results, together.place, ...valuesOf(views, dates));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}

/**
 * Return the buttons that compare the first result with a newer or older one than the second.
 * @param {readonly PastRun[]} runs two
 * @param {string} viewer
 * @param {HTMLDialogElement} dialog
 */
function otherPairs([first, second], viewer, dialog) {
  const { past } = page.now;
  /** @type {[string, string, number][]} */
  const ways = [
    ["‹", message("Compare with a newer result"), -1],
    ["›", message("Compare with an older result"), 1],
  ];
  return ways.flatMap(([text, label, step]) => {
    let next = second && neighbour(past, second.id, step);
    if (first && next?.id === first.id) next = neighbour(past, first.id, step);
    if (!first || !next) return [];
    const other = next;
    const made = button(text, async () => {
      await compare([first, other], viewer);
      dialog.close();
    });
    made.title = made.ariaLabel = label;
    return [made];
  });
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
 * @param {string} name
 * @param {string} viewer
 * @param {ComparedImages} images
 * @param {() => void} shown called once the result is shown
 */
function figureOf(view, name, viewer, images, shown) {
  const figure = element("figure");
  const { items } = arrangedRun(view);
  const item = items.find(({ kind }) => kind === "video") ?? items[0]; // not the same as an animated image
  if (item?.kind === "text") figure.append(element("p", "text", item.text));
  else if (item)
    loadedWithLink(item, viewer).then((node) => {
      const isImage = node instanceof HTMLImageElement;
      figure.prepend(isImage ? images.paneOf(node, item.url) : node);
      shown();
    });
  const caption = element("figcaption", "", name);
  caption.title = name;
  caption.append(starFor(view));
  figure.append(caption);
  return figure;
}

/**
 * Return the button that marks a result as favorite.
 * @param {View} view
 */
function starFor({ id, page: { favourite } }) {
  const star = button("", () => change(), "star");
  const change = async () => {
    await setFavourite([id], star.ariaPressed !== "true");
    const { marked } = page.now;
    if (marked?.ids.includes(id)) mark(marked.favourite);
  };
  /** @param {boolean} isMarked */
  const mark = (isMarked) => {
    star.textContent = isMarked ? "★" : "☆";
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
