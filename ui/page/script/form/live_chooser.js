// @ts-check
// The lists of workflows on the main page, with recently used ones, thumbnails, and marks on those that can't run: the
// chooser in the header, and the start page.

import { Chooser, watchOffer } from "../components/chooser.js";
import { $ } from "../dom.js";
import { mayStart, openGallery } from "../gallery/open.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";
import { StartPage } from "../start_page/start_page.js";
import { RECENT, read } from "../storage.js";
import { addressed, notDrawn } from "./form.js";

/** @import { WorkflowsDoc } from "../documents.js" */
/** @import { Component } from "../components/chooser.js" */
/** @import { Choice } from "./choices.js" */

const BLOCKED = message("Can't run here");
const FROM_TEMPLATE = message("Start from a template…");

const recent = () => read(localStorage, RECENT, /** @type {string[]} */ ([]));

/**
 * Set up the component. Thumbnails and notes are requested only when a list is shown, because the app may have to build
 * all forms for them.
 * @param {HTMLElement} place
 * @param {Component} component
 */
export function mount(place, component) {
  let isOffered = false;
  const chooser = new Chooser(
    /** @type {HTMLElement} */ ($(".chooser", place)),
    component,
    async () => {
      if (!isOffered && mayStart()) {
        isOffered = true;
        chooser.offer(FROM_TEMPLATE, openGallery);
      }
      chooser.recent = recent();
      const more = await readPages();
      if (more) chooser.tell(more);
    },
  );
  const start = new StartPage((name) => {
    start.hide();
    chooser.choose(name);
  });
  watchOffer(chooser, component, async (choices, name) => {
    if (name || !choices.length || addressed() !== null) return start.hide();
    notDrawn(false);
    start.show(choices, recent());
    const more = await readPages();
    if (more && start.isShown) start.show(choices.map(more), recent());
  });
}

/** Return a function that adds thumbnails and notes to choices; null if the app doesn't answer. */
async function readPages() {
  /** @type {WorkflowsDoc | null} */
  const known = await get(`${API}/workflows?with_page=true`);
  if (!known) return null;
  const pages = new Map(known.workflows.map(({ name, page }) => [name, page]));
  return (/** @type {Choice} */ choice) => ({
    ...choice,
    thumb: pages.get(choice.name)?.thumb ?? "",
    note: pages.get(choice.name)?.blocked ? BLOCKED : "",
  });
}
