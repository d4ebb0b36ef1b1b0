// @ts-check
// All that the runs of a step of a chain have made, where it has several: a press on one shows it on the stage.

import { all, element } from "../dom.js";
import { draggedRun, letDrag } from "../form/dragging.js";
import { tileFor } from "../history/tile.js";
import { message } from "../messages.js";
import { get } from "../requests.js";
import { runsOf } from "../runs/chains.js";
import { lookBackAt } from "../runs/following.js";

/** @import { ChainDoc } from "../documents.js" */
/** @import { PastRun } from "../state.js" */

const AHEAD = 400; // pixels before the last one is seen, from where on more are asked for
const MOST = 60; // a request

export class StepResults {
  /** The place on the page. */
  place = element("div", "step-results");
  /** Where they are asked for. */
  #address = "";
  /** What the step was when that was told last. */
  #known = "";
  #run = "";
  /** The step's runs that have ended, with their places. @type {Map<string, number>} */
  #places = new Map();
  /** Those that were not there any more when they were asked for. @type {Set<string>} */
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
   * @param {string} run the one on the stage
   */
  show(chain, run) {
    const step = chain.steps.find((one) => runsOf(one).includes(run));
    const isOwn = this.#address.startsWith(`/page/chains/${chain.id}/`);
    if (!step && isOwn && chain.state === "running") return; // that a run is its next one is told in a moment
    const isSeen = step !== undefined && step.runs > 1;
    this.place.hidden = !isSeen;
    if (!isSeen) return;
    this.place.ariaLabel = message("Results of “{step}”", { step: step.title });
    const address = `/page/chains/${chain.id}/steps/${encodeURIComponent(step.name)}`;
    const isOther = this.#tiles.some((tile) => !runsOf(step).includes(runOf(tile)));
    if (address !== this.#address || isOther) this.#clear(address);
    const known = JSON.stringify([step.live, step.ended, step.done, step.state]);
    if (known !== this.#known) {
      this.#known = known;
      const ended = new Set(step.ended); // two of them may be one run
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

  /** @param {string} address of other results */
  #clear(address) {
    this.#address = address;
    this.#known = "";
    this.#turn += 1;
    this.place.replaceChildren();
  }

  /** Those to be asked for: all that belong among what is there, and what comes after as far as there is room for it. */
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
    /** @type {{ runs: PastRun[] } | null} */
    const told = await get(`${this.#address}?${runs}`);
    this.#isAsking = false;
    if (turn === this.#turn) {
      this.#add(told?.runs ?? []);
      const shown = new Set(this.#tiles.map(runOf));
      // Of what has changed since it may be told now.
      if (known === this.#known) for (const id of wanted) if (!shown.has(id)) this.#gone.add(id);
      this.#mark();
    }
    this.#load();
  }

  /**
   * Put these in their places; what is seen stays where it is.
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

  /** @param {string} run */
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
    this.#tiles.find((tile) => runOf(tile) === run.id)?.remove(); // it has been deleted
  }
}

/** @param {HTMLElement} tile */
const runOf = ({ dataset }) => dataset.run ?? "";
