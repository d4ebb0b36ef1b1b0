// @ts-check
// Selection of several results in a list, and a bar with actions for all of them.

import { button, element } from "../dom.js";
import { message, plural } from "../messages.js";

/** @import { Past } from "./past.js" */
/** @import { PastRun } from "../state.js" */

/** Maximum number of results for one action. */
export const MOST = 200;
const SELECT = message("Select");

export class Selection {
  toggle = button(SELECT, () => this.#press(), "bare select");
  /** Bar with the actions, visible in selection mode. */
  place = element("div", "selection flow");
  #changed;
  #actions;
  #all;
  #load;
  /** @type {Map<string, PastRun> | null} */
  #picked = null;
  #anchor = 0;
  #turn = 0;

  /**
   * @param {(ids: ReadonlySet<string> | null) => void} changed
   * @param {(runs: PastRun[], isMany: boolean) => HTMLElement[] | Promise<HTMLElement[]>} actions returns the buttons of the bar; `isMany`: more
   *   results are selected than one action takes
   * @param {() => Past} all returns what “Select all” selects
   * @param {(to: number) => Promise<void>} load loads these up to an index
   */
  constructor(changed, actions, all, load) {
    this.#changed = changed;
    this.#actions = actions;
    this.#all = all;
    this.#load = load;
    this.place.role = "group";
    this.place.ariaLabel = message("Selected results");
    this.#tell();
  }

  /**
   * Handle a click on a run. In selection mode, toggle the run, or with Shift select all runs up to it. Otherwise
   * Ctrl or Shift starts selection mode.
   * @param {Past} past
   * @param {number} index
   * @param {MouseEvent} event
   * @returns {boolean} whether the click was part of a selection
   */
  take(past, index, { ctrlKey, metaKey, shiftKey }) {
    const run = past[index];
    if (!run || !(this.#picked || ctrlKey || metaKey || shiftKey)) return false;
    const isNew = !this.#picked;
    this.#picked ??= new Map();
    if (shiftKey && !isNew) {
      const [from, to] = [Math.min(this.#anchor, index), Math.max(this.#anchor, index)];
      for (const one of past.slice(from, to + 1)) if (one) this.#picked.set(one.id, one);
    } else if (!this.#picked.delete(run.id)) this.#picked.set(run.id, run);
    this.#anchor = index;
    this.#tell();
    return true;
  }

  /** Select all with Ctrl+A, in selection mode. @param {KeyboardEvent} event */
  pressed(event) {
    if (!this.#picked || event.key !== "a" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.#takeAll();
  }

  /** @param {readonly string[]} ids */
  drop(ids) {
    for (const id of ids) this.#picked?.delete(id);
    if (this.#picked) this.#tell();
  }

  /**
   * Put changed runs into the selection.
   * @param {readonly PastRun[]} runs
   */
  renew(runs) {
    for (const run of runs) if (this.#picked?.has(run.id)) this.#picked.set(run.id, run);
    this.#tell();
  }

  /** Toggle selection mode. Keep the button under the pointer when the bar changes the height of the page. */
  #press() {
    const { top } = this.toggle.getBoundingClientRect();
    if (this.#picked) this.end();
    else this.#begin();
    scrollBy({ top: this.toggle.getBoundingClientRect().top - top, behavior: "instant" });
  }

  #begin() {
    this.#picked = new Map();
    this.#tell();
  }

  /** Leave selection mode. */
  end() {
    this.#picked = null;
    this.#tell();
  }

  #tell() {
    this.#changed(this.#picked && new Set(this.#picked.keys()));
    this.toggle.ariaPressed = String(this.#picked !== null);
    this.toggle.textContent = this.#picked ? message("Done") : SELECT;
    this.place.hidden = !this.#picked;
    if (this.#picked) this.#draw([...this.#picked.values()]);
  }

  /** @param {PastRun[]} runs */
  async #draw(runs) {
    const turn = ++this.#turn;
    const said = element("span", "", countWords(runs.length));
    said.role = "status";
    const count = element("span", "how-many in-line", said);
    const isAll = this.#all().length <= MOST;
    const words = isAll
      ? message("Select all")
      : message("Select the first {most}", { most: MOST });
    count.append(button(words, () => this.#takeAll(), "bare"));
    const actions = await this.#actions(runs, runs.length > MOST);
    if (turn === this.#turn) this.place.replaceChildren(count, ...actions);
  }

  async #takeAll() {
    await this.#load(MOST);
    if (!this.#picked) return;
    const runs = this.#all()
      .slice(0, MOST)
      .filter((run) => run !== null);
    this.#picked = new Map(runs.map((run) => [run.id, run]));
    this.#tell();
  }
}

/** @param {number} count */
function countWords(count) {
  if (!count) return message("Select results.");
  if (count <= MOST) return plural("{count} selected", "{count} selected", { count });
  return plural(
    "{count} selected. Choose {most} at most.",
    "{count} selected. Choose {most} at most.",
    { count, most: MOST },
  );
}
