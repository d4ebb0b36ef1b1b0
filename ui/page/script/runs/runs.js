// @ts-check
// Which of a person's runs is meant by what. Pure: the page's state in, runs or a changed state out.

import { saidOf } from "./places.js";

/** @import { BatchDoc } from "../documents.js" */
/** @import { PageState, PastRun, QueuedRun, Run, View } from "../state.js" */

const TROUBLE = ["failed", "refused", "lost"];

/**
 * A run that was not known.
 * @param {string} id
 * @returns {Run}
 */
export const newRun = (id) => ({
  id,
  view: null,
  at: 0,
  entry: null,
  toldAt: 0,
  unconfirmed: false,
  connected: false,
  read: false,
  leaving: false,
});

/**
 * The runs with one of them changed, or added.
 * @param {ReadonlyMap<string, Run>} runs
 * @param {string} id
 * @param {Partial<Run>} changes
 * @returns {ReadonlyMap<string, Run>}
 */
export function withRun(runs, id, changes) {
  return new Map(runs).set(id, { ...(runs.get(id) ?? newRun(id)), ...changes });
}

/**
 * @param {ReadonlyMap<string, Run>} runs
 * @param {string} id
 * @returns {ReadonlyMap<string, Run>}
 */
export function withoutRun(runs, id) {
  const rest = new Map(runs);
  rest.delete(id);
  return rest;
}

/**
 * Those that go on, by their turn.
 * @param {PageState} state
 */
export function unfinished({ runs, order }) {
  const turn = (/** @type {Run} */ { id }) =>
    order.includes(id) ? order.indexOf(id) : order.length;
  return [...runs.values()].filter((run) => !run.view?.finished).sort((a, b) => turn(a) - turn(b));
}

/**
 * Those of them that have not begun, as far as is known.
 * @param {PageState} state
 */
export const waiting = (state) =>
  unfinished(state).filter(
    ({ entry, view, unconfirmed }) =>
      !unconfirmed && (entry?.phase ?? view?.phase ?? "waiting") === "waiting",
  );

/**
 * The one whose progress is told.
 * @param {PageState} state
 */
export const current = (state) => unfinished(state).find((run) => !run.unconfirmed) ?? null;

/**
 * The one whose end is shown when none goes on.
 * @param {PageState} state
 */
export const shownRun = ({ runs, shown }) => (shown === null ? null : (runs.get(shown) ?? null));

/**
 * The one on the stage, which its words and buttons are about.
 * @param {PageState} state
 */
export function seen(state) {
  const going = current(state);
  return going && !(state.lookingBack && shownRun(state)) ? going : shownRun(state);
}

/**
 * Those that wait or are at work; one alone that is seen already needs no line.
 * @param {PageState} state
 */
export function goingOn(state) {
  const all = unfinished(state).filter((run) => run.entry && !run.leaving);
  return all.length === 1 && all[0] === seen(state) ? [] : all;
}

/**
 * @param {Run} run one that is done but for a part has advice; of a step of a chain its chain tells
 */
const isTroubled = ({ view }) =>
  Boolean(
    view?.finished &&
      !view.page.part_of &&
      (view.page.again ||
        TROUBLE.includes(view.phase) ||
        (view.phase === "done" && view.page.advice)),
  );

/**
 * The finished run before or after one, of those that have files; after one that is not listed comes the newest.
 * @param {readonly (PastRun | null)[]} past the newest first
 * @param {string} id
 * @param {number} step 1 for an older one, -1 for a newer one
 * @returns {PastRun | null}
 */
export function neighbour(past, id, step) {
  const at = past.findIndex((run) => run?.id === id);
  const others = step > 0 ? past.slice(at + 1) : past.slice(0, Math.max(at, 0)).reverse();
  return others.find((run) => !run || run.page.results > 0) ?? null; // beyond what is not known is nothing
}

/**
 * Those that failed, if only in a part, and stay in the list until somebody has read it, unless they are seen above the list.
 * @param {PageState} state
 */
export function troubled(state) {
  const onStage = seen(state);
  return [...state.runs.values()].filter((run) => isTroubled(run) && !run.read && run !== onStage);
}

/**
 * The runs that are none of a batch's: those are told of as rows of theirs, and leave the stage to what is looked at.
 * @param {readonly QueuedRun[]} entries
 * @param {readonly BatchDoc[]} batches
 */
export const withoutBatches = (entries, batches) =>
  entries.filter(({ group }) => !batches.some(({ id }) => id === group));

/**
 * A batch is deleted: its runs stay as they are, or go with it.
 * @param {PageState} state
 * @param {string} batch
 * @param {boolean} withRuns
 * @returns {Partial<PageState>}
 */
export function withoutBatch({ runs, shown }, batch, withRuns) {
  const own = [...runs.values()].filter(({ view }) => view?.page.batch === batch);
  let left = runs;
  for (const { id, view } of own)
    left = withRuns
      ? withoutRun(left, id)
      : withRun(left, id, { view: view && { ...view, page: { ...view.page, batch: "" } } });
  if (!withRuns) return { runs: left };
  const isShown = own.some(({ id }) => id === shown);
  const empty = isShown ? { shown: null, lookingBack: false, notice: null } : {};
  return { runs: left, ended: { id: "" }, ...empty };
}

/**
 * What the app says of all unfinished runs; one that is missing has ended.
 * @param {PageState} state
 * @param {readonly QueuedRun[]} entries
 * @param {number} toldAt when it came
 * @returns {Partial<PageState>}
 */
export function listed(state, entries, toldAt) {
  let { runs } = state;
  for (const entry of entries)
    runs = withRun(runs, entry.id, { entry, toldAt, unconfirmed: false });
  return { runs, order: entries.map((entry) => entry.id) };
}

/**
 * Whether a run that has ended is out of place beside the form: it is another workflow's, and there is nothing of it to
 * use in this one, or this one cannot run.
 * @param {PageState} state
 * @param {View} view
 */
const isOutOfPlace = ({ form, blocked }, view) =>
  form !== "" &&
  view.workflow !== form &&
  (blocked !== "" || view.page.files.length + view.texts.length === 0);

/**
 * Whether a run is of what the form is of: its workflow, or the chain that it is a step of. Before there is a form, any is.
 * @param {PageState} state
 * @param {Run} run
 */
export const isOfForm = ({ form }, { view }) =>
  form === "" || !view || view.workflow === form || view.page.chain === form;

/**
 * What goes from the stage when the form of another workflow is there.
 * @param {PageState} state with that form
 * @param {boolean} clears whether all goes that was made with others
 * @returns {Partial<PageState>}
 */
export function leftWith(state, clears) {
  const view = shownRun(state)?.view;
  const isMade = clears && view?.workflow !== state.form;
  const isLeft = view?.finished && (isMade || isOutOfPlace(state, view));
  return isLeft ? { shown: null, lookingBack: false } : {};
}

/**
 * What a run's socket says of it. The last one that ended is shown; of those that ended while this page was not there
 * only one that is in its place.
 * @param {PageState} state
 * @param {View} view
 * @param {number} at when it came
 * @returns {Partial<PageState>}
 */
export function told(state, view, at) {
  const runs = withRun(state.runs, view.id, { view, at, unconfirmed: false });
  if (!view.finished) return { runs };
  const before = shownRun(state)?.view;
  // Whoever looks back is called away by the run that they can go back to only.
  const isAwaited = !state.lookingBack || current(state)?.id === view.id;
  const isLate = state.runs.get(view.id)?.unconfirmed && isOutOfPlace(state, view);
  const shows =
    isAwaited && !isLate && (!before || (view.finished_at ?? 0) >= (before.finished_at ?? 0));
  const shown = shows
    ? { shown: view.id, lookingBack: false, notice: state.notice?.beside ? state.notice : null }
    : {};
  return { runs, ...shown, ended: { id: view.id } };
}

/**
 * The person's queue: those that go on, and those that failed and have not been read.
 * @param {PageState} state
 * @param {number} now `performance.now()`
 * @returns {QueuedRun[]}
 */
export function queued(state, now) {
  const entries = goingOn(state).flatMap((run) =>
    run.entry ? [{ ...run.entry, page: { ...run.entry.page, said: saidOf(run, state, now) } }] : [],
  );
  const ended = troubled(state).flatMap(({ view }) => (view ? endOf(view, state.form) : []));
  return [...entries, ...ended];
}

/**
 * What to do about a run. Where its form is not on the page nothing is highlighted: what is wrong is said.
 * @param {Pick<View, "phase" | "workflow" | "page">} view
 * @param {string | null} form the workflow whose form is on the page
 */
export function adviceOf({ phase, workflow, page }, form) {
  const { advice, labelled } = page;
  const wrong = phase === "refused" && workflow !== form ? Object.values(labelled) : [];
  return wrong.join(" ") || advice;
}

/**
 * A run whose advice also tells what is wrong with values, but for what the headline says of the failed node.
 * @param {View} view
 * @param {readonly string[]} sentences
 * @returns {View}
 */
export function withErrors(view, sentences) {
  const { advice, labelled, failed_field } = view.page;
  const more = sentences.filter((sentence) => sentence !== labelled[failed_field]);
  return { ...view, page: { ...view.page, advice: [advice, ...more].filter(Boolean).join(" ") } };
}

/**
 * @param {View} view
 * @param {string | null} form the workflow whose form is on the page
 * @returns {QueuedRun}
 */
const endOf = (view, form) => ({
  ...view,
  page: {
    about: view.page.about,
    said: `${view.headline} ${adviceOf(view, form)}`.trim(),
    movable: false,
    again: view.page.again,
    due_in: null,
  },
});
