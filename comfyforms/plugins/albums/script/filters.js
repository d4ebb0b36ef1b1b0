// @ts-check
// What an album shows: the results with a verdict, in an order.

import { button, element } from "page/dom.js";
import { message } from "page/messages.js";

/** @import { Counts } from "./documents.js" */

export const TO_REVIEW = "unreviewed";
export const TO_SETTLE = "disagreed";
export const DISPUTED = message("Disputed");
const BLIND = message("You see others' votes for a result after your own.");
export const RULE = message("A disputed result counts as kept once no one rejects it.");
/** @type {readonly (readonly [string, string])[]} */
const VERDICTS = [
  ["", message("All")],
  [TO_REVIEW, message("For me to review")],
  ["keep", message("Kept")],
  ["reject", message("Rejected")],
  [TO_SETTLE, DISPUTED],
  ["commented", message("Commented")],
  ["dropped", message("Earlier rounds")],
];
const SETTLE = message("Talk it over and change your vote, or settle it in the next round.");
const VOTED = ["keep", "reject", TO_SETTLE];
/** @type {readonly (readonly [string, string])[]} */
const SORTS = [
  ["", message("By date added")],
  ["votes", message("Most votes first")],
  ["stars", message("Most stars first")],
];

export class Filters {
  /** The words of the query, "" for all. */
  chosen = { verdict: "", sort: "" };
  #may;
  #isBlind;
  #changed;
  #verdicts = VERDICTS.map(([verdict, words]) => {
    const one = button(words, () => this.choose(verdict), "tool");
    one.value = verdict;
    one.ariaPressed = String(!verdict);
    return one;
  });
  #sort = element("select", "", ...SORTS.map(([sort, words]) => new Option(words, sort)));
  order = element("label", "order in-line", this.#sort);
  parts = [element("div", "verdicts", element("div", "cut", ...this.#verdicts)), this.order];
  /** Says how disputed results are settled, or why no votes show. */
  rule = element("p", "aside");

  /**
   * @param {boolean} may whether the user may review
   * @param {boolean} isBlind whether others' votes come after the user's own
   * @param {() => void} changed
   */
  constructor(may, isBlind, changed) {
    this.#may = may;
    this.#isBlind = isBlind;
    this.#changed = changed;
    this.rule.hidden = true;
    const [group] = this.parts;
    Object.assign(group ?? {}, { role: "group", ariaLabel: message("Verdict") });
    this.order.dataset.icon = "swap-vertical";
    this.#sort.ariaLabel = this.#sort.title = message("Order");
    this.#sort.onchange = () => {
      this.chosen.sort = this.#sort.value;
      this.#changed();
    };
  }

  /** @param {Counts} counts of the whole album */
  count(counts) {
    const { keep, reject, open, disagreed } = counts;
    /** @type {Record<string, number>} */
    const shown = { ...counts, "": keep + reject + open + disagreed };
    const isBlind = this.#isBlind && counts.unreviewed > 0;
    // Guests get no order by votes before their first one.
    if (this.#isBlind && this.#may) this.order.hidden = counts.unreviewed === shown[""];
    for (const one of this.#verdicts) {
      const count = shown[one.value] ?? 0;
      one.dataset.count = String(count);
      const isOffered = VOTED.includes(one.value) ? !isBlind : this.#may || one.value !== TO_REVIEW;
      const differs = count > 0 && (count !== shown[""] || one.value === "dropped"); // from all
      one.hidden = one.value !== this.chosen.verdict && one.value !== "" && !(differs && isOffered);
    }
    const [group] = this.parts;
    if (group) group.hidden = this.#verdicts.filter((one) => !one.hidden).length === 1;
    const settle = this.#may ? `${RULE} ${SETTLE}` : RULE;
    const isDisputed = this.chosen.verdict === TO_SETTLE;
    this.rule.textContent = isDisputed ? settle : isBlind ? BLIND : "";
    this.rule.hidden = !this.rule.textContent;
  }

  /** @param {string} [verdict] otherwise what the user hasn't reviewed */
  choose(verdict = TO_REVIEW) {
    this.chosen.verdict = verdict;
    for (const one of this.#verdicts) one.ariaPressed = String(one.value === verdict);
    this.#changed();
  }
}
