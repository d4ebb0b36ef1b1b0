// @ts-check
// The page's main socket. It reports unfinished runs, changed workflows, and whether the app can be reached.

import { sinceOpened } from "./batches/ended.js";
import { pause } from "./clock.js";
import { $, closeSocket, element, root } from "./dom.js";
import { folderChanged, redrawSoon } from "./form/form.js";
import { message } from "./messages.js";
import { reload } from "./reloaded.js";
import { RECONNECTING } from "./requests.js";
import { disconnectAll, hear } from "./runs/following.js";
import { withoutBatches } from "./runs/runs.js";
import { page } from "./state.js";
import { BATCHES, read } from "./storage.js";

const NO_LOGIN = 4401;
const REPLACED = 4409;
const ANSWER_WITHIN = 5000;
const ASK_EVERY = 25000;
const LOOK_EVERY = 5000;
const SLEPT = 15000;
const MOST = 99; // in a count of the header
const TELL_AFTER = 2000;
const RESTARTING = message("ComfyForms is restarting. Reconnecting…");
/** @type {Record<number, string>} */
const WHY = {
  1012: RESTARTING,
  4429: message("ComfyForms is open in too many tabs. Close one."),
};

/** Reconnecting socket that writes the app's messages to the page's state. */
class PageSocket {
  /** @type {WebSocket | null} */
  #socket = null;
  /** Id of the app's process, which changes with a restart. */
  #processId = "";
  /** User of this page. It changes when another user signs in in this browser. */
  #person = "";
  #failures = 0;
  #retrying = 0;
  #answering = 0;
  #telling = 0;
  /** Number of models that were downloaded since the app's start. */
  #models = 0;
  #sinceOpened = sinceOpened(read(sessionStorage, BATCHES, []));

  connect() {
    clearTimeout(this.#retrying);
    this.#drop();
    this.#socket = new WebSocket(`${root.replace(/^http/, "ws")}/news`);
    this.#socket.onmessage = ({ data }) => this.#heard(JSON.parse(data));
    this.#socket.onclose = ({ code }) => this.#closed(code);
    this.#expectAnswer();
  }

  /** Check the connection: after sleep or a network change, a socket can be dead without a close event. */
  ask() {
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send("here");
      this.#expectAnswer();
    } else if (this.#socket?.readyState !== WebSocket.CONNECTING) this.connect();
  }

  /** @param {any} said */
  #heard(said) {
    this.#answered();
    if (said.changed) folderChanged(said.changed);
    if (!said.runs) return;
    // After a restart the app doesn't know this page's form anymore. The browser has kept the user's input.
    if (this.#processId && this.#processId !== said.process_id) {
      location.reload();
      return;
    }
    if (this.#person && this.#person !== said.person) {
      reload();
      return;
    }
    // Another form gets the new choices when it is drawn next.
    if (
      this.#processId &&
      said.models > this.#models &&
      $("#missing [data-model], #missing .model")
    )
      redrawSoon();
    this.#models = said.models;
    this.#processId = said.process_id;
    this.#person = said.person;
    this.#failures = 0;
    clearTimeout(this.#telling);
    this.#telling = 0;
    const { ending, server_away: serverAway, notice: announcement, waiting, chains } = said;
    const { paused, servers } = said;
    const batches = this.#sinceOpened(said.batches);
    const away = ending ? RESTARTING : "";
    page.set({ away, serverAway, paused, servers, announcement, waiting, batches, chains });
    hear(withoutBatches(said.runs, batches));
    for (const [address, count] of Object.entries(said.counts)) {
      const link = $(`.plugin-page a[href$="${address}"]`);
      if (!link) continue;
      $("b", link)?.remove();
      if (count) link.append(element("b", "digits", count > MOST ? `${MOST}+` : String(count)));
    }
  }

  /** @param {number} [code] */
  #closed(code = 0) {
    this.#answered();
    if (code === NO_LOGIN && this.#processId) {
      if (!page.now.signingOut) location.reload();
      return;
    }
    if (code === REPLACED && !this.#person) {
      reload();
      return;
    }
    if (WHY[code]) page.set({ away: WHY[code] });
    this.#retrying = window.setTimeout(() => this.connect(), pause(this.#failures++));
    this.#telling ||= window.setTimeout(
      () => page.set({ away: page.now.away || RECONNECTING }),
      TELL_AFTER,
    );
  }

  #expectAnswer() {
    // Without an answer, treat all sockets as dead.
    this.#answering ||= window.setTimeout(() => {
      disconnectAll();
      this.#drop();
      this.#closed();
    }, ANSWER_WITHIN);
  }

  #answered() {
    clearTimeout(this.#answering);
    this.#answering = 0;
  }

  #drop() {
    if (this.#socket) closeSocket(this.#socket);
  }
}

/** Connect, and check the connection while the page is open. */
export function listen() {
  const socket = new PageSocket();
  socket.connect();
  let looked = Date.now();
  setInterval(() => {
    if (Date.now() - looked > SLEPT) socket.ask();
    looked = Date.now();
  }, LOOK_EVERY);
  setInterval(() => socket.ask(), ASK_EVERY);
  for (const event of ["online", "pageshow"]) addEventListener(event, () => socket.ask());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) socket.ask();
  });
}
