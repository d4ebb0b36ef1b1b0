// @ts-check
// The user's history: earlier results of the form's workflow. Requests each part of the list when it
// comes into view.

import { connection } from "../arrivals.js";
import { $, button, glideTo, isNarrow } from "../dom.js";
import { draggedRun, letDrag } from "../form/dragging.js";
import { Expiry } from "../history/expiry.js";
import { Filters } from "../history/filters.js";
import { History } from "../history/list.js";
import { setFavourite } from "../history/marks.js";
import { missing, renewed, tilesOf, totalOf, without, withRuns } from "../history/past.js";
import { Selection } from "../history/selection.js";
import { inTurn } from "../in_turn.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";
import { page } from "../state.js";
import { FINDS, read, write } from "../storage.js";
import { lookBackAt } from "./following.js";
import { seen } from "./runs.js";

/** @import { Day } from "../history/layout.js" */
/** @import { HistoryDoc } from "../documents.js" */
/** @import { PageState, PastRun } from "../state.js" */

const NOTHING_MADE = message("Nothing here yet.");
const NONE_OF_IT = message("No results with this workflow yet.");
const NO_FAVOURITES = message("No favorites yet. Press ☆ on a result to keep it here.");
const NONE_OF_ITS = message(
  "No favorites with this workflow yet. Press ☆ on a result to keep it here.",
);
const NONE_SHARED = message("Nothing shared by link.");
const LIMIT = "60"; // runs per request
const AROUND = 10; // runs to load on either side of the run on the stage, for its arrows
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

class LiveHistory {
  /** Notifies this browser's other tabs when this tab changes the history. */
  #tabs = new BroadcastChannel("comfyforms.history");
  #place;
  #view;
  #filters = new Filters(() => this.#load());
  #selection;
  #expiry = new Expiry();
  #others = button(message("Show results of all workflows"), () => this.#listAll(), "bare");
  /** @type {readonly Day[]} */
  #days = [];
  #any = false;
  #workflow = "";
  #turn = 0;
  #loading = Promise.resolve();
  /** Positions already requested. A failed request is removed. */
  #asked = new Set();

  /**
   * @param {HTMLElement} place
   * @param {string} viewer URL of the module that shows 3D models
   */
  constructor(place, viewer) {
    this.#place = place;
    this.#selection = new Selection(
      (ids) => this.#view?.pick(ids),
      async (runs, isMany) => {
        const { selectedActions } = await import("../history/selected_actions.js");
        const renew = (/** @type {PastRun[]} */ changed) => this.#selection.renew(changed);
        return selectedActions(runs, isMany, viewer, renew);
      },
      () => page.now.past,
      (to) => this.#completeTo(to),
    );
    const root = /** @type {HTMLElement} */ ($(".history", place));
    const events = {
      searchable: true,
      select: (/** @type {{ run: string }} */ { run }) => this.#choose(run),
      search: () => this.#load(),
    };
    this.#view = new History(root, events, {
      wants: (/** @type {number} */ from, /** @type {number} */ to) => this.#complete(from, to),
      star: (/** @type {PastRun} */ run) => setFavourite([run.id], !run.page.favourite),
      pick: (/** @type {number} */ index, /** @type {MouseEvent} */ event) =>
        this.#selection.take(page.now.past, index, event),
    });
    this.#view.list.addEventListener("keydown", (event) => this.#selection.pressed(event));
    letDrag(this.#view.list, draggedRun);
    const { which, favourites, fruitless } = this.#filters;
    $("h2", place)?.after(which);
    $(".rows", place)?.before(favourites, fruitless);
    $(".rows", place)?.after(this.#selection.toggle);
    $("header", place)?.append(this.#selection.place);
    if (!read(localStorage, FINDS, false)) $("h2", place)?.after(this.#foldedTools());
    $("header", place)?.after(this.#expiry.note);
    $(".history", place)?.append(this.#expiry.line);
    this.#view.mark(seen(page.now)?.id ?? "");
    page.subscribe((now, before) => this.#hear(now, before));
    this.#tabs.onmessage = () => {
      this.#loading = inTurn(this.#loading, () => this.#renew());
    };
  }

  /** Return the button that unfolds search, filters and selection, from then on in this browser. */
  #foldedTools() {
    const unfold = (/** @type {HTMLElement} */ made) => {
      made.remove();
      write(localStorage, FINDS, true);
      $("input", this.#place)?.focus();
      this.#place.scrollIntoView({ block: "nearest" });
    };
    const finds = button(message("Find and select"), unfold, "bare finds");
    finds.dataset.icon = "search";
    return finds;
  }

  /** @param {PageState} now @param {PageState} before */
  #hear(now, before) {
    if (now.form !== this.#workflow) {
      this.#workflow = now.form;
      this.#view.text = "";
      this.#selection.end();
      this.#loading = this.#load();
    }
    // Update one after another, because a run's end is reported twice.
    const { ended } = now;
    if (ended && ended !== before.ended)
      this.#loading = inTurn(this.#loading, () => this.#grow(ended.id));
    const { restored } = now;
    if (restored && restored !== before.restored)
      this.#loading = inTurn(this.#loading, () => this.#bringBack(restored.ids));
    if (now.marked && now.marked !== before.marked) this.#mark(now.marked);
    if (now.deleted && now.deleted !== before.deleted) this.#drop(now.deleted.ids);
    const isChanged = (/** @type {"restored" | "marked" | "deleted"} */ how) =>
      now[how] !== before[how];
    if (isChanged("restored") || isChanged("marked") || isChanged("deleted")) {
      this.#tabs.postMessage("");
      this.#expiry.load();
    }
    const id = seen(now)?.id ?? "";
    if (id === seen(before)?.id) return;
    this.#view.mark(id);
    this.#completeAround(id);
  }

  /**
   * Request a part of the list, again after a broken connection.
   * @param {Record<string, string>} place query parameters for the start of the part
   * @returns {Promise<HistoryDoc | null>}
   */
  async #ask(place) {
    const wanted = { ...this.#filters.query(this.#workflow), text: this.#view.text, ...place };
    const query = new URLSearchParams({ ...wanted, limit: LIMIT, with_page: "true" });
    for (;;) {
      /** @type {HistoryDoc | null} */
      const answer = await get(`${API}/runs?${query}`);
      if (answer || (await connection.answered())) return answer;
    }
  }

  /** Load the list from the start after the filters or the form have changed. */
  async #load() {
    const turn = ++this.#turn;
    const answer = await this.#ask({ zone: ZONE });
    if (turn !== this.#turn || !answer) return; // a newer request has replaced this one
    // Not before the answer is here: the page must not shift under a pressed pointer.
    const { areFavourites, areShared } = this.#filters;
    const isFiltered = areFavourites || areShared || this.#view.text !== "";
    $(".history", this.#place)?.classList.toggle("is-filtered", isFiltered);
    this.#begin(answer, 0, []);
    this.#view.begin();
    if (this.#any) this.#expiry.load();
  }

  /**
   * Add a run that has ended to the front of the list.
   * @param {string} id
   */
  async #grow(id) {
    if (this.#workflow && !page.now.past.some((run) => run?.id === id)) await this.#renew();
  }

  /** Reload the visible part after the list has changed. */
  async #renew() {
    const turn = ++this.#turn;
    const { from } = this.#view.seen;
    const answer = await this.#ask({ zone: ZONE, skip: String(from) });
    if (turn === this.#turn && answer) this.#begin(answer, from, page.now.past);
  }

  /**
   * Show the runs that Undo has restored. The Undo button is gone, so move the focus to the first of these runs. In one
   * column, also scroll to the stage if it shows one of them.
   * @param {readonly string[]} ids
   */
  async #bringBack(ids) {
    await this.#renew();
    const at = page.now.past.findIndex((run) => run && ids.includes(run.id));
    if (at < 0 || document.activeElement !== document.body) return;
    this.#view.focus(at);
    if (isNarrow() && ids.includes(seen(page.now)?.id ?? "")) $("#result-side")?.scrollIntoView();
  }

  /**
   * @param {HistoryDoc} answer
   * @param {number} at
   * @param {import("../history/past.js").Past} past the runs known before
   */
  #begin({ runs, page: list }, at, past) {
    this.#asked.clear();
    this.#any = list?.any ?? false;
    this.#days = list?.days ?? [];
    this.#show(renewed(past, totalOf(this.#days), at, tilesOf(runs)));
    this.#completeAround(seen(page.now)?.id ?? "");
  }

  /**
   * Request the runs that are missing in a range of the list.
   * @param {number} from
   * @param {number} to
   */
  async #complete(from, to) {
    const gap = missing(page.now.past, from, to);
    const turn = this.#turn;
    if (!gap || this.#asked.has(gap.at)) return;
    this.#asked.add(gap.at);
    const answer = await this.#ask({ cursor: gap.before, skip: String(gap.skip) });
    if (!answer) this.#asked.delete(gap.at);
    if (turn !== this.#turn || !answer) return;
    this.#show(withRuns(page.now.past, gap.at, tilesOf(answer.runs)));
  }

  /**
   * Request all runs up to an index, until a request fails or the list changes.
   * @param {number} to exclusive
   */
  async #completeTo(to) {
    for (let last = -1; ; ) {
      const gap = missing(page.now.past, 0, to);
      if (!gap || gap.at === last) return;
      last = gap.at;
      await this.#complete(last, to);
    }
  }

  /**
   * Load the runs beside the run on the stage, which the user may view next.
   * @param {string} id the run on the stage
   */
  #completeAround(id) {
    const at = page.now.past.findIndex((run) => run?.id === id);
    if (at >= 0)
      this.#complete(Math.max(0, at - AROUND), Math.min(at + AROUND, page.now.past.length));
  }

  /** @param {import("../history/past.js").Past} past */
  #show(past) {
    page.set({ past, pastOf: this.#workflow, hasPast: this.#any });
    const { areFavourites, areShared, which } = this.#filters;
    const [all, its] = areFavourites ? [NO_FAVOURITES, NONE_OF_ITS] : [NOTHING_MADE, NONE_OF_IT];
    const nothing = areShared ? NONE_SHARED : which.value ? all : its;
    const more = which.value ? null : this.#others;
    this.#view.show(past, this.#days, { any: this.#any, nothing, more });
  }

  /** List the results of all workflows, and show how to change that. */
  #listAll() {
    const { which } = this.#filters;
    $(".finds", this.#place)?.click();
    which.value = "all";
    this.#load();
    which.focus({ preventScroll: true });
  }

  /** @param {{ ids: readonly string[], favourite: boolean }} marked */
  #mark({ ids, favourite }) {
    const past = page.now.past.map((run) =>
      run && ids.includes(run.id) ? { ...run, page: { ...run.page, favourite } } : run,
    );
    this.#show(past);
    if (this.#filters.areFavourites) this.#loading = inTurn(this.#loading, () => this.#renew());
  }

  /** @param {readonly string[]} ids */
  #drop(ids) {
    this.#turn += 1; // pending answers would go to the wrong positions
    this.#asked.clear();
    const isFromHere = this.#place.contains(document.activeElement);
    const gone = new Set(ids);
    const at = page.now.past.findIndex((run) => run && gone.has(run.id));
    const { past, days } = without(page.now.past, this.#days, gone);
    this.#days = days;
    this.#selection.drop(ids);
    this.#show(past);
    // Keep the focus on the stage if the user deleted there.
    if (past.length) this.#view.focus(Math.min(Math.max(at, 0), past.length - 1), isFromHere);
    else $("#generate")?.focus();
  }

  /**
   * Show an earlier run on the stage.
   * @param {string} id
   */
  async #choose(id) {
    const run = page.now.past.find((one) => one?.id === id) ?? { id };
    if (!(await lookBackAt(run))) {
      this.#view.mark(seen(page.now)?.id ?? "");
      this.#load();
      return;
    }
    glideTo($(isNarrow() ? "#result-side" : "#stage .viewport"));
  }
}

/** @param {HTMLElement} place @param {{ viewer: string }} component */
export const mount = (place, { viewer }) => void new LiveHistory(place, viewer);
