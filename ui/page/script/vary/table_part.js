// @ts-check
// The table in the “Try several values” dialog: one column per field, one row per run.

import { button, element } from "../dom.js";
import { message } from "../messages.js";
import { sizeWords } from "../sizes.js";
import { FileList } from "./file_list.js";
import { decodedText } from "./text_file.js";

/** @import { Draft, GivenFile } from "../batches/spec.js" */
/** @import { Given } from "./zip.js" */

const KINDS = ".csv,.tsv,.txt,.jsonl,.ndjson";
const MOST = 3_000_000; // bytes; the app accepts requests a third larger than this
const TOO_LARGE = message("This table is too large. Split it, or run it from the command line.");
const NO_TEXT = message("This isn't a text table. Save it as CSV and choose the CSV file.");

export class TablePart {
  /** The element that shows the table. */
  place = element("div", "vary-row table-part");
  /** The button to add a table, shown until there is a table. */
  choose = button(message("Use a table…"), () => this.#picker.click(), "quiet");
  #picker = element("input");
  #name = element("strong");
  #problems = element("div", "problems");
  #accept;
  #changed;
  #table;
  /** Why the last file couldn't be used as a table, "" if it could. */
  #refusal = "";
  /** Files that the table's cells name. @type {FileList | null} */
  #files = null;
  #filesPlace = element("div");

  /**
   * @param {Draft["table"]} table
   * @param {string} accept MIME types of files that its cells can name, "" for none
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
      "In a cell, {example} picks one at random. Names like {name} stay unchanged.",
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

  /** Whether the table accepts files that its cells name. */
  get isOfFiles() {
    return this.#files !== null;
  }

  /** @param {readonly Given[]} files dropped or pasted files */
  addFiles(files) {
    this.#files?.add(files);
  }

  /** Whether files are being uploaded. */
  get isComing() {
    return this.#files?.isComing ?? false;
  }

  /**
   * Use a file as the table.
   * @param {File} file
   * @param {readonly Given[]} [files] files given together with it
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
   * Show why a file isn't a table, and let the user choose another one.
   * @param {string} name the file's name
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
