// @ts-check
// The person's own history on this app's page: what they made before with its workflow, asked of its routes.

import { historyIn } from "../components/history.js";
import { $, button, element, isNarrow } from "../dom.js";
import { get } from "../requests.js";
import { page, say } from "../state.js";
import { lookBackAt } from "./following.js";
import { seen } from "./runs.js";

/** @import { Component } from "../components/history.js" */
/** @import { PageState, PastRun } from "../state.js" */

const NOTHING_MADE = "Nothing was made with this workflow yet.";

class LiveHistory {
  #place;
  #component;
  #view;
  #which = element("select");
  #more = button("Show more", () => this.#loadMore(), "quiet");
  #any = false;
  #workflow = "";
  #turn = 0;
  #loading = Promise.resolve();

  /**
   * @param {HTMLElement} place
   * @param {Component} component
   */
  constructor(place, component) {
    this.#place = place;
    this.#component = component;
    this.#view = historyIn(place, {
      ...component,
      select: (what) => {
        this.#choose(what.run);
        component.select(what);
      },
      search: (what) => {
        this.#load();
        component.search(what);
      },
    });
    this.#which.ariaLabel = "Earlier results of";
    this.#which.append(new Option("This workflow", ""), new Option("All workflows", "all"));
    this.#which.addEventListener("change", () => this.#load());
    $("h2", place)?.after(this.#which);
    $(".history", place)?.append(this.#more);
    this.#view.mark(seen(page.now)?.id ?? "");
    page.subscribe((now, before) => this.#hear(now, before));
  }

  /**
   * @param {PageState} now
   * @param {PageState} before
   */
  #hear(now, before) {
    if (now.form !== this.#workflow) {
      this.#workflow = now.form;
      this.#view.text = "";
      this.#loading = this.#load();
    }
    // One after the other, as an end is told twice.
    const { ended } = now;
    if (ended && ended !== before.ended)
      this.#loading = this.#loading.then(() => this.#grow(ended.id));
    if (now.deleted && now.deleted !== before.deleted) this.#drop(now.deleted.id);
    if (seen(now)?.id !== seen(before)?.id) this.#view.mark(seen(now)?.id ?? "");
  }

  /** @param {string} before the run after which a page of the list begins */
  async #ask(before) {
    const turn = ++this.#turn;
    const workflow = this.#which.value ? "" : this.#workflow;
    const query = new URLSearchParams({ workflow, text: this.#view.text, before });
    const answer = await get(`/history?${query}`);
    return turn === this.#turn ? answer : null; // something else was wanted meanwhile
  }

  async #load() {
    const answer = await this.#ask("");
    if (answer) this.#show(answer.runs, answer);
  }

  async #loadMore() {
    const answer = await this.#ask(this.#view.runs.at(-1)?.id ?? "");
    if (!answer) return;
    this.#show([...this.#view.runs, ...answer.runs], answer);
    this.#view.focus(answer.runs[0]?.id);
  }

  /**
   * A run has ended: it comes in front of those that are listed already.
   * @param {string} id
   */
  async #grow(id) {
    if (!this.#workflow || this.#view.runs.some((run) => run.id === id)) return;
    const answer = await this.#ask("");
    if (!answer) return;
    const { runs } = this.#view;
    const listed = new Set(answer.runs.map((/** @type {PastRun} */ run) => run.id));
    const known = runs.findIndex((run) => run.id === answer.runs.at(-1)?.id);
    // Where the new page and the old list do not meet, the list starts anew.
    const rest = known < 0 ? [] : runs.slice(known + 1).filter((run) => !listed.has(run.id));
    this.#show([...answer.runs, ...rest], {
      ...answer,
      more: rest.length ? !this.#more.hidden : answer.more,
    });
  }

  /**
   * @param {readonly PastRun[]} runs
   * @param {{ more: boolean, any: boolean }} there
   */
  #show(runs, { more, any }) {
    this.#any = any;
    this.#more.hidden = !more;
    const { bottom, height } = this.#place.getBoundingClientRect();
    this.#view.show(runs, { any, nothing: NOTHING_MADE });
    // On a phone it stands above the form: that does not move when it is looked at.
    if (isNarrow() && bottom <= 0) scrollBy(0, this.#place.getBoundingClientRect().height - height);
    this.#component.props.value = runs;
    page.set({ past: runs });
  }

  /** @param {string} id */
  #drop(id) {
    const at = this.#view.runs.findIndex((run) => run.id === id);
    const runs = this.#view.runs.filter((run) => run.id !== id);
    this.#show(runs, { more: !this.#more.hidden, any: this.#any });
    const next = runs[Math.min(Math.max(at, 0), runs.length - 1)];
    if (next) this.#view.focus(next.id);
    else $("#generate")?.focus();
  }

  /**
   * Show an earlier run where results are shown, in its own words.
   * @param {string} id
   */
  async #choose(id) {
    const run = this.#view.runs.find((one) => one.id === id);
    if (!run || !(await lookBackAt(run))) {
      this.#view.mark(seen(page.now)?.id ?? "");
      say("This result is no longer there.");
      this.#load();
      return;
    }
    const behavior = "smooth";
    if (isNarrow()) $("#result-side")?.scrollIntoView({ behavior });
    else $("#stage .viewport")?.scrollIntoView({ behavior, block: "nearest" });
  }
}

/**
 * Fill the component in, and keep its value.
 * @param {HTMLElement} place
 * @param {Component} component
 */
export const mount = (place, component) => void new LiveHistory(place, component);
