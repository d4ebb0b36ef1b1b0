// @ts-check
// Runs and their sockets: the first unfinished one is watched over a socket of its own, as are those of whose end this
// page has not heard.

import { pause, when } from "../clock.js";
import { closeSocket, isTyping } from "../dom.js";
import { showErrors } from "../form/field_errors.js";
import { showSeeds } from "../form/seeds.js";
import { API, ask } from "../requests.js";
import { page } from "../state.js";
import { KEEPS_GOING, READ, RUNS, read, write } from "../storage.js";
import { betweenRuns, chainOf } from "./chains.js";
import { openRunSocket } from "./run_socket.js";
import {
  current,
  listed,
  told,
  troubled,
  unfinished,
  withErrors,
  withoutRun,
  withRun,
} from "./runs.js";

/** @import { RunDoc } from "../documents.js" */
/** @import { QueuedRun, View } from "../state.js" */
/** @import { RunEvents } from "./run_socket.js" */

const GONE = 4404;
const REFUSED_FOR = 30_000; // milliseconds until a socket is tried again that was closed before its run

/** @type {Map<string, WebSocket>} */
const sockets = new Map();
/** The socket that waits for the next run of this page. @type {{ key: string, socket: WebSocket | null, notBefore: number }} */
const waiting = { key: "", socket: null, notBefore: 0 };
/** @typedef {import("../stage/preview_animation.js").Place} Place */
/** @typedef {(id: string, frame: ArrayBuffer, place: Place | null) => Promise<void>} Paint */
/** @type {Set<Paint>} */
const painters = new Set();

/** Whether runs go on when the page is closed: a habit of the person, not a value of the workflow. */
export const keepsGoing = () => read(localStorage, KEEPS_GOING, false) === true;

/**
 * Be given the frames of runs; the next one comes when this one is painted.
 * @param {Paint} paint is told the place of a frame of an animation
 */
export const onFrame = (paint) => painters.add(paint);

/** Take up the runs that this browser knows of. The app tells which go on; of the others it is asked how they ended. */
export function restore() {
  let { runs } = page.now;
  for (const id of [...read(sessionStorage, READ, []), ...read(localStorage, RUNS, [])])
    if (!runs.has(id)) runs = withRun(runs, id, { unconfirmed: true });
  page.set({ runs });
}

/**
 * Show a run that was just started, unless its socket was faster and has told its end.
 * @param {string} id
 */
export function follow(id) {
  if (page.now.runs.get(id)?.view?.finished) return;
  page.set({
    runs: withRun(page.now.runs, id, {}),
    lookingBack: false,
    notice: null,
    sending: false,
  });
  if (!sockets.has(id)) connect(id); // the app may have told of it already
  rememberRuns();
}

/**
 * Show the runs of a chain one after another.
 * @param {string} id
 */
export const followChain = (id) =>
  page.set({ sending: false, lookingBack: false, notice: null, followed: id });

/**
 * What the app says of all unfinished runs.
 * @param {readonly QueuedRun[]} entries
 */
export function hear(entries) {
  page.set(listed(page.now, entries, performance.now()));
  engage();
  rememberRuns();
}

/**
 * Stop a run: the one that is told of, unless another is meant. With a step of a chain all of that is stopped.
 * @param {string} [id]
 */
export function stop(id = current(page.now)?.id) {
  const run = page.now.runs.get(id ?? "");
  const chain = run ? chainOf(page.now, run) : betweenRuns(page.now);
  if (chain?.state === "running") {
    ask(`${API}/chains/${chain.id}/stop`);
    return;
  }
  const socket = sockets.get(id ?? "");
  if (socket?.readyState === WebSocket.OPEN) socket.send("stop");
  else if (id) ask(`${API}/runs/${id}/stop`);
}

/**
 * The very same once more.
 * @param {string} id
 * @param {boolean} [vary] with new seeds
 */
export async function runAgain(id, vary = false) {
  const workflow = page.now.runs.get(id)?.view?.workflow ?? "";
  /** @type {RunDoc | null} */
  const started = await ask(`${API}/runs/${id}/again?vary=${vary}&keeps_going=${keepsGoing()}`);
  if (!started) return;
  showSeeds(workflow, started.seeds);
  follow(started.id);
  forget(id);
}

/**
 * The whole chain that a run is of once more, with the values of that run and new seeds.
 * @param {string} run
 */
export async function varyChain(run) {
  const chain = page.now.runs.get(run)?.view?.page.chain ?? "";
  const started = await ask(`${API}/runs/${run}/chain/vary`);
  if (!started) return;
  showSeeds(chain, started.seeds);
  followChain(started.id);
}

/**
 * @param {string} id
 */
export function forget(id) {
  const shown = page.now.shown === id ? null : page.now.shown;
  page.set({ runs: withoutRun(page.now.runs, id), shown });
  rememberRuns();
}

/**
 * Open a socket for the next run before it is started, so that its previews need no new connection: the server lets it
 * follow the run of a request with its key.
 */
export function awaitRun() {
  if (waiting.socket || page.now.away || document.hidden) return;
  if (performance.now() < waiting.notBefore) return;
  const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16));
  /** Of the run, once it has begun. @type {RunEvents | null} */
  let events = null;
  const socket = openRunSocket(`next/${key.join("-")}`, {
    began: (id) => {
      if (waiting.socket === socket) waiting.socket = null;
      if (sockets.has(id)) {
        closeSocket(socket);
        return;
      }
      events = eventsOf(id, () => socket, 0);
      sockets.set(id, socket);
      follow(id);
      events.opened?.();
    },
    heard: () => events?.heard?.(),
    told: (view) => events?.told(view),
    paint: async (frame, place) => events?.paint(frame, place),
    closed: (code, isOver) => {
      if (waiting.socket === socket) waiting.socket = null;
      events?.closed?.(code, isOver);
      if (!events) waiting.notBefore = performance.now() + REFUSED_FOR;
      if (isOver) awaitRun(); // people try again
    },
  });
  Object.assign(waiting, { key: key.join("-"), socket });
}

/** The key of the socket that waits for a run, "" where none does. */
export const waitingKey = () => (waiting.socket ? waiting.key : "");

/** All sockets may be dead without knowing. */
export function disconnectAll() {
  if (waiting.socket) closeSocket(waiting.socket);
  waiting.socket = null;
  for (const id of [...sockets.keys()]) disconnect(id);
}

/** Keep in the browser which runs are of interest. */
export function rememberRuns() {
  write(
    localStorage,
    RUNS,
    unfinished(page.now).map((run) => run.id),
  );
  const shown = page.now.shown === null ? [] : [page.now.shown];
  write(sessionStorage, READ, [...troubled(page.now).map((run) => run.id), ...shown]);
}

/** Those further back need no socket. */
function engage() {
  const first = current(page.now);
  for (const { id } of unfinished(page.now))
    if (id !== first?.id && page.now.order.includes(id)) disconnect(id);
    else if (!sockets.has(id)) connect(id);
}

/**
 * @param {string} id
 * @param {number} [tries] so far in vain
 */
function connect(id, tries = 0) {
  const socket = openRunSocket(
    id,
    eventsOf(id, () => socket, tries),
  );
  sockets.set(id, socket);
}

/**
 * @param {string} id
 * @param {() => WebSocket} own the socket that these are events of
 * @param {number} tries so far in vain
 * @returns {RunEvents}
 */
function eventsOf(id, own, tries) {
  let failed = tries;
  return {
    opened: () => set(id, { connected: true }),
    heard: () => {
      failed = 0;
    },
    told: (view) => {
      if (sockets.get(id) === own()) heard(view);
    },
    paint: (frame, place) => Promise.all([...painters].map((paint) => paint(id, frame, place))),
    closed: (code, isOver) => {
      if (sockets.get(id) !== own()) return; // it was disconnected meanwhile
      sockets.delete(id);
      set(id, { connected: false });
      if (isOver || !page.now.runs.has(id) || page.now.runs.get(id)?.view?.finished) return;
      if (code === GONE) forget(id);
      else if (!page.now.away)
        setTimeout(() => {
          if (!sockets.has(id) && !page.now.away) connect(id, failed + 1);
        }, pause(failed));
    },
  };
}

/** @param {string} id */
function disconnect(id) {
  const socket = sockets.get(id);
  if (!socket) return;
  closeSocket(socket);
  sockets.delete(id);
  // By the time it is its turn, what was said is old.
  const view = page.now.runs.get(id)?.view;
  set(id, { connected: false, view: view?.finished ? view : null });
}

/** @param {View} view */
function heard(view) {
  page.set(told(page.now, view, performance.now()));
  if (!view.finished) return;
  placeErrors(view);
  if (!page.now.away) engage();
  rememberRuns();
}

/**
 * What the server said of values stands on their fields, if the run is seen; what has none on this page stands with the
 * advice. Where there is a result all the same, all of it stands there too: nobody is led away from that, nor from what
 * they are typing when a run fails, which may be long after the press.
 * @param {View} view
 */
function placeErrors(view) {
  const isDone = view.phase === "done";
  const isHere = page.now.shown === view.id && view.workflow === page.now.form;
  const { errors } = view;
  const { labelled } = view.page;
  const leads = view.phase === "refused" || (!isDone && !isTyping());
  const homeless = isHere ? showErrors(errors, { leads, labelled }) : [];
  const placeless = isHere && !isDone ? homeless : Object.values(labelled);
  if (placeless.length) set(view.id, { view: withErrors(view, placeless) });
}

/**
 * @param {string} id
 * @param {Partial<import("../state.js").Run>} changes
 */
function set(id, changes) {
  if (page.now.runs.has(id)) page.set({ runs: withRun(page.now.runs, id, changes) });
}

/**
 * Show the end of an earlier run, and when that was; first the file of it that is meant.
 * @param {{ id: string, page?: { file: number | null } }} run
 * @returns {Promise<boolean>} whether it is shown; why it is not has been said
 */
export async function lookBackAt({ id, page: tile }) {
  /** @type {View | null} */
  const told = await ask(`${API}/runs/${id}?with_page=true`, undefined, "GET");
  if (!told) return false;
  const headline = `${when(told.finished_at ?? 0)} · ${told.headline}`;
  const view = { ...told, headline, file: tile?.file ?? null };
  const runs = withRun(page.now.runs, id, { view, at: performance.now(), unconfirmed: false });
  page.set({ runs, shown: id, lookingBack: Boolean(current(page.now)), notice: null });
  rememberRuns();
  return true;
}

/** Show the run that goes on again. */
export const lookAhead = () => page.set({ lookingBack: false });
