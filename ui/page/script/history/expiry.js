// @ts-check
// When results are deleted: a note a week before, how long they are stored, and how much storage they take.

import { dateWords } from "../clock.js";
import { closeButton, element, tell } from "../dom.js";
import { leftWords } from "../making/counts.js";
import { message, plural } from "../messages.js";
import { API, get } from "../requests.js";
import { sizeWords } from "../sizes.js";
import { EXPIRY_READ, read, write } from "../storage.js";

/** @import { StorageDoc } from "../documents.js" */

const AGAIN_AFTER = 6 * 24 * 3600; // seconds; a reader hears of the next week's results a week later

/** @returns {Promise<StorageDoc | null>} */
const storage = () => get(`${API}/storage`);

/**
 * Return how long a result is stored.
 * @param {{ kept_until: number | null, favourite: boolean }} page
 */
export function keptWords({ kept_until: until, favourite }) {
  if (until === null) return "";
  return favourite
    ? message("Favorite: kept until you delete it")
    : message("Kept until {date}", { date: dateWords(until) });
}

/** @param {StorageDoc} told @returns how much storage the user takes */
const usedWords = ({ bytes, nearly_full: isFull }) =>
  [
    bytes > 0 && message("Your results use {size}.", { size: sizeWords(bytes) }),
    isFull && message("Storage is nearly full: the oldest results go first."),
  ]
    .filter(Boolean)
    .join(" ");

/** Return a line about the user's storage and the runs left, filled in when the app answers. */
export function storageLine() {
  const line = element("p", "storage aside");
  storage().then((told) => {
    const left = typeof told?.runs_left === "number" ? leftWords(told.runs_left) : "";
    tell(line, [told?.days ? usedWords(told) : "", left].filter(Boolean).join(" · "));
  });
  return line;
}

/** The note above the history, and the line below it. */
export class Expiry {
  note = element("p", "expiring in-line framed smaller");
  line = element("p", "storage aside");

  async load() {
    const told = await storage();
    if (!told) return;
    const { days, expiring, expire_by: by } = told;
    const kept = plural(
      "Results are kept for {count} day, favorites until you delete them.",
      "Results are kept for {count} days, favorites until you delete them.",
      { count: Math.max(1, Math.round(days ?? 0)) },
    );
    tell(this.line, days ? [kept, usedWords(told)].join(" ") : "");
    const isRead = by !== null && by < read(localStorage, EXPIRY_READ, 0) + AGAIN_AFTER;
    if (!expiring || by === null || isRead) {
      this.note.replaceChildren();
      return;
    }
    const words = plural(
      "{count} result will be deleted by {date}. Download or ☆ it.",
      "{count} results will be deleted by {date}. Download or ☆ them.",
      { count: expiring, date: dateWords(by) },
    );
    const dismiss = closeButton(() => this.#dismiss(by), "dismiss", message("Dismiss"));
    this.note.replaceChildren(element("span", "", words), dismiss);
  }

  /** @param {number} by */
  #dismiss(by) {
    write(localStorage, EXPIRY_READ, by);
    this.note.replaceChildren();
  }
}
