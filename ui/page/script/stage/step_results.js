// @ts-check
// Results of a chain's step that has several runs. Pressing a tile shows its run on the stage.

import { all, element } from "../dom.js";
import { draggedRun, letDrag } from "../form/dragging.js";
import { tilesOf } from "../history/past.js";
import { tileFor } from "../history/tile.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";
import { runsOf } from "../runs/chains.js";
import { lookBackAt } from "../runs/following.js";

/** @import { ChainDoc, HistoryDoc } from "../documents.js" */
/** @import { PastRun } from "../state.js" */

const AHEAD = 400; // pixels before the last tile comes into view, at which more runs are requested
const MOST = 60; // runs per request

export class StepResults {
  /** The root element. */
  place = element("div", "step-results");
  /** The address for requesting the step's runs. */
  #address = "";
  /** The step's state at the last update. */
  #known = "";
  #run = "";
  /** The step's finished runs and their positions. @type {Map<string, number>} */
  #places = new Map();
  /** Runs that no longer existed when they were requested. @type {Set<string>} */
  #gone = new Set();
  #isAsking = false;
  #turn = 0;

  constructor() {
    this.place.role = "group";
    this.place.hidden = true;
    this.place.addEventListener("scroll", () => this.#load());
    letDrag(this.place, draggedRun);
  }

  /**
   * @param {ChainDoc} chain
   * @param {string} run the run on the stage
   */
  show(chain, run) {
    const step = chain.steps.find((one) => runsOf(one).includes(run));
    const isOwn = this.#address.startsWith(`${API}/chains/${chain.id}/`);
    if (!step && isOwn && chain.state === "running") return; // the chain will list this run in a moment
    const isSeen = step !== undefined && step.runs > 1;
    this.place.hidden = !isSeen;
    if (!isSeen) return;
    this.place.ariaLabel = message("Results of “{step}”", { step: step.title });
    const address = `${API}/chains/${chain.id}/steps/${encodeURIComponent(step.name)}/results`;
    const isOther = this.#tiles.some((tile) => !runsOf(step).includes(runOf(tile)));
    if (address !== this.#address || isOther) this.#clear(address);
    const known = JSON.stringify([step.live, step.ended, step.done, step.state]);
    if (known !== this.#known) {
      this.#known = known;
      const ended = new Set(step.ended); // may list a run twice
      this.#places = new Map([...ended].map((id, place) => [id, place]));
      this.#gone.clear();
    }
    if (run !== this.#run) this.#bringIn(run);
    this.#run = run;
    this.#mark();
    this.#load();
  }

  get #tiles() {
    return all(".tile", this.place);
  }

  /** @param {string} address the address of another step's runs */
  #clear(address) {
    this.#address = address;
    this.#known = "";
    this.#turn += 1;
    this.place.replaceChildren();
  }

  /** Runs to request: those missing between the tiles, and later ones if there is room. */
  get #wanted() {
    const { scrollLeft, clientWidth, scrollWidth } = this.place;
    const hasRoom = scrollLeft + clientWidth + AHEAD >= scrollWidth;
    const shown = new Set(this.#tiles.map(runOf));
    const ended = [...this.#places.keys()];
    const end = hasRoom ? ended.length : ended.findLastIndex((id) => shown.has(id)) + 1;
    const more = ended.slice(0, end).filter((id) => !shown.has(id) && !this.#gone.has(id));
    return more.slice(0, MOST);
  }

  async #load() {
    const wanted = this.#isAsking ? [] : this.#wanted;
    if (!wanted.length) return;
    this.#isAsking = true;
    const [turn, known] = [this.#turn, this.#known];
    const runs = new URLSearchParams(wanted.map((id) => ["run", id]));
    /** @type {HistoryDoc | null} */
    const list = await get(`${this.#address}?${runs}`);
    this.#isAsking = false;
    if (turn === this.#turn) {
      this.#add(tilesOf(list?.runs ?? []));
      const shown = new Set(this.#tiles.map(runOf));
      // If the step has changed since the request, a missing run may exist now.
      if (known === this.#known) for (const id of wanted) if (!shown.has(id)) this.#gone.add(id);
      this.#mark();
    }
    this.#load();
  }

  /**
   * Insert the runs' tiles at their positions, and keep the visible tiles in place.
   * @param {PastRun[]} runs
   */
  #add(runs) {
    const { scrollLeft, offsetLeft } = this.place;
    const seen = this.#tiles.find((tile) => tile.offsetLeft - offsetLeft >= scrollLeft);
    const before = seen?.offsetLeft ?? 0;
    for (const run of runs) {
      const place = this.#places.get(run.id);
      if (place === undefined) continue;
      const next = this.#tiles.find((tile) => (this.#places.get(runOf(tile)) ?? 0) > place);
      this.place.insertBefore(
        tileFor(run, () => this.#lookAt(run)),
        next ?? null,
      );
    }
    if (seen && scrollLeft) this.place.scrollLeft += seen.offsetLeft - before;
  }

  #mark() {
    for (const tile of this.#tiles) tile.ariaPressed = String(runOf(tile) === this.#run);
  }

  /**
   * Scroll a run's tile into view.
   * @param {string} run
   */
  #bringIn(run) {
    const tile = this.#tiles.find((tile) => runOf(tile) === run);
    if (!tile) return;
    const { scrollLeft, clientWidth } = this.place;
    const start = tile.offsetLeft - this.place.offsetLeft;
    const least = start + tile.offsetWidth - clientWidth;
    if (scrollLeft > start || scrollLeft < least)
      this.place.scrollLeft = scrollLeft > start ? start : least;
  }

  /** @param {PastRun} run */
  async #lookAt(run) {
    if (await lookBackAt(run)) return;
    this.#tiles.find((tile) => runOf(tile) === run.id)?.remove(); // the run has been deleted
  }
}

/** @param {HTMLElement} tile */
const runOf = ({ dataset }) => dataset.run ?? "";
