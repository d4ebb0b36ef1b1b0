// @ts-check
// Selects the user's chains and computes their progress from the page's state. Pure.

import { current, seen } from "./runs.js";

/** @import { ChainDoc, StepDoc } from "../documents.js" */
/** @import { PageState, Run } from "../state.js" */

/**
 * Return the ids of a step's runs that have begun: first the ended ones by number.
 * @param {Pick<StepDoc, "ended" | "live">} step
 */
export const runsOf = ({ ended, live }) => [...ended, ...live];

/**
 * Return the chain that a run belongs to, even if its step has made newer results since.
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
 * Return the chain of the run on the stage, whose steps are shown. If the stage is empty, return the last chain
 * that is running or that failed with the current form.
 * @param {PageState} state
 */
export function seenChain(state) {
  const run = seen(state);
  if (run) return chainOf(state, run);
  const open = state.chains.filter(
    (chain) =>
      (chain.state === "running" && isOfPage(state, chain)) ||
      (chain.state === "failed" && chain.workflow === state.form),
  );
  return open.at(-1) ?? null;
}

/**
 * Return whether the page or its form has started a chain. Another tab may show the others.
 * @param {PageState} state
 * @param {ChainDoc} chain
 */
const isOfPage = ({ form, followed }, { id, workflow }) =>
  form === "" || workflow === form || id === followed;

/**
 * Return the running chain while no run is in progress, as between two steps.
 * @param {PageState} state
 */
export const betweenRuns = (state) =>
  (!current(state) &&
    state.chains.findLast((chain) => chain.state === "running" && isOfPage(state, chain))) ||
  null;

/** @param {ChainDoc} chain @returns whether a chain can continue where it stopped */
export const canContinue = ({ state }) => state === "failed" || state === "stopped";

/**
 * Return the finished step that a run belongs to, unless its chain is running.
 * @param {ChainDoc} chain
 * @param {string} run
 */
export const redoable = ({ state, steps }, run) =>
  state === "running"
    ? undefined
    : steps.find((step) => step.state === "done" && runsOf(step).includes(run));

/**
 * Return whether a chain stopped at this run, so that continuing the chain runs it again.
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
 * Return the number of the current step, counted from 1: the first one that isn't done.
 * @param {ChainDoc} chain
 */
export function stepNumber({ steps }) {
  const at = steps.findIndex(({ state }) => state !== "done");
  return at < 0 ? steps.length : at + 1;
}

/**
 * Return a chain's progress from 0 to 1. Every step has the same weight.
 * @param {ChainDoc} chain
 * @param {ReadonlyMap<string, Run>} runs
 */
export function fractionOfChain({ steps }, runs) {
  const parts = steps.map((step) => (step.state === "done" ? 1 : partOf(step, runs)));
  return steps.length ? parts.reduce((sum, part) => sum + part, 0) / steps.length : 0;
}

/** @param {StepDoc} step @param {ReadonlyMap<string, Run>} runs */
function partOf(step, runs) {
  const { done, runs: count } = step;
  if (!count) return 0;
  const views = runsOf(step).map((id) => runs.get(id)?.view);
  // A run's end arrives a moment before its chain's update.
  const ended = Math.max(done, views.filter((view) => view?.phase === "done").length);
  const live = views.filter((view) => view?.phase === "running");
  const going = live.reduce((sum, view) => sum + (view?.progress ?? 0), 0);
  return Math.min(1, (ended + going) / count);
}

/**
 * Return the value errors of the form's last chain, by field key.
 * @param {PageState} state
 * @returns {Record<string, string>}
 */
export function errorsOf({ chains, form }) {
  const last = chains.findLast(({ workflow }) => workflow === form);
  if (last?.state !== "failed") return {};
  return Object.assign({}, ...last.steps.map(({ errors }) => errors));
}

/**
 * Return the state of a step. A running step counts as waiting while its only run waits.
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
