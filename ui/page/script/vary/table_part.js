// @ts-check
// A table with a column for each field and a row for each run, where values are varied.

import { sizeWords } from "../batches/spec.js";
import { button, element } from "../dom.js";
import { message } from "../messages.js";
import { FileList } from "./file_list.js";
import { decodedText } from "./text_file.js";

/** @import { Draft, GivenFile } from "../batches/spec.js" */
/** @import { Given } from "./zip.js" */

const KINDS = ".csv,.tsv,.txt,.jsonl,.ndjson";
const MOST = 3_000_000; // bytes; the app takes a third more in a request
const TOO_LARGE = message("This table is too large. Split it, or run it from a shell.");
const NO_TEXT = message("This isn't a text table. Save it as CSV and choose that.");

export class TablePart {
  /** What is there while there is a table. */
  place = element("div", "vary-row table-part");
  /** What there is as long as there is none. */
  choose = button(message("Use a table…"), () => this.#picker.click(), "quiet");
  #picker = element("input");
  #name = element("strong");
  #problems = element("div", "problems");
  #accept;
  #changed;
  #table;
  /** Why the file that was given last is no table, "" where it is one. */
  #refusal = "";
  /** What its cells name. @type {FileList | null} */
  #files = null;
  #filesPlace = element("div");

  /**
   * @param {Draft["table"]} table
   * @param {string} accept which kinds of files its cells may name, "" for none
   * @param {(table: Draft["table"]) => void} changed
   */
  constructor(table, accept, changed) {
    this.#table = table;
    this.#accept = accept;
    this.#changed = changed;
    Object.assign(this.#picker, { type: "file", accept: KINDS, hidden: true });
    this.#picker.addEventListener("change", () => {
      const [file] = this.#picker.files ?? [];
      this.#picker.value = "";
      if (file) this.take(file);
    });
    this.choose.title = message(
      "CSV or JSON lines. You can also paste cells from a spreadsheet, with their headings.",
    );
    const head = element("div", "row-head");
    const remove = button("✕", () => this.#remove(), "remove");
    remove.ariaLabel = remove.title = message("Remove the table");
    head.append(this.#name, remove);
    const help = message("One column per field, named by its label. One row per run.");
    const texts = message(
      "In a cell, {example} picks one at random. Names like {name} stay as they are.",
      {
        example: "{red|green}",
        name: "__times__",
      },
    );
    this.#problems.role = "status";
    this.place.role = "group";
    this.place.ariaLabel = message("Table");
    this.place.append(head, element("p", "help", help), element("p", "help", texts));
    this.place.append(this.#filesPlace, this.#problems, this.#picker);
    this.#show(table);
  }

  /** Whether it takes files that its cells name. */
  get isOfFiles() {
    return this.#files !== null;
  }

  /** @param {readonly Given[]} files that were dropped or pasted */
  addFiles(files) {
    this.#files?.add(files);
  }

  /** Whether files for it are on their way. */
  get isComing() {
    return this.#files?.isComing ?? false;
  }

  /**
   * @param {File} file
   * @param {readonly Given[]} [files] that were given with it
   */
  async take(file, files = []) {
    if (file.size > MOST) return this.#refuse(file.name, TOO_LARGE);
    const text = decodedText(new Uint8Array(await file.arrayBuffer()));
    if (text === null) return this.#refuse(file.name, NO_TEXT);
    this.#table = { name: file.name, text, files: this.#table?.files ?? [] };
    this.#show(this.#table);
    this.#changed(this.#table);
    if (files.length) this.addFiles(files);
  }

  /** @param {readonly string[]} problems */
  tell(problems) {
    const told = this.#refusal ? [this.#refusal] : problems;
    this.#problems.replaceChildren(...told.map((said) => element("p", "problem", said)));
  }

  /**
   * There is no table, and another one can be chosen.
   * @param {string} name of the file
   * @param {string} why
   */
  #refuse(name, why) {
    this.#table = null;
    this.#show(null);
    this.#name.textContent = name;
    this.place.hidden = false;
    this.#refusal = why;
    this.tell([]);
    this.#changed(null);
  }

  /** @param {Draft["table"]} table */
  #show(table) {
    this.place.hidden = table === null;
    this.choose.hidden = table !== null;
    this.#refusal = "";
    this.tell([]);
    this.#files = null;
    this.#filesPlace.replaceChildren();
    if (!table) return;
    if (this.#accept) {
      this.#files = new FileList(table.files ?? [], this.#accept, (files) => this.#setFiles(files));
      const help = message("Files named in the table:");
      this.#filesPlace.append(element("p", "help", help), this.#files.place);
    }
    const size = sizeWords(new Blob([table.text]).size);
    this.#name.textContent = message("{file}, {size}", { file: table.name, size });
  }

  /** @param {GivenFile[]} files */
  #setFiles(files) {
    if (!this.#table) return;
    this.#table = { ...this.#table, files };
    this.#changed(this.#table);
  }

  #remove() {
    this.#table = null;
    this.#show(null);
    this.#changed(null);
    this.choose.focus();
  }
}
