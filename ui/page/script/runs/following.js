// @ts-check
// Follows runs over sockets: the first unfinished run, and runs that have ended without this page knowing the outcome.

import { pause, shortWhen } from "../clock.js";
import { closeSocket, isTyping } from "../dom.js";
import { showErrors } from "../form/field_errors.js";
import { showSeeds } from "../form/seeds.js";
import { API, ask, get, newKey } from "../requests.js";
import { page } from "../state.js";
import { KEEPS_GOING, READ, RUNS, read, write } from "../storage.js";
import { betweenRuns, chainOf } from "./chains.js";
import { openRunSocket } from "./run_socket.js";
import {
  current,
  listed,
  seen,
  told,
  troubled,
  unfinished,
  withErrors,
  withoutRun,
  withRun,
} from "./runs.js";

/** @import { RunDoc } from "../documents.js" */
/** @import { PastRun, QueuedRun, View } from "../state.js" */
/** @import { RunEvents } from "./run_socket.js" */

const GONE = 4404;
const REFUSED_FOR = 30_000; // milliseconds before opening a new socket after one closed before its run began

/** @type {Map<string, WebSocket>} */
const sockets = new Map();
/**
 * The socket that waits for this page's next run.
 * @type {{ key: string, socket: WebSocket | null, notBefore: number }}
 */
const waiting = { key: "", socket: null, notBefore: 0 };
/** @typedef {import("../stage/preview_animation.js").Place} Place */
/** @typedef {(id: string, frame: ArrayBuffer, place: Place | null) => Promise<void>} Paint */
/** @type {Set<Paint>} */
const painters = new Set();

/** Return whether runs continue after the page closes: a preference of the user, not a value of the workflow. */
export const keepsGoing = () => read(localStorage, KEEPS_GOING, false) === true;

/**
 * Register a painter for the frames of runs. The next frame arrives once this one is painted.
 * @param {Paint} paint called with the frame's position if it belongs to an animation
 */
export const onFrame = (paint) => painters.add(paint);

/** Restore the runs stored in this browser. The app lists the unfinished ones; the page asks how the others ended. */
export function restore() {
  let { runs } = page.now;
  for (const id of [...read(sessionStorage, READ, []), ...read(localStorage, RUNS, [])])
    if (!runs.has(id)) runs = withRun(runs, id, { unconfirmed: true });
  page.set({ runs });
}

/**
 * Show a run that was just started, unless its socket has already delivered its end.
 * @param {string} id
 */
export function follow(id) {
  if (page.now.runs.get(id)?.view?.finished) return;
  page.set({
    runs: withRun(page.now.runs, id, { own: true }),
    lookingBack: false,
    notice: null,
    sending: false,
  });
  if (!sockets.has(id)) connect(id); // the app's list may have come first
  rememberRuns();
}

/**
 * Show the runs of a chain one after another.
 * @param {string} id
 */
export const followChain = (id) =>
  page.set({ sending: false, lookingBack: false, notice: null, followed: id });

/**
 * Handle the app's list of all unfinished runs.
 * @param {readonly QueuedRun[]} entries
 */
export function hear(entries) {
  page.set(listed(page.now, entries, performance.now()));
  engage();
  // Unlisted runs have ended: ask how.
  for (const { id } of unfinished(page.now))
    if (!page.now.order.includes(id) && !sockets.has(id)) connect(id);
  rememberRuns();
}

/**
 * Stop a run, by default the current one. For a step of a chain, stop the whole chain.
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
 * Run again with the same settings.
 * @param {string} id
 * @param {boolean} [vary] whether to draw new seeds
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
 * Run the whole chain of a run again, with the run's values and new seeds.
 * @param {string} run
 */
export async function varyChain(run) {
  const chain = page.now.runs.get(run)?.view?.page.chain ?? "";
  /** @type {{ id: string, seeds: Record<string, string> } | null} */
  const started = await ask(`${API}/runs/${run}/chain/vary`);
  if (!started) return;
  showSeeds(chain, started.seeds);
  followChain(started.id);
}

/**
 * Remove a run from the page.
 * @param {string} id
 */
export function forget(id) {
  const shown = page.now.shown === id ? null : page.now.shown;
  page.set({ runs: withoutRun(page.now.runs, id), shown });
  rememberRuns();
}

/**
 * Open a socket before the next run starts, so that its previews need no new connection. The app connects the socket to
 * the run of the request that carries its key.
 */
export function awaitRun() {
  if (waiting.socket || page.now.away || document.hidden) return;
  if (performance.now() < waiting.notBefore) return;
  const key = newKey();
  /** The run's event handlers, once it has begun. @type {RunEvents | null} */
  let events = null;
  const socket = openRunSocket(`next/${key}`, {
    began: (id) => {
      if (waiting.socket === socket) waiting.socket = null;
      const other = sockets.get(id);
      if (other?.readyState === WebSocket.OPEN) {
        closeSocket(socket);
        return;
      }
      if (other) closeSocket(other); // still connecting: this one is faster
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
      if (isOver) awaitRun(); // the user may start another run
    },
  });
  Object.assign(waiting, { key, socket });
}

/** Return the key of the socket that waits for a run, or "". */
export const waitingKey = () => (waiting.socket ? waiting.key : "");

/** Close all sockets, because a lost connection may leave them dead without a close event. */
export function disconnectAll() {
  if (waiting.socket) closeSocket(waiting.socket);
  waiting.socket = null;
  for (const id of [...sockets.keys()]) disconnect(id);
}

/** Store in the browser which runs are unfinished, unread or on the stage. */
export function rememberRuns() {
  write(
    localStorage,
    RUNS,
    unfinished(page.now).map((run) => run.id),
  );
  const shown = page.now.shown === null ? [] : [page.now.shown];
  write(sessionStorage, READ, [...troubled(page.now).map((run) => run.id), ...shown]);
}

/** Connect to the current run. Runs further back in the queue need no socket. */
export function engage() {
  const first = current(page.now);
  for (const { id } of unfinished(page.now))
    if (id !== first?.id && page.now.order.includes(id)) disconnect(id);
  if (first && !sockets.has(first.id)) connect(first.id);
}

/**
 * @param {string} id
 * @param {number} [tries] failed attempts so far
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
 * @param {() => WebSocket} own returns the socket that sends these events
 * @param {number} tries failed attempts so far
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
      if (sockets.get(id) !== own()) return; // the page has disconnected it meanwhile
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
  // The run's last update will be outdated when its turn comes.
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
 * Show the ComfyUI server's errors at their fields if the run is on the stage. Errors without a field go into the
 * advice, and so do all errors if the run has a result anyway. In that case, or if a run fails while the user is typing,
 * the page doesn't jump to the field, because that may be long after the press.
 * @param {View} view
 */
function placeErrors(view) {
  const isDone = view.phase === "done";
  const isHere = page.now.shown === view.id && view.workflow === page.now.form;
  const { errors } = view;
  const { labelled } = view.page;
  const leads = view.phase === "refused" || (!isDone && !isTyping());
  // A run without errors leaves the errors of values that the user has typed since.
  const isWrong = Object.keys(errors).length > 0;
  const homeless = isHere && isWrong ? showErrors(errors, { leads, labelled }) : [];
  const placeless = isHere && !isDone ? homeless : Object.values(labelled);
  if (placeless.length) set(view.id, { view: withErrors(view, placeless) });
}

/** @param {string} id @param {Partial<import("../state.js").Run>} changes */
function set(id, changes) {
  if (page.now.runs.has(id)) page.set({ runs: withRun(page.now.runs, id, changes) });
}

/**
 * Show an earlier run's result and its date. If the tile stands for a file, show that file first.
 * @param {{ id: string, page?: { file: number | null } }} run
 * @returns {Promise<boolean>} whether it worked; if not, the error is already shown
 */
export async function lookBackAt({ id, page: tile }) {
  /** @type {View | null} */
  const told = await ask(addressOf(id), undefined, "GET");
  if (!told) return false;
  putOnStage(told, tile?.file ?? null);
  page.set({ lookingBack: Boolean(current(page.now)), notice: null });
  return true;
}

/**
 * Show the form's latest result on the empty stage, unless something else has come there meanwhile.
 * @param {PastRun} run
 */
export async function showLatest({ id, workflow }) {
  /** @type {View | null} */
  const told = await get(addressOf(id));
  const { sending, form } = page.now;
  if (told && !sending && form === workflow && !seen(page.now)) putOnStage(told, null);
}

/** @param {View} told @param {number | null} file the position of the file to show first */
function putOnStage(told, file) {
  const headline = `${shortWhen(told.finished_at ?? 0)} · ${told.headline}`;
  const view = { ...told, headline, file };
  const changes = { view, at: performance.now(), unconfirmed: false };
  page.set({ runs: withRun(page.now.runs, told.id, changes), shown: told.id });
  rememberRuns();
}

/** @param {string} id */
const addressOf = (id) => `${API}/runs/${id}?with_page=true`;

/** Return to the current run. */
export const lookAhead = () => page.set({ lookingBack: false });
