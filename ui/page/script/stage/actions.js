// @ts-check
// Buttons for the result on the stage. Each acts on that result only.

import { USED } from "../back.js";
import { $, addressOf, button, downloadLink, element, offWhile, root } from "../dom.js";
import { copyButton } from "../form/copying.js";
import { filled } from "../form/filled.js";
import { expectValues, refill } from "../form/form.js";
import { deleteRuns, setFavourite } from "../history/marks.js";
import { message, withKey } from "../messages.js";
import { API, ask } from "../requests.js";
import { menuButton } from "../results/pop_menu.js";
import { alter } from "../runs/alter.js";
import { lookAhead, runAgain, varyChain } from "../runs/following.js";
import { canBeShared } from "../runs/results.js";
import { page } from "../state.js";

/** @import { FormValues } from "../documents.js" */
/** @import { Entry } from "../results/pop_menu.js" */
/** @import { Item } from "../runs/results.js" */
/** @import { View } from "../state.js" */

const FAVOURITE = message("Favorite");
export const UNMARK = message("Remove from favorites");
const TAKEN = message("Settings restored");
const SAME = message("Run again with the same settings and seed");
const VARY = message("Vary");
const SHOWN_FOR = 2500; // milliseconds
const SECOND = 500; // milliseconds within which a press counts as the second half of a double-click

/**
 * What the buttons act on: a finished run. `item`: the result on the stage, null for all results or none; `isAll`: all
 * results are on the stage; `menu`: where the result can be used; `ahead`: another run is in progress; `continued`: the
 * run's chain offers to continue, which runs it again; `compare` shows the comparison; `beside` compares the result with
 * another run's; `twin` shows the other result of the same frames.
 * @typedef {{ label: string, does: () => void }} Way
 * @typedef {{ view: View, item: Item | null, isAll: boolean, menu: HTMLElement, ahead: boolean, continued: boolean,
 *   compare: (() => void) | null, beside: Way | null, twin: Way | null }} ActedOn
 */

/**
 * Return the row of buttons: the most frequent actions, and a menu with the others.
 * @param {ActedOn} on
 * @returns {HTMLElement[]}
 */
export function actionsFor(on) {
  const { view, item, isAll, menu, ahead } = on;
  /** @type {HTMLElement[]} */
  const made = [...downloadsFor(view, item, isAll)];
  if (item?.kind === "text")
    made.push(copyButton(item.text, () => $("#stage .media .result-text"), "button copy-text"));
  if (menu.hasChildNodes()) made.push(menu);
  const again = againFor(on);
  made.push(...again.shown);
  const isEarlier = view.file !== undefined && !view.page.chain; // the form may have other settings by now
  if ((isEarlier || !(item || isAll)) && !view.page.form_gone) {
    const { label, does } = reuseEntry(view);
    made.push(withIcon(button(label, does), "reuse"));
  }
  if (item ? isShareable(item) : isAll && view.page.files.length) made.push(shareFor(view, item));
  if (isKept(view)) made.push(favouriteFor(view, on.twin ? 1 : view.page.files.length));
  const more = async () => (await import("./more_actions.js")).moreFor(on, again.more);
  made.push(menuButton("", message("More"), more, "button more", "more"));
  if (ahead) made.push(withIcon(button(message("Back to the current run"), lookAhead), "forward"));
  return made;
}

/** @param {View} view @param {Item | null} item @param {boolean} isAll */
function downloadsFor(view, item, isAll) {
  const [file, ...others] = view.page.files;
  const linkTo = (/** @type {string} */ href, name = "", words = message("Download")) => [
    withIcon(downloadLink(words, href, name), "download"),
  ];
  if (isAll && others.length) return linkTo(zipOf(view), "", message("Download all"));
  if (isAll && file) return linkTo(addressOf(file.url), file.name);
  if (!item) return [];
  if (item.url) return linkTo(addressOf(item.url), item.name);
  if (item.kind !== "text" || !item.name) return [];
  const text = encodeURIComponent(item.text.replace(/\p{Surrogate}/gu, "\ufffd"));
  return linkTo(`data:text/plain;charset=utf-8,${text}`, item.name);
}

/**
 * @template {HTMLElement} T
 * @param {T} control
 * @param {string} icon
 */
function withIcon(control, icon) {
  control.dataset.icon = icon;
  control.title ||= control.textContent ?? ""; // the words may have no room
  return control;
}

/** @param {View} view */
export const zipOf = ({ id }) => `${root}/files/${id}/all.zip`;

/**
 * Leave the full screen for something below it.
 * @param {() => unknown} does
 */
export function leaving(does) {
  $("#stage .viewport:modal")?.dispatchEvent(new CustomEvent(USED));
  does();
}

/**
 * Show for a moment that an action of the menu worked.
 * @param {string} words
 */
export function sayDone(words) {
  const note = element("span", "done-note", words);
  note.ariaHidden = "true"; // already announced
  $("#stage .actions")?.append(note);
  setTimeout(() => note.remove(), SHOWN_FOR);
}

/**
 * Put a run's values into the form and redraw it. For a step of a chain, this is the chain's form.
 * @param {string} path the address of the values
 * @returns {Promise<FormValues | null>} the values; null after an error, which has been shown
 */
export async function reuse(path) {
  expectValues();
  /** @type {FormValues | null} */
  const form = await ask(path, undefined, "GET");
  if (!form) {
    expectValues(false);
    return null;
  }
  refill(form.workflow, form.values, "reuse");
  page.set({ tab: "form" });
  return form;
}

/**
 * Return the ways to run again: buttons, and entries of the menu. A step of a chain runs the whole chain with new seeds:
 * running only the step would leave the chain, and repeating it with the same seeds would make a result that the chain
 * already has. Without the form, no new seed can be drawn.
 * @param {ActedOn} on
 * @returns {{ shown: HTMLElement[], more: Entry[] }}
 */
function againFor({ view, item, isAll, continued }) {
  const { id, phase, seeds, page: stage } = view;
  if (stage.chain) {
    const made = withIcon(
      button(VARY, (pressed) => offWhile(pressed, () => varyChain(id))),
      "vary",
    );
    made.title = message("Run the whole chain with new seeds");
    return { shown: phase === "done" && stage.chain_seeds ? [made] : [], more: [] };
  }
  if (continued) return { shown: [], more: [] };
  const run = (/** @type {boolean} */ vary) => runAgain(id, vary);
  const isMade = phase === "done" && (item || isAll);
  const same = { label: message("Run again"), title: SAME, does: () => run(false) };
  if (!isMade || !Object.keys(seeds).length || stage.form_gone) {
    const again = withIcon(
      button(same.label, (pressed) => offWhile(pressed, () => run(false))),
      "reload",
    );
    return isMade ? { shown: [], more: [same] } : { shown: [again], more: [] };
  }
  const { alters } = stage;
  if (alters && item?.kind === "image" && item.at >= 0) {
    const { at } = item;
    const ways = [
      { label: message("Subtly"), does: () => alter(view, at, alters, alters.subtle) },
      { label: message("Strongly"), does: () => alter(view, at, alters, alters.strong) },
      { label: message("With a new seed"), does: () => run(true) },
    ];
    return { shown: [menuButton(VARY, VARY, ways, "button", "vary")], more: [same] };
  }
  const vary = withIcon(
    button(VARY, (pressed) => offWhile(pressed, () => run(true))),
    "vary",
  );
  vary.title = message("Run again with a new seed");
  return { shown: [vary], more: [same] };
}

/** Return the entry that puts a run's values into the form. @param {View} view */
export function reuseEntry({ id }) {
  const use = async () => {
    if (!(await reuse(`${API}/runs/${id}/values`))) return;
    const end = filled.subscribe((now, before) => {
      if (now.authors === before.authors) return; // only a new form has others
      end();
      sayDone(TAKEN);
    });
  };
  return { label: message("Reuse settings"), does: () => leaving(use) };
}

/** @param {Item} item */
const isShareable = ({ at, kind }) => at >= 0 && canBeShared(kind);

/**
 * @param {View} view
 * @param {Item | null} item null for all results
 */
function shareFor({ id }, item) {
  const open = async () => {
    const { share, shareSeveral } = await import("./share.js");
    return item ? share(item) : shareSeveral([id]);
  };
  return withIcon(
    button(message("Share…"), () => leaving(open)),
    "share",
  );
}

/**
 * Return whether there is a result to mark as favorite, or a mark to remove.
 * @param {View} view
 */
const isKept = ({ page: stage, texts }) => stage.files.length + texts.length > 0 || stage.favourite;

/** @param {View} view @param {number} count results, which the star marks together */
function favouriteFor({ id, page: { favourite } }, count) {
  const mark = async () => {
    if (!(await setFavourite([id], !favourite))) return;
    if (favourite) sayDone(message("Removed from favorites."));
    else if (count > 1) sayDone(message("All {count} results are favorites", { count }));
    else sayDone(message("Added to favorites."));
  };
  const made = button("", mark, "button favourite");
  made.dataset.icon = favourite ? "star-filled" : "star";
  made.ariaLabel = count > 1 ? message("Favorite (all {count} results)", { count }) : FAVOURITE;
  made.ariaPressed = String(favourite);
  made.title = withKey(favourite ? UNMARK : made.ariaLabel, "F");
  return made;
}

/**
 * Delete a run. A double-click deletes only one, although the next run appears under the pointer.
 * @param {string} id
 * @param {boolean} byPointer whether the user clicked; a key press always means the focused button
 */
export async function removeRun(id, byPointer) {
  const { run = "", until = 0 } = page.now.deleting ?? {};
  if (byPointer && performance.now() < until && (run !== id || until === Infinity)) return;
  page.set({ deleting: { run: id, until: Infinity } });
  await deleteRuns([id]);
  page.set({ deleting: { run: id, until: performance.now() + SECOND } });
}
