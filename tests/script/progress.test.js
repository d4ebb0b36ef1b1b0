// What is said of a run, also in the tab, and how long it has taken.

import assert from "node:assert/strict";
import { test } from "node:test";
import { durationWords, elapsedWords, pause } from "../../ui/page/script/clock.js";
import { titleOf } from "../../ui/page/script/components/tab.js";
import { withRun } from "../../ui/page/script/runs/runs.js";
import { saidNow, timesOf } from "../../ui/page/script/stage/progress.js";
import { INITIAL } from "../../ui/page/script/state.js";
import { queuedDoc, staged, tileDoc } from "./browser/run_docs.js";

const VIEW = {
  id: "a",
  workflow: "w",
  title: "W",
  phase: "running",
  finished: false,
  headline: "Sampling",
  advice: "",
  detail: "",
  progress: 0.5,
  elapsed: 10,
  seconds_left: 20,
  seeds: {},
  blind: false,
};
const going = (changes = {}) => ({
  ...INITIAL,
  runs: withRun(INITIAL.runs, "a", { view: staged({ ...VIEW, ...changes }), connected: true }),
});

const HERE = { ...INITIAL, form: "w" };
const ELSEWHERE = { ...INITIAL, form: "other" };

test("before anything was made, a person is told where it will be, unless nothing can run", () => {
  assert.equal(saidNow(INITIAL).headline, "Your images will appear here.");
  const of = (makes) => saidNow({ ...INITIAL, formless: false, cover: "/c", makes }).headline;
  assert.equal(of("audio"), "Your results will appear here.");
  assert.equal(of(""), "Your results will appear here.");
  assert.equal(saidNow({ ...INITIAL, formless: false }).headline, "", "the stage says it");
  const past = [tileDoc({ workflow: "w", thumb: "/t" })];
  const made = { ...HERE, formless: false, cover: "/c", pastOf: "w", past };
  assert.equal(saidNow(made).headline, "", "and where it shows what was made");
  const blocked = "This workflow can't run here.";
  assert.equal(saidNow({ ...INITIAL, formless: false, blocked }).headline, "");
});

test("where no run is seen, the last batch of the form is told of until it has ended", () => {
  const batch = { state: "running", rows: 6, done: 6, failed: 0, workflow: "w", title: "W" };
  const batches = [
    { ...batch, id: "2", done: 5 },
    { ...batch, id: "1" },
    { ...batch, id: "3", workflow: "v" },
  ];
  const state = { ...INITIAL, formless: false, form: "w", cover: "/c", batches };
  const { headline, batch: told } = saidNow(state);
  assert.deepEqual([headline, told], ["6 of 6 done", "1"]);
  const ended = batches.map((one) => ({ ...one, state: "done" }));
  const words = "Your images will appear here.";
  assert.equal(saidNow({ ...state, batches: ended }).headline, words, "its card tells it");
  assert.equal(saidNow({ ...state, form: "x" }).headline, "Your images will appear here.");
  assert.equal(saidNow({ ...going(), batches }).headline, "Sampling");
});

test("a run that nothing is known of yet is starting, or where the queue has it", () => {
  const told = (changes) => saidNow({ ...INITIAL, runs: withRun(INITIAL.runs, "a", changes) });
  assert.deepEqual([told({}).phase, told({}).headline], ["waiting", "Starting"]);
  assert.equal(
    told({ entry: queuedDoc({ said: "Next in the queue" }) }).headline,
    "Next in the queue",
  );
});

test("nobody is told when a run begins while the server cannot be reached", () => {
  const serverAway = "It is away.";
  const one = "1 run is waiting and starts when ComfyUI is back.";
  const waiting = going({ phase: "waiting", headline: "Next · starts in about 7\u00a0s" });
  assert.equal(saidNow({ ...waiting, serverAway }).headline, serverAway);
  const listed = withRun(INITIAL.runs, "a", { entry: queuedDoc({ said: "Next in the queue" }) });
  assert.equal(saidNow({ ...INITIAL, runs: listed, serverAway }).headline, serverAway);
  assert.equal(saidNow({ ...INITIAL, runs: listed, serverAway }).advice, one);
  assert.equal(saidNow({ ...going(), serverAway }).headline, "Sampling");
  assert.equal(saidNow({ ...going(), serverAway }).advice, "");
  const pressed = { ...going(), runs: withRun(going().runs, "b", {}), serverAway };
  assert.equal(saidNow(pressed).advice, one);
  assert.equal(saidNow({ ...pressed, serverAway: "" }).advice, "");
});

test("nobody is led to highlighted fields of a form that is not there", () => {
  const labelled = { a: "Sampler: not on this server." };
  const refused = {
    workflow: "w",
    phase: "refused",
    advice: "Fix the highlighted fields.",
    labelled,
  };
  assert.equal(saidNow({ ...going(refused), form: "v" }).advice, labelled.a);
  assert.equal(saidNow({ ...going(refused), form: "w" }).advice, refused.advice);
});

test("the run that goes on is told of; an app that is away has no news of it", () => {
  assert.equal(saidNow(going()).headline, "Sampling");
  const cut = { ...going(), away: "gone" };
  assert.equal(saidNow(cut).headline, "Sampling");
  const silent = saidNow({ ...cut, runs: withRun(cut.runs, "a", { connected: false }) });
  assert.match(silent.headline, /No updates/);
  assert.equal(silent.fraction, null);
});

test("words are about the run that is seen, also where it is not the one that goes on", () => {
  const state = going();
  const done = staged({
    ...VIEW,
    id: "kite",
    phase: "done",
    finished: true,
    headline: "Done",
  });
  const back = { ...state, runs: withRun(state.runs, "kite", { view: done }), shown: "kite" };
  assert.equal(saidNow(back).headline, "Sampling");
  const said = saidNow({ ...back, lookingBack: true });
  assert.deepEqual([said.id, said.phase, said.headline], ["kite", "done", "Done"]);
});

test("times go on between two messages", () => {
  const run = going().runs.get("a");
  assert.equal(timesOf({ ...run, at: 1000 }, HERE, 6000), "15\u00a0s · about 15\u00a0s left");
  assert.equal(timesOf({ ...run, at: 0 }, ELSEWHERE, 0), "W · 10\u00a0s · about 20\u00a0s left");
});

test("the times of a step are called that, for the bar beside them is that of its chain", () => {
  const chains = [
    {
      id: "c",
      steps: [
        { ended: [], live: ["a"] },
        { ended: [], live: [] },
      ],
    },
  ];
  const times = (changes) =>
    timesOf({ ...going(changes).runs.get("a"), at: 0 }, { ...ELSEWHERE, chains }, 0);
  assert.equal(times({}), "this step: 10\u00a0s, about 20\u00a0s left");
  assert.equal(times({ seconds_left: null }), "this step: 10\u00a0s");
});

test("nobody knows how long a run takes while the server cannot be reached", () => {
  const run = going().runs.get("a");
  assert.equal(timesOf({ ...run, at: 0 }, { ...HERE, serverAway: "It is away." }, 0), "10\u00a0s");
});

test("a result of another workflow than the open one names it", () => {
  const run = going({ finished: true, phase: "done" }).runs.get("a");
  assert.equal(timesOf(run, HERE, 0), "");
  assert.equal(timesOf(run, ELSEWHERE, 0), "Made with W");
  const { view: done } = run;
  const stopped = { ...run, view: { ...done, phase: "stopped" } };
  assert.equal(timesOf(stopped, ELSEWHERE, 0), "A run of W");
});

test("durations are written as people say them", () => {
  const said = ["1\u00a0s", "89\u00a0s", "3\u00a0min", "92\u00a0min", "4\u00a0h"];
  assert.deepEqual([0.2, 89, 180, 5500, 15000].map(durationWords), said);
});

test("no more time is said to have passed than has", () => {
  const said = [
    "1\u00a0s",
    "59\u00a0s",
    "1\u00a0min 34\u00a0s",
    "10\u00a0min",
    "89\u00a0min",
    "3\u00a0h",
  ];
  assert.deepEqual([0.2, 59.9, 94.6, 600, 5399, 14399].map(elapsedWords), said);
});

test("pauses grow with the tries, up to a bound", () => {
  for (const tries of [0, 1, 5, 100]) assert.ok(pause(tries) >= 225 && pause(tries) <= 6250);
  assert.ok(pause(0) < pause(9));
});

const withView = (view) => ({ ...INITIAL, runs: withRun(INITIAL.runs, "a", { view }) });

test("the title has the percent of the run that goes on, else the workflow's name", () => {
  const view = { title: "Text to image", progress: 0.428, finished: false };
  assert.equal(titleOf(withView(view), "Upscale"), "42% · Text to image");
  assert.equal(titleOf(withView({ ...view, progress: null }), "Upscale"), "Upscale");
  assert.equal(titleOf(withView({ ...view, finished: true }), "Upscale"), "Upscale");
  assert.equal(titleOf(INITIAL, ""), "ComfyForms");
});

test("of a chain the title has its name and how much of all its steps is done, never less than before", () => {
  const view = { title: "Upscale", progress: 0.5, finished: false, phase: "running", group: "c" };
  const of = (state, more = {}) => ({ state, runs: 1, done: 0, ended: [], live: [], ...more });
  const chain = (...steps) => [{ id: "c", title: "Three steps", state: "running", steps }];
  const second = of("running", { live: ["a"] });
  const chains = chain(of("done", { done: 1 }), second, of("waiting", { runs: 0 }));
  const titles = [
    { ...INITIAL, chains },
    { ...withView(view), chains },
    { ...withView({ ...view, finished: true, phase: "done" }), chains },
  ].map((state) => titleOf(state, "Upscale"));
  assert.deepEqual(titles, ["33% · Three steps", "50% · Three steps", "66% · Three steps"]);
});
