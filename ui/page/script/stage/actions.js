// @ts-check
// Buttons for the result on the stage. Each acts on that result only.

import { $, addressOf, announce, button, downloadLink, glideTo, isNarrow, root } from "../dom.js";
import { expectForm, hasForms, refill, showDone } from "../form/form.js";
import { deleteRuns, setFavourite } from "../history/marks.js";
import { message, withKey } from "../messages.js";
import { API, ask } from "../requests.js";
import { lookAhead, runAgain, varyChain } from "../runs/following.js";
import { page } from "../state.js";
import { canBeShared, share } from "./share.js";

/** @import { FormValues } from "../documents.js" */
/** @import { Item } from "../runs/results.js" */
/** @import { View } from "../state.js" */

const FAVOURITE = message("Favorite");
const SECOND = 500; // milliseconds within which a press counts as the second half of a double-click

/**
 * The result on the stage. `index` and `value` have the names of Python's `gr.SelectData`.
 * @typedef {{ run: string, at: number, index: number, value: string }} Seen
 * @typedef {Seen & { field?: string }} Used `field`: the id of the chosen field
 *
 * Events for Python.
 * @typedef {{ use_values: (what: { run: string }) => void, run_again: (what: { run: string }) => void,
 *   delete: (what: { run: string }) => void, select: (seen: Seen) => void, use: (used: Used) => void }} Events
 *
 * What Gradio passes to a stage. `takes`: the kinds that the surrounding Blocks app accepts as input.
 * `viewer`: the address of the module that shows 3D models.
 * @typedef {Events & { props: { value: any }, watch: (name: string, changed: () => void) => void,
 *   takes: readonly string[], viewer: string }} Component
 */

/**
 * Return the buttons for a finished run, or for files without a known run.
 * @param {View | null} view
 * @param {Item | null} item the result on the stage
 * @param {{ use: (() => void) | null, menu: HTMLElement, ahead: boolean, continued: boolean, events: Events }} more
 *   `use` passes the result to the surrounding Blocks app as input; `menu` offers targets on this app's page; `ahead`:
 *   another run is in progress; `continued`: the run's chain offers to continue, which runs it again
 * @returns {HTMLElement[]}
 */
export function actionsFor(view, item, { use, menu, ahead, continued, events }) {
  const made = [];
  if (item?.url) made.push(downloadLink(message("Download"), addressOf(item.url), item.name));
  if (view && view.page.files.length > 1)
    made.push(downloadLink(message("Download all"), `${root}/files/${view.id}/all.zip`));
  if (use) made.push(button(message("Use as input"), use));
  if (menu.hasChildNodes()) made.push(menu);
  if (!view) return made;
  const what = { run: view.id };
  if (!view.page.form_gone || !hasForms())
    made.push(button(message("Reuse settings"), (pressed) => useValues(what, pressed, events)));
  if (item && item.at >= 0 && canBeShared(item.kind) && hasForms())
    made.push(button(message("Share…"), () => share(view.id, item.at)));
  if (view.page.chain) made.push(...varyFor(view));
  else if (!continued) made.push(...againFor(view, what, events));
  if (isKept(view)) made.push(favouriteFor(view));
  made.push(button(message("Delete"), (_, { detail }) => remove(what, events, detail > 0)));
  if (ahead) made.push(button(message("Back to the current run"), lookAhead));
  return made;
}

/**
 * Put a run's values into the form and redraw it. In other Blocks apps, Python fills in the form.
 * @param {{ run: string }} what
 * @param {HTMLButtonElement} pressed
 * @param {Events} events
 */
async function useValues(what, pressed, events) {
  events.use_values(what);
  if (hasForms()) await reuse(`${API}/runs/${what.run}/values`, pressed);
}

/**
 * Put a run's values into the form of this app's page and redraw it. For a step of a chain, this is the chain's form.
 * @param {string} path the address of the values
 * @param {HTMLButtonElement | null} [pressed] the button that shows the confirmation
 * @returns {Promise<boolean>} whether it worked; if not, the error is already shown
 */
export async function reuse(path, pressed = null) {
  expectForm();
  /** @type {FormValues | null} */
  const form = await ask(path, undefined, "GET");
  if (!form) {
    expectForm(false);
    return false;
  }
  refill(form.workflow, form.values);
  if (pressed) showDone(pressed, message("Settings restored"));
  else announce(message("Settings restored"));
  if (isNarrow()) glideTo($("#form-side"));
  return true;
}

/**
 * Return the Vary button for a step of a chain. It runs the whole chain: running only the step would leave the chain,
 * and repeating it with the same seeds would make a result that the chain already has.
 * @param {View} view
 */
function varyFor({ id, phase, page: { chain_seeds: hasSeeds } }) {
  if (phase !== "done" || !hasSeeds) return [];
  const made = button(message("Vary"), (pressed) => startOnce(() => varyChain(id), pressed));
  made.title = message("Run the whole chain with new seeds");
  return [made];
}

/**
 * Return the buttons that run again. A result with seeds gets two buttons. Without the form, no new seed can be drawn.
 * @param {View} view
 * @param {{ run: string }} what
 * @param {Events} events
 */
function againFor({ phase, seeds, page: { form_gone: isGone } }, what, events) {
  const again = (/** @type {string} */ text, vary = false, title = "") => {
    const made = button(text, (pressed) => {
      events.run_again(what);
      startOnce(() => runAgain(what.run, vary), pressed);
    });
    made.title = title;
    return made;
  };
  if (phase !== "done" || !Object.keys(seeds).length || isGone)
    return [again(message("Run again"))];
  return [
    again(message("Vary"), true, message("Run again with a new seed")),
    again(message("Repeat"), false, message("Run again with the same settings and seed")),
  ];
}

/**
 * Start a run, and ignore further presses until it has started.
 * @param {() => Promise<void>} start
 * @param {HTMLButtonElement} pressed
 */
async function startOnce(start, pressed) {
  pressed.ariaDisabled = "true";
  await start();
  pressed.ariaDisabled = null;
}

/**
 * Return whether there is a result to mark as favorite, or a mark to remove.
 * @param {View} view
 */
const isKept = ({ page: stage, texts }) => stage.files.length + texts.length > 0 || stage.favourite;

/**
 * @param {View} view
 */
function favouriteFor({ id, page: { favourite } }) {
  const text = `${favourite ? "★" : "☆"} ${FAVOURITE}`;
  const made = button(text, () => setFavourite([id], !favourite), "button favourite");
  made.ariaPressed = String(favourite);
  made.title = withKey(message("Favorite"), "F");
  return made;
}

/**
 * Delete a run. A double-click deletes only one, although the next run appears under the pointer.
 * @param {{ run: string }} what
 * @param {Events} events
 * @param {boolean} byPointer whether the user clicked; a key press always means the focused button
 */
async function remove(what, events, byPointer) {
  const { run = "", until = 0 } = page.now.deleting ?? {};
  if (byPointer && performance.now() < until && (run !== what.run || until === Infinity)) return;
  page.set({ deleting: { run: what.run, until: Infinity } });
  if (await deleteRuns([what.run])) events.delete(what);
  page.set({ deleting: { run: what.run, until: performance.now() + SECOND } });
}
