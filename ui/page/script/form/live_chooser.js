// @ts-check
// The list of workflows on this app's page: which were used last, what comes of each, and which cannot run here.

import { Chooser, watchOffer } from "../components/chooser.js";
import { $ } from "../dom.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";
import { RECENT, read } from "../storage.js";

/** @import { WorkflowsDoc } from "../documents.js" */
/** @import { Component } from "../components/chooser.js" */

const BLOCKED = message("Can't run here");

/**
 * Fill the component in. What is known of the workflows is asked for when the panel is opened: the app may have to build
 * all forms for it.
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
