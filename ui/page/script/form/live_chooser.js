// @ts-check
// The list of workflows on the main page, with recently used ones, thumbnails, and marks on those that can't run.

import { Chooser, watchOffer } from "../components/chooser.js";
import { $ } from "../dom.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";
import { RECENT, read } from "../storage.js";

/** @import { WorkflowsDoc } from "../documents.js" */
/** @import { Component } from "../components/chooser.js" */

const BLOCKED = message("Can't run here");

/**
 * Set up the component. Thumbnails and notes are requested only when the panel opens, because the app may have to build
 * all forms for them.
 * @param {HTMLElement} place
 * @param {Component} component
 */
export function mount(place, component) {
  const chooser = new Chooser(/** @type {HTMLElement} */ ($(".chooser", place)), component, open);
  watchOffer(chooser, component);

  async function open() {
    chooser.recent = read(localStorage, RECENT, []);
    /** @type {WorkflowsDoc | null} */
    const known = await get(`${API}/workflows?with_page=true`);
    if (!known) return;
    const pages = new Map(known.workflows.map(({ name, page }) => [name, page]));
    chooser.tell((choice) => ({
      ...choice,
      thumb: pages.get(choice.name)?.thumb ?? "",
      note: pages.get(choice.name)?.blocked ? BLOCKED : "",
    }));
  }
}
