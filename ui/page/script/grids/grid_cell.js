// @ts-check
// A cell of the grid view: a result, the previews of a run, or the state as text.

import { smallOf } from "../batches/row_items.js";
import { stateWords } from "../batches/words.js";
import { $, button, closeSocket, element } from "../dom.js";
import { labeled, message } from "../messages.js";
import { openRunSocket } from "../runs/run_socket.js";
import { LivePreviews } from "../stage/preview_animation.js";

/** @import { BatchRow } from "../batches/rows.js" */
/** @import { Place } from "../stage/preview_animation.js" */

/**
 * `sized` is called with the size of each image.
 * @typedef {{ enlarge: () => void, use: (row: BatchRow) => void, explain: (row: BatchRow) => void,
 *   sized: (width: number, height: number) => void }} CellEvents
 */

export class GridCell {
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
    const hadFocus = this.place.contains(document.activeElement);
    this.#put(...this.#parts(row));
    if (hadFocus) this.focus();
  }

  focus() {
    $("button", this.place)?.focus({ preventScroll: true });
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
    made.append(small);
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
