// @ts-check
// The user's queue. The page's sockets deliver the runs, and actions call the API.

import { Queue } from "../components/queue.js";
import { $, announce } from "../dom.js";
import { message, plural } from "../messages.js";
import { API, ask } from "../requests.js";
import { page } from "../state.js";
import { forget, runAgain, stop } from "./following.js";
import { queued, withRun } from "./runs.js";

const EVERY = 1000; // milliseconds, as often as the progress times

/** @param {string} id */
function leave(id) {
  stop(id);
  page.set({ runs: withRun(page.now.runs, id, { leaving: true }) });
  // If the removed line had the focus, move it to Stop.
  if (document.activeElement === document.body) $("#stop")?.focus();
}

/** @param {string} id @param {number} by */
async function move(id, by) {
  if (await ask(`${API}/runs/${id}/move?by=${by}`))
    announce(by < 0 ? message("Moved up.") : message("Moved down."));
}

/** @param {HTMLElement} place */
export function mount(place) {
  const queue = new Queue(/** @type {HTMLElement} */ ($(".queue", place)), {
    move,
    remove: leave,
    removeAll: (ids) => {
      // Remove the last run first, so that no run's turn comes meanwhile.
      for (const run of [...ids].reverse()) leave(run);
      const count = ids.length;
      const name = plural("{count} run", "{count} runs", { count });
      announce(message("Removed: {name}", { name }));
    },
    runAgain,
    dismiss: forget,
  });
  let known = "";
  const show = () => {
    const entries = queued(page.now, performance.now());
    const text = JSON.stringify(entries);
    if (text === known) return;
    known = text;
    queue.show(entries);
  };
  page.subscribe(show);
  setInterval(show, EVERY);
}
