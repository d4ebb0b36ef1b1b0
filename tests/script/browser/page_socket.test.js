// The page's socket: its messages, reconnecting, and when the page reloads.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { newPage, Socket } from "./fake_browser.js";

newPage();
const { listen } = await import("../../../ui/page/script/page_socket.js");
const { disconnectAll, follow } = await import("../../../ui/page/script/runs/following.js");
const { reload, tellReloaded } = await import("../../../ui/page/script/reloaded.js");
const { RECONNECTING } = await import("../../../ui/page/script/requests.js");
const { INITIAL, page } = await import("../../../ui/page/script/state.js");

const NO_LOGIN = 4401;
const REPLACED = 4409;
const NEWS = {
  runs: [],
  batches: [],
  chains: [],
  waiting: 3,
  server_away: "",
  ending: false,
  process_id: "p",
  person: "a",
  counts: {},
};

let become = { reloads: 0 };
let happen = {};

/** Let the page listen, with mocked timers, and return its socket. */
function listening(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  listen();
  return newest();
}

const newest = () => Socket.opened.at(-1);

beforeEach(() => {
  disconnectAll();
  become = newPage();
  happen = {};
  globalThis.addEventListener = (event, does) => {
    happen[event] = does;
  };
  globalThis.document = { hidden: false, addEventListener: globalThis.addEventListener };
  page.set(INITIAL);
});

test("messages update the page's state", (t) => {
  const socket = listening(t);
  assert.equal(socket.path.split("/").at(-1), "news");
  socket.open();
  socket.hear({ ...NEWS, server_away: "ComfyUI is away.", ending: true });
  assert.equal(page.now.waiting, 3);
  assert.equal(page.now.serverAway, "ComfyUI is away.");
  assert.match(page.now.away, /restarting/);
  const notice = { id: "n", text: "GPU 2 is down.", until: null };
  socket.hear({ ...NEWS, paused: true, notice });
  assert.equal(page.now.paused, true);
  assert.deepEqual(page.now.announcement, notice);
  socket.hear(NEWS);
  assert.equal(page.now.away, "");
});

test("a lost socket reopens; after two seconds the page says so", (t) => {
  listening(t).end(1006);
  t.mock.timers.tick(400);
  assert.equal(Socket.opened.length, 2);
  newest().end(1006);
  assert.equal(page.now.away, "");
  t.mock.timers.tick(1700);
  assert.equal(page.now.away, RECONNECTING);
  assert.equal(Socket.opened.length, 3);
  newest().open();
  newest().hear(NEWS);
  assert.equal(page.now.away, "");
});

test("closes all sockets, including run sockets, without an answer", (t) => {
  const socket = listening(t);
  socket.open();
  socket.hear(NEWS);
  follow("a");
  const [, run] = Socket.opened;
  run.open();
  for (let second = 0; second < 25; second++) t.mock.timers.tick(1000); // the page pings the app
  assert.deepEqual(socket.sent, ["here"]);
  t.mock.timers.tick(5000);
  assert.deepEqual([socket.readyState, run.readyState], [Socket.CLOSED, Socket.CLOSED]);
  t.mock.timers.tick(400);
  assert.equal(newest().path.split("/").at(-1), "news");
});

test("a page shown again pings at once, or reconnects", (t) => {
  const socket = listening(t);
  socket.open();
  socket.hear(NEWS);
  happen.visibilitychange();
  assert.deepEqual(socket.sent, ["here"]);
  socket.hear(NEWS);
  socket.readyState = Socket.CLOSED; // without a close event
  happen.online();
  assert.equal(Socket.opened.length, 2);
});

test("the page reloads after the app restarts", (t) => {
  const socket = listening(t);
  socket.hear(NEWS);
  socket.hear(NEWS);
  assert.equal(become.reloads, 0);
  socket.hear({ ...NEWS, process_id: "q" });
  assert.equal(become.reloads, 1);
});

test("the page reloads for another user and names that user", (t) => {
  globalThis.gradio_config = { username: "anna" };
  t.after(() => delete globalThis.gradio_config);
  listening(t).hear(NEWS);
  newest().end(REPLACED); // the same user has signed in again
  t.mock.timers.tick(400);
  newest().hear(NEWS);
  assert.deepEqual([become.reloads, page.now.away], [0, ""]);
  newest().end(REPLACED);
  t.mock.timers.tick(400);
  newest().hear({ ...NEWS, person: "b" });
  assert.equal(become.reloads, 1);
  globalThis.gradio_config = { username: "ben" };
  tellReloaded();
  assert.equal(page.now.notice.headline, "This browser is signed in as ben now.");
  page.set({ notice: null });
  tellReloaded(); // shown only once
  assert.equal(page.now.notice, null);
});

test("a page that doesn't know its user yet reloads on sign-in", (t) => {
  listening(t).end(REPLACED);
  assert.equal(become.reloads, 1);
});

test("explains a reload after the app dropped the form", () => {
  for (const [user, said] of [
    ["anna", /make room/],
    ["ben", /signed in as ben/],
  ]) {
    globalThis.gradio_config = { username: "anna" };
    reload({ isPutAside: true });
    globalThis.gradio_config = { username: user };
    tellReloaded();
    assert.match(page.now.notice.headline, said);
  }
  delete globalThis.gradio_config;
});

test("reloads when signed out elsewhere, not when signing out", (t) => {
  const socket = listening(t);
  socket.hear(NEWS);
  page.set({ signingOut: true });
  socket.end(NO_LOGIN);
  assert.equal(become.reloads, 0);
  page.set({ signingOut: false });
  socket.end(NO_LOGIN);
  assert.equal(become.reloads, 1);
});
