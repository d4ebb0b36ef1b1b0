// Sockets of runs: which runs have one, and what happens when it closes.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { newPage, Socket } from "./fake_browser.js";
import { queuedDoc, staged } from "./run_docs.js";

newPage();
const { disconnectAll, engage, follow, hear, restore, stop } = await import(
  "../../../ui/page/script/runs/following.js"
);
const { INITIAL, page } = await import("../../../ui/page/script/state.js");

const GONE = 4404;
const entry = (id, more = {}) =>
  queuedDoc({ id, title: "W", phase: "waiting", group: "", ...more });
const view = (id, more = {}) => staged({ id, workflow: "w", errors: {}, labelled: {}, ...more });
const done = (id) => view(id, { phase: "done", finished: true, files: [], texts: [] });
const settled = () => new Promise((resolve) => setImmediate(resolve));
/** Return the paths of the sockets that are open or opening. */
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

test("only the first unfinished run has a socket", async () => {
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

test("an overtaken run loses its socket and its last update", async () => {
  hear([entry("a")]);
  Socket.opened[0].open();
  Socket.opened[0].hear(view("a", { phase: "waiting", finished: false }));
  assert.equal(page.now.runs.get("a").view.phase, "waiting");
  hear([entry("b"), entry("a")]);
  assert.deepEqual(live(), ["live/b"]);
  assert.equal(page.now.runs.get("a").view, null);
});

test("a new run has one socket, even before the app lists it", () => {
  follow("a");
  hear([entry("a")]);
  assert.deepEqual(live(), ["live/a"]);
});

test("a lost socket reopens after a pause, unless the app is away", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  follow("a");
  await Socket.opened[0].end(1006);
  assert.deepEqual(live(), []);
  t.mock.timers.tick(400);
  assert.deepEqual(live(), ["live/a"]);
  page.set({ away: "Reconnecting" });
  await Socket.opened[1].end(1006);
  t.mock.timers.tick(10_000);
  assert.deepEqual(live(), []); // the page's own socket reconnects first
});

test("page and browser forget a run that the app doesn't know", async () => {
  follow("a");
  assert.deepEqual(kept(localStorage, "runs"), ["a"]);
  await Socket.opened[0].end(GONE);
  assert.equal(page.now.runs.size, 0);
  assert.deepEqual(kept(localStorage, "runs"), []);
});

test("stored runs stay hidden until the app confirms them", () => {
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
  engage(); // a form came before the app's list
  assert.deepEqual(live(), []);
  hear([entry("a")]);
  assert.deepEqual(live().sort(), ["live/a", "live/b"]); // the end of `b` arrives over a socket, too
  assert.equal(page.now.runs.get("a").unconfirmed, false);
});

test("stops a run over its socket, or by a request without one", () => {
  follow("a");
  stop("a");
  assert.deepEqual(asked, ["POST runs/a/stop"]);
  Socket.opened[0].open();
  stop("a");
  assert.deepEqual([Socket.opened[0].sent, asked.length], [["stop"], 1]);
});

test("stopping a step stops its chain, even between two steps", () => {
  page.set({ chains: [{ id: "c", state: "running", steps: [] }] });
  hear([entry("a", { group: "c" })]);
  stop();
  assert.deepEqual(asked, ["POST chains/c/stop"]);
  page.set({ runs: new Map(), order: [] });
  stop();
  assert.deepEqual(asked, ["POST chains/c/stop", "POST chains/c/stop"]);
});
