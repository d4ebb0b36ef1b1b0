// @ts-check
// What is asked before a batch is downloaded or deleted, in a small dialog over its sheet.

import { announce, button, dialog, downloadLink, element, root } from "../dom.js";
import { message } from "../messages.js";
import { ask } from "../requests.js";

const PATTERN = "{row}-{workflow}-{seed}";

/**
 * Results as a ZIP, with a table of their values, or that table alone.
 * @param {string} id
 * @param {HTMLElement} over
 */
export function offerDownload(id, over) {
  const place = dialog("batch-download", message("Download results"));
  const pattern = element("input");
  pattern.type = "text";
  pattern.value = PATTERN;
  pattern.spellcheck = false;
  const zip = downloadLink(message("Download ZIP"), "");
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
    button(message("Close"), () => place.hidePopover()),
    table,
    zip,
  );
  place.append(label, element("p", "help", about), row);
  for (const link of [zip, table]) link.addEventListener("click", () => place.hidePopover());
  over.append(place);
  place.showPopover();
  zip.focus();
}

/**
 * @param {string} id
 * @param {HTMLElement} over
 * @param {() => void} deleted
 */
export function askToDelete(id, over, deleted) {
  const place = dialog("batch-delete", message("Delete this batch?"));
  const about = message(
    "Its results can stay in your history. What is deleted can't be brought back.",
  );
  const remove = async (/** @type {boolean} */ withRuns) => {
    place.hidePopover();
    if (!(await ask(`/batches/${id}?with_runs=${withRuns}`, undefined, "DELETE"))) return;
    deleted();
    announce(message("Deleted."));
  };
  const cancel = button(message("Cancel"), () => place.hidePopover());
  const row = element("div", "last");
  row.append(
    cancel,
    button(message("Delete with its results"), () => remove(true)),
    button(message("Delete, keep results"), () => remove(false)),
  );
  place.append(element("p", "", about), row);
  over.append(place);
  place.showPopover();
  cancel.focus();
}
