// @ts-check
// Small dialogs over a batch's sheet: file names of a download, delete confirmation, and the reason why a row failed.

import { button, dialog, downloadLink, element, root, showDialog } from "../dom.js";
import { labeled, message } from "../messages.js";
import { API } from "../requests.js";

/** @import { BatchRow } from "./rows.js" */

/** The results as a ZIP with a table of their values. */
export const RESULTS = message("Results with table (ZIP)");
/** @param {string} id @returns the address of the table alone */
export const tableOf = (id) => `${root}${API}/batches/${id}/results.csv`;
const PATTERN = "{row}-{workflow}-{seed}";
const PART = /\{([^{}]*)\}/g;
const OF_ALL = ["row", "workflow", "seed"];

/**
 * Return the first unknown name in braces, or "". `ui/documents/run_doc.py` lists the known names.
 * @param {string} pattern
 * @param {readonly { key: string, label: string }[]} varied
 */
function unknownPart(pattern, varied) {
  const names = [...OF_ALL, ...varied.flatMap(({ key, label }) => [key, label])];
  const known = names.map((name) => name.toLowerCase());
  const parts = [...pattern.matchAll(PART)];
  return parts.find(([, name = ""]) => !known.includes(name.trim().toLowerCase()))?.[0] ?? "";
}

/**
 * Offer the results as a ZIP, with a choice of the files' names.
 * @param {string} id
 * @param {readonly { key: string, label: string }[]} varied the fields whose values file names may contain
 */
export function offerDownload(id, varied) {
  const place = dialog("batch-download", RESULTS);
  const pattern = element("input");
  pattern.type = "text";
  pattern.value = PATTERN;
  pattern.spellcheck = false;
  const zip = downloadLink(message("Download"), "");
  zip.classList.add("primary");
  const about = element("p");
  about.role = "status";
  const names = [...OF_ALL, ...varied.map(({ label }) => label)]
    .map((one) => `{${one}}`)
    .join(", ");
  const point = () => {
    const query = new URLSearchParams({ pattern: pattern.value.trim() || PATTERN });
    const name = unknownPart(pattern.value, varied);
    if (name) zip.removeAttribute("href");
    else zip.href = `${root}${API}/batches/${id}/results.zip?${query}`;
    zip.ariaDisabled = String(name !== "");
    about.className = name ? "problem" : "aside";
    about.textContent = name
      ? message("File names can't contain {name}. Use any of these: {names}.", { name, names })
      : message("Names in braces are filled in for each result: {names}.", { names });
  };
  point();
  pattern.addEventListener("input", point);
  const label = element("label", "row", element("span", "", message("File name")), pattern);
  place.append(label, about, element("div", "row last", zip));
  zip.addEventListener("click", () => zip.href && place.hidePopover());
  showDialog(place, zip);
}

/**
 * Ask whether to delete a batch, with or without its results.
 * @param {(withRuns: boolean) => void} does
 */
export function askToDelete(does) {
  const place = dialog("batch-delete", message("Delete this batch?"));
  const about = message("You can keep its results in your history. You can't undo this.");
  const remove = (/** @type {boolean} */ withRuns) => {
    place.hidePopover();
    does(withRuns);
  };
  const cancel = button(message("Cancel"), () => place.hidePopover());
  const row = element("div", "row last");
  row.append(
    cancel,
    button(message("Delete with its results"), () => remove(true)),
    button(message("Delete, keep results"), () => remove(false)),
  );
  place.append(element("p", "", about), row);
  showDialog(place, cancel);
}

/**
 * Show in full why a row failed, or that it was stopped: its line or cell has little room.
 * @param {BatchRow} row
 * @param {() => void} use fills in the form with the row's values
 */
export function explain({ number, state, error, hint, page: { detail } }, use) {
  const name = message("Row {number}", { number });
  const end = state === "stopped" ? message("Stopped") : message("Failed");
  const place = dialog("row-error", labeled(name, end));
  const leave = () => {
    place.hidePopover();
    use();
  };
  const again = button(message("Reuse settings"), leave, "button primary");
  place.append(...[error, hint].filter(Boolean).map((said) => element("p", "", said)));
  if (detail) {
    const told = element("details", "detail");
    told.append(element("summary", "", message("Technical details")), element("pre", "", detail));
    place.append(told);
  }
  place.append(element("div", "row last", again));
  showDialog(place, again);
}
