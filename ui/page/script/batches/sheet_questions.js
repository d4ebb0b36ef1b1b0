// @ts-check
// What is asked before a batch is downloaded or deleted, and what a row failed of, in a small dialog over its sheet.

import { button, downloadLink, element, root } from "../dom.js";
import { message } from "../messages.js";
import { question } from "./question.js";

/** @import { Offer } from "../state.js" */
/** @import { BatchRow } from "./rows.js" */

const PATTERN = "{row}-{workflow}-{seed}";

/**
 * Results as a ZIP, with a table of their values, or that table alone.
 * @param {string} id
 * @param {HTMLElement} over
 */
export function offerDownload(id, over) {
  const place = question("batch-download", message("Download results"));
  const pattern = element("input");
  pattern.type = "text";
  pattern.value = PATTERN;
  pattern.spellcheck = false;
  const zip = downloadLink(message("Results with table (ZIP)"), "");
  zip.classList.add("primary");
  const point = () => {
    const query = new URLSearchParams({ pattern: pattern.value.trim() || PATTERN });
    zip.href = `${root}/batches/${id}/results.zip?${query}`;
  };
  point();
  pattern.addEventListener("input", point);
  const label = element("label");
  label.append(element("span", "", message("Names of the files")), pattern);
  const table = downloadLink(message("Only the table (CSV)"), `${root}/batches/${id}/results.csv`);
  const about = message("What stands in braces is filled in for each result.");
  const row = element("div", "last");
  row.append(
    button(message("Close"), () => place.close()),
    table,
    zip,
  );
  place.append(label, element("p", "help", about), row);
  for (const link of [zip, table]) link.addEventListener("click", () => place.close());
  over.append(place);
  place.showModal();
  zip.focus();
}

/**
 * @param {HTMLElement} over
 * @param {(withRuns: boolean) => void} does
 */
export function askToDelete(over, does) {
  const place = question("batch-delete", message("Delete this batch?"));
  const about = message(
    "Its results can stay in your history. What is deleted can't be brought back.",
  );
  const remove = (/** @type {boolean} */ withRuns) => {
    place.close();
    does(withRuns);
  };
  const cancel = button(message("Cancel"), () => place.close());
  const row = element("div", "last");
  row.append(
    cancel,
    button(message("Delete with its results"), () => remove(true)),
    button(message("Delete, keep results"), () => remove(false)),
  );
  place.append(element("p", "", about), row);
  over.append(place);
  place.showModal();
  cancel.focus();
}

/**
 * Say all that a row failed of, which has little room in its line or cell, or that it was stopped.
 * @param {BatchRow} row
 * @param {HTMLElement} over
 * @param {readonly Offer[]} offers what can be done about it
 */
export function explain({ number, state, error, hint }, over, offers) {
  const title =
    state === "stopped"
      ? message("Row {number} was stopped", { number })
      : message("Row {number} failed", { number });
  const place = question("row-error", title);
  const close = button(message("Close"), () => place.close());
  const last = element("div", "last");
  last.append(close);
  for (const [at, { label, does }] of offers.entries()) {
    const leave = () => {
      place.close();
      does();
    };
    last.append(button(label, leave, at === offers.length - 1 ? "button primary" : "button"));
  }
  place.append(...[error, hint].filter(Boolean).map((said) => element("p", "", said)), last);
  over.append(place);
  place.showModal();
  close.focus();
}
