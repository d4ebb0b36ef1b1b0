// @ts-check
// Virtual list: renders only the visible items of a long list, as lines or tiles.

import { $, element } from "../dom.js";
import { heightOf, placeOf, rowsSeen } from "./rows.js";

/** @import { Lines } from "./rows.js" */

const AHEAD = 400; // pixels beyond the edges that are rendered, too

/**
 * How a list is drawn. `item`: returns the element of the row at a position; null is a row that isn't loaded yet.
 * @template T
 * @typedef {{ lines: (width: number) => Lines, item: (row: T | null, at: number) => HTMLElement }} Drawing
 */

/**
 * @template T
 */
export class VirtualList {
  /** The list element, as high as all items together. */
  place = element("div", "list");
  #scroll;
  #drawing;
  #wants;
  /** @type {readonly { row: T | null }[]} */
  #cells = [];
  /** @type {Lines} */
  #lines = { columns: 1, line: 1 };
  /**
   * The rendered items by position, with the data they were drawn from.
   * @type {Map<number, { item: HTMLElement, drawn: string }>}
   */
  #items = new Map();

  /**
   * @param {HTMLElement} scroll the scroll container
   * @param {Drawing<T>} drawing
   * @param {(from: number, to: number) => void} wants called with the rendered range
   */
  constructor(scroll, drawing, wants) {
    this.#scroll = scroll;
    this.#drawing = drawing;
    this.#wants = wants;
    scroll.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#arrange()).observe(scroll);
  }

  /** @param {readonly { row: T | null }[]} cells */
  show(cells) {
    this.#cells = cells;
    this.#arrange();
  }

  /** Remove the rendered items, before drawing the list in another way. */
  clear() {
    this.#items.clear();
    this.place.replaceChildren();
  }

  /**
   * Move the focus to an item or to a part of it.
   * @param {number} at
   * @param {string} does the part's `data-does`
   */
  focus(at, does) {
    this.reveal(at);
    const item = this.#items.get(at)?.item;
    const part = item?.dataset.does === does ? item : item && $(`[data-does="${does}"]`, item);
    part?.focus({ preventScroll: true });
  }

  /** Scroll to an item if it is out of view. @param {number} at */
  reveal(at) {
    const { top } = placeOf(this.#lines, at);
    const { scrollTop, clientHeight } = this.#scroll;
    if (top < scrollTop || top + this.#lines.line > scrollTop + clientHeight)
      this.#scroll.scrollTop = Math.max(0, top - clientHeight / 3);
    this.#draw();
  }

  #arrange() {
    const width = this.place.clientWidth;
    if (!width) return;
    this.#lines = this.#drawing.lines(width);
    this.place.style.height = `${heightOf(this.#lines, this.#cells.length)}px`;
    this.#draw();
  }

  #draw() {
    if (!this.place.clientWidth) return;
    const { scrollTop, clientHeight } = this.#scroll;
    const top = scrollTop - this.place.offsetTop;
    const { from, to } = rowsSeen(this.#lines, this.#cells.length, top, clientHeight, AHEAD);
    const focused = document.activeElement;
    for (const [at, { item }] of this.#items) {
      const isKept = item.contains(focused) && at < this.#cells.length;
      if ((at >= from && at < to) || isKept) continue;
      item.remove();
      this.#items.delete(at);
    }
    for (let at = from; at < to; at += 1) this.#put(at);
    this.#wants(from, to);
  }

  /** @param {number} at */
  #put(at) {
    const row = this.#cells[at]?.row ?? null;
    const drawn = JSON.stringify(row);
    const before = this.#items.get(at);
    const isSame = before?.drawn === drawn;
    const item = isSame ? before.item : this.#drawing.item(row, at);
    const { column, top } = placeOf(this.#lines, at);
    item.style.setProperty("--column", String(column));
    item.style.setProperty("--top", `${top}px`);
    if (isSame) return;
    this.#items.set(at, { item, drawn });
    if (!before) {
      this.place.append(item);
      return;
    }
    const focused = document.activeElement;
    const does =
      focused instanceof HTMLElement && before.item.contains(focused) ? focused.dataset.does : "";
    before.item.replaceWith(item);
    if (does) $(`[data-does="${does}"]`, item)?.focus({ preventScroll: true });
  }
}
