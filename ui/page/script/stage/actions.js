// @ts-check
// What can be done with what is seen: each button is about that, and about nothing else.

import { $, addressOf, announce, button, downloadLink, glideTo, isNarrow, root } from "../dom.js";
import { expectForm, hasForms, refill, showDone } from "../form/form.js";
import { deleteRuns, setFavourite } from "../history/marks.js";
import { message, withKey } from "../messages.js";
import { API, ask } from "../requests.js";
import { lookAhead, runAgain, varyChain } from "../runs/following.js";
import { page } from "../state.js";
import { canBeShared, share } from "./share.js";

/** @import { Item } from "../runs/results.js" */
/** @import { View } from "../state.js" */

const FAVOURITE = message("Favorite");
const SECOND = 500; // milliseconds within which a press is the second half of a double click

/**
 * What is seen. `index` and `value` are what Python's `gr.SelectData` has.
 * @typedef {{ run: string, at: number, index: number, value: string }} Seen
 * @typedef {Seen & { field?: string }} Used `field`: the id of the field that was chosen
 *
 * What Python is told of.
 * @typedef {{ use_values: (what: { run: string }) => void, run_again: (what: { run: string }) => void,
 *   delete: (what: { run: string }) => void, select: (seen: Seen) => void, use: (used: Used) => void }} Events
 *
 * What Gradio hands to a stage. `takes`: which kinds are wanted as an input, of anybody's Blocks.
 * `viewer`: where the script is that shows 3D models.
 * @typedef {Events & { props: { value: any }, watch: (name: string, changed: () => void) => void,
 *   takes: readonly string[], viewer: string }} Component
 */

/**
 * The buttons for a run that has ended, or for files that no run is known for.
 * @param {View | null} view
 * @param {Item | null} item what of it is seen
 * @param {{ use: (() => void) | null, menu: HTMLElement, ahead: boolean, continued: boolean, events: Events }} more `use` makes it the
 *   input of anybody's Blocks, `menu` says where on this app's page; `ahead`: another run goes on; `continued`: its chain offers to continue, which runs it again
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
 * Put a run's values into the form, and draw it anew with them. A form that is none of this app's is Python's.
 * @param {{ run: string }} what
 * @param {HTMLButtonElement} pressed
 * @param {Events} events
 */
async function useValues(what, pressed, events) {
  events.use_values(what);
  if (hasForms()) await reuse(`${API}/runs/${what.run}/values`, pressed);
}

/**
 * Put a run's values into the form of this app's page, and draw it anew with them: that of the chain, where it is a step.
 * @param {string} path where they are told
 * @param {HTMLButtonElement | null} [pressed] says that it is done
 * @returns {Promise<boolean>} whether that is so; why not has been said
 */
export async function reuse(path, pressed = null) {
  expectForm();
  const told = await ask(path, undefined, "GET");
  if (!told) {
    expectForm(false);
    return false;
  }
  refill(told.workflow, told.values);
  if (pressed) showDone(pressed, message("Settings restored"));
  else announce(message("Settings restored"));
  if (isNarrow()) glideTo($("#form-side"));
  return true;
}

/**
 * The step of a chain alone would lead out of that. What it makes of the same again, the chain has already.
 * @param {View} view
 */
function varyFor({ id, phase, page: { chain_seeds: hasSeeds } }) {
  if (phase !== "done" || !hasSeeds) return [];
  const made = button(message("Vary"), (pressed) => startOnce(() => varyChain(id), pressed));
  made.title = message("The whole chain with the same settings and new seeds");
  return [made];
}

/**
 * Where a result depends on a seed there are two ways to run it again; without its form no other seed is drawn.
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
    again(message("Vary"), true, message("The same settings with a new seed")),
    again(message("Repeat"), false, message("The same settings and the same seed")),
  ];
}

/**
 * One press, one start.
 * @param {() => Promise<void>} start
 * @param {HTMLButtonElement} pressed
 */
async function startOnce(start, pressed) {
  pressed.ariaDisabled = "true";
  await start();
  pressed.ariaDisabled = null;
}

/**
 * Whether there is something to keep, or it is marked and can be let go.
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
 * One double click, one run: the next one comes under the pointer.
 * @param {{ run: string }} what
 * @param {Events} events
 * @param {boolean} byPointer whoever presses a key means what has the focus
 */
async function remove(what, events, byPointer) {
  const { run = "", until = 0 } = page.now.deleting ?? {};
  if (byPointer && performance.now() < until && (run !== what.run || until === Infinity)) return;
  page.set({ deleting: { run: what.run, until: Infinity } });
  if (await deleteRuns([what.run])) events.delete(what);
  page.set({ deleting: { run: what.run, until: performance.now() + SECOND } });
}
