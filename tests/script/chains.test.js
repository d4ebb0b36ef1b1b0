// @ts-check
// The chain to show, and its progress.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chainOf,
  errorsOf,
  fractionOfChain,
  isContinued,
  phaseOf,
  redoable,
  seenChain,
  stepNumber,
} from "../../ui/page/script/runs/chains.js";
import { newRun } from "../../ui/page/script/runs/runs.js";
import { INITIAL } from "../../ui/page/script/state.js";

/** @import { ChainDoc, StepDoc } from "../../ui/page/script/documents.js" */
/** @import { PageState, QueuedRun, Run, View } from "../../ui/page/script/state.js" */

/** @param {string} name @param {Partial<StepDoc>} more @returns {StepDoc} */
const step = (name, more = {}) => ({
  name,
  title: name,
  state: "waiting",
  runs: 0,
  done: 0,
  live: [],
  ended: [],
  same: false,
  why: "",
  hint: "",
  errors: {},
  results: null,
  ...more,
});

/** @param {string} id @param {Partial<ChainDoc>} more @returns {ChainDoc} */
const chain = (id, more = {}) => ({
  id,
  workflow: "boats.chain",
  title: "Boats",
  state: "running",
  finished: false,
  created_at: 1,
  seconds: null,
  why: "",
  url: "",
  seeds: {},
  page: { results: {} },
  steps: [
    step("make", { state: "done", runs: 1, done: 1, ended: ["a"] }),
    step("large", { state: "running", runs: 2, done: 1, ended: ["b"], live: ["c"] }),
    step("over"),
  ],
  ...more,
});

/** @param {string} id @param {Partial<View>} view @param {string} group @returns {Run} */
const run = (id, view, group = "") => ({
  ...newRun(id),
  view: /** @type {View} */ ({ id, ...view }),
  entry: /** @type {QueuedRun} */ ({ id, group }),
});

/** @param {Partial<PageState>} more */
const state = (more) => ({ ...INITIAL, ...more });

test("steps weigh equally, and a running one by its progress", () => {
  const runs = new Map([["c", run("c", { phase: "running", progress: 0.5 })]]);
  assert.equal(fractionOfChain(chain("1"), runs).toFixed(3), ((1 + 0.75) / 3).toFixed(3));
  assert.equal(fractionOfChain(chain("1"), new Map()).toFixed(3), "0.500");
  assert.equal(stepNumber(chain("1")), 2);
});

test("shows the staged run's chain even before its step is known", () => {
  const one = run("c", { phase: "running", finished: false });
  const chains = [chain("1"), chain("2", { steps: [step("make")] })];
  assert.equal(seenChain(state({ chains, runs: new Map([["c", one]]) }))?.id, "1");
  const early = run("x", { phase: "waiting", finished: false }, "2");
  assert.equal(chainOf(state({ chains }), early)?.id, "2");
  assert.equal(seenChain(state({ chains, runs: new Map([["y", run("y", {})]]) })), null);
  const former = { ...newRun("z"), view: /** @type {View} */ ({ id: "z", group: "2" }) };
  assert.equal(chainOf(state({ chains }), former)?.id, "2");
});

test("continuing a chain runs its failed run again", () => {
  const steps = [
    step("make", { state: "done", ended: ["a"] }),
    step("large", { state: "failed", ended: ["b"] }),
  ];
  const failed = state({ chains: [chain("1", { state: "failed", steps })] });
  assert.deepEqual(
    ["a", "b", "c"].map((id) => isContinued(failed, id)),
    [false, true, false],
  );
  const goesOn = state({ chains: [chain("1", { state: "running", steps })] });
  assert.equal(isContinued(goesOn, "b"), false);
});

test("an empty stage shows a running or a failed chain", () => {
  const failed = chain("1", { state: "failed" });
  assert.equal(seenChain(state({ chains: [failed] })), null);
  assert.equal(seenChain(state({ chains: [failed], form: "boats.chain" }))?.id, "1");
  assert.equal(seenChain(state({ chains: [failed, chain("2")] }))?.id, "2");
  assert.equal(
    seenChain(state({ chains: [chain("1", { state: "done" })], form: "boats.chain" })),
    null,
  );
});

test("value errors come from the form's last chain", () => {
  const errors = { "make.2.text": "Too long." };
  const failed = chain("1", { state: "failed", steps: [step("make", { errors })] });
  assert.deepEqual(errorsOf(state({ chains: [failed], form: "boats.chain" })), errors);
  assert.deepEqual(errorsOf(state({ chains: [failed, chain("2")], form: "boats.chain" })), {});
});

test("a done step can run again unless its chain is running", () => {
  const names = (/** @type {ChainDoc["state"]} */ state) =>
    ["a", "b", "x"].map((run) => redoable(chain("1", { state }), run)?.name);
  assert.deepEqual(names("failed"), ["make", undefined, undefined]);
  assert.deepEqual(names("done"), ["make", undefined, undefined]);
  assert.deepEqual(names("running"), [undefined, undefined, undefined]);
});

test("a running step waits while its only run waits", () => {
  const running = step("make", { state: "running", runs: 1, ended: ["a"] });
  /** @param {Partial<Run>} more */
  const phase = (more) => phaseOf(running, { runs: new Map([["a", { ...newRun("a"), ...more }]]) });
  const told = (/** @type {string} */ now) => /** @type {any} */ ({ phase: now });
  assert.equal(phase({}), "running");
  assert.equal(phase({ view: told("waiting") }), "waiting");
  assert.equal(phase({ entry: told("waiting") }), "waiting");
  assert.equal(phase({ view: told("running"), entry: told("waiting") }), "running");
  const two = { ...running, runs: 2, ended: ["b", "a"] };
  const runs = new Map([["b", { ...newRun("b"), view: told("waiting") }]]);
  assert.equal(phaseOf(two, { runs }), "running");
});
