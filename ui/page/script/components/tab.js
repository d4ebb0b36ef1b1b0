// @ts-check
// What the page shows while another tab is active: the tab's title, and notifications if the user has turned them on.

import { $, all } from "../dom.js";
import { APP, labeled, message, percentWords } from "../messages.js";
import { betweenRuns, chainOf, fractionOfChain } from "../runs/chains.js";
import { current } from "../runs/runs.js";
import { say } from "../state.js";
import { BELL_OFFERED, NOTIFIES, read, SOUNDS, write } from "../storage.js";

/** @import { PageState, View } from "../state.js" */

const LONG = 20; // seconds; users leave the page during longer runs

/**
 * @param {PageState} state
 * @param {string} name title of the form on the page, "" for none
 */
export function titleOf(state, name) {
  const run = current(state);
  const chain = run ? chainOf(state, run) : betweenRuns(state);
  const fraction = chain ? fractionOfChain(chain, state.runs) : run?.view?.progress;
  if (typeof fraction !== "number") return name || APP;
  return `${percentWords(Math.floor(100 * fraction))} · ${(chain ?? run?.view)?.title}`;
}

/** Return whether notifications are on; null if the browser doesn't support them, for example without TLS. */
export const notifies = () =>
  "Notification" in window && isSecureContext
    ? Notification.permission === "granted" && read(localStorage, NOTIFIES, false) === true
    : null;

/** Return whether to play a sound when a run is done. */
export const sounds = () => read(localStorage, SOUNDS, false) === true;

/**
 * Turn notifications on or off. The browser asks the user for permission.
 * @param {boolean} wish
 * @returns {Promise<boolean>} whether they are on now
 */
export async function notifyWhenDone(wish) {
  const granted = wish && (await Notification.requestPermission()) === "granted";
  write(localStorage, NOTIFIES, granted);
  subscribe();
  return granted;
}

/** Tell plugins whether the user wants notifications: they can send them while this page sleeps. */
export async function subscribe() {
  for (const { dataset } of all('meta[name="notifying"]')) {
    const { module = "" } = dataset;
    /** @type {{ notify: (wish: boolean, dataset: DOMStringMap) => unknown }} */
    const { notify } = await import(module);
    await notify(notifies() === true, dataset);
  }
}

/**
 * @param {View} view finished run
 */
function notify({ title, headline, id, page: { about } }) {
  const body = about ? labeled(title, about) : title;
  notifyIfAway(headline, body, id);
}

/**
 * Notify the user that something has ended, if the page is hidden and notifications are on.
 * @param {string} headline
 * @param {string} body
 * @param {string} tag id of what has ended
 */
export function notifyIfAway(headline, body, tag) {
  if (!document.hidden || !notifies()) return;
  const told = new Notification(headline, { body, tag });
  told.onclick = () => {
    window.focus();
    told.close();
  };
}

/** Offer once to tell the user when a run is done. */
function offerBell() {
  if (notifies() || sounds() || read(localStorage, BELL_OFFERED, false)) return;
  write(localStorage, BELL_OFFERED, true);
  const open = async () => (await import("./bell.js")).openBell();
  const offer = { label: message("When done…"), does: open };
  say(message("You can be told when a run is done."), "", "", [offer]);
}

/** @param {PageState} now @param {PageState} before */
export function showInTab(now, before) {
  const title = titleOf(now, $("#heading h1")?.textContent?.trim() ?? "");
  if (document.title !== title) document.title = title;
  if (!now.ended || now.ended === before.ended) return;
  const { id } = now.ended;
  const view = now.runs.get(id)?.view;
  // An unconfirmed run had ended before the page was opened.
  if (!view || view.phase === "stopped" || before.runs.get(id)?.unconfirmed) return;
  notify(view);
  if (view.page.elapsed > LONG) offerBell();
  if (sounds() && !current(now)) import("./done_sound.js").then(({ playSound }) => playSound());
}
