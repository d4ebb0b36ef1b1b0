// @ts-check
// A list of runs that have ended, newest first, to be searched and looked at again. It is a Gradio component
// (ui/page/run_lists.py): its value says which runs, its events which one was chosen and what is searched for.

import { when } from "../clock.js";
import { $, addressOf, all, button, element } from "../dom.js";
import { ANY, letDrag } from "../form/dragging.js";

/** @import { PastRun } from "../state.js" */

/**
 * What Gradio hands to a component. `index` and `value` are what Python's `gr.SelectData` has.
 * @typedef {{ props: { value: any }, watch: (name: string, changed: () => void) => void,
 *   searchable: boolean, select: (what: { run: string, index: number, value: string }) => void,
 *   search: (what: { text: string }) => void }} Component
 */

const SEARCH_PAUSE = 250;
const NOTHING_FOUND = "Nothing was found.";
/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

export class History {
  #place;
  #component;
  #search = element("input");
  #list = element("ul");
  #said = element("p", "said");
  /** @type {readonly PastRun[]} */
  #runs = [];
  #shown = "";

  /**
   * @param {HTMLElement} place
   * @param {Component} component
   */
  constructor(place, component) {
    this.#place = place;
    this.#component = component;
    const head = element("header");
    Object.assign(this.#search, { type: "search", placeholder: "Search", maxLength: 200 });
    this.#search.ariaLabel = "Search earlier results";
    this.#search.hidden = !component.searchable;
    let typing = 0;
    this.#search.addEventListener("input", () => {
      clearTimeout(typing);
      typing = window.setTimeout(() => component.search({ text: this.text }), SEARCH_PAUSE);
    });
    head.append(element("h2", "", "Earlier"), this.#search);
    place.replaceChildren(head, this.#list, this.#said);
    this.#list.addEventListener("keydown", (event) => this.#walk(event));
    letDrag(this.#list, ({ dataset: { run } }) => (run ? { run, at: ANY } : null));
  }

  /** What is searched for. */
  get text() {
    return this.#search.value.trim();
  }

  set text(text) {
    this.#search.value = text;
  }

  /** The runs that are listed. */
  get runs() {
    return this.#runs;
  }

  /**
   * @param {readonly PastRun[]} runs
   * @param {{ any?: boolean, nothing?: string }} [there] `any`: there are some, if not of those that are looked for;
   *   `nothing`: what is said where none is listed
   */
  show(runs, { any = runs.length > 0 || Boolean(this.text), nothing = "" } = {}) {
    this.#runs = runs;
    this.#place.hidden = !any;
    this.#said.textContent = runs.length ? "" : this.text ? NOTHING_FOUND : nothing;
    const focused = document.activeElement;
    const items = new Map(all("li", this.#list).map((item) => [item.dataset.run, item]));
    this.#list.replaceChildren(...runs.map((run) => items.get(run.id) ?? this.#itemFor(run)));
    if (focused instanceof HTMLElement && this.#list.contains(focused))
      focused.focus({ preventScroll: true });
    this.mark(this.#shown);
  }

  /**
   * Say which of them is seen.
   * @param {string} id "" if none is
   */
  mark(id) {
    this.#shown = id;
    for (const tile of all("button", this.#list))
      tile.ariaPressed = String(tile.dataset.run === id);
  }

  /** @param {string | undefined} id */
  focus(id) {
    all("button", this.#list)
      .find((tile) => tile.dataset.run === id)
      ?.focus();
  }

  /** @param {PastRun} run */
  #itemFor(run) {
    const item = element("li");
    item.dataset.run = run.id;
    item.append(tileFor(run, () => this.#choose(run.id)));
    return item;
  }

  /** @param {string} id */
  #choose(id) {
    this.mark(id);
    const index = this.#runs.findIndex((run) => run.id === id);
    this.#component.select({ run: id, index, value: id });
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const step = STEPS[event.key];
    const tiles = all("button", this.#list);
    const at = tiles.indexOf(/** @type {HTMLElement} */ (event.target));
    if (!step || at < 0) return;
    tiles[at + step]?.focus();
    event.preventDefault();
  }
}

/**
 * @param {PastRun} run
 * @param {() => void} chosen
 */
function tileFor(run, chosen) {
  const tile = button("", chosen, "tile");
  tile.dataset.run = run.id;
  tile.draggable = true;
  const what = run.files > 1 ? `${run.what}, ${run.files} files` : run.what;
  tile.title = [what, run.title, when(run.at), run.asked].filter(Boolean).join(" · ");
  tile.ariaLabel = tile.title;
  const inWords = () => {
    tile.classList.add("in-words");
    tile.replaceChildren(element("span", "", run.what));
  };
  if (run.thumb) {
    const image = element("img");
    Object.assign(image, {
      alt: "",
      loading: "lazy",
      decoding: "async",
      onerror: inWords,
      src: addressOf(run.thumb),
    });
    tile.append(image);
    if (run.files > 1) tile.append(element("span", "count", String(run.files)));
  } else inWords();
  return tile;
}

/**
 * The component in its place, empty.
 * @param {HTMLElement} place
 * @param {Component} component
 */
export const historyIn = (place, component) =>
  new History(/** @type {HTMLElement} */ ($(".history", place)), component);

/**
 * Fill the component in, with what Python says.
 * @param {HTMLElement} place
 * @param {Component} component
 */
export function mount(place, component) {
  const history = historyIn(place, component);
  const tell = () => history.show(component.props.value || []);
  component.watch("value", tell);
  tell();
}
