// @ts-check
// The administrator's notice, as a bar above the page until it ends or the user closes it.

import { $, closeButton, element } from "./dom.js";
import { message } from "./messages.js";
import { page } from "./state.js";
import { CLOSED_NOTICE, read, write } from "./storage.js";

/** @import { Announcement } from "./state.js" */

const LONGEST = 2 ** 31 - 1; // ms of a browser's timer

/** Bar with the notice. Screen readers read it when it appears. */
class NoticeBar {
  #place = element("div", "announcement in-line apart");
  #shown = "";
  #ending = 0;

  constructor() {
    this.#place.role = "status";
    this.#place.hidden = true;
  }

  /** @param {Announcement | null} notice */
  show(notice) {
    if (!this.#place.isConnected) $("#topbar")?.before(this.#place);
    if (!this.#place.isConnected) return; // Gradio hasn't drawn the header yet
    const left = notice?.until ? notice.until * 1000 - Date.now() : LONGEST;
    const isOver = !notice || left <= 0 || read(localStorage, CLOSED_NOTICE, "") === notice.id;
    const id = isOver ? "" : notice.id;
    if (id === this.#shown) return;
    this.#shown = id;
    clearTimeout(this.#ending);
    this.#place.hidden = !id;
    if (!id || !notice) {
      this.#place.replaceChildren();
      return;
    }
    const close = closeButton(() => this.#close(notice), "bare", message("Dismiss"));
    this.#place.replaceChildren(element("p", "", notice.text), close);
    if (notice.until)
      this.#ending = window.setTimeout(() => this.show(null), Math.min(left, LONGEST));
  }

  /** @param {Announcement} notice */
  #close(notice) {
    write(localStorage, CLOSED_NOTICE, notice.id);
    this.show(null);
  }
}

/** Follow the notice of the page's state. */
export function showAnnouncements() {
  const bar = new NoticeBar();
  page.subscribe(({ announcement }) => bar.show(announcement));
}
