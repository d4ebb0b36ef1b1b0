// @ts-check
// What is seen of the page while another one is looked at: the tab's title, and a notification, where one was asked for.

import { $ } from "../dom.js";
import { labeled, percentWords } from "../messages.js";
import { betweenRuns, chainOf, fractionOfChain } from "../runs/chains.js";
import { current } from "../runs/runs.js";
import { NOTIFIES, read, write } from "../storage.js";

/** @import { PageState, View } from "../state.js" */

/**
 * @param {PageState} state
 * @param {string} name of the form that is on the page, "" if there is none
 */
export function titleOf(state, name) {
  const run = current(state);
  const chain = run ? chainOf(state, run) : betweenRuns(state);
  const fraction = chain ? fractionOfChain(chain, state.runs) : run?.view?.progress;
  if (typeof fraction !== "number") return name || "ComfyForms";
  return `${percentWords(Math.floor(100 * fraction))} · ${(chain ?? run?.view)?.title}`;
}

/** Whether the person wants to be told; null where the browser cannot, as on an address without TLS. */
export const notifies = () =>
  "Notification" in window && isSecureContext
    ? Notification.permission === "granted" && read(localStorage, NOTIFIES, false) === true
    : null;

/**
 * Be told or not. The browser asks the person itself.
 * @param {boolean} wish
 * @returns {Promise<boolean>} whether it is so from now on
 */
export async function notifyWhenDone(wish) {
  const granted = wish && (await Notification.requestPermission()) === "granted";
  write(localStorage, NOTIFIES, granted);
  return granted;
}

/**
 * @param {View} view of a run that has ended
 */
function notify({ title, headline, id, page: { about } }) {
  const body = about ? labeled(title, about) : title;
  notifyIfAway(headline, body, id);
}

/**
 * Tell somebody who wants it of something that has ended while they look elsewhere.
 * @param {string} headline
 * @param {string} body
 * @param {string} tag of which one is told
 */
export function notifyIfAway(headline, body, tag) {
  if (!document.hidden || !notifies()) return;
  const told = new Notification(headline, { body, tag });
  told.onclick = () => {
    window.focus();
    told.close();
  };
}

/**
 * @param {PageState} now
 * @param {PageState} before
 */
export function showInTab(now, before) {
  const title = titleOf(now, $("#heading h1")?.textContent?.trim() ?? "");
  if (document.title !== title) document.title = title;
  if (!now.ended || now.ended === before.ended) return;
  const { id } = now.ended;
  const view = now.runs.get(id)?.view;
  // One that is unconfirmed had ended before this page was opened.
  if (view && view.phase !== "stopped" && !before.runs.get(id)?.unconfirmed) notify(view);
}
