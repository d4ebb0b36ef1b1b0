// @ts-check
// Cards of the batches that are unfinished or ended since the tab was opened.

import { $, button, element, tell } from "../dom.js";
import { offerUndo } from "../history/undo.js";
import { labeled, message } from "../messages.js";
import { API, ask } from "../requests.js";
import { withoutBatch } from "../runs/runs.js";
import { page } from "../state.js";
import { BATCHES, write } from "../storage.js";
import { hasEnded } from "./ended.js";
import { fractionOfBatch, progressWords, titleWords, whyWords } from "./words.js";

/** @import { BatchDoc } from "../documents.js" */

/** @param {string} id @param {"pause" | "continue" | "stop" | "retry"} what */
export const doTo = (id, what) => ask(`${API}/batches/${id}/${what}`);

/**
 * @param {string} id
 * @param {boolean} withRuns
 * @returns {Promise<boolean>} whether it worked; if not, the error is already shown
 */
export async function deleteBatch(id, withRuns) {
  if (!(await ask(`${API}/batches/${id}?with_runs=${withRuns}`, undefined, "DELETE"))) return false;
  page.set(withoutBatch(page.now, id, withRuns));
  return true;
}

export class Cards {
  #place;
  #open;
  /** @type {Map<string, Card>} */
  #cards = new Map();
  /** Ids of the batches whose cards the user dismissed. @type {Set<string>} */
  #dismissed = new Set();
  /** @type {readonly BatchDoc[]} */
  #batches = [];
  #serverAway = "";

  /** @param {HTMLElement} place @param {(id: string) => void} open */
  constructor(place, open) {
    this.#place = place;
    this.#open = open;
    place.ariaLabel = message("Batches");
  }

  /**
   * @param {readonly BatchDoc[]} batches
   * @param {string} serverAway why the ComfyUI server can't be reached, or ""
   */
  show(batches, serverAway) {
    this.#batches = batches;
    this.#serverAway = serverAway;
    const shown = batches.filter(({ id }) => !this.#dismissed.has(id));
    const ids = shown.map(({ id }) => id);
    if (batches.length) write(sessionStorage, BATCHES, ids); // the list is empty until the first message
    this.#place.hidden = !shown.length;
    for (const [id, card] of this.#cards)
      if (!shown.some((batch) => batch.id === id)) {
        card.place.remove();
        this.#cards.delete(id);
      }
    for (const batch of shown) {
      const card = this.#cards.get(batch.id) ?? this.#cardOf(batch);
      card.show(batch, serverAway);
    }
  }

  /** @param {BatchDoc} batch */
  #cardOf({ id }) {
    const showAgain = () => this.show(this.#batches, this.#serverAway);
    const card = new Card(id, this.#open, () => {
      this.#dismissed.add(id);
      showAgain();
      ($(".open", this.#place) ?? $("#generate"))?.focus();
      const undo = () => void (this.#dismissed.delete(id) && showAgain());
      offerUndo(message("Dismissed."), message("Its results stay in the history."), undo);
    });
    this.#cards.set(id, card);
    this.#place.append(card.place);
    return card;
  }
}

/** Card of a batch. It keeps its buttons: a button that each result replaces can't be clicked. */
class Card {
  place = element("li", "batch");
  #title = element("strong");
  #said = element("span", "said muted digits");
  #bar = element("progress");
  #why = element("p", "why");
  #pause;
  #stop;
  #dismiss;
  #state = "";

  /** @param {string} id @param {(id: string) => void} open @param {() => void} dismissed */
  constructor(id, open, dismissed) {
    this.place.dataset.batch = id;
    this.#pause = button(
      "",
      () => doTo(id, this.#state === "paused" ? "continue" : "pause"),
      "quiet",
    );
    this.#stop = button(message("Stop"), () => doTo(id, "stop"), "quiet");
    this.#dismiss = button(message("Dismiss"), dismissed, "quiet");
    this.#why.role = "status";
    const head = element("div", "batch-head wraps apart", this.#title, this.#said);
    const row = element("div", "batch-tools wraps");
    const opening = button(message("Open"), () => open(id), "quiet open");
    row.append(opening, this.#pause, this.#stop, this.#dismiss);
    this.place.append(head, this.#bar, this.#why, row);
  }

  /** @param {BatchDoc} batch @param {string} serverAway */
  show(batch, serverAway) {
    const { state } = batch;
    const why = whyWords(batch, serverAway);
    const title = titleWords(batch);
    const hadFocus = this.place.contains(document.activeElement);
    this.#state = state;
    this.place.dataset.state = state;
    tell(this.#title, title);
    this.#title.title = title; // it may be cut off
    tell(this.#said, progressWords(batch));
    this.#bar.value = fractionOfBatch(batch);
    this.#bar.ariaLabel = labeled(message("Progress"), title);
    tell(this.#why, why);
    this.#why.hidden = !why;
    tell(this.#pause, state === "paused" ? message("Continue") : message("Pause"));
    const isOver = hasEnded(batch);
    this.#pause.hidden = this.#stop.hidden = isOver;
    this.#dismiss.hidden = !isOver;
    // The button with the focus may be hidden now.
    if (hadFocus && !document.activeElement?.checkVisibility()) $(".open", this.place)?.focus();
  }
}
