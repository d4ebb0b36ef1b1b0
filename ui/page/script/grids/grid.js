// @ts-check
// Grid view of a batch: columns and rows of cells with sticky labels, one page at a time.

import { moreOf, smallOf } from "../batches/row_items.js";
import { stateWords } from "../batches/words.js";
import { $, all, button, closeSocket, element, iconButton, root } from "../dom.js";
import { labeled, message } from "../messages.js";
import { API, get } from "../requests.js";
import { openRunSocket } from "../runs/run_socket.js";
import { LivePreviews } from "../stage/preview_animation.js";
import { arrangedAxes, cellBeside, cellSide, withNews } from "./grid_cells.js";

/** @import { RowActions } from "../batches/row_items.js" */
/** @import { Entry } from "../results/pop_menu.js" */
/** @import { BatchRow } from "../batches/rows.js" */
/** @import { BatchDoc, GridAxisDoc } from "../documents.js" */
/** @import { Arranged, GridNews, WholeGrid } from "./grid_cells.js" */
/** @import { Place } from "../stage/preview_animation.js" */

const LEAST = 160; // pixels per cell
const MOST = 440;
const LEAST_ON_PHONE = 110;
const ROWS = 2.2; // in view, so that the start of the third shows that more follow
const FEW = 3; // rows, which all fit
const LOWEST = 120; // pixels per cell of these
const ALONE = 240; // minimum width of cells if only one field varies
const WIDEST = 2; // largest aspect ratio of a cell
const GAP = 8;
const SMALL_ROOM = 600;
const RENEWED_AFTER = 1000; // milliseconds between updates while the batch is running
const REST = 10; // minimum pause between updates, as a multiple of the response time
const SHEET_CELL = 512; // pixels per cell in the downloaded image

/** @type {readonly (readonly [string, string, string])[]} */
const FILES = [
  ["png", message("Grid as image (PNG)"), message("Drop it here later to reopen the grid.")],
  ["html", message("Grid as page (HTML)"), message("With small images")],
  ["zip", message("Web page with originals (ZIP)"), message("All results in full size")],
];

export class Grid {
  /** The element on the page. */
  place = element("div", "grid-view");
  /** The tools above the cells, which don't scroll with them. */
  tools = element("div", "grid-tools");
  #id;
  #does;
  #page = 0;
  #isSwapped = false;
  /** Aspect ratio of the cells, 0 before the first image. */
  #shape = 0;
  #isShown = false;
  #goesOn = false;
  #isAsking = false;
  #asksAgain = false;
  #renewing = 0;
  #drawn = "";
  /** @type {WholeGrid} */
  #told = { axes: [], mark: "", cells: [] };
  /** @type {GridCell[]} */
  #cells = [];
  #pages = element("div", "grid-pages flow");
  #swap = iconButton("swap", () => this.#turn(), "quiet swap");

  /**
   * @param {string} id the batch's id
   * @param {RowActions} does
   */
  constructor(id, does) {
    this.#id = id;
    this.#does = does;
    this.#pages.role = "group";
    this.#swap.title = message("Swap rows and columns");
    this.#swap.append(this.#swap.title);
    this.tools.append(this.#swap, this.#pages);
    new ResizeObserver(() => this.#measure()).observe(this.place);
    // Scroll focused cells fully into view; browsers stop at a part of a cell. A pressed element must not move.
    this.place.addEventListener("focusin", ({ target }) => {
      if (target instanceof Element && !target.matches(":active"))
        target.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
  }

  /** @param {boolean} isShown */
  show(isShown) {
    this.leave();
    this.#isShown = isShown;
    this.place.hidden = this.tools.hidden = !isShown;
    this.#renew();
  }

  /**
   * Take over the batch's new state.
   * @param {Pick<BatchDoc, "state">} batch
   */
  hear({ state }) {
    this.#goesOn = state === "running";
    this.#renew();
  }

  /** Stop updates when the grid is removed from the page. */
  leave() {
    clearTimeout(this.#renewing);
    for (const cell of this.#cells) cell.leave();
    this.#cells = [];
    this.#drawn = "";
    this.#told.mark = "";
    this.#isShown = false;
  }

  /** @param {number} at */
  rowAt = (at) => this.#told.cells[at] ?? null;

  /**
   * Return the next cell with a result in a direction, -1 if no cell has one.
   * @param {number} at
   * @param {number} across
   * @param {number} [down]
   */
  beside = (at, across, down = 0) => cellBeside(this.#arranged, this.#told.cells, at, across, down);

  /** @param {number} at */
  focus(at) {
    this.#cells[at]?.focus();
  }

  /** Fetch what has changed in the grid. */
  async #renew() {
    clearTimeout(this.#renewing);
    if (!this.#isShown || this.#isAsking) {
      this.#asksAgain = this.#isAsking;
      return;
    }
    this.#isAsking = true;
    const [page, started] = [this.#page, performance.now()];
    const query = new URLSearchParams({ page: String(page), since: this.#told.mark });
    /** @type {GridNews | null} */
    const news = await get(`${API}/batches/${this.#id}/grid?${query}`);
    const asksAgain = this.#asksAgain;
    this.#isAsking = this.#asksAgain = false;
    if (news && this.#isShown && page === this.#page) {
      this.#told = withNews(this.#told, news);
      this.#draw();
    }
    // The server sends no event when a row starts, so poll while the batch is running.
    if (!asksAgain && !this.#goesOn) return;
    const pause = Math.max(RENEWED_AFTER, REST * (performance.now() - started));
    this.#renewing = window.setTimeout(() => this.#renew(), page === this.#page ? pause : 0);
  }

  get #arranged() {
    return arrangedAxes(this.#told.axes, this.#isSwapped);
  }

  #turn() {
    this.#isSwapped = !this.#isSwapped;
    this.#draw();
  }

  /** @param {number} page */
  #choose(page) {
    this.#page = page;
    this.#told.mark = ""; // the mark is for another page
    this.#renew();
    this.#drawTools();
  }

  #draw() {
    const { axes, cells } = this.#told;
    const drawn = JSON.stringify([axes, this.#isSwapped, this.#page, cells.length]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#drawCells();
      this.#drawTools();
    }
    for (const [at, row] of cells.entries()) this.#cells[at]?.show(row);
  }

  #drawCells() {
    for (const cell of this.#cells) cell.leave();
    const { cells } = this.#told;
    this.#cells = cells.map(
      ({ page }, at) =>
        new GridCell(page.cells.filter((value) => value.trim()).join(" · "), {
          enlarge: () => this.#does.enlarge(at),
          use: this.#does.use,
          explain: this.#does.explain,
          sized: (width, height) => this.#take(width / height),
        }),
    );
    const shown = this.#arranged;
    this.place.classList.toggle("wraps", !shown.down);
    this.place.replaceChildren(shown.down ? this.#tableOf(shown, shown.down) : this.#rowOf(shown));
    this.#measure();
  }

  /** @param {Arranged} arranged @param {GridAxisDoc} down */
  #tableOf({ across, lines }, down) {
    const table = element("table");
    const title = message("{columns} across, {lines} down", {
      columns: across.label,
      lines: down.label,
    });
    table.ariaLabel = title;
    table.style.setProperty("--columns", String(across.values.length));
    const head = table.createTHead();
    const names = head.insertRow();
    const corner = headOf(["", ""], "col");
    corner.className = "corner";
    corner.append(element("span", "across", across.label), element("span", "down", down.label));
    names.append(corner, ...across.values.map((value) => headOf(value, "col")));
    const body = table.createTBody();
    for (const [y, places] of lines.entries()) {
      const line = body.insertRow();
      line.append(headOf(down.values[y] ?? ["", ""], "row"));
      for (const at of places) line.insertCell().append(this.#placeOf(at));
    }
    return table;
  }

  /** @param {Arranged} arranged */
  #rowOf({ across, lines: [line = []] }) {
    const list = element("ul");
    list.ariaLabel = across.label;
    for (const [x, at] of line.entries()) {
      const [label, value] = across.values[x] ?? ["", ""];
      const words = element("p", "value", label);
      words.title = value;
      const item = element("li", "", words, this.#placeOf(at));
      list.append(item);
    }
    const name = element("p", "across", across.label);
    name.ariaHidden = "true"; // the list has this name already
    return element("div", "", name, list);
  }

  /** @param {number} at */
  #placeOf(at) {
    return this.#cells[at]?.place ?? "";
  }

  #drawTools() {
    const [, second, pages] = this.#told.axes;
    this.#swap.hidden = !second;
    this.#pages.hidden = !pages;
    this.#pages.ariaLabel = pages?.label ?? "";
    const name = element("span", "name muted", pages?.label ?? "");
    const tabs = (pages?.values ?? []).map(([label, value], at) => {
      const tab = button(label, () => this.#choose(at), "quiet");
      tab.title = value;
      tab.ariaPressed = String(at === this.#page);
      return tab;
    });
    this.#pages.replaceChildren(name, ...tabs);
  }

  /** Return the downloads of the grid, as a menu's entries. @returns {Entry[]} */
  files() {
    const turned = `swapped=${this.#isSwapped}`;
    const sheet = `${root}${API}/batches/${this.#id}/sheet`;
    const page = `page=${this.#page}&cell=${SHEET_CELL}&${turned}`;
    return FILES.map(([ending, label, title]) => {
      const href = `${sheet}.${ending}?${ending === "png" ? page : turned}`;
      return { label, title, href };
    });
  }

  /**
   * Give the cells the shape of the first image.
   * @param {number} shape aspect ratio
   */
  #take(shape) {
    if (this.#shape) return;
    this.#shape = Math.min(WIDEST, Math.max(1 / WIDEST, shape));
    this.#measure();
  }

  #measure() {
    const { clientWidth: room } = this.place;
    if (!room || !this.#told.axes.length) return;
    const side = this.#sideIn(room, room < SMALL_ROOM);
    this.place.style.setProperty("--cell", `${side}px`);
    this.place.style.setProperty("--shape", String(this.#shape || 1));
  }

  /**
   * Return the width of the cells.
   * @param {number} room available width in pixels
   * @param {boolean} isSmall
   */
  #sideIn(room, isSmall) {
    const { across, down } = this.#arranged;
    const edge = Number.parseFloat(getComputedStyle(this.place).getPropertyValue("--edge"));
    const least = isSmall ? LEAST_ON_PHONE : LEAST;
    if (!down) {
      const free = room - 2 * edge + GAP;
      const columns = isSmall ? 2 : Math.min(across.values.length, Math.floor(free / ALONE));
      return cellSide(columns, free, least, MOST, GAP);
    }
    // On a phone, labels are above their rows.
    const labels = isSmall ? 0 : ($("tbody th", this.place)?.offsetWidth ?? 0);
    const free = room - labels - (isSmall ? 2 : 1) * edge + GAP;
    const fits = free / (least + GAP);
    // If not all columns fit, half of one at the window's edge shows that more follow.
    const columns = Math.min(
      across.values.length,
      across.values.length > fits ? Math.floor(fits + 0.5) - 0.5 : fits,
    );
    const wide = cellSide(columns, free, least, MOST, GAP);
    const heads = $("thead", this.place)?.offsetHeight ?? 0;
    const scroll = this.place.parentElement ?? this.place;
    scroll.style.setProperty("--labels-width", `${labels}px`);
    scroll.style.setProperty("--heads-height", `${heads}px`);
    if (isSmall) return wide;
    const { length } = down.values;
    const rows = length > FEW ? ROWS : length;
    const tall = cellSide(rows, scroll.clientHeight - heads, LOWEST, MOST, GAP);
    return Math.min(wide, Math.round(tall * (this.#shape || 1)));
  }
}

/** @param {[string, string]} value @param {"col" | "row"} scope */
function headOf([label, value], scope) {
  const head = element("th");
  head.scope = scope;
  head.title = value;
  head.append(element("span", "value", label));
  return head;
}

/**
 * Events of a cell. `sized` is called with the size of each image.
 * @typedef {{ enlarge: () => void, use: (row: BatchRow) => void, explain: (row: BatchRow) => void,
 *   sized: (width: number, height: number) => void }} CellEvents
 */

/** A cell of the grid: a result, the previews of a run, or the state as text. */
class GridCell {
  /** The element on the page. */
  place = element("div", "grid-cell");
  #events;
  #named;
  #known = "";
  #frames = 0;
  /** The active run and its socket. @type {{ run: string, socket: WebSocket } | null} */
  #watched = null;
  #previews = new LivePreviews();

  /**
   * @param {string} named the cell's values as text
   * @param {CellEvents} events
   */
  constructor(named, events) {
    this.#named = named;
    this.#events = events;
  }

  /** @param {BatchRow} row */
  show(row) {
    const known = JSON.stringify([row.state, row.page.run, row.page.thumb, row.error]);
    if (known === this.#known) return;
    this.#known = known;
    const isUnderWay = row.state === "waiting" || row.state === "running";
    const { run } = this.#watched ?? {};
    this.#watch(isUnderWay ? row.page.run : "");
    if (run && run === this.#watched?.run && this.#frames) return; // keep its previews
    this.#frames = 0;
    this.place.dataset.state = row.state;
    this.place.title = [this.#named, row.error || row.page.text].filter(Boolean).join("\n");
    const active = /** @type {HTMLElement} */ (document.activeElement);
    const focused = all("button", this.place).indexOf(active);
    this.#put(...this.#parts(row));
    if (focused >= 0) this.focus(focused);
  }

  /** @param {number} [at] of its buttons */
  focus(at = 0) {
    const buttons = all("button", this.place);
    (buttons[at] ?? buttons[0])?.focus({ preventScroll: true });
  }

  /** Stop watching the run when the cell is removed from the page. */
  leave() {
    this.#watch("");
  }

  /** @param {BatchRow} row */
  #parts(row) {
    const { state, error } = row;
    const isOver = state !== "waiting" && state !== "running";
    const parts = [];
    if (state === "done") parts.push(this.#result(row));
    else {
      const said = element("span", "said", stateWords(state));
      // A small cell has no room for more buttons, so this one opens a dialog with the actions.
      const place = isOver
        ? button("", () => this.#events.explain(row), "no-result")
        : element("div", "no-result");
      place.append(said);
      if (error) place.append(element("span", "why", error));
      parts.push(place);
    }
    if (isOver) {
      const use = button(message("Reuse settings"), () => this.#events.use(row), "use-cell");
      use.ariaLabel = labeled(message("Reuse settings"), this.#named);
      parts.push(use);
    }
    return parts;
  }

  /** @param {BatchRow} row */
  #result(row) {
    const made = button("", this.#events.enlarge, "result");
    made.ariaLabel = labeled(message("Enlarge"), this.#named);
    const small = smallOf(row);
    if (small instanceof HTMLImageElement)
      small.addEventListener("load", () => this.#tellShape(small), { once: true });
    made.append(small, ...moreOf(row));
    return made;
  }

  /** Show that the run has started. Only its own socket reports this immediately. */
  #begin() {
    if (this.place.dataset.state === "running") return;
    this.place.dataset.state = "running";
    const said = $(".said", this.place);
    if (said) said.textContent = stateWords("running");
  }

  /** @param {string} run "" for none */
  #watch(run) {
    if (run === (this.#watched?.run ?? "")) return;
    if (this.#watched) closeSocket(this.#watched.socket);
    this.#watched = null;
    if (!run) return;
    const isWanted = () => this.#watched?.run === run;
    const socket = openRunSocket(run, {
      told: ({ phase }) => {
        if (isWanted() && phase === "running") this.#begin();
      },
      paint: (frame, place) => this.#paint(run, frame, place, isWanted),
    });
    this.#watched = { run, socket };
  }

  /** @param {HTMLImageElement} image a loaded image */
  #tellShape({ naturalWidth, naturalHeight }) {
    if (naturalWidth && naturalHeight) this.#events.sized(naturalWidth, naturalHeight);
  }

  /** @param {HTMLElement[]} parts the cell's new content */
  #put(...parts) {
    const before = $("img.live-frame", this.place);
    this.place.replaceChildren(...parts);
    if (before instanceof HTMLImageElement) URL.revokeObjectURL(before.src);
  }

  /**
   * Show a preview frame. Resolves when the frame is on the screen or no longer wanted.
   * @param {string} run
   * @param {ArrayBuffer} frame
   * @param {Place | null} place
   * @param {() => boolean} isWanted
   */
  async #paint(run, frame, place, isWanted) {
    const image = await this.#previews.imageOf(run, frame, place, isWanted);
    if (!image) return;
    if (!image.isConnected) this.#put(image);
    this.#tellShape(image);
    this.place.dataset.frames = String(++this.#frames);
    await new Promise(requestAnimationFrame);
  }
}
