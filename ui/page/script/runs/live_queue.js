// @ts-check
// The person's own queue on this app's page: told by its sockets, and what is asked for is done by its routes.

import { queueIn } from "../components/queue.js";
import { $, announce } from "../dom.js";
import { message, plural } from "../messages.js";
import { API, ask } from "../requests.js";
import { page } from "../state.js";
import { forget, runAgain, stop } from "./following.js";
import { queued, withRun } from "./runs.js";

/** @import { Component } from "../components/queue.js" */

const EVERY = 1000; // milliseconds, as the bar's time

/** @param {string} id */
function leave(id) {
  stop(id);
  page.set({ runs: withRun(page.now.runs, id, { leaving: true }) });
  // Where the line had the focus, which is gone with it.
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
 * Fill the component in, and keep its value.
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
    // The last first: none comes to its turn meanwhile.
    for (const run of [...ids].reverse()) remove({ run });
    const count = ids.length;
    announce(plural("{count} waiting run removed.", "{count} waiting runs removed.", { count }));
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
