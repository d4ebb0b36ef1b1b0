// Selection of runs: the current one, the one on the stage, and the unfinished and failed ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import { headlineOf } from "../../ui/page/script/runs/places.js";
import {
  current,
  goingOn,
  listed,
  neighbour,
  newRun,
  ownResult,
  queued,
  seen,
  shownRun,
  told,
  troubled,
  unfinished,
  withErrors,
  withoutBatch,
  withoutBatches,
  withoutRun,
  withRun,
} from "../../ui/page/script/runs/runs.js";
import { INITIAL } from "../../ui/page/script/state.js";
import { queuedDoc, staged, tileDoc } from "./browser/run_docs.js";

const entry = (id, phase = "waiting", more = {}) =>
  queuedDoc({ id, title: "W", about: "", phase, said: "", movable: true, ...more });
const view = (id, changes = {}) =>
  staged({ id, phase: "running", finished: false, again: false, ...changes });
const end = (id, finished_at, changes = {}) =>
  view(id, { phase: "done", finished: true, finished_at, ...changes });
const after = (state, ...changes) => {
  let now = state;
  for (const change of changes) now = { ...now, ...change(now) };
  return now;
};
const hearing = (said) => (state) => told(state, said, 0);
const listing =
  (...entries) =>
  (state) =>
    listed(state, entries, 0);
const ids = (runs) => runs.map((run) => run.id);

test("runs have the app's order", () => {
  const state = after(INITIAL, listing(entry("b"), entry("a")));
  assert.deepEqual(ids(unfinished(state)), ["b", "a"]);
  assert.equal(current(state)?.id, "b");
});

test("two tabs with different forms show their own runs", () => {
  const both = listing(
    entry("castle", "running", { workflow: "a" }),
    entry("kite", "waiting", { workflow: "b" }),
  );
  const [a, b] = ["a", "b"].map((form) => after({ ...INITIAL, form }, both));
  assert.deepEqual([current(a)?.id, current(b)?.id], ["castle", "kite"]);
  assert.deepEqual(ids(goingOn(b)), ["castle", "kite"]);
  const ended = after(b, hearing(end("castle", 1, { workflow: "a" })));
  assert.equal(shownRun(ended), null);
  assert.equal(shownRun(after(a, hearing(end("castle", 1, { workflow: "a" }))))?.id, "castle");
});

test("a run stays on the stage of the page that started it, whatever the form", () => {
  const runs = withRun(INITIAL.runs, "castle", { own: true });
  const state = after(
    { ...INITIAL, form: "b", runs },
    listing(entry("castle", "running", { workflow: "a" })),
  );
  assert.equal(current(state)?.id, "castle");
  assert.equal(shownRun(after(state, hearing(end("castle", 1, { workflow: "a" }))))?.id, "castle");
});

test("the steps of a chain are the runs of its form and of the page that started it", () => {
  const chains = [{ id: "c", workflow: "chain", state: "running", steps: [] }];
  const listed = listing(entry("step", "running", { workflow: "a", group: "c" }));
  for (const [changes, is] of [
    [{ form: "chain" }, true],
    [{ form: "b", followed: "c" }, true],
    [{ form: "b" }, false],
  ])
    assert.equal(current(after({ ...INITIAL, chains, ...changes }, listed)) !== null, is);
});

test("an unconfirmed run isn't the current one", () => {
  const runs = withRun(INITIAL.runs, "old", { unconfirmed: true });
  assert.equal(current({ ...INITIAL, runs }), null);
});

test("a run in progress takes the stage from an earlier result", () => {
  const state = after(INITIAL, hearing(end("kite", 1)), hearing(view("castle")));
  assert.equal(shownRun(state)?.id, "kite");
  assert.equal(seen(state)?.id, "castle");
});

test("a chosen earlier result stays until the current run ends", () => {
  const chosen = {
    ...after(INITIAL, hearing(end("kite", 1)), hearing(view("castle"))),
    lookingBack: true,
  };
  assert.equal(seen(chosen)?.id, "kite");
  assert.equal(seen(after(chosen, hearing(end("castle", 2))))?.id, "castle");
});

test("shows a stopped run, not the result before it", () => {
  const state = after(
    INITIAL,
    hearing(end("kite", 1)),
    hearing(end("castle", 2, { phase: "stopped" })),
  );
  assert.equal(seen(state)?.id, "castle");
});

test("shows the run that ended last, in any order of messages", () => {
  assert.equal(after(INITIAL, hearing(end("b", 2)), hearing(end("a", 1))).shown, "b");
});

test("a run's end removes a notice, except one beside a run", () => {
  const notice = { headline: "No", advice: "", phase: "refused" };
  const said = (beside) => ({ ...INITIAL, notice: { ...notice, beside } });
  assert.equal(after(said(false), hearing(end("a", 1))).notice, null);
  assert.equal(after(said(true), hearing(end("a", 1))).notice?.headline, "No");
});

test("lists unfinished runs, except a single one on the stage", () => {
  assert.deepEqual(goingOn(after(INITIAL, listing(entry("a")))), []);
  assert.deepEqual(goingOn(after(INITIAL, listing(entry("a", "running")))), []);
  const all = listing(entry("a", "running"), entry("b", "running"), entry("c"));
  const three = after(INITIAL, all);
  assert.deepEqual(ids(goingOn(three)), ["a", "b", "c"]);
  const leaving = ["b", "c"].reduce((runs, id) => withRun(runs, id, { leaving: true }), three.runs);
  assert.deepEqual(goingOn({ ...three, runs: leaving }), []);
});

test("a failure off the stage stays in the list until it is read", () => {
  const state = after(
    INITIAL,
    hearing(view("a")),
    hearing(end("b", 1, { phase: "failed" })),
    hearing(end("c", 2, { phase: "stopped" })),
  );
  assert.deepEqual(ids(troubled(state)), ["b"]);
  assert.deepEqual(troubled({ ...state, runs: withRun(state.runs, "b", { read: true }) }), []);
});

test("a failed step is reported by its chain, not in the list", () => {
  const lost = end("b", 1, { phase: "lost", again: true, part_of: "Step “Make” of “Boats”" });
  const state = after(INITIAL, hearing(lost), hearing(view("c")));
  assert.deepEqual(ids(troubled(state)), []);
  assert.deepEqual(queued(state, 0), []);
});

test("changes don't modify the previous runs", () => {
  const before = withRun(INITIAL.runs, "a", {});
  const changed = withRun(before, "a", { read: true });
  assert.deepEqual(before.get("a"), newRun("a"));
  assert.equal(changed.get("a")?.read, true);
  assert.equal(withoutRun(changed, "a").size, 0);
  assert.equal(changed.size, 1);
});

test("the list has the current run while the user looks back", () => {
  for (const phase of ["waiting", "running"]) {
    const state = after(INITIAL, hearing(end("kite", 1)), listing(entry("castle", phase)));
    assert.deepEqual(ids(goingOn(state)), []);
    assert.deepEqual(ids(goingOn({ ...state, lookingBack: true })), ["castle"]);
  }
});

test("a failed run on the stage isn't in the list", () => {
  const state = after(
    INITIAL,
    hearing(end("kite", 1, { phase: "failed" })),
    hearing(view("castle")),
  );
  assert.deepEqual(ids(troubled(state)), ["kite"]);
  assert.deepEqual(ids(troubled({ ...state, lookingBack: true })), []);
});

test("a partly failed run stays in the list until it is read", () => {
  const state = after(
    INITIAL,
    hearing(end("kite", 1, { advice: "A part was left out." })),
    hearing(view("castle")),
  );
  assert.deepEqual(ids(troubled(state)), ["kite"]);
  const runs = withRun(state.runs, "kite", { read: true });
  assert.deepEqual(ids(troubled({ ...state, runs })), []);
});

test("the queue has unfinished runs, then unread failed ones", () => {
  const failed = end("c", 1, {
    phase: "failed",
    title: "W",
    about: "",
    headline: "No.",
    advice: "",
  });
  const later = end("d", 2);
  const state = after(
    INITIAL,
    listing(entry("a", "running"), entry("b"), entry("e")),
    hearing(failed),
    hearing(later),
  );
  assert.deepEqual(ids(queued(state, 0)), ["a", "b", "e", "c"]);
  assert.deepEqual(queued(state, 0)[3], {
    ...failed,
    page: { about: "", said: "No.", movable: false, again: false, due_in: null },
  });
});

test("start times follow the running bar and the runs in between", () => {
  const waiting = (id, said, due_in) => entry(id, "waiting", { said, due_in });
  const first = entry("a", "running", { due_in: 11 });
  const state = after(
    INITIAL,
    listing(
      first,
      waiting("b", "Next", 11),
      waiting("c", "2 ahead", 21),
      waiting("d", "3 ahead", null),
    ),
  );
  const words = (now, one = state) =>
    queued(one, now).map(({ page }) => page.said.replaceAll("\u00a0", " "));
  assert.deepEqual(words(0).slice(1), [
    "Next · starts in about 11 s",
    "2 ahead · starts in about 21 s",
    "3 ahead",
  ]);
  assert.equal(words(4000)[1], "Next · starts in about 7 s");
  const slower = after(state, (now) => told(now, view("a", { seconds_left: 30 }), 4000));
  assert.equal(words(5000, slower)[1], "Next · starts in about 29 s");
  assert.equal(words(5000, slower)[2], "2 ahead · starts in about 39 s");
  assert.equal(words(99000, slower)[1], "Next · starts in about 1 s");
  assert.equal(words(5000, { ...slower, serverAway: "Away." })[1], "Next");
  const seenToWait = after(state, (now) => told(now, view("b", { phase: "waiting" }), 0));
  const run = (id) => seenToWait.runs.get(id);
  assert.match(headlineOf(run("b"), seenToWait, 1000), /^Next · starts in about 10/);
  const second = { ...run("c"), view: view("c", { phase: "waiting", headline: "Waiting" }) };
  assert.match(headlineOf(second, seenToWait, 1000), /^2 ahead · starts in about 20/);
});

test("the headline of a run that couldn't reach ComfyUI changes with its entry", () => {
  const away = view("a", { phase: "running", headline: "Retrying…", away: true });
  const state = after(INITIAL, listing(entry("a", "running", { said: "Running" })));
  const headline = headlineOf({ ...state.runs.get("a"), view: away }, state, 0);
  assert.equal(headline, "Running");
});

test("advice lists value errors, except the headline's", () => {
  const failed = staged({
    headline: "Load image: It is damaged.",
    advice: "Add it again.",
    labelled: { image: "Your image: It is damaged.", mask: "Mask: It is damaged." },
    failed_field: "image",
  });
  assert.equal(
    withErrors(failed, Object.values(failed.page.labelled)).page.advice,
    "Add it again. Mask: It is damaged.",
  );
  const refused = { ...failed, page: { ...failed.page, advice: "", failed_field: "" } };
  assert.equal(withErrors(refused, ["Mask: It is damaged."]).page.advice, "Mask: It is damaged.");
});

test("only the current run's end interrupts looking back", () => {
  const state = {
    ...after(INITIAL, hearing(end("kite", 1)), listing(entry("castle", "running"), entry("boat"))),
    lookingBack: true,
  };
  const removed = after(state, hearing(end("boat", 2, { phase: "stopped" })));
  assert.deepEqual([removed.shown, removed.lookingBack], ["kite", true]);
  const done = after(state, hearing(end("castle", 2)));
  assert.deepEqual([done.shown, done.lookingBack], ["castle", false]);
});

test("a run's neighbors are runs with files, newest first", () => {
  const past = ["d", "c", "b", "a"].map((id) => tileDoc({ id, results: id === "c" ? 0 : 1 }));
  assert.equal(neighbour(past, "d", 1)?.id, "b");
  assert.equal(neighbour(past, "b", -1)?.id, "d");
  assert.equal(neighbour(past, "a", 1), null);
  assert.equal(neighbour(past, "d", -1), null);
  assert.equal(neighbour(past, "unlisted", 1)?.id, "d");
  assert.equal(neighbour(past, "unlisted", -1), null);
});

test("a result that ends while the page is away appears only beside its own form", () => {
  const appears = (form) => {
    const runs = withRun(new Map(), "a", { unconfirmed: true });
    return told({ ...INITIAL, form, runs }, end("a", 1, { workflow: "own" }), 0).shown === "a";
  };
  assert.deepEqual([appears("own"), appears(""), appears("other")], [true, true, false]);
});

test("the page's own runs exclude a batch's runs", () => {
  const entries = [
    entry("a"),
    { ...entry("b"), group: "batch" },
    { ...entry("c"), group: "press" },
  ];
  const left = withoutBatches(entries, [/** @type {any} */ ({ id: "batch" })]);
  assert.deepEqual(ids(left), ["a", "c"]);
});

test("deleting a batch keeps or removes its runs", () => {
  const view = staged({ batch: "gone", finished: true });
  let runs = withRun(new Map(), "a", { view });
  runs = withRun(runs, "b", { view: { ...view, page: { batch: "other" } } });
  runs = withRun(runs, "c", {});
  const state = { ...INITIAL, runs, shown: "a", lookingBack: true };
  const { runs: left = new Map(), ...more } = withoutBatch(state, "gone", false);
  assert.deepEqual(
    [...left.values()].map((run) => run.view?.page.batch),
    ["", "other", undefined],
  );
  assert.deepEqual(more, {});
  const after = withoutBatch(state, "gone", true);
  assert.deepEqual(
    [...(after.runs ?? [])].map(([id]) => id),
    ["b", "c"],
  );
  assert.equal(after.shown, null);
  assert.equal("shown" in withoutBatch({ ...state, shown: "b" }, "gone", true), false);
});

test("a form shows its own latest result, and never another workflow's", () => {
  let runs = new Map();
  for (const [id, workflow, finished_at] of [
    ["a", "w", 1],
    ["b", "w", 2],
    ["c", "other", 3],
  ])
    runs = withRun(runs, id, { view: staged({ id, workflow, finished_at, finished: true }) });
  const shows = (shown, form) => {
    const state = { ...INITIAL, runs, shown, form };
    return { ...state, ...ownResult(state) }.shown;
  };
  assert.equal(shows("c", "w"), "b");
  assert.equal(shows("a", "w"), "a", "the one that the user looks at stays");
  assert.equal(shows("c", "third"), null);
});
