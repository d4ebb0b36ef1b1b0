// @ts-check
// Sheet of a batch over the whole window: its rows as a table, gallery or grid, and its actions.

import { coverWindow, USED, uncoverWindow } from "../back.js";
import { durationWords, when } from "../clock.js";
import { $, announce, button, closeButton, element, isCtrlEnter, tell } from "../dom.js";
import { Grid } from "../grids/grid.js";
import { message, withEllipsis } from "../messages.js";
import { API, ask, get, look } from "../requests.js";
import { menuButton } from "../results/pop_menu.js";
import { lookBackAt } from "../runs/following.js";
import { reuse } from "../stage/actions.js";
import { addedWays, shareBatch } from "../stage/share.js";
import { page } from "../state.js";
import { BATCH_VIEW, read, write } from "../storage.js";
import { deleteBatch, doTo } from "./cards.js";
import { hasEnded } from "./ended.js";
import { lineFor, rowTile, useButton } from "./row_items.js";
import {
  aged,
  besideWithResult,
  errorLinesOf,
  linesOf,
  stale,
  stretchFrom,
  tilesIn,
  unknownBeside,
  widthsOf,
  withRows,
} from "./rows.js";
import { askToDelete, explain, offerDownload, RESULTS, tableOf } from "./sheet_questions.js";
import { VirtualList } from "./virtual_list.js";
import { fractionOfBatch, progressWords, stateWords, whyWords } from "./words.js";

/** @import { LargeResult, Rows } from "./large_result.js" */
/** @import { BatchRow, BatchRows, Cells, WholeBatch } from "./rows.js" */
/** @import { Entry } from "../results/pop_menu.js" */
/** @import { PageState } from "../state.js" */

const MOST = 100; // rows per request
const RENEWED_AFTER = 400; // milliseconds in which to collect further updates
const LINE = 76; // height of a row in pixels
const CARD = { least: 88, around: 56, line: 18, error: 17 }; // heights in pixels of a row on a phone, and of its lines
const TILE = 240;
const TILE_ON_PHONE = 150;
const GAP = 12;
const WORDS = 52; // pixels below a tile
/** Return whether rows are cards. The width is the same as in styles/batches/sheet.css. */
const isSmall = () => matchMedia("(max-width: 600px)").matches;
const NOTHING = message("No results.");

class Sheet {
  #place = element("dialog", "sheet");
  #id;
  #head;
  #scroll = element("div", "scroll");
  #table = element("div", "table");
  #columns = element("div", "columns aside");
  #said = element("p", "state-card muted");
  #list;
  #grid;
  /** @type {Rows} */
  #results = {
    labels: () => this.#labels,
    rowAt: (at) => (this.#isGrid ? this.#grid.rowAt(at) : (this.#cells[at]?.row ?? null)),
    beside: (at, step, down) =>
      this.#isGrid ? this.#grid.beside(at, step, down) : besideWithResult(this.#cells, at, step),
    unknown: (at, step) => (this.#isGrid ? -1 : unknownBeside(this.#cells, at, step)),
    load: (at, step) => this.#load(at, step),
    use: (run) => this.#use(`${API}/runs/${run}/values`, run),
    left: (at) => this.#seeAgain(at),
  };
  /** @type {WholeBatch | null} */
  #batch = null;
  /** @type {Cells} */
  #cells = [];
  #seen = { from: 0, to: MOST };
  #turn = 0;
  #isAsking = false;
  /** @type {Promise<void>} */
  #asking = Promise.resolve();
  #renewing = 0;
  #known = "";
  #card = CARD.least;
  #end = () => {};
  #opener;

  /**
   * @param {string} id
   * @param {LargeResult} large
   * @param {HTMLElement | null} opener the element that gets the focus back if it is still on the page
   */
  constructor(id, large, opener) {
    this.#id = id;
    this.#opener = opener;
    this.#head = new SheetHead(id, read(localStorage, BATCH_VIEW, "grid"), {
      close: () => this.#close(),
      changed: (wishes) => this.#wish(wishes),
      files: () => (this.#batch?.page.axes?.length ? this.#grid.files() : []),
      renew: () => this.#renew(),
      remove: (withRuns) => this.#remove(withRuns),
    });
    const does = {
      enlarge: (/** @type {number} */ at) => large.open(this.#place, this.#results, at),
      use: (/** @type {BatchRow} */ { index, page: { run }, state }) => {
        const row = `batches/${id}/rows/${index}`; // without the values drawn at random for a run
        this.#use(`${API}/${run ? `runs/${run}` : row}/values`, state === "done" ? run : "");
      },
      explain: (/** @type {BatchRow} */ row) => explain(row, () => does.use(row)),
    };
    this.#list = new VirtualList(
      this.#scroll,
      {
        lines: (width) => this.#linesIn(width),
        item: (row, at) => (this.#isGallery ? rowTile : lineFor)(row, at, this.#labels, does),
      },
      (from, to) => this.#wants(from, to),
    );
    this.#grid = new Grid(id, does);
    this.#columns.role = "row";
    this.#said.role = "status";
    this.#scroll.tabIndex = 0;
    this.#table.append(this.#columns, this.#list.place);
    this.#scroll.append(this.#table, this.#said, this.#grid.place);
    this.#head.filters.append(this.#grid.tools);
    this.#place.append(this.#head.place, this.#scroll);
    this.#place.setAttribute("aria-labelledby", this.#head.titleId);
    this.#place.addEventListener("cancel", (event) => {
      if (event.target !== this.#place) return; // from the result that covers the sheet
      event.preventDefault();
      this.#close();
    });
    this.#place.addEventListener(USED, () => this.#leave());
    this.#place.addEventListener("keydown", (event) => {
      if (isCtrlEnter(event)) event.stopPropagation();
    });
  }

  /** @param {HTMLElement} parent */
  async open(parent) {
    parent.append(this.#place);
    this.#head.wait();
    this.#place.classList.add("unknown");
    const focusVisible = Boolean($(":focus-visible")); // not after a link
    this.#place.showModal();
    this.#cover();
    const options = /** @type {FocusOptions} */ ({ preventScroll: true, focusVisible });
    this.#scroll.focus(options); // the keys scroll
    /** @type {WholeBatch | null} */
    const batch = await ask(`${API}/batches/${this.#id}?with_page=true`, undefined, "GET");
    if (!batch) return this.#leave();
    if (!this.#place.open) return;
    this.#place.classList.remove("unknown");
    this.#show(batch);
    this.#arrange();
    this.#listen();
  }

  /** Name the batch in the page's address, so that a reload or a bookmark opens it again. */
  #cover() {
    const address = new URL(location.href);
    address.searchParams.set("batch", this.#id);
    coverWindow(() => this.#close(), address.href);
  }

  #listen() {
    this.#end = page.subscribe((now) => this.#hear(now));
  }

  get #isGallery() {
    return this.#head.wishes.view === "gallery";
  }

  get #isGrid() {
    return this.#head.wishes.view === "grid";
  }

  get #labels() {
    return this.#batch?.page.columns.map(({ label }) => label) ?? [];
  }

  /** @param {number} width */
  #linesIn(width) {
    if (this.#isGallery) {
      const tiles = tilesIn(width, isSmall() ? TILE_ON_PHONE : TILE, GAP, WORDS);
      this.#list.place.style.setProperty("--tile", `${tiles.tile}px`);
      return tiles;
    }
    return { columns: 1, line: isSmall() ? this.#card : LINE };
  }

  /** @param {WholeBatch} batch */
  #show(batch) {
    this.#batch = batch;
    this.#head.show(batch, page.now.serverAway);
    this.#grid.hear(batch);
  }

  /** Redraw the list in the chosen view. */
  #arrange() {
    const isGallery = this.#isGallery;
    this.#place.classList.toggle("as-gallery", isGallery);
    this.#place.classList.toggle("as-grid", this.#isGrid);
    this.#grid.show(this.#isGrid);
    this.#table.hidden = this.#isGrid;
    this.#table.role = isGallery ? null : "table";
    this.#table.ariaLabel = isGallery ? null : message("Rows");
    this.#list.place.role = isGallery ? "list" : "rowgroup";
    this.#list.place.ariaLabel = isGallery ? message("Results") : null;
    this.#columns.hidden = isGallery;
    this.#drawColumns();
    this.#list.clear();
    this.#list.show(this.#cells);
  }

  /** Set the height of cards on a phone: every card has room for the longest error below its values. */
  #measureCards() {
    const lines = errorLinesOf(this.#cells);
    const least = CARD.around + CARD.line * linesOf(this.#cells, this.#labels);
    this.#card = Math.max(CARD.least, least) + CARD.error * lines;
    this.#table.style.setProperty("--card", `${this.#card}px`);
    this.#table.style.setProperty("--error-lines", String(lines));
  }

  #drawColumns() {
    this.#measureCards();
    const { columns, least, most } = widthsOf(this.#cells, this.#labels);
    this.#table.style.setProperty("--value-columns", columns || "1fr");
    this.#table.style.setProperty("--values", `${least}px`);
    this.#table.style.setProperty("--most", `${most}px`);
    const values = element("div", "values");
    values.role = "presentation";
    values.append(...this.#labels.map((label) => headOf("value", label)));
    const use = headOf("use", "");
    use.append(useButton(null, () => {}));
    this.#columns.replaceChildren(
      headOf("number", message("Row")),
      headOf("seen", message("Result")),
      values,
      headOf("state", message("State")),
      use,
    );
  }

  /** @param {Wishes} wishes */
  #wish({ view }) {
    write(localStorage, BATCH_VIEW, view);
    this.#turn += 1;
    this.#isAsking = false;
    this.#cells = [];
    this.#seen = { from: 0, to: MOST };
    this.#scroll.scrollTop = 0;
    this.#arrange();
    this.#ask();
  }

  /** @param {number} from @param {number} to */
  #wants(from, to) {
    this.#seen = { from, to: Math.max(to, from + 1) };
    this.#ask();
  }

  /**
   * Load a row and the rows beyond it in one direction. Return whether it is loaded.
   * @param {number} at
   * @param {number} step 1 or -1
   */
  async #load(at, step) {
    const { from, to } = stretchFrom(at, step, MOST);
    await this.#asking; // an earlier request for other rows
    this.#wants(from, to);
    await this.#asking;
    return Boolean(this.#cells[at]?.row);
  }

  #ask() {
    if (!this.#isAsking) this.#asking = this.#askForSeen();
  }

  /** Request the visible rows that aren't up to date, one range after another. */
  async #askForSeen() {
    if (this.#isGrid) return;
    const { from, to } = this.#seen;
    const asked = this.#cells.length
      ? stale(this.#cells, from, to, MOST)
      : { from: 0, limit: MOST };
    if (!asked || !this.#place.isConnected) return;
    const turn = this.#turn;
    this.#isAsking = true;
    const { state, text } = this.#head.wishes;
    const query = new URLSearchParams({
      skip: String(asked.from),
      limit: String(asked.limit),
      search: text,
      with_page: "true",
      ...(state && { state }),
    });
    /** @type {BatchRows | null} */
    const answer = await get(`${API}/batches/${this.#id}/rows?${query}`);
    if (turn !== this.#turn) return;
    this.#isAsking = false;
    if (!answer) return;
    const isFirst = !this.#cells.length;
    this.#cells = withRows(this.#cells, answer.total, asked.from, answer.rows);
    if (isFirst) this.#drawColumns();
    else this.#measureCards();
    this.#said.textContent = answer.total ? "" : NOTHING;
    this.#place.classList.toggle("empty", !answer.total);
    if (answer.total) this.#list.show(this.#cells);
    else this.#list.clear();
  }

  /** @param {Pick<PageState, "batches" | "serverAway">} now */
  #hear({ batches, serverAway }) {
    const known = JSON.stringify([batches.find(({ id }) => id === this.#id), serverAway]);
    if (known === this.#known) return;
    const isFirst = this.#known === "";
    this.#known = known;
    if (isFirst || this.#renewing) return;
    this.#renewing = window.setTimeout(() => {
      this.#renewing = 0;
      this.#renew();
    }, RENEWED_AFTER);
  }

  /** Reload the batch, and request the visible rows again because they may have changed. */
  async #renew() {
    /** @type {WholeBatch | null | undefined} */
    const batch = await look(`${API}/batches/${this.#id}?with_page=true`);
    if (batch === null) return this.#leave();
    if (batch) this.#show(batch);
    this.#cells = aged(this.#cells);
    this.#ask();
  }

  /** @param {boolean} withRuns */
  async #remove(withRuns) {
    this.#end(); // first: news of the deletion may arrive before the answer
    clearTimeout(this.#renewing);
    this.#renewing = 0;
    if (await deleteBatch(this.#id, withRuns)) {
      this.#close();
      $("#many-button")?.focus({ preventScroll: true }); // its card is gone, or soon will be
      announce(message("Deleted."));
    } else this.#listen();
  }

  /**
   * Close the sheet and put values into the form.
   * @param {string} path their address
   * @param {string} run the run with their result, or ""
   */
  async #use(path, run) {
    this.#leave();
    if ((await reuse(path)) && run) lookBackAt({ id: run });
  }

  /** Move the focus to the last result that was in full screen. @param {number} at its position */
  #seeAgain(at) {
    if (!this.#place.open) return;
    this.#cover();
    if (this.#isGrid) this.#grid.focus(at);
    else this.#list.focus(at, "enlarge");
  }

  /** Close the sheet and scroll to the batch's card, which opens it again. */
  #close() {
    this.#leave();
    const card = document.activeElement?.closest(".batch");
    // The card is in a sticky column, so a single call doesn't scroll far enough.
    for (let before = -1; card && before !== scrollY; ) {
      before = scrollY;
      card.scrollIntoView({ block: "nearest" });
    }
  }

  #leave() {
    if (!this.#place.open) return;
    this.#end();
    clearTimeout(this.#renewing);
    this.#grid.leave();
    this.#place.close();
    this.#place.remove();
    uncoverWindow();
    const opener = this.#opener?.isConnected ? this.#opener : null;
    const card = $(`#batches [data-batch="${this.#id}"] .open`);
    (opener ?? card ?? $("#many-button"))?.focus({ preventScroll: true });
  }
}

/** @param {string} name @param {string} text */
function headOf(name, text) {
  const made = element("div", name, text);
  made.role = text ? "columnheader" : "cell";
  return made;
}

/**
 * Open the sheet of a batch, unless a sheet is already open.
 * @param {HTMLElement} parent the component whose styles apply to the sheet
 * @param {string} id
 * @param {LargeResult} large
 * @param {HTMLElement | null} opener
 */
export function openSheet(parent, id, large, opener) {
  if (!$("dialog.sheet", parent)) new Sheet(id, large, opener).open(parent);
}

/**
 * The user's choice of rows and view. `state`: "" for all.
 * @typedef {{ view: "table" | "gallery" | "grid", state: string, text: string }} Wishes
 */

const SEARCH_PAUSE = 250;
/** @type {readonly BatchRow["state"][]} */
const STATES = ["waiting", "running", "done", "failed", "stopped"];

/** Header of the sheet: progress, actions, and filters for the rows. */
class SheetHead {
  /** The root element. */
  place = element("header", "stack rigid");
  titleId = "sheet-title";
  /** Controls for the choice of rows and view. */
  filters = element("div", "filters flow");
  #id;
  #told;
  /** @type {Wishes} */
  #wishes;
  #title = element("h2", "dialog-title");
  #since = element("p", "since");
  #bar = element("progress");
  #said = element("p", "said digits");
  #left = element("p", "left muted digits");
  #why = element("p", "why");
  #pause = tool("", () => this.#do(this.#state === "paused" ? "continue" : "pause"));
  /** Both labels of the button. One is invisible but keeps its room, so that the buttons beside it don't move. */
  #pauses = {
    pause: element("span", "", message("Pause")),
    continue: element("span", "", message("Continue")),
  };
  #stop = tool(message("Stop"), () => this.#do("stop"));
  #retry = tool("", () => this.#do("retry"));
  #download = menuButton(
    message("Download"),
    message("Download"),
    async () => this.#downloads(),
    "quiet",
    "download",
  );
  #share = tool(message("Share…"), () => shareBatch(this.#id, this.#done), "share");
  #delete = tool(
    withEllipsis(message("Delete")),
    () => askToDelete(this.#told.remove),
    "delete",
    "bare",
  );
  #state = "";
  #done = 0;
  /** @type {WholeBatch["page"]["columns"]} */
  #varied = [];
  #states = element("select");
  #views = element("div");
  #isKnown = false;

  /**
   * @param {string} id
   * @param {Wishes["view"]} view
   * @param {{ close: () => void, changed: (wishes: Wishes) => void, files: () => Entry[], renew: () => void,
   *   remove: (withRuns: boolean) => void }} told `files`: the grid's downloads
   */
  constructor(id, view, told) {
    this.#id = id;
    this.#told = told;
    this.#wishes = { view, state: "", text: "" };
    this.#title.id = this.titleId;
    this.#said.role = "status";
    this.#bar.ariaLabel = message("Progress");
    const close = closeButton(() => told.close());
    const state = element("div", "how-far in-line", this.#bar, this.#said, this.#left);
    const first = element("div", "first flow", this.#title, this.#since, state, close);
    const tools = element("div", "sheet-tools flow rigid");
    this.#pause.append(this.#pauses.pause, this.#pauses.continue);
    tools.append(this.#pause, this.#stop, this.#download, this.#share, this.#retry, this.#delete);
    this.#share.hidden = !addedWays().length;
    const controls = element("div", "controls in-line", this.#filters(), tools);
    this.place.append(first, controls, this.#why);
  }

  get wishes() {
    return this.#wishes;
  }

  /** Show that the batch is coming. */
  wait() {
    tell(this.#title, message("Loading…"));
    this.#why.hidden = true;
    this.#pause.hidden = this.#stop.hidden = this.#retry.hidden = true;
  }

  /**
   * @param {WholeBatch} batch
   * @param {string} serverAway why the ComfyUI server can't be reached, or ""
   */
  show(batch, serverAway) {
    if (!this.#isKnown) this.#offerGrid(batch.page.axes?.length ?? 0);
    this.#isKnown = true;
    const { title, state, failed, done } = batch;
    const { columns, seconds_left: left } = batch.page;
    const why = whyWords(batch, serverAway);
    this.#state = state;
    this.#done = done;
    this.#varied = columns;
    tell(this.#title, title);
    tell(this.#since, when(batch.created_at));
    this.#bar.value = fractionOfBatch(batch);
    tell(this.#said, progressWords(batch));
    const time = left === null || serverAway || state !== "running" ? "" : durationWords(left);
    tell(this.#left, time && message("about {time} left", { time }));
    tell(this.#why, why);
    this.#why.hidden = !why;
    const isOver = hasEnded(batch);
    this.#pauses.pause.classList.toggle("other", state === "paused");
    this.#pauses.continue.classList.toggle("other", state !== "paused");
    this.#pause.hidden = this.#stop.hidden = this.#bar.hidden = isOver;
    tell(this.#retry, state === "stopped" ? message("Run the rest") : message("Retry failed"));
    // Show both buttons from the start, disabled, so that nothing moves when they become available.
    this.#retry.disabled = !failed && state !== "stopped";
    const downloads = /** @type {HTMLButtonElement} */ (this.#download.firstElementChild);
    downloads.disabled = this.#share.disabled = !done;
    this.#retry.hidden = isOver && this.#retry.disabled;
    this.#delete.hidden = !isOver;
  }

  /**
   * Choose the first view: a grid, unless only one field varies and the user chose another view before. Hide the
   * grid's button if the batch isn't a grid.
   * @param {number} axes the number of the grid's axes, 0 if the batch isn't a grid
   */
  #offerGrid(axes) {
    const { view } = this.#wishes;
    const first = axes > 1 ? "grid" : axes || view !== "grid" ? view : "table";
    this.#wishes = { ...this.#wishes, view: first };
    for (const one of /** @type {Iterable<HTMLButtonElement>} */ (this.#views.children)) {
      one.ariaPressed = String(one.value === first);
      one.hidden = one.value === "grid" && !axes;
    }
  }

  /** @returns {Entry[]} */
  #downloads() {
    const ofResults = () => offerDownload(this.#id, this.#varied);
    return [
      { label: withEllipsis(RESULTS), does: ofResults },
      { label: message("Only the table (CSV)"), href: tableOf(this.#id) },
      ...this.#told.files(),
    ];
  }

  /** @param {"pause" | "continue" | "stop" | "retry"} what */
  async #do(what) {
    await doTo(this.#id, what);
    if (what === "retry") this.#showAll(); // retried rows no longer match the state that the user filtered by
    this.#told.renew();
  }

  #showAll() {
    if (!this.#wishes.state) return;
    this.#states.value = "";
    this.#wish({ state: "" });
  }

  #filters() {
    const states = this.#states;
    states.ariaLabel = message("State");
    states.append(
      new Option(message("All"), ""),
      ...STATES.map((state) => new Option(stateWords(state), state)),
    );
    states.addEventListener("change", () => this.#wish({ state: states.value }));
    this.#views = choiceOf(
      message("View"),
      [
        ["table", message("Table")],
        ["gallery", message("Gallery")],
        ["grid", message("Grid")],
      ],
      this.#wishes.view,
      (view) => this.#wish({ view: /** @type {Wishes["view"]} */ (view) }),
    );
    this.#views.classList.add("views");
    this.filters.prepend(this.#views);
    this.filters.append(states, this.#search());
    return this.filters;
  }

  #search() {
    const search = element("input");
    Object.assign(search, { type: "search", placeholder: message("Search"), maxLength: 200 });
    search.ariaLabel = search.placeholder;
    let typing = 0;
    search.addEventListener("input", () => {
      clearTimeout(typing);
      typing = window.setTimeout(() => this.#wish({ text: search.value.trim() }), SEARCH_PAUSE);
    });
    return search;
  }

  /** @param {Partial<Wishes>} changes */
  #wish(changes) {
    this.#wishes = { ...this.#wishes, ...changes };
    this.#told.changed(this.#wishes);
  }
}

/**
 * @param {string} text
 * @param {() => void} does
 * @param {string} [icon] in place of the text on a phone
 * @param {string} [className]
 */
function tool(text, does, icon = "", className = "quiet") {
  const made = button(text, does, className);
  if (icon) Object.assign(made.dataset, { icon });
  return made;
}

/**
 * Return a group of buttons, one of them pressed.
 * @param {string} label
 * @param {readonly [string, string][]} choices values with their labels
 * @param {string} chosen
 * @param {(value: string) => void} changed
 */
function choiceOf(label, choices, chosen, changed) {
  const place = element("div", "one-of flow");
  place.role = "group";
  place.ariaLabel = label;
  for (const [value, words] of choices) {
    const one = button(
      words,
      () => {
        if (one.ariaPressed === "true") return;
        for (const other of place.children) other.ariaPressed = String(other === one);
        changed(value);
      },
      "quiet",
    );
    one.value = value;
    one.ariaPressed = String(value === chosen);
    place.append(one);
  }
  return place;
}
