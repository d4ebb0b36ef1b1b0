// @ts-check
// Searchable list of finished runs by day, newest first. It is virtual: only visible tiles are in the page.

import { dayWords } from "../clock.js";
import { $, all, element, fillIn, iconButton } from "../dom.js";
import { message } from "../messages.js";
import { LARGE_TILES, read, write } from "../storage.js";
import { blockOf, reached, seenOf, wall } from "./layout.js";
import { itemFor, keepPicture, showFavourite, showPictures } from "./tile.js";

/** @import { PastRun } from "../state.js" */
/** @import { Block, Day } from "./layout.js" */
/** @import { Past } from "./past.js" */

/**
 * What the list reports.
 * @typedef {{ searchable: boolean, select: (what: { run: string, index: number }) => void, search: () => void }} Events
 *
 * What it asks its page. `wants`: runs at these indexes have become visible and need to be loaded;
 * `star`: the user has toggled a run's star, null if runs have none; `pick`: the user has clicked a run; returns true to
 * keep it closed; `dress`: a tile is about to be shown; `heights`: pixels of a row.
 * @typedef {{ wants: (from: number, to: number) => void, star: ((run: PastRun) => void) | null,
 *   pick: (index: number, event: MouseEvent) => boolean, dress?: (item: HTMLElement, run: PastRun) => void,
 *   heights?: typeof HEIGHTS }} Live
 */

const SEARCH_PAUSE = 250;
const NOTHING_FOUND = message("No results.");
const HEIGHTS = { small: 136, large: 260 }; // pixels, of a row
const AHEAD = 300; // pixels to draw beyond the visible edges
// While the list scrolls fast, tiles come without pictures, which cost the browser and the app most. They follow when it
// is slow, or after this pause in milliseconds.
const FAST = 1; // windows per second
const PAUSE = 150;

export class History {
  #place;
  #events;
  #live;
  #search = element("input");
  #size = iconButton("expand", () => this.#resize(), "bare rows");
  #scroll = element("div", "scroll");
  list = element("div", "days");
  #said = element("p", "said state-card muted");
  /** @type {Past} */
  #runs = [];
  #layout = wall([], () => null, 0, HEIGHTS.small);
  /** @type {readonly Day[]} */
  #days = [];
  #shown = "";
  /** The runs that the page has tiles of. */
  #drawn = { from: 0, to: 0 };
  /** The last position and time of scrolling. */
  #last = { top: 0, at: 0 };
  #isFast = false;
  #pause = 0;
  /** @type {ReadonlySet<string> | null} */
  #picked = null;
  /** Index of the tile that has, or last had, the keyboard focus. */
  #at = 0;
  #awaited = -1;
  #isPressed = false;
  /** Shows what came while the pointer was down. @type {(() => void) | null} */
  #held = null;

  /** @param {HTMLElement} place @param {Events} events @param {Live} live */
  constructor(place, events, live) {
    this.#place = place;
    this.#events = events;
    this.#live = live;
    const head = element("header", "flow");
    const search = message("Search");
    Object.assign(this.#search, { type: "search", placeholder: search, maxLength: 200 });
    this.#search.size = search.length;
    this.#search.ariaLabel = search;
    this.#search.hidden = !events.searchable;
    let typing = 0;
    this.#search.addEventListener("input", () => {
      clearTimeout(typing);
      typing = window.setTimeout(() => events.search(), SEARCH_PAUSE);
    });
    this.#size.ariaLabel = message("Large");
    this.#size.ariaPressed = String(this.#isLarge);
    head.append(element("h2", "", message("History")), this.#search, this.#size);
    this.#scroll.append(this.list);
    place.replaceChildren(head, this.#scroll, this.#said);
    this.list.addEventListener("keydown", (event) => this.#walk(event));
    this.list.addEventListener("pointerdown", () => {
      this.#isPressed = true;
    });
    // A tile that moved before the pointer is up would lose the click, which comes first.
    for (const end of ["pointerup", "pointercancel"])
      document.addEventListener(end, () => setTimeout(() => this.#release()));
    // The page scrolls, or another container. Only the page's scroll events bubble.
    document.addEventListener("scroll", () => this.#scrolled(), { passive: true, capture: true });
    new ResizeObserver(() => this.#arrange()).observe(this.#scroll);
  }

  /** Search text. */
  get text() {
    return this.#search.value.trim();
  }

  set text(text) {
    this.#search.value = text;
  }

  get #isLarge() {
    return read(localStorage, LARGE_TILES, false) === true;
  }

  #resize() {
    write(localStorage, LARGE_TILES, !this.#isLarge);
    this.#size.ariaPressed = String(this.#isLarge);
    this.#arrange();
  }

  /**
   * @param {Past} runs
   * @param {readonly Day[]} days
   * @param {{ any: boolean, nothing: string, more?: HTMLElement | null }} there `any`: whether there are runs at all,
   *   listed or not; `nothing`: message for an empty list, and `more`: the way to others
   */
  show(runs, days, { any, nothing, more }) {
    this.#held = this.#isPressed ? () => this.show(runs, days, { any, nothing, more }) : null;
    if (this.#held) return;
    this.#runs = runs;
    this.#days = days;
    this.#place.hidden = !any;
    this.#said.textContent = runs.length ? "" : this.text ? NOTHING_FOUND : nothing;
    if (more && this.#said.textContent === nothing) this.#said.append(more);
    this.#said.dataset.icon = this.text ? "search" : "picture";
    this.#scroll.hidden = !runs.length;
    this.#at = Math.min(this.#at, Math.max(0, runs.length - 1));
    this.#arrange();
    if (this.#awaited >= 0 && runs[this.#awaited]) this.focus(this.#awaited);
  }

  #release() {
    this.#isPressed = false;
    this.#held?.();
  }

  /**
   * Highlight the run on the stage.
   * @param {string} id "" for none
   */
  mark(id) {
    this.#shown = id;
    this.#markAll();
  }

  /**
   * Highlight the selected runs.
   * @param {ReadonlySet<string> | null} ids null outside selection mode
   */
  pick(ids) {
    this.#picked = ids;
    this.list.classList.toggle("picking", ids !== null);
    this.#markAll();
  }

  /**
   * Move the keyboard focus to a run, as soon as it is loaded.
   * @param {number} index
   * @param {boolean} [scrolls] whether to scroll it into view
   */
  focus(index, scrolls = true) {
    this.#at = index;
    this.#awaited = this.#runs[index] ? -1 : index;
    this.#draw(true);
    const item = $(`li[data-index="${index}"]`, this.list);
    if (scrolls) item?.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#draw(true);
    this.#tileAt(index)?.focus({ preventScroll: true });
  }

  /** Scroll to the newest runs. */
  begin() {
    if (this.#place.getBoundingClientRect().top < 0) this.#place.scrollIntoView();
  }

  /** Range of the visible runs: first index and end index (exclusive). */
  get seen() {
    const top = -this.list.getBoundingClientRect().top;
    // If the list is outside the window, use the end that is nearest to it.
    const start = Math.max(0, Math.min(top, this.#layout.height - innerHeight));
    const [from, to] = seenOf(this.#layout, start - AHEAD, start + innerHeight + AHEAD);
    return { from, to };
  }

  /** Draw only if other runs have become visible, which most frames don't need. */
  #scrolled() {
    const { top } = this.list.getBoundingClientRect();
    const at = performance.now();
    const speed = Math.abs(top - this.#last.top) / (at - this.#last.at); // pixels per millisecond
    this.#last = { top, at };
    clearTimeout(this.#pause);
    this.#setFast(speed > (FAST * innerHeight) / 1000);
    const { from, to } = this.seen;
    if (from !== this.#drawn.from || to !== this.#drawn.to) this.#draw();
  }

  /** @param {boolean} isFast */
  #setFast(isFast) {
    this.#isFast = isFast;
    if (isFast) this.#pause = window.setTimeout(() => this.#setFast(false), PAUSE);
    else showPictures(this.list);
  }

  /** Lay out all runs by day. The tile at the window's upper edge stays there. */
  #arrange() {
    const width = this.#scroll.clientWidth;
    if (!width) return this.#draw(); // it is hidden
    const from = -this.list.getBoundingClientRect().top;
    const [top] = from > 0 ? seenOf(this.#layout, from, from + 1) : [];
    const before = this.#layout.boxes[top ?? -1];
    const ratioOf = (/** @type {number} */ index) => this.#runs[index]?.page.ratio ?? null;
    const { small, large } = this.#live.heights ?? HEIGHTS;
    this.#layout = wall(this.#days, ratioOf, width, this.#isLarge ? large : small);
    this.list.style.height = `${this.#layout.height}px`;
    const after = this.#layout.boxes[top ?? -1];
    if (before && after && before.y !== after.y)
      scrollBy({ top: after.y - before.y, behavior: "instant" });
    this.#draw();
  }

  /**
   * Add visible tiles to the page and remove the others. Keep the tile with the keyboard focus.
   * @param {boolean} [comes] whether the focus is about to move to a tile
   */
  #draw(comes = false) {
    if (!this.#runs.length) this.list.replaceChildren();
    if (!this.#scroll.clientWidth) return;
    const { from, to } = this.seen;
    this.#drawn = { from, to };
    const focused = document.activeElement;
    const drawn = new Map(all("section", this.list).map((one) => [one.dataset.day ?? "", one]));
    const isHere = comes || this.list.contains(focused);
    const here = isHere ? blockOf(this.#layout, this.#at) : null;
    const blocks = this.#layout.blocks.filter(
      (block) => (block.first < to && block.first + block.count > from) || block === here,
    );
    const sections = blocks.map((block) => {
      const section = drawn.get(block.day) ?? sectionFor(block.day);
      this.#fill(section, block, from, to, block === here);
      return section;
    });
    fillIn(this.list, sections);
    if (focused instanceof HTMLElement && this.list.contains(focused))
      if (document.activeElement !== focused) focused.focus({ preventScroll: true });
    this.#markAll();
    if (this.#runs.slice(from, to).includes(null)) this.#live.wants(from, to);
  }

  /**
   * @param {HTMLElement} section
   * @param {Block} block
   * @param {number} from
   * @param {number} to
   * @param {boolean} keeps whether to keep the tile with the keyboard focus
   */
  #fill(section, block, from, to, keeps) {
    section.style.transform = `translateY(${block.y}px)`;
    const list = /** @type {HTMLElement} */ ($("ul", section));
    const items = new Map(all("li", list).map((item) => [item.dataset.run ?? "", item]));
    const [first, last] = [Math.max(from, block.first), Math.min(to, block.first + block.count)];
    const places = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
    if (keeps && !places.includes(this.#at)) places.push(this.#at);
    const wanted = places.map((index) => {
      const run = this.#runs[index] ?? null;
      const item = (run && items.get(run.id)) ?? this.#itemFor(run);
      const box = this.#layout.boxes[index];
      if (box)
        Object.assign(item.style, {
          transform: `translate(${box.x}px, ${box.y - block.y}px)`,
          width: `${box.width}px`,
          height: `${box.height}px`,
        });
      item.dataset.index = String(index);
      item.ariaSetSize = String(block.count);
      item.ariaPosInSet = String(index - block.first + 1);
      if (run && this.#live.star !== null) showFavourite(item, run);
      if (run) this.#live.dress?.(item, run);
      return item;
    });
    fillIn(list, wanted);
  }

  /** @param {PastRun | null} run */
  #itemFor(run) {
    if (!run) return element("li", "unknown");
    const mark = this.#live.star;
    const hasStar = run.page.kind || run.page.favourite; // hide it on runs without results
    const star = mark && hasStar ? () => mark(this.#runOf(run.id) ?? run) : null;
    const item = itemFor(run, (event) => this.#choose(run.id, event), star);
    if (this.#isFast) keepPicture(item);
    return item;
  }

  /** @param {string} id */
  #runOf(id) {
    return this.#runs.find((run) => run?.id === id) ?? null;
  }

  #markAll() {
    for (const item of all("li[data-run]", this.list)) {
      const id = item.dataset.run ?? "";
      const tile = /** @type {HTMLElement} */ (item.firstElementChild);
      tile.ariaPressed = String(this.#picked ? this.#picked.has(id) : id === this.#shown);
      item.classList.toggle("seen", id === this.#shown);
      tile.tabIndex = Number(item.dataset.index) === this.#at ? 0 : -1;
    }
    const tiles = all("li[data-run] .tile", this.list);
    if (tiles[0] && !tiles.some(({ tabIndex }) => tabIndex === 0)) tiles[0].tabIndex = 0;
  }

  /** @param {number} index */
  #tileAt(index) {
    return $(`li[data-index="${index}"] .tile`, this.list);
  }

  /** @param {string} id @param {MouseEvent} event */
  #choose(id, event) {
    const index = this.#runs.findIndex((run) => run?.id === id);
    this.#at = index;
    if (this.#live.pick(index, event)) return;
    this.mark(id);
    this.#events.select({ run: id, index });
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const item = /** @type {HTMLElement} */ (event.target).closest("li");
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = Number(/** @type {HTMLElement} */ (item).dataset.index);
    const run = this.#runs[index];
    if (event.key.toLowerCase() === "f" && run && this.#live.star) this.#live.star(run);
    else {
      const to = reached(this.#layout, index, event.key);
      if (to === null) return;
      this.focus(Math.min(Math.max(to, 0), this.#runs.length - 1));
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

/** @param {string} day */
function sectionFor(day) {
  const section = element("section");
  section.dataset.day = day;
  section.append(...(day ? [element("h3", "", dayWords(day))] : []), element("ul"));
  return section;
}
