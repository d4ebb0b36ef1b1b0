// @ts-check
// The user's batches on this app's page. The page's socket delivers them, and actions call the API.

import { correctAddress } from "../back.js";
import { notifyIfAway } from "../components/tab.js";
import { $, element } from "../dom.js";
import { page } from "../state.js";
import { setComponent } from "./given.js";
import { progressWords } from "./words.js";

/** @import { BatchDoc } from "../documents.js" */
/** @import { Cards } from "./cards.js" */
/** @import { Component } from "./given.js" */
/** @import { LargeResult } from "./large_result.js" */

const RENEWED_EVERY = 3000; // milliseconds between updates of the history while runs of a batch end

/** @param {HTMLElement} place @param {Pick<Component, "upload"> & { viewer: string }} component */
export function mount(place, { upload, viewer }) {
  const inside = /** @type {HTMLElement} */ ($(".batches", place));
  /** Of all sheets. @type {LargeResult | null} */
  let large = null;
  /** @type {Component["open"]} */
  const open = async (id, opener = null) => {
    const { LargeResult } = await import("./large_result.js");
    const { openSheet } = await import("./sheet.js");
    large ??= new LargeResult(viewer);
    openSheet(inside, id, large, opener);
  };
  setComponent({ place: inside, upload, open });
  const list = inside.appendChild(element("ul"));
  list.hidden = true;
  /** @type {Cards | null} */
  let cards = null;
  const showCards = async () => {
    const { Cards } = await import("./cards.js");
    cards ??= new Cards(list, open);
    cards.show(page.now.batches, page.now.serverAway);
  };
  /** Open the batch that the address names. Closing it leads to the form alone. */
  const openAddressed = () => {
    const address = new URL(location.href);
    const batch = address.searchParams.get("batch");
    address.searchParams.delete("batch");
    if (batch && !history.state?.covered) correctAddress(address.href);
    if (batch) open(batch);
  };
  addEventListener("popstate", openAddressed);
  if (new URL(location.href).searchParams.has("batch")) import("./sheet.js"); // before the form is there
  let [hasForm, known, ended, waits] = [false, "", 0, 0];
  page.subscribe(({ batches, serverAway, form }, { batches: earlier }) => {
    if (form && !hasForm) openAddressed();
    hasForm ||= Boolean(form);
    const text = JSON.stringify([batches, serverAway]);
    if (text === known) return;
    known = text;
    if (batches.length || cards) showCards();
    for (const batch of batches) tellEnd(batch, earlier);
    const before = ended;
    ended = batches.reduce((sum, { done, failed }) => sum + done + failed, 0);
    // The page doesn't follow a batch's runs, so only this code tells the history when they end or are deleted.
    if (ended === before || waits) return;
    waits = window.setTimeout(() => {
      waits = 0;
      page.set({ ended: { id: "" } });
    }, RENEWED_EVERY);
  });
}

/**
 * Notify the user if a batch has ended or paused while the page is in the background.
 * @param {BatchDoc} batch
 * @param {readonly BatchDoc[]} earlier
 */
function tellEnd(batch, earlier) {
  const before = earlier.find(({ id }) => id === batch.id);
  const isLeft = batch.state === "done" || (batch.state === "paused" && batch.why !== "");
  if (before?.state === "running" && isLeft)
    notifyIfAway(progressWords(batch), batch.title, batch.id);
}
