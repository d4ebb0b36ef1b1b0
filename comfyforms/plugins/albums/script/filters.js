// @ts-check
// Filters of an album: the verdict on a result, who added it, and its workflow.

import { button, element } from "page/dom.js";
import { message } from "page/messages.js";

/** @import { Counts } from "./documents.js" */

const UNREVIEWED = "unreviewed";
/** @type {readonly (readonly [string, string])[]} */
const VERDICTS = [
  ["", message("All")],
  [UNREVIEWED, message("Not reviewed by me")],
  ["open", message("Undecided")],
  ["keep", message("Kept")],
  ["reject", message("Rejected")],
  ["disagreed", message("Disagreed")],
];

export class Filters {
  /** The words of the query, "" for all. */
  chosen = { verdict: "", person: "", workflow: "" };
  #may;
  #changed;
  #verdicts = VERDICTS.map(([verdict, words]) => {
    const one = button(words, () => this.#choose({ verdict }), "tool");
    one.value = verdict;
    one.ariaPressed = String(!verdict);
    return one;
  });
  #person = element("select");
  #workflow = element("select");
  parts = [element("div", "verdicts", ...this.#verdicts), this.#person, this.#workflow];

  /**
   * @param {boolean} may whether the user may review
   * @param {() => void} changed
   */
  constructor(may, changed) {
    this.#may = may;
    this.#changed = changed;
    const [group] = this.parts;
    Object.assign(group ?? {}, { role: "group", ariaLabel: message("Verdict") });
    this.#person.ariaLabel = this.#person.title = message("Person");
    this.#workflow.ariaLabel = this.#workflow.title = message("Workflow");
    this.#person.hidden = this.#workflow.hidden = true;
    this.#person.onchange = () => this.#choose({ person: this.#person.value });
    this.#workflow.onchange = () => this.#choose({ workflow: this.#workflow.value });
  }

  /**
   * Offer the people and workflows of the album.
   * @param {{ people?: readonly { id: string, name: string }[], workflows?: readonly string[] }} told
   */
  show({ people = [], workflows = [] }) {
    const { person, workflow } = this.chosen;
    const names = people.map(({ id, name }) => new Option(name, id));
    const titles = workflows.map((title) => new Option(title, title));
    if (!person) fill(this.#person, new Option(message("Everyone"), ""), names);
    if (!workflow) fill(this.#workflow, new Option(message("All workflows"), ""), titles);
  }

  /** @param {Counts} counts of the whole album */
  count(counts) {
    /** @type {Record<string, number>} */
    const shown = { ...counts, "": counts.keep + counts.reject + counts.open };
    for (const one of this.#verdicts) {
      one.dataset.count = String(shown[one.value]);
      const isRare = one.value === "disagreed" && !shown[one.value];
      const isOffered = this.#may || one.value !== UNREVIEWED;
      one.hidden = one.value !== this.chosen.verdict && (isRare || !isOffered);
    }
  }

  /** Show what the user hasn't reviewed. */
  chooseUnreviewed() {
    this.#choose({ verdict: UNREVIEWED });
  }

  /** @param {Partial<Filters["chosen"]>} what */
  #choose(what) {
    this.chosen = { ...this.chosen, ...what };
    for (const one of this.#verdicts) one.ariaPressed = String(one.value === this.chosen.verdict);
    this.#changed();
  }
}

/**
 * Fill a list of choices, and hide it if there is only one.
 * @param {HTMLSelectElement} list
 * @param {HTMLOptionElement} all
 * @param {HTMLOptionElement[]} choices
 */
function fill(list, all, choices) {
  list.hidden = choices.length < 2;
  list.replaceChildren(all, ...choices);
}
