// @ts-check
// Header of a batch's sheet: progress, actions, and filters for the rows.

import { durationWords, when } from "../clock.js";
import { button, element, tell } from "../dom.js";
import { message, withEllipsis } from "../messages.js";
import { doTo } from "./cards.js";
import { hasEnded } from "./ended.js";
import { askToDelete, offerDownload } from "./sheet_questions.js";
import { fractionOfBatch, progressWords, stateWords, whyWords } from "./words.js";

/** @import { BatchRow, WholeBatch } from "./rows.js" */

/**
 * The user's choice of rows and view. `state`: "" for all.
 * @typedef {{ view: "table" | "gallery" | "grid", state: string, text: string }} Wishes
 */

const SEARCH_PAUSE = 250;
/** @type {readonly BatchRow["state"][]} */
const STATES = ["waiting", "running", "done", "failed", "stopped"];

export class SheetHead {
  /** The root element. */
  place = element("header");
  titleId = "sheet-title";
  /** Controls for the choice of rows and view. */
  filters = element("div", "filters");
  #id;
  #dialog;
  #told;
  /** @type {Wishes} */
  #wishes;
  #title = element("h2");
  #since = element("p", "since");
  #bar = element("progress");
  #said = element("p", "said");
  #left = element("p", "left");
  #why = element("p", "why");
  #pause = tool("", () => this.#do(this.#state === "paused" ? "continue" : "pause"));
  /** Both labels of the button. One is invisible but keeps its room, so that the buttons beside it don't move. */
  #pauses = {
    pause: element("span", "", message("Pause")),
    continue: element("span", "", message("Continue")),
  };
  #stop = tool(message("Stop"), () => this.#do("stop"));
  #retry = tool("", () => this.#do("retry"));
  #download = tool(withEllipsis(message("Download")), () =>
    offerDownload(this.#id, this.#dialog, this.#varied),
  );
  #delete = tool(withEllipsis(message("Delete")), () =>
    askToDelete(this.#dialog, this.#told.remove),
  );
  #state = "";
  /** @type {WholeBatch["page"]["columns"]} */
  #varied = [];
  #states = element("select");
  #views = element("div");
  #isKnown = false;

  /**
   * @param {string} id
   * @param {HTMLElement} dialog
   * @param {Wishes["view"]} view
   * @param {{ close: () => void, changed: (wishes: Wishes) => void, renew: () => void,
   *   remove: (withRuns: boolean) => void }} told
   */
  constructor(id, dialog, view, told) {
    this.#id = id;
    this.#dialog = dialog;
    this.#told = told;
    this.#wishes = { view, state: "", text: "" };
    this.#title.id = this.titleId;
    this.#said.role = "status";
    this.#bar.ariaLabel = message("Progress");
    const first = element("div", "first");
    const close = button("✕", () => told.close(), "close");
    close.ariaLabel = close.title = message("Close");
    first.append(this.#title, this.#since, close);
    const tools = element("div", "sheet-tools");
    this.#pause.append(this.#pauses.pause, this.#pauses.continue);
    tools.append(this.#pause, this.#stop, this.#download, this.#retry, this.#delete);
    const state = element("div", "how-far");
    const words = element("div", "so-far");
    words.append(this.#said, this.#left);
    state.append(this.#bar, words, tools);
    this.place.append(first, state, this.#why, this.#filters());
  }

  get wishes() {
    return this.#wishes;
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
    this.#pause.hidden = this.#stop.hidden = isOver;
    tell(this.#retry, state === "stopped" ? message("Run the rest") : message("Retry failed"));
    // Show both buttons from the start, disabled, so that nothing moves when they become available.
    this.#retry.disabled = !failed && state !== "stopped";
    this.#download.disabled = !done;
    this.#retry.hidden = isOver && this.#retry.disabled;
    this.#delete.hidden = !isOver;
  }

  /**
   * Choose the first view: a grid if several fields vary. Hide the grid's button if the batch isn't a grid.
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
    this.filters.append(states, this.#search(), this.#views);
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
 */
const tool = (text, does) => button(text, does, "quiet");

/**
 * Return a group of buttons, one of them pressed.
 * @param {string} label
 * @param {readonly [string, string][]} choices values with their labels
 * @param {string} chosen
 * @param {(value: string) => void} changed
 */
function choiceOf(label, choices, chosen, changed) {
  const place = element("div", "one-of");
  place.role = "group";
  place.ariaLabel = label;
  for (const [value, words] of choices) {
    const one = button(
      words,
      () => {
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
