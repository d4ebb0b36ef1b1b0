// Which runs have a socket, and what becomes of a run whose socket closes.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { newPage, Socket } from "./fake_browser.js";
import { queuedDoc, staged } from "./run_docs.js";

newPage();
const { disconnectAll, follow, hear, restore, stop } = await import(
  "../../../ui/page/script/runs/following.js"
);
const { INITIAL, page } = await import("../../../ui/page/script/state.js");

const GONE = 4404;
const entry = (id, more = {}) =>
  queuedDoc({ id, title: "W", phase: "waiting", group: "", ...more });
const view = (id, more = {}) => staged({ id, workflow: "w", errors: {}, labelled: {}, ...more });
const done = (id) => view(id, { phase: "done", finished: true, files: [], texts: [] });
const settled = () => new Promise((resolve) => setImmediate(resolve));
/** The paths of the sockets that are open or opening. */
const live = () =>
  Socket.opened.filter(({ readyState }) => readyState !== Socket.CLOSED).map(({ path }) => path);
const kept = (store, key) => JSON.parse(store.getItem(`comfyforms.${key}`));

let asked = [];

beforeEach(() => {
  disconnectAll();
  newPage();
  page.set(INITIAL);
  asked = [];
  globalThis.fetch = async (address, { method }) => {
    asked.push(`${method} ${new URL(address).pathname.split("/").slice(-3).join("/")}`);
    return new Response("{}");
  };
});

test("only the first of the unfinished runs has a socket, and the next one when that has ended", async () => {
  hear([entry("a"), entry("b")]);
  assert.deepEqual(live(), ["live/a"]);
  Socket.opened[0].open();
  Socket.opened[0].hear(done("a"));
  await settled();
  assert.deepEqual(live(), ["live/a", "live/b"]); // the app closes the first
  Socket.opened[0].end(1000);
  await settled();
  assert.deepEqual(live(), ["live/b"]);
  assert.equal(page.now.runs.get("a").view.phase, "done");
});

test("a run that another one has overtaken loses its socket, and what was said of it is old", async () => {
  hear([entry("a")]);
  Socket.opened[0].open();
  Socket.opened[0].hear(view("a", { phase: "waiting", finished: false }));
  assert.equal(page.now.runs.get("a").view.phase, "waiting");
  hear([entry("b"), entry("a")]);
  assert.deepEqual(live(), ["live/b"]);
  assert.equal(page.now.runs.get("a").view, null);
});

test("a run that was just started has a socket before the app lists it, and one only", () => {
  follow("a");
  hear([entry("a")]);
  assert.deepEqual(live(), ["live/a"]);
});

test("a socket that breaks off is opened again after a pause, unless the app is away", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  follow("a");
  await Socket.opened[0].end(1006);
  assert.deepEqual(live(), []);
  t.mock.timers.tick(400);
  assert.deepEqual(live(), ["live/a"]);
  page.set({ away: "Reconnecting" });
  await Socket.opened[1].end(1006);
  t.mock.timers.tick(10_000);
  assert.deepEqual(live(), []); // the page's own socket finds the app first
});

test("a run that the app does not know is forgotten, also by the browser", async () => {
  follow("a");
  assert.deepEqual(kept(localStorage, "runs"), ["a"]);
  await Socket.opened[0].end(GONE);
  assert.equal(page.now.runs.size, 0);
  assert.deepEqual(kept(localStorage, "runs"), []);
});

test("runs that the browser has kept are asked for, and not told of before the app has answered", () => {
  localStorage.setItem("comfyforms.runs", '["a"]');
  sessionStorage.setItem("comfyforms.read", '["b"]');
  restore();
  assert.deepEqual(
    [...page.now.runs.values()].map(({ id, unconfirmed }) => [id, unconfirmed]),
    [
      ["b", true],
      ["a", true],
    ],
  );
  hear([entry("a")]);
  assert.deepEqual(live().sort(), ["live/a", "live/b"]); // how `b` ended is told over a socket too
  assert.equal(page.now.runs.get("a").unconfirmed, false);
});

test("a run is stopped over its socket, and by a request where that is not open", () => {
  follow("a");
  stop("a");
  assert.deepEqual(asked, ["POST runs/a/stop"]);
  Socket.opened[0].open();
  stop("a");
  assert.deepEqual([Socket.opened[0].sent, asked.length], [["stop"], 1]);
});

test("with a step of a chain that goes on all of the chain is stopped, also between two steps", () => {
  page.set({ chains: [{ id: "c", state: "running", steps: [] }] });
  hear([entry("a", { group: "c" })]);
  stop();
  assert.deepEqual(asked, ["POST chains/c/stop"]);
  page.set({ runs: new Map(), order: [] });
  stop();
  assert.deepEqual(asked, ["POST chains/c/stop", "POST chains/c/stop"]);
});
