// @ts-check
// Filters of an album: the verdict on a result, who added it, and its workflow.

import { button, element } from "../../dom.js";
import { message } from "../../messages.js";

/** @import { Counts } from "./album_head.js" */

/** @type {readonly (readonly [string, string])[]} */
const VERDICTS = [
  ["", message("All")],
  ["open", message("Undecided")],
  ["keep", message("Kept")],
  ["reject", message("Rejected")],
];

export class Filters {
  chosen = { verdict: "", person: "", workflow: "" };
  #changed;
  #verdicts = element("div", "verdicts");
  #person = element("select");
  #workflow = element("select");
  parts = [this.#verdicts, this.#person, this.#workflow];

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
    this.#verdicts.role = "group";
    this.#verdicts.ariaLabel = message("Verdict");
    for (const [verdict, words] of VERDICTS) {
      const one = button(words, () => this.#choose({ verdict }), "tool");
      one.value = verdict;
      this.#verdicts.append(one);
    }
    this.#person.addEventListener("change", () => this.#choose({ person: this.#person.value }));
    this.#workflow.addEventListener("change", () =>
      this.#choose({ workflow: this.#workflow.value }),
    );
    this.#person.ariaLabel = message("Person");
    this.#workflow.ariaLabel = message("Workflow");
    this.#mark();
  }

  /**
   * Offer the people and workflows of the album.
   * @param {{ people?: readonly { id: string, name: string }[], workflows?: readonly string[] }} told
   */
  show({ people = [], workflows = [] }) {
    const { person, workflow } = this.chosen;
    if (!person)
      fill(
        this.#person,
        message("Everyone"),
        people.map(({ id, name }) => [name, id]),
      );
    if (!workflow)
      fill(
        this.#workflow,
        message("All workflows"),
        workflows.map((title) => [title, title]),
      );
  }

  /** @param {Counts} counts of the whole album */
  count({ keep, reject, open }) {
    /** @type {Record<string, number>} */
    const counts = { "": keep + reject + open, open, keep, reject };
    for (const one of this.#buttons) one.dataset.count = String(counts[one.value]);
  }

  /** @returns {HTMLButtonElement[]} */
  get #buttons() {
    return [...this.#verdicts.querySelectorAll("button")];
  }

  /** @param {Partial<Filters["chosen"]>} what */
  #choose(what) {
    this.chosen = { ...this.chosen, ...what };
    this.#mark();
    this.#changed();
  }

  #mark() {
    for (const one of this.#buttons) one.ariaPressed = String(one.value === this.chosen.verdict);
  }
}

/**
 * Fill a list of choices, and hide it if there is only one.
 * @param {HTMLSelectElement} list
 * @param {string} all
 * @param {[string, string][]} choices
 */
function fill(list, all, choices) {
  list.hidden = choices.length < 2;
  list.replaceChildren(
    new Option(all, ""),
    ...choices.map(([words, value]) => new Option(words, value)),
  );
}
