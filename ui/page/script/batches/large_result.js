// @ts-check
// Full-screen view of a row's result. Arrows lead to the results of other rows.

import { button, element } from "../dom.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";
import { arrangedRun } from "../runs/results.js";
import { loaded } from "../stage/media.js";
import { arrow, Viewport } from "../stage/viewport.js";
import { captionLines, joined } from "./words.js";

/** @import { Item } from "../runs/results.js" */
/** @import { View } from "../state.js" */
/** @import { BatchRow } from "./rows.js" */

/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowLeft: -1 };
/** @type {Record<string, number>} */
const STEPS_DOWN = { ArrowDown: 1, ArrowUp: -1 };
const MOST_LOADED = 10; // ranges of rows without a result that one press searches
const OWN_KEYS = "video, audio, canvas, input, textarea"; // elements that use the arrow keys themselves

/**
 * `labels`: the labels of the varied fields. `rowAt`: the row at a position. `beside`: the next known position with a
 * result, in a grid also by lines up or down, or -1. `unknown`: the next unloaded position before that one, or -1.
 * `load`: loads such a position. `use`: puts a run's values into the form. `left`: called when the view closes.
 * @typedef {{ labels: () => readonly string[], rowAt: (at: number) => BatchRow | null,
 *   beside: (at: number, step: number, down?: number) => number, unknown: (at: number, step: number) => number,
 *   load: (at: number, step: number) => Promise<boolean>, use: (run: string) => void, left: (at: number) => void }} Rows
 */

/** Full-screen result, shared by all sheets because its viewport's window listeners live as long as the page. */
export class LargeResult {
  /** @type {Rows | null} */
  #rows = null;
  #viewer;
  #media = element("div", "media");
  #use = button(message("Reuse settings"), () => this.#useValues(), "icon use-values");
  #viewport = new Viewport(this.#media, this.#use);
  #said = element("p", "mark");
  #previous = arrow(-1, () => this.#walk(-1));
  #next = arrow(1, () => this.#walk(1));
  #at = 0;
  #turn = 0;
  /** @type {Item[]} */
  #items = [];
  #item = 0;
  /** @type {View | null} */
  #view = null;

  /** @param {string} viewer the address of the module that shows 3D models */
  constructor(viewer) {
    this.#viewer = viewer;
    const { place } = this.#viewport;
    place.append(this.#previous, this.#next, this.#said);
    place.addEventListener("close", () => {
      this.#media.replaceChildren(); // stops playback
      place.remove();
      this.#rows?.left(this.#at);
    });
    place.addEventListener("keydown", (event) => {
      const [step, down] = [STEPS[event.key], STEPS_DOWN[event.key]];
      const isOthers = /** @type {Element} */ (event.target).closest(OWN_KEYS);
      if (isOthers || !(step || down)) return;
      event.preventDefault();
      if (step) this.#walk(step);
      else if (down) this.#climb(down);
    });
  }

  /**
   * Show the result of a row in full screen.
   * @param {HTMLElement} over the dialog to cover. It contains the viewport only while that is in full screen, because
   *   the viewport takes every Esc.
   * @param {Rows} rows
   * @param {number} at
   */
  async open(over, rows, at) {
    this.#rows = rows;
    if (!(await this.#show(at, false)) || this.#viewport.isFull) return;
    over.append(this.#viewport.place);
    this.#viewport.toggle();
    this.#viewport.changed();
  }

  /**
   * @param {number} at
   * @param {boolean} fromEnd whether to start with the row's last result
   * @returns {Promise<boolean>} whether it is shown; false if it failed or a newer request replaced it
   */
  async #show(at, fromEnd) {
    const row = this.#rows?.rowAt(at);
    const turn = ++this.#turn;
    /** @type {View | null} */
    const view = row ? await get(`${API}/runs/${row.page.run}?with_page=true`) : null;
    if (turn !== this.#turn || !row || !view) return false;
    this.#at = at;
    this.#view = view;
    this.#items = arrangedRun(view).items;
    this.#item = fromEnd ? Math.max(0, this.#items.length - 1) : 0;
    this.#said.textContent = joined(captionLines(row, this.#rows?.labels() ?? []));
    return this.#draw();
  }

  async #draw() {
    const item = this.#items[this.#item];
    const turn = ++this.#turn;
    const node = item && (await loaded(item, this.#viewer));
    if (turn !== this.#turn) return false;
    this.#media.replaceChildren(...(node ? [node] : []));
    this.#viewport.changed();
    this.#viewport.offer(item?.url ? item : null, this.#view?.page.before ?? "");
    this.#turnArrows();
    return true;
  }

  /** @param {number} step */
  async #walk(step) {
    const next = this.#item + step;
    if (next >= 0 && next < this.#items.length) {
      this.#item = next;
      this.#draw();
      return;
    }
    const turn = this.#turn;
    for (let unknown = this.#unknown(step), left = MOST_LOADED; unknown >= 0 && left; left -= 1) {
      if (!(await this.#rows?.load(unknown, step)) || turn !== this.#turn) return;
      unknown = this.#unknown(step);
    }
    const at = this.#beside(step);
    if (at >= 0) this.#show(at, step < 0);
    else this.#turnArrows();
  }

  /** @param {number} down */
  #climb(down) {
    const at = this.#rows?.beside(this.#at, 0, down) ?? -1;
    if (at >= 0) this.#show(at, false);
  }

  /** @param {number} step */
  #beside(step) {
    return this.#rows?.beside(this.#at, step) ?? -1;
  }

  /** @param {number} step */
  #unknown(step) {
    return this.#rows?.unknown(this.#at, step) ?? -1;
  }

  #turnArrows() {
    const isEnd = (/** @type {number} */ step) =>
      !this.#items[this.#item + step] && this.#beside(step) < 0 && this.#unknown(step) < 0;
    this.#previous.ariaDisabled = String(isEnd(-1));
    this.#next.ariaDisabled = String(isEnd(1));
  }

  #useValues() {
    if (!this.#view) return;
    this.#viewport.toggle();
    this.#rows?.use(this.#view.id);
  }
}
