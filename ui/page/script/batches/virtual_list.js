// @ts-check
// A long list of which only what is seen is in the page: lines below each other, or tiles.

import { $, element } from "../dom.js";
import { heightOf, placeOf, rowsSeen } from "./rows.js";

/** @import { BatchRow, Cells, Lines } from "./rows.js" */

const AHEAD = 400; // pixels beyond the edges that are drawn, too

/**
 * How a list is drawn. `item`: of a row, or of one that is not known yet, at a place.
 * @typedef {{ lines: (width: number) => Lines, item: (row: BatchRow | null, at: number) => HTMLElement }} Drawing
 */

export class VirtualList {
  /** The list, as high as all of it. */
  place = element("div", "list");
  #scroll;
  #drawing;
  #wants;
  /** @type {Cells} */
  #cells = [];
  /** @type {Lines} */
  #lines = { columns: 1, line: 1 };
  /** What is in the page, by its place, with what it was drawn from. @type {Map<number, { item: HTMLElement, drawn: string }>} */
  #items = new Map();

  /**
   * @param {HTMLElement} scroll what it is seen in
   * @param {Drawing} drawing
   * @param {(from: number, to: number) => void} wants is told what is seen
   */
  constructor(scroll, drawing, wants) {
    this.#scroll = scroll;
    this.#drawing = drawing;
    this.#wants = wants;
    scroll.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#arrange()).observe(scroll);
  }

  /** @param {Cells} cells */
  show(cells) {
    this.#cells = cells;
    this.#arrange();
  }

  /** Forget what is drawn: it is to be drawn in another way. */
  clear() {
    this.#items.clear();
    this.place.replaceChildren();
  }

  /**
   * Put the focus on a part of an item.
   * @param {number} at
   * @param {string} does which part
   */
  focus(at, does) {
    const { top } = placeOf(this.#lines, at);
    const { scrollTop, clientHeight } = this.#scroll;
    if (top < scrollTop || top + this.#lines.line > scrollTop + clientHeight)
      this.#scroll.scrollTop = Math.max(0, top - clientHeight / 3);
    this.#draw();
    const item = this.#items.get(at)?.item;
    (item && $(`[data-does="${does}"]`, item))?.focus({ preventScroll: true });
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
