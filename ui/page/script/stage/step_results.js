// @ts-check
// All that the runs of a step of a chain have made, where it has several: a press on one shows it on the stage.

import { all, element } from "../dom.js";
import { draggedRun, letDrag } from "../form/dragging.js";
import { tileFor } from "../history/tile.js";
import { message } from "../messages.js";
import { get } from "../requests.js";
import { lookBackAt } from "../runs/following.js";

/** @import { Chain, PastRun } from "../state.js" */

const AHEAD = 400; // pixels before the last one is seen, from where on more are asked for

export class StepResults {
  /** The place on the page. */
  place = element("div", "step-results");
  /** Where they are asked for. */
  #address = "";
  /** What the step was when that was told last. */
  #known = "";
  #run = "";
  /** How many have been read. */
  #next = 0;
  /** Whether there may be more than these. */
  #isMore = false;
  #isAsking = false;
  #turn = 0;

  constructor() {
    this.place.role = "group";
    this.place.hidden = true;
    this.place.addEventListener("scroll", () => this.#load());
    letDrag(this.place, draggedRun);
  }

  /**
   * @param {Chain} chain
   * @param {string} run the one on the stage
   */
  show(chain, run) {
    const step = chain.steps.find(({ ids }) => ids.includes(run));
    const isOwn = this.#address.startsWith(`/chains/${chain.id}/`);
    if (!step && isOwn && chain.state === "running") return; // that a run is its next one is told in a moment
    const isSeen = step !== undefined && step.runs > 1;
    this.place.hidden = !isSeen;
    if (!isSeen) return;
    this.place.ariaLabel = message("Results of “{step}”", { step: step.title });
    const address = `/chains/${chain.id}/steps/${encodeURIComponent(step.name)}`;
    const isOther = this.#tiles.some(({ dataset }) => !step.ids.includes(dataset.run ?? ""));
    if (address !== this.#address || isOther) this.#clear(address);
    const known = JSON.stringify([step.ids, step.done, step.state]);
    this.#isMore ||= known !== this.#known;
    this.#known = known;
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
    this.#next = 0;
    this.#turn += 1;
    this.place.replaceChildren();
  }

  /** What there is more of, as far as there is room for it. */
  async #load() {
    const { scrollLeft, clientWidth, scrollWidth } = this.place;
    const hasRoom = scrollLeft + clientWidth + AHEAD >= scrollWidth;
    if (!this.#isMore || this.#isAsking || !hasRoom) return;
    this.#isAsking = true;
    this.#isMore = false;
    const turn = this.#turn;
    /** @type {{ runs: PastRun[], next: number, more: boolean } | null} */
    const told = await get(`${this.#address}?skip=${this.#next}`);
    this.#isAsking = false;
    if (told && turn === this.#turn) {
      this.#next = told.next;
      this.#isMore ||= told.more;
      this.place.append(...told.runs.map((run) => tileFor(run, () => this.#lookAt(run))));
      this.#mark();
    }
    this.#load();
  }

  #mark() {
    for (const tile of this.#tiles) tile.ariaPressed = String(tile.dataset.run === this.#run);
  }

  /** @param {string} run */
  #bringIn(run) {
    const tile = this.#tiles.find(({ dataset }) => dataset.run === run);
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
    this.#tiles.find(({ dataset }) => dataset.run === run.id)?.remove(); // it has been deleted
  }
}
