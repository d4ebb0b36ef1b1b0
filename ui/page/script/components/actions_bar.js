// @ts-check
// Bar of buttons that stays in view below the form. It measures its own height. In one column, its two tabs show either
// the form or the result, each where the user left it.

import { $, button, element } from "../dom.js";
import { isEmbedded } from "../embedded.js";
import { message } from "../messages.js";
import { betweenRuns } from "../runs/chains.js";
import { current } from "../runs/runs.js";
import { page } from "../state.js";
import { AT_RESULT, read, write } from "../storage.js";

/** @import { PageState } from "../state.js" */

/** @typedef {PageState["tab"]} Tab */

/** Controller of the bar. It exists from the start; the bar itself appears later. */
export class ActionsBar {
  /** @type {HTMLElement | null} */
  #bar = null;
  #tabs = {
    form: tabButton("form", message("Form"), "form"),
    result: tabButton("result", message("Result"), "picture"),
  };
  /** Where each tab was scrolled to. @type {Record<Tab, number>} */
  #scrolled = { form: 0, result: 0 };
  /** @type {Tab | ""} */
  #shown = "";

  /** @param {PageState} now */
  show(now) {
    const bar = $("#actions");
    if (bar && bar !== this.#bar) this.#attach(bar);
    const { tab, formless, sending, oneColumn } = now;
    const isRunning = sending || current(now) !== null || betweenRuns(now) !== null;
    const { dataset, parentElement } = this.#tabs.result;
    const hasResult = isRunning || now.runs.size > 0 || now.hasPast || tab === "result";
    parentElement?.toggleAttribute("hidden", !hasResult);
    if (isRunning) dataset.news = "running";
    else if (tab === "result") delete dataset.news;
    else if (dataset.news) dataset.news = "done"; // and not seen yet
    this.#turnTo(formless || isEmbedded() ? "" : tab, oneColumn);
  }

  /** @param {HTMLElement} bar */
  #attach(bar) {
    this.#bar = bar;
    const { form, result } = this.#tabs;
    const tabs = element("div", "", form, result);
    tabs.id = "tabs";
    tabs.role = "group";
    bar.prepend(tabs); // the other buttons may be added later
    new ResizeObserver(() => {
      const { style } = document.documentElement;
      style.setProperty("--actions-height", `${bar.getBoundingClientRect().height}px`);
    }).observe(bar);
    if (read(sessionStorage, AT_RESULT, null) === location.search) page.set({ tab: "result" });
  }

  /**
   * @param {Tab | ""} tab "" shows both, one below the other: without a form, and in a frame as high as the page
   * @param {boolean} oneColumn whether only one is in view at a time
   */
  #turnTo(tab, oneColumn) {
    const columns = $("#columns");
    if (!columns || tab === this.#shown) return;
    if (this.#shown) this.#scrolled[this.#shown] = scrollY;
    this.#shown = tab;
    columns.dataset.tab = tab;
    for (const [name, button] of Object.entries(this.#tabs))
      button.ariaPressed = String(name === tab);
    if (tab && oneColumn) scrollTo(0, this.#scrolled[tab]);
    write(sessionStorage, AT_RESULT, tab === "result" ? location.search : null);
  }
}

/** @param {Tab} tab @param {string} name @param {string} icon */
function tabButton(tab, name, icon) {
  const made = button(name, () => page.set({ tab }), "");
  made.dataset.icon = icon;
  return made;
}
