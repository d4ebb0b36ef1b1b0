// @ts-check
// Which of a person's chains is meant by what, and how far it is. Pure: the page's state in.

import { current, seen } from "./runs.js";

/** @import { ChainDoc, StepDoc } from "../documents.js" */
/** @import { PageState, Run } from "../state.js" */

/**
 * The ids of a step's runs that have begun; the ended ones come first, by their numbers.
 * @param {Pick<StepDoc, "ended" | "live">} step
 */
export const runsOf = ({ ended, live }) => [...ended, ...live];

/**
 * The chain that a run is a part of, also where its step has made something else since.
 * @param {PageState} state
 * @param {Run} run
 */
export const chainOf = ({ chains }, run) =>
  chains.find(
    ({ id, steps }) =>
      run.entry?.group === id ||
      run.view?.group === id ||
      steps.some((step) => runsOf(step).includes(run.id)),
  ) ?? null;

/**
 * The chain whose steps are shown: that of the run on the stage, or where there is none the one that goes on, or has
 * come to nothing, of the form that is there.
 * @param {PageState} state
 */
export function seenChain(state) {
  const run = seen(state);
  if (run) return chainOf(state, run);
  const { chains, form } = state;
  const open = chains.filter(
    ({ state: phase, workflow }) =>
      phase === "running" || (phase === "failed" && workflow === form),
  );
  return open.at(-1) ?? null;
}

/**
 * The chain that goes on while none of its runs does, as between two of its steps.
 * @param {PageState} state
 */
export const betweenRuns = (state) =>
  (!current(state) && state.chains.findLast((chain) => chain.state === "running")) || null;

/**
 * Whether it can be continued where it stopped.
 * @param {ChainDoc} chain
 */
export const canContinue = ({ state }) => state === "failed" || state === "stopped";

/**
 * The step that a run belongs to, where it is done and nothing of its chain goes on.
 * @param {ChainDoc} chain
 * @param {string} run
 */
export const redoable = ({ state, steps }, run) =>
  state === "running"
    ? undefined
    : steps.find((step) => step.state === "done" && runsOf(step).includes(run));

/**
 * Whether a run is what a chain came to nothing at: to continue that runs it again.
 * @param {PageState} state
 * @param {string} id
 */
export const isContinued = ({ chains }, id) =>
  chains.some(
    (chain) =>
      canContinue(chain) &&
      chain.steps.some((step) => step.state !== "done" && runsOf(step).includes(id)),
  );

/**
 * The number of the step that is told of, from 1: the first that is not done.
 * @param {ChainDoc} chain
 */
export function stepNumber({ steps }) {
  const at = steps.findIndex(({ state }) => state !== "done");
  return at < 0 ? steps.length : at + 1;
}

/**
 * How much of a chain is done, 0 to 1: each step counts as much as any other.
 * @param {ChainDoc} chain
 * @param {ReadonlyMap<string, Run>} runs
 */
export function fractionOfChain({ steps }, runs) {
  const parts = steps.map((step) => (step.state === "done" ? 1 : partOf(step, runs)));
  return steps.length ? parts.reduce((sum, part) => sum + part, 0) / steps.length : 0;
}

/**
 * @param {StepDoc} step
 * @param {ReadonlyMap<string, Run>} runs
 */
function partOf(step, runs) {
  const { done, runs: count } = step;
  if (!count) return 0;
  const views = runsOf(step).map((id) => runs.get(id)?.view);
  // A run is told as done a moment before its chain tells so.
  const ended = Math.max(done, views.filter((view) => view?.phase === "done").length);
  const live = views.filter((view) => view?.phase === "running");
  const going = live.reduce((sum, view) => sum + (view?.progress ?? 0), 0);
  return Math.min(1, (ended + going) / count);
}

/**
 * What is wrong with the values of the last chain of a form, by the fields' keys.
 * @param {PageState} state
 * @returns {Record<string, string>}
 */
export function errorsOf({ chains, form }) {
  const last = chains.findLast(({ workflow }) => workflow === form);
  if (last?.state !== "failed") return {};
  return Object.assign({}, ...last.steps.map(({ errors }) => errors));
}

/**
 * The state of a step; one that has its turn waits where its only run does.
 * @param {Pick<StepDoc, "state" | "ended" | "live" | "runs">} step
 * @param {Pick<PageState, "runs">} state
 * @returns {StepDoc["state"]}
 */
export function phaseOf(step, { runs: known }) {
  const { state, runs } = step;
  const waits = runsOf(step).some((id) => {
    const { view, entry } = known.get(id) ?? {};
    return (view ?? entry)?.phase === "waiting";
  });
  return state === "running" && runs < 2 && waits ? "waiting" : state;
}
