// @ts-check
// What the page knows, in one value; components are told when it changes.

/** @import { BatchDoc, ChainDoc, QueueLine, RunDoc, RunTile, StageView } from "./documents.js" */

/**
 * A run on the stage. `file`: the place of the result that it is looked back at for.
 * @typedef {Omit<RunDoc, "page"> & { page: StageView, file?: number | null }} View
 * @typedef {Omit<RunDoc, "page"> & { page: QueueLine }} QueuedRun
 * @typedef {Omit<RunDoc, "page"> & { page: RunTile }} PastRun
 *
 * A run as the page knows it. `at`: when `view` came (`performance.now()`). `unconfirmed`: whether it goes on is not
 * known yet. `toldAt`: when `entry` came. `connected`: its socket is open. `read`: what became of it has been read. `leaving`: it was told to end.
 * @typedef {{ id: string, view: View | null, at: number, entry: QueuedRun | null, toldAt: number, unconfirmed: boolean,
 *   connected: boolean, read: boolean, leaving: boolean }} Run
 *
 * Something to say that is about no run. `beside`: apart from what is said of a run, not in the place where that would
 * be. `ofFields`: all that is wrong is said at fields. `offers`: what can be done about it, each as a button.
 * @typedef {{ headline: string, advice: string, phase: string, beside: boolean, ofFields: boolean,
 *   offers: readonly Offer[] }} Notice
 * @typedef {{ label: string, does: () => void }} Offer
 *
 * @typedef {{ ids: readonly string[], shown: string }} Undoable
 *
 * `order`: the unfinished runs by their turn. `shown`: the run whose end is shown. `lookingBack`: it is shown though
 * another one goes on. `sending`: from a press to what the app says of it. `away`: why the app cannot be reached, ""
 * if it can; `serverAway`: the same of the image server. `signingOut`: from a press to where that leads. `waiting`: how many runs wait in all. `form`: the workflow
 * whose form was drawn last, "" before any; `blocked`: why that cannot run; `formless`: there is none on the page.
 * `coming`: another one is loading, and takes long.
 * `ideas`: what that form's author lets people try; `cover`: the address of an image of what comes of it, or "";
 * `makes`: the kind of all that it makes.
 * `ended`, `deleted`, `restored`, `marked`: the last runs of which this was told; "" is some run of a batch. `undoable`:
 * what Undo brings back, runs and the one of them that was on the stage before all this. `deleting`: what was deleted last
 * on the stage, and until when (`performance.now()`) a press is not for what has come into its place. `past`: the finished runs that are
 * listed, the newest first, null for those that have not been asked for; `pastOf`: the workflow whose form was there when
 * they were listed. `batches`: those that go on, or have ended since the tab is open; `chains`: likewise, the oldest
 * first; `followed`: the chain that was started or went on here last, by its id. `oneColumn`: form and stage stand below
 * each other, so that either may be out of view.
 * @typedef {{ runs: ReadonlyMap<string, Run>, order: readonly string[], shown: string | null, lookingBack: boolean,
 *   notice: Notice | null, sending: boolean, away: string, serverAway: string, signingOut: boolean, waiting: number, form: string,
 *   blocked: string, formless: boolean, coming: boolean, ideas: readonly Idea[], cover: string, makes: Made,
 *   ended: { id: string } | null,
 *   deleted: { ids: readonly string[] } | null, restored: { ids: readonly string[] } | null,
 *   marked: { ids: readonly string[], favourite: boolean } | null, undoable: Undoable | null,
 *   deleting: { run: string, until: number } | null, past: readonly (PastRun | null)[], pastOf: string,
 *   batches: readonly BatchDoc[], chains: readonly ChainDoc[], followed: string, oneColumn: boolean }} PageState
 */

/**
 * A kind of results, "" for several.
 * @typedef {RunTile["kind"]} Made
 */

/**
 * Something to try: what is read, and the values by field key, as the browser keeps them. `instead`: of fields of
 * files, in whose place only they are put.
 * @typedef {{ label: string, values: Record<string, unknown>, instead: Record<string, readonly string[]> }} Idea
 */

/**
 * A value that many look at.
 * @template {object} T
 */
export class Store {
  /** @type {Set<(now: T, before: T) => void>} */
  #listeners = new Set();

  /** @param {T} initial */
  constructor(initial) {
    /** The value as it is now; never changed in place. */
    this.now = initial;
  }

  /**
   * Change some of it, and tell everybody.
   * @param {Partial<T>} changes
   */
  set(changes) {
    const before = this.now;
    this.now = { ...before, ...changes };
    for (const listener of [...this.#listeners]) listener(this.now, before);
  }

  /**
   * Be told at once, and of every change.
   * @param {(now: T, before: T) => void} listener
   * @returns {() => void} ends it
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    listener(this.now, this.now);
    return () => this.#listeners.delete(listener);
  }
}

/** @type {PageState} */
export const INITIAL = {
  runs: new Map(),
  order: [],
  shown: null,
  lookingBack: false,
  notice: null,
  sending: false,
  away: "",
  serverAway: "",
  signingOut: false,
  waiting: 0,
  form: "",
  blocked: "",
  formless: true,
  coming: false,
  ideas: [],
  cover: "",
  makes: "image",
  ended: null,
  deleted: null,
  restored: null,
  marked: null,
  undoable: null,
  deleting: null,
  past: [],
  pastOf: "",
  batches: [],
  chains: [],
  followed: "",
  oneColumn: false,
};

export const page = new Store(INITIAL);

/**
 * Say something that is about no run.
 * @param {string} headline "" takes back what was said
 * @param {string} [advice]
 * @param {string} [phase] how it looks
 * @param {readonly Offer[]} [offers] what can be done about it
 * @param {boolean} [ofFields] whether all that is wrong is said at fields
 */
export function say(headline, advice = "", phase = "refused", offers = [], ofFields = false) {
  const { runs, shown, oneColumn } = page.now;
  const isOnTheWay = phase === "waiting"; // a run will be told of in its place
  const isTold = [...runs.values()].some(
    ({ id, view, unconfirmed }) => id === shown || (!view?.finished && !unconfirmed),
  );
  const beside = (isTold || (oneColumn && !ofFields)) && !isOnTheWay;
  const notice = { headline, advice, phase, beside, ofFields, offers };
  page.set({ notice: headline ? notice : null });
}
