// The socket of a page: what comes over it, how it comes back, and when the page loads itself again.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { newPage, Socket } from "./fake_browser.js";

newPage();
const { listen, RECONNECTING } = await import("../../../ui/page/script/page_socket.js");
const { disconnectAll, follow } = await import("../../../ui/page/script/runs/following.js");
const { reload, tellReloaded } = await import("../../../ui/page/script/reloaded.js");
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
};

let become = { reloads: 0 };
let happen = {};

/** A page that listens, at a time that a test lets pass; the socket that it has now. */
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

test("what comes over it is what the page knows", (t) => {
  const socket = listening(t);
  assert.equal(socket.path.split("/").at(-1), "news");
  socket.open();
  socket.hear({ ...NEWS, server_away: "ComfyUI is away.", ending: true });
  assert.equal(page.now.waiting, 3);
  assert.equal(page.now.serverAway, "ComfyUI is away.");
  assert.match(page.now.away, /restarting/);
  socket.hear(NEWS);
  assert.equal(page.now.away, "");
});

test("where it breaks off it is opened again, and people are told after two seconds", (t) => {
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

test("where no answer comes all sockets are dead, those of runs as well", (t) => {
  const socket = listening(t);
  socket.open();
  socket.hear(NEWS);
  follow("a");
  const [, run] = Socket.opened;
  run.open();
  for (let second = 0; second < 25; second++) t.mock.timers.tick(1000); // it is asked now and then
  assert.deepEqual(socket.sent, ["here"]);
  t.mock.timers.tick(5000);
  assert.deepEqual([socket.readyState, run.readyState], [Socket.CLOSED, Socket.CLOSED]);
  t.mock.timers.tick(400);
  assert.equal(newest().path.split("/").at(-1), "news");
});

test("a page that is seen again asks at once, and connects where nothing is left", (t) => {
  const socket = listening(t);
  socket.open();
  socket.hear(NEWS);
  happen.visibilitychange();
  assert.deepEqual(socket.sent, ["here"]);
  socket.hear(NEWS);
  socket.readyState = Socket.CLOSED; // nobody was told
  happen.online();
  assert.equal(Socket.opened.length, 2);
});

test("after a restart of the app the page loads itself again", (t) => {
  const socket = listening(t);
  socket.hear(NEWS);
  socket.hear(NEWS);
  assert.equal(become.reloads, 0);
  socket.hear({ ...NEWS, process_id: "q" });
  assert.equal(become.reloads, 1);
});

test("a page that has become another person's loads itself again, and says whose it is now", (t) => {
  globalThis.gradio_config = { username: "anna" };
  t.after(() => delete globalThis.gradio_config);
  listening(t).hear(NEWS);
  newest().end(REPLACED); // the same person has signed in once more
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
  tellReloaded(); // once
  assert.equal(page.now.notice, null);
});

test("a page that has not heard yet whose it is loads itself again where somebody signs in", (t) => {
  listening(t).end(REPLACED);
  assert.equal(become.reloads, 1);
});

test("why a page has loaded itself again at a press is said as it is", () => {
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

test("who is signed out elsewhere gets the sign-in page; who just signs out is led there already", (t) => {
  const socket = listening(t);
  socket.hear(NEWS);
  page.set({ signingOut: true });
  socket.end(NO_LOGIN);
  assert.equal(become.reloads, 0);
  page.set({ signingOut: false });
  socket.end(NO_LOGIN);
  assert.equal(become.reloads, 1);
});
