// @ts-check
// Strip beside the stage: the run in progress and the user's latest results, always in the window.

import { $, all, button, element, fillIn, tell } from "../dom.js";
import { draggedRun, letDrag } from "../form/dragging.js";
import { tileFor } from "../history/tile.js";
import { labeled, message, percentWords } from "../messages.js";
import { lookAhead, lookBackAt } from "../runs/following.js";
import { current, seen, waiting } from "../runs/runs.js";

/** @import { PageState, PastRun, Run } from "../state.js" */

const MOST = 10; // results
/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export class Strip {
  /** The root element, which keeps its width while the list is hidden. */
  place = element("div", "strip");
  #list = element("ul");
  /** Elements by run. A run's element stays when its result is listed. @type {Map<string, HTMLLIElement>} */
  #items = new Map();

  constructor() {
    this.#list.ariaLabel = message("Latest results");
    this.#list.addEventListener("keydown", (event) => this.#walk(event));
    this.place.append(this.#list);
    letDrag(this.#list, draggedRun);
  }

  /** @param {PageState} state */
  show(state) {
    const { past, pastOf, form } = state;
    const listed = pastOf === form ? past.slice(0, MOST).filter((run) => run !== null) : [];
    const job = current(state) ?? unlisted(state, listed);
    const isOne = listed.length + (job ? 1 : 0) < 2;
    this.#list.hidden = isOne;
    const wanted = isOne
      ? []
      : [...(job ? [this.#jobItem(job, state)] : []), ...listed.map((run) => this.#itemOf(run))];
    for (const [id, item] of this.#items) if (!wanted.includes(item)) this.#items.delete(id);
    fillIn(this.#list, wanted);
    this.#mark(seen(state)?.id ?? "");
  }

  /**
   * @param {string} id
   * @param {string} className the tile's
   * @param {() => HTMLElement} tile
   */
  #filled(id, className, tile) {
    const item = this.#items.get(id) ?? element("li");
    this.#items.set(id, item);
    const old = $(".tile", item);
    if (old && old.matches(".job") === (className === "job")) return item;
    const hadFocus = old === document.activeElement;
    item.replaceChildren(tile());
    if (hadFocus) $(".tile", item)?.focus({ preventScroll: true });
    return item;
  }

  /** @param {PastRun} run */
  #itemOf(run) {
    return this.#filled(run.id, "", () => tileFor(run, () => void lookBackAt(run)));
  }

  /** @param {Run} run @param {PageState} state */
  #jobItem({ id, view, entry }, state) {
    const item = this.#filled(id, "job", () => {
      const tile = button("", lookAhead, "tile job digits");
      tile.dataset.run = id;
      tile.append(element("span"), " ", element("span", "muted"));
      return tile;
    });
    const tile = /** @type {HTMLElement} */ (item.firstElementChild);
    const [words, count] = all("span", tile);
    const done = view?.finished ? 1 : (view?.progress ?? null);
    const percent = done === null ? "…" : percentWords(Math.floor(100 * done));
    const others = waiting(state).filter((run) => run.id !== id).length;
    if (words) tell(words, percent);
    const more = others ? `+${others}` : "";
    if (count) tell(count, more);
    tile.style.setProperty("--done", String(done ?? 0));
    tile.ariaLabel = tile.title = labeled(
      view?.title ?? entry?.title ?? "",
      `${percent} ${more}`.trim(),
    );
    return item;
  }

  /** @param {string} shown the run on the stage */
  #mark(shown) {
    const tiles = this.#tiles;
    for (const tile of tiles) tile.ariaPressed = String(tile.dataset.run === shown);
    const stop = tiles.find((tile) => tile === document.activeElement);
    const first = stop ?? tiles.find(({ ariaPressed }) => ariaPressed === "true") ?? tiles[0];
    for (const tile of tiles) tile.tabIndex = tile === first ? 0 : -1;
  }

  get #tiles() {
    return all(".tile", this.#list);
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const { key, ctrlKey, metaKey, altKey } = event;
    const tiles = this.#tiles;
    const at = tiles.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const step = STEPS[key];
    const to = step ? at + step : key === "Home" ? 0 : key === "End" ? tiles.length - 1 : null;
    if (to === null || ctrlKey || metaKey || altKey) return;
    const next = tiles[Math.max(0, Math.min(to, tiles.length - 1))];
    for (const tile of tiles) tile.tabIndex = tile === next ? 0 : -1;
    next?.focus();
    event.preventDefault();
    event.stopPropagation(); // the stage handles these keys, too
  }
}

/**
 * Return the run that has just ended, until the history lists it.
 * @param {PageState} state
 * @param {readonly PastRun[]} listed
 */
function unlisted(state, listed) {
  const run = seen(state);
  const isNew = run?.id === state.ended?.id && run?.view?.phase === "done";
  return isNew && listed.every(({ id }) => id !== run?.id) ? run : null;
}
