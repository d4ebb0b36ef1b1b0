// @ts-check
// Selects and updates the user's runs. Pure: takes the page's state, returns runs or state changes.

import { saidOf } from "./places.js";

/** @import { BatchDoc } from "../documents.js" */
/** @import { PageState, PastRun, QueuedRun, Run, View } from "../state.js" */

const TROUBLE = ["failed", "refused", "lost"];

/** @param {string} id @returns {Run} a run that the page knows nothing about yet */
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
  own: false,
});

/**
 * Return the runs with one run changed or added.
 * @param {ReadonlyMap<string, Run>} runs
 * @param {string} id
 * @param {Partial<Run>} changes
 * @returns {ReadonlyMap<string, Run>}
 */
export function withRun(runs, id, changes) {
  return new Map(runs).set(id, { ...(runs.get(id) ?? newRun(id)), ...changes });
}

/** @param {ReadonlyMap<string, Run>} runs @param {string} id @returns {ReadonlyMap<string, Run>} */
export function withoutRun(runs, id) {
  const rest = new Map(runs);
  rest.delete(id);
  return rest;
}

/** @param {PageState} state @returns the unfinished runs in queue order */
export function unfinished({ runs, order }) {
  const turn = (/** @type {Run} */ { id }) =>
    order.includes(id) ? order.indexOf(id) : order.length;
  return [...runs.values()].filter((run) => !run.view?.finished).sort((a, b) => turn(a) - turn(b));
}

/**
 * Return the unfinished runs that haven't begun, as far as the page knows.
 * @param {PageState} state
 */
export const waiting = (state) =>
  unfinished(state).filter(
    ({ entry, view, unconfirmed }) =>
      !unconfirmed && (entry?.phase ?? view?.phase ?? "waiting") === "waiting",
  );

/** @param {PageState} state @returns the run whose progress the page shows */
export const current = (state) =>
  unfinished(state).find((run) => !run.unconfirmed && isOfPage(state, run)) ?? null;

/**
 * Return the finished run that the stage shows when no run is in progress.
 * @param {PageState} state
 */
export const shownRun = ({ runs, shown }) => (shown === null ? null : (runs.get(shown) ?? null));

/**
 * Return the run on the stage. The status and the buttons are about this run.
 * @param {PageState} state
 */
export function seen(state) {
  const going = current(state);
  return going && !(state.lookingBack && shownRun(state)) ? going : shownRun(state);
}

/**
 * Return the unfinished runs for the list. A single run that is already on the stage needs no line.
 * @param {PageState} state
 */
export function goingOn(state) {
  const all = unfinished(state).filter((run) => run.entry && !run.leaving);
  return all.length === 1 && all[0] === seen(state) ? [] : all;
}

/**
 * Return whether a finished run needs attention. A partly done run has advice. A chain reports on its own steps.
 * @param {Run} run
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
 * Return the next older or newer finished run with files. For a run that isn't listed, this is the newest one.
 * @param {readonly (PastRun | null)[]} past the newest first
 * @param {string} id
 * @param {number} step 1 for an older one, -1 for a newer one
 * @returns {PastRun | null}
 */
export function neighbour(past, id, step) {
  const at = past.findIndex((run) => run?.id === id);
  const others = step > 0 ? past.slice(at + 1) : past.slice(0, Math.max(at, 0)).reverse();
  return others.find((run) => !run || run.page.results > 0) ?? null; // stop at a run that isn't loaded
}

/**
 * Return the failed or partly failed runs that stay in the list until the user has read them. The run on the stage
 * isn't listed.
 * @param {PageState} state
 */
export function troubled(state) {
  const onStage = seen(state);
  return [...state.runs.values()].filter((run) => isTroubled(run) && !run.read && run !== onStage);
}

/**
 * Return the runs that don't belong to a batch. A batch's runs are rows of its sheet and don't take the stage.
 * @param {readonly QueuedRun[]} entries
 * @param {readonly BatchDoc[]} batches
 */
export const withoutBatches = (entries, batches) =>
  entries.filter(({ group }) => !batches.some(({ id }) => id === group));

/**
 * Return the changes after a batch was deleted: its runs leave the batch or are removed.
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
 * Apply the app's list of unfinished runs. A run that is missing from it has ended.
 * @param {PageState} state
 * @param {readonly QueuedRun[]} entries
 * @param {number} toldAt when the list arrived
 * @returns {Partial<PageState>}
 */
export function listed(state, entries, toldAt) {
  let { runs } = state;
  for (const entry of entries)
    runs = withRun(runs, entry.id, { entry, toldAt, unconfirmed: false });
  return { runs, order: entries.map((entry) => entry.id) };
}

/**
 * Return whether a run belongs to the form: to its workflow, or to its chain as a step. Without a form, every run does.
 * @param {PageState} state
 * @param {Run} run
 */
export function isOfForm({ form, chains }, { view, entry }) {
  const { workflow, group } = view ?? entry ?? {};
  if (form === "" || workflow === undefined || workflow === form) return true;
  const chain = view?.page.chain || chains.find(({ id }) => id === group)?.workflow;
  return chain === form;
}

/**
 * Return whether the stage shows a run: the page or the form has started it. Others are only in the list, because another
 * tab may show them.
 * @param {PageState} state
 * @param {Run} run
 */
function isOfPage(state, run) {
  const { group } = run.view ?? run.entry ?? {};
  return run.own || (group && group === state.followed) || isOfForm(state, run);
}

/**
 * Return the changes that show a form's own result after the form of another workflow was on the page: the result on the
 * stage if it is the form's, otherwise the latest one that the page knows. Other workflows' results stay in the history.
 * @param {PageState} state the state with that form
 * @returns {Partial<PageState>}
 */
export function ownResult(state) {
  const shown = shownRun(state);
  if (shown && isOfForm(state, shown)) return {};
  const [latest] = [...state.runs.values()]
    .filter((run) => run.view?.finished && isOfForm(state, run))
    .sort((one, other) => endedAt(other) - endedAt(one));
  return { shown: latest?.id ?? null, lookingBack: false };
}

/** @param {Run} run */
const endedAt = ({ view }) => view?.finished_at ?? 0;

/**
 * Apply an update from a run's socket. The stage shows the run that ended last. A run that ended while the page was
 * away, or that another page started, is shown only if it belongs to the form.
 * @param {PageState} state
 * @param {View} view
 * @param {number} at when the update arrived
 * @returns {Partial<PageState>}
 */
export function told(state, view, at) {
  const runs = withRun(state.runs, view.id, { view, at, unconfirmed: false });
  if (!view.finished) return { runs };
  const before = shownRun(state)?.view;
  // While the user looks at an earlier result, only the end of the current run interrupts.
  const isAwaited = !state.lookingBack || current(state)?.id === view.id;
  const run = runs.get(view.id) ?? newRun(view.id);
  const shows =
    isAwaited &&
    isOfPage(state, run) &&
    (!before || (view.finished_at ?? 0) >= (before.finished_at ?? 0));
  const shown = shows
    ? { shown: view.id, lookingBack: false, notice: state.notice?.beside ? state.notice : null }
    : {};
  return { runs, ...shown, ended: { id: view.id } };
}

/**
 * Return the user's queue: the unfinished runs, then the failed ones that the user hasn't read.
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
 * Return what to do about a run. If its form isn't on the page, no field is highlighted, so list the errors instead.
 * @param {Pick<View, "phase" | "workflow" | "page">} view
 * @param {string | null} form the workflow whose form is on the page
 */
export function adviceOf({ phase, workflow, page }, form) {
  const { advice, labelled } = page;
  const wrong = phase === "refused" && workflow !== form ? Object.values(labelled) : [];
  return wrong.join(" ") || advice;
}

/**
 * Return the run with errors about its values added to the advice, except the error that the headline already shows.
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
