// @ts-check
// The user's queue on this app's page. The page's sockets deliver the runs, and actions call the API.

import { queueIn } from "../components/queue.js";
import { $, announce } from "../dom.js";
import { message, plural } from "../messages.js";
import { API, ask } from "../requests.js";
import { page } from "../state.js";
import { forget, runAgain, stop } from "./following.js";
import { queued, withRun } from "./runs.js";

/** @import { Component } from "../components/queue.js" */

const EVERY = 1000; // milliseconds, as often as the progress times

/** @param {string} id */
function leave(id) {
  stop(id);
  page.set({ runs: withRun(page.now.runs, id, { leaving: true }) });
  // If the removed line had the focus, move it to Stop.
  if (document.activeElement === document.body) $("#stop")?.focus();
}

/**
 * @param {string} id
 * @param {number} by
 */
async function move(id, by) {
  if (await ask(`${API}/runs/${id}/move?by=${by}`))
    announce(by < 0 ? message("Moved up.") : message("Moved down."));
}

/**
 * Fill in the component and keep its value up to date.
 * @param {HTMLElement} place
 * @param {Component} component
 */
export function mount(place, component) {
  const remove = (/** @type {{ run: string }} */ what) => {
    leave(what.run);
    component.remove(what);
  };
  /** @type {Component} */
  const events = {
    ...component,
    move: (what) => {
      move(what.run, what.by);
      component.move(what);
    },
    remove,
    run_again: (what) => {
      runAgain(what.run);
      component.run_again(what);
    },
    dismiss: (what) => {
      forget(what.run);
      component.dismiss(what);
    },
  };
  const queue = queueIn(place, events, (ids) => {
    // Remove the last run first, so that no run's turn comes meanwhile.
    for (const run of [...ids].reverse()) remove({ run });
    const count = ids.length;
    const name = plural("{count} run", "{count} runs", { count });
    announce(message("Removed: {name}", { name }));
  });
  let known = "";
  const show = () => {
    const entries = queued(page.now, performance.now());
    const text = JSON.stringify(entries);
    if (text === known) return;
    known = text;
    component.props.value = entries;
    queue.show(entries);
  };
  page.subscribe(show);
  setInterval(show, EVERY);
}
