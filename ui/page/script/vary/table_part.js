// @ts-check
// A table with a column for each field and a row for each run, where values are varied.

import { sizeWords } from "../batches/spec.js";
import { button, element } from "../dom.js";
import { message } from "../messages.js";

/** @import { Draft } from "../batches/spec.js" */

const KINDS = ".csv,.tsv,.txt,.jsonl,.ndjson";
const MOST = 3_000_000; // bytes; the app takes a third more in a request
const TOO_LARGE = message("This table is too large. Split it, or run it from a shell.");

export class TablePart {
  /** What is there while there is a table. */
  place = element("div", "vary-row table-part");
  /** What there is as long as there is none. */
  choose = button(message("Use a table…"), () => this.#picker.click(), "quiet");
  #picker = element("input");
  #name = element("strong");
  #problems = element("div", "problems");
  #changed;

  /**
   * @param {Draft["table"]} table
   * @param {(table: Draft["table"]) => void} changed
   */
  constructor(table, changed) {
    this.#changed = changed;
    Object.assign(this.#picker, { type: "file", accept: KINDS, hidden: true });
    this.#picker.addEventListener("change", () => {
      const [file] = this.#picker.files ?? [];
      this.#picker.value = "";
      if (file) this.take(file);
    });
    this.choose.title = message("CSV or JSON lines");
    const head = element("div", "row-head");
    const remove = button("✕", () => this.#remove(), "remove");
    remove.ariaLabel = remove.title = message("Remove the table");
    head.append(this.#name, remove);
    const help = message("A column for each field, called by its label; a row for each run.");
    this.#problems.role = "status";
    this.place.role = "group";
    this.place.ariaLabel = message("Table");
    this.place.append(head, element("p", "help", help), this.#problems, this.#picker);
    this.#show(table);
  }

  /** @param {File} file */
  async take(file) {
    if (file.size > MOST) {
      this.#show({ name: file.name, text: "" });
      this.tell([TOO_LARGE]);
      return;
    }
    const table = { name: file.name, text: await file.text() };
    this.#show(table);
    this.#changed(table);
  }

  /** @param {readonly string[]} problems */
  tell(problems) {
    this.#problems.replaceChildren(...problems.map((said) => element("p", "problem", said)));
  }

  /** @param {Draft["table"]} table */
  #show(table) {
    this.place.hidden = table === null;
    this.choose.hidden = table !== null;
    this.tell([]);
    if (!table) return;
    const size = sizeWords(new Blob([table.text]).size);
    this.#name.textContent = message("{file}, {size}", { file: table.name, size });
  }

  #remove() {
    this.#show(null);
    this.#changed(null);
    this.choose.focus();
  }
}
