// The status of a run, its times, and the title of the tab.

import assert from "node:assert/strict";
import { test } from "node:test";
import { durationWords, elapsedWords, pause } from "../../ui/page/script/clock.js";
import { titleOf } from "../../ui/page/script/components/tab.js";
import { withRun } from "../../ui/page/script/runs/runs.js";
import { saidNow, timesOf } from "../../ui/page/script/stage/progress.js";
import { INITIAL } from "../../ui/page/script/state.js";
import { queuedDoc, staged } from "./browser/run_docs.js";

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
  runs: withRun(INITIAL.runs, "a", {
    view: staged({ ...VIEW, ...changes }),
    connected: true,
    own: true,
  }),
});

const HERE = { ...INITIAL, form: "w" };
const ELSEWHERE = { ...INITIAL, form: "other" };

test("the status is empty without a run, because the stage says where the result will appear", () => {
  assert.equal(saidNow(INITIAL).headline, "");
  assert.equal(saidNow({ ...HERE, formless: false, cover: "/c" }).headline, "");
});

test("the empty stage shows a note in place of the status", () => {
  const notice = { headline: "No files.", advice: "", phase: "", beside: false, offers: [] };
  assert.equal(saidNow({ ...HERE, formless: false, notice }).headline, "");
  assert.equal(saidNow({ ...HERE, formless: true, notice }).headline, "No files.");
});

test("a new run is starting or has its position in the queue", () => {
  const told = (changes) => saidNow({ ...INITIAL, runs: withRun(INITIAL.runs, "a", changes) });
  assert.deepEqual([told({}).phase, told({}).headline], ["waiting", "Starting"]);
  assert.equal(
    told({ entry: queuedDoc({ said: "Next in the queue" }) }).headline,
    "Next in the queue",
  );
});

test("hides start times while the ComfyUI server is unreachable", () => {
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

test("names the errors if the run's form isn't on the page", () => {
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

test("shows the current run, or no updates if disconnected", () => {
  assert.equal(saidNow(going()).headline, "Sampling");
  const cut = { ...going(), away: "gone" };
  assert.equal(saidNow(cut).headline, "Sampling");
  const silent = saidNow({ ...cut, runs: withRun(cut.runs, "a", { connected: false }) });
  assert.match(silent.headline, /Waiting for updates/);
  assert.equal(silent.fraction, null);
});

test("describes the staged run, even while another one runs", () => {
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

test("times advance between two messages", () => {
  const run = going().runs.get("a");
  assert.equal(timesOf({ ...run, at: 1000 }, HERE, 6000), "15\u00a0s · about 15\u00a0s left");
  assert.equal(timesOf({ ...run, at: 0 }, ELSEWHERE, 0), "W · 10\u00a0s · about 20\u00a0s left");
});

test("labels the times of a step, since the bar is the chain's", () => {
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
  assert.equal(times({}), "This step: 10\u00a0s · about 20\u00a0s left");
  assert.equal(times({ seconds_left: null }), "This step: 10\u00a0s");
});

test("hides the time left while ComfyUI is unreachable", () => {
  const run = going().runs.get("a");
  assert.equal(timesOf({ ...run, at: 0 }, { ...HERE, serverAway: "It is away." }, 0), "10\u00a0s");
});

test("a result of another workflow names that workflow", () => {
  const run = going({ finished: true, phase: "done" }).runs.get("a");
  assert.equal(timesOf(run, HERE, 0), "");
  assert.equal(timesOf(run, ELSEWHERE, 0), "Workflow: W");
  const { view: done } = run;
  const stopped = { ...run, view: { ...done, phase: "stopped" } };
  assert.equal(timesOf(stopped, ELSEWHERE, 0), "Workflow: W");
});

test("formats estimates in rounded units", () => {
  const said = ["1\u00a0s", "89\u00a0s", "3\u00a0min", "92\u00a0min", "4\u00a0h"];
  assert.deepEqual([0.2, 89, 180, 5500, 15000].map(durationWords), said);
});

test("never rounds elapsed time up", () => {
  const said = [
    "1\u00a0s",
    "59\u00a0s",
    "1\u00a0min 0\u00a0s",
    "1\u00a0min 34\u00a0s",
    "10\u00a0min",
    "89\u00a0min",
    "3\u00a0h",
  ];
  assert.deepEqual([0.2, 59.9, 60.2, 94.6, 600, 5399, 14399].map(elapsedWords), said);
});

test("pauses grow with the attempts, up to a limit", () => {
  for (const tries of [0, 1, 5, 100]) assert.ok(pause(tries) >= 225 && pause(tries) <= 6250);
  assert.ok(pause(0) < pause(9));
});

const withView = (view) => ({ ...INITIAL, runs: withRun(INITIAL.runs, "a", { view }) });

test("the tab's title has the run's percent, or the workflow", () => {
  const view = { title: "Text to image", progress: 0.428, finished: false };
  assert.equal(titleOf(withView(view), "Upscale"), "42% · Text to image");
  assert.equal(titleOf(withView({ ...view, progress: null }), "Upscale"), "Upscale");
  assert.equal(titleOf(withView({ ...view, finished: true }), "Upscale"), "Upscale");
  assert.equal(titleOf(INITIAL, ""), "ComfyForms");
});

test("the tab's title shows a chain's progress, which never drops", () => {
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
