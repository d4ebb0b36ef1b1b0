// @ts-check
// State of the page in a single value that components subscribe to.

/** @import { BatchDoc, ChainDoc, QueueLine, RunDoc, RunTile, SharedValues, StageView } from "./documents.js" */

/**
 * A run on the stage. `file`: of an earlier run, the index of the file to show first, null for any.
 * @typedef {Omit<RunDoc, "page"> & { page: StageView, file?: number | null }} View
 * @typedef {Omit<RunDoc, "page"> & { page: QueueLine }} QueuedRun
 * @typedef {Pick<RunDoc, "id" | "title" | "finished_at" | "submitted_at" | "seeds" | "workflow"> & { page: RunTile }} PastRun
 *
 * A run as the page knows it. `at`: when `view` arrived (`performance.now()`); `toldAt`: when `entry` arrived.
 * `unconfirmed`: the page doesn't know yet whether the run is still in progress. `connected`: its socket is open.
 * `read`: the user has seen how it ended. `leaving`: the user has removed or stopped it.
 * `own`: this page has started it.
 * @typedef {{ id: string, view: View | null, at: number, entry: QueuedRun | null, toldAt: number, unconfirmed: boolean,
 *   connected: boolean, read: boolean, leaving: boolean, own: boolean }} Run
 *
 * A message that isn't about a run. `beside`: it appears in addition to a run's message, not in its place. `ofFields`:
 * all errors appear at their fields. `offers`: actions that the user can take, each with a button.
 * @typedef {{ headline: string, advice: string, phase: string, beside: boolean, ofFields: boolean,
 *   offers: readonly Offer[] }} Notice
 * @typedef {{ label: string, does: () => void }} Offer
 *
 * The administrator's text for all pages. `until`: seconds since 1970, null for no end.
 * @typedef {{ id: string, text: string, until: number | null }} Announcement
 *
 * @typedef {{ ids: readonly string[], shown: string }} Undoable
 *
 * `order`: ids of the unfinished runs in queue order. `shown`: id of the finished run to show; `lookingBack`: show it
 * although another run is in progress. `sending`: the user has pressed Generate and the app hasn't answered yet.
 * `away`: why the app can't be reached, "" if it can; `serverAway`: the same for the ComfyUI server; `paused`: an
 * administrator has paused all servers; `servers`: number of ComfyUI servers, and how many take runs, both 0 while
 * unknown; `announcement`: the administrator's text for all pages. `signingOut`: a sign-out is in progress. `uploading`:
 * ids of fields whose file is being uploaded. `waiting`: number of waiting runs of all users.
 * `form`: workflow of the form that was drawn last, "" before the first; `blocked`: why it can't run; `lacks`: nodes or models are missing; `editing`:
 * workflow whose form is edited in this tab, or ""; `formless`: the page has no form; `coming`: another form is loading and takes long. `ideas`: examples from the workflow's author;
 * `cover`: an example result; `makes`: kind of its results; `shared`: the shared result whose settings
 * the user has taken, or null.
 * `ended`, `deleted`, `restored`, `marked`: the runs of the latest such event; the id "" stands for any run of a batch.
 * `undoable`: the runs that Undo restores, and the one that was on the stage before. `deleting`: the last run deleted
 * on the stage; until `until` (`performance.now()`), ignore clicks on Delete for the run that has taken its place.
 * `past`: the listed finished runs, newest first, null for those not loaded yet; `pastOf`: workflow of the form when
 * they were listed; `hasPast`: the user has finished runs, listed or not. `batches`: batches that are in progress or have ended since the tab was opened; `chains`: likewise,
 * oldest first; `followed`: id of the chain that this page has started or resumed last. `oneColumn`: the page shows either
 * the form or the stage; `tab`: which one.
 * @typedef {{ runs: ReadonlyMap<string, Run>, order: readonly string[], shown: string | null, lookingBack: boolean,
 *   notice: Notice | null, sending: boolean, away: string, serverAway: string, paused: boolean,
 *   servers: { count: number, available: number }, announcement: Announcement | null, signingOut: boolean, uploading: readonly string[],
 *   waiting: number, form: string, blocked: string, lacks: boolean, editing: string, formless: boolean, coming: boolean, ideas: readonly Idea[],
 *   cover: Example, makes: Made, shared: SharedValues | null,
 *   ended: { id: string } | null,
 *   deleted: { ids: readonly string[] } | null, restored: { ids: readonly string[] } | null,
 *   marked: { ids: readonly string[], favourite: boolean } | null, undoable: Undoable | null,
 *   deleting: { run: string, until: number } | null, past: readonly (PastRun | null)[], pastOf: string, hasPast: boolean,
 *   batches: readonly BatchDoc[], chains: readonly ChainDoc[], followed: string, oneColumn: boolean,
 *   tab: "form" | "result" }} PageState
 */

/**
 * Kind of a run's results, "" for several kinds.
 * @typedef {RunTile["kind"]} Made
 */

/**
 * An example result: addresses of it and of the image that it was made from, "" for none, and its kind; `line`: what
 * the form makes.
 * @typedef {{ url: string, before: string, kind: string, line: string }} Example
 */

/** @type {Example} */
export const NO_EXAMPLE = { url: "", before: "", kind: "image", line: "" };

/**
 * An example to try: its label, and values by field key in the browser's storage format. `instead`: for each file
 * field, the files that the example may replace.
 * @typedef {{ label: string, cover: string, values: Record<string, unknown>, instead: Record<string, readonly string[]> }} Idea
 */

/**
 * Observable value.
 * @template {object} T
 */
export class Store {
  /** @type {Set<(now: T, before: T) => void>} */
  #listeners = new Set();

  /** @param {T} initial */
  constructor(initial) {
    /** Current value, never changed in place. */
    this.now = initial;
  }

  /**
   * Change some properties and notify all subscribers.
   * @param {Partial<T>} changes
   */
  set(changes) {
    const before = this.now;
    this.now = { ...before, ...changes };
    for (const listener of [...this.#listeners]) listener(this.now, before);
  }

  /**
   * Call a listener immediately and after every change.
   * @param {(now: T, before: T) => void} listener
   * @returns {() => void} unsubscribes
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
  paused: false,
  servers: { count: 0, available: 0 },
  announcement: null,
  signingOut: false,
  uploading: [],
  waiting: 0,
  form: "",
  blocked: "",
  lacks: false,
  editing: "",
  formless: true,
  coming: false,
  ideas: [],
  cover: NO_EXAMPLE,
  makes: "image",
  shared: null,
  ended: null,
  deleted: null,
  restored: null,
  marked: null,
  undoable: null,
  deleting: null,
  past: [],
  pastOf: "",
  hasPast: false,
  batches: [],
  chains: [],
  followed: "",
  oneColumn: false,
  tab: "form",
};

export const page = new Store(INITIAL);

/**
 * Show a message that isn't about a run.
 * @param {string} headline "" removes the current message
 * @param {string} [advice]
 * @param {string} [phase] sets the message's look
 * @param {readonly Offer[]} [offers] actions that the user can take
 * @param {boolean} [ofFields] whether all errors appear at their fields
 */
export function say(headline, advice = "", phase = "refused", offers = [], ofFields = false) {
  const { runs, shown, oneColumn } = page.now;
  const isOnTheWay = phase === "waiting"; // a run's message will replace it
  const isTold = [...runs.values()].some(
    ({ id, view, unconfirmed }) => id === shown || (!view?.finished && !unconfirmed),
  );
  const beside = ofFields || ((isTold || oneColumn) && !isOnTheWay);
  const notice = { headline, advice, phase, beside, ofFields, offers };
  page.set({ notice: headline ? notice : null });
}
