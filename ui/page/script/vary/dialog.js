// @ts-check
// The “Try several values” dialog: the user selects fields and their values. The draft survives closing the dialog.

import { connection } from "../arrivals.js";
import { offerEarlier } from "../batches/earlier.js";
import { fieldsToVary, theComponent } from "../batches/given.js";
import {
  decisive,
  EMPTY,
  estimateWords,
  firstToVary,
  fitting,
  freeFields,
  placed,
  replacedTexts,
  rowFor,
  seedsOf,
  specOf,
  startWords,
  toKeep,
  unsaid,
} from "../batches/spec.js";
import {
  $,
  all,
  announce,
  button,
  closeButton,
  dialogHead,
  element,
  iconButton,
  isCtrlEnter,
  isNarrow,
} from "../dom.js";
import { filled } from "../form/filled.js";
import { formName } from "../form/form.js";
import { ownName, typed } from "../form/typed.js";
import { SeedChoice } from "../grids/seed_choice.js";
import { counts } from "../making/counts.js";
import { message } from "../messages.js";
import { sizeWords } from "../sizes.js";
import { read, VARIED, write } from "../storage.js";
import { FileList } from "./file_list.js";
import { given, takenFrom } from "./given_files.js";
import { checked, start } from "./start.js";
import { decodedText } from "./text_file.js";
import { VaryRow } from "./vary_row.js";

/** @import { Draft, Field, GivenFile, KeptDraft, Row, Spec } from "../batches/spec.js" */
/** @import { BatchCheckDoc } from "../documents.js" */
/** @import { Given } from "./zip.js" */

const PAUSE = 250; // milliseconds without a change before the app checks the draft
const MOST_KEPT = 1_000_000; // characters of a table in the browser's storage

export class VaryDialog {
  #place = element("dialog", "vary");
  #workflow = formName();
  #key = VARIED + ownName(this.#workflow);
  #fields = fieldsToVary();
  /** @type {Draft} */
  #draft;
  /** Rows of fields that were removed, for when the user adds the field again. @type {Map<string, Row>} */
  #parked = new Map();
  /** Keys of the fields that are columns of the table. @type {readonly string[]} */
  #inTable = [];
  /** Rows that the table's columns have replaced. @type {readonly Row[]} */
  #taken = [];
  /** @type {Map<string, VaryRow>} */
  #rows = new Map();
  #list = element("div", "vary-rows stack");
  #table;
  #add = button(message("+ Add a field"), () => this.#addRow(), "quiet");
  #ways = element("fieldset", "ways wraps");
  #seeds = new SeedChoice((seeds) => this.#change({ seeds }));
  #problems = element("div", "problems");
  #single = element("p", "muted");
  #estimate = element("p", "estimate muted digits");
  #start = button(message("Start"), () => this.#begin(), "primary");
  #asking = 0;
  #turn = 0;
  /** @type {BatchCheckDoc | null} */
  #check = null;
  #isStarting = false;
  #hasStarted = false;

  /**
   * @param {(hasStarted: boolean) => void} closed
   * @param {string} [wanted] key of a field to show a row for
   */
  constructor(closed, wanted = "") {
    const { begun, ...kept } = read(sessionStorage, this.#key, { ...EMPTY, begun: "" });
    const isOld = begun && begun !== this.#varied(kept);
    this.#draft = fitting(isOld ? EMPTY : kept, this.#fields, this.#values);
    const accepted = this.#fields.map(({ accept }) => accept).filter(Boolean);
    this.#table = new TablePart(this.#draft.table, [...new Set(accepted)].join(), (table) =>
      this.#changeTable(table),
    );
    this.#place.classList.add("takes-own-files");
    this.#place.append(this.#head(), this.#body(), this.#foot());
    this.#place.addEventListener("close", () => {
      this.#place.remove();
      closed(this.#hasStarted);
    });
    this.#place.addEventListener("keydown", (event) => this.#pressed(event));
    this.#place.addEventListener("paste", (event) => this.#take(event, event.clipboardData));
    this.#place.addEventListener("drop", (event) => this.#take(event, event.dataTransfer));
    // Otherwise, the browser would navigate to the file.
    this.#place.addEventListener("dragover", (event) => event.preventDefault());
    for (const row of this.#draft.rows) this.#draw(row);
    const isEmpty = !this.#draft.rows.length && !this.#draft.table;
    if (isEmpty || (wanted && !this.#rows.has(wanted))) this.#addRow(wanted);
    this.#offer();
  }

  /**
   * @param {string} key the field of a row
   * @param {readonly File[]} files to add to it
   */
  give(key, files) {
    this.#rows.get(key)?.addFiles(files.map((file) => given(file)));
  }

  /** @param {HTMLElement} parent */
  open(parent) {
    parent.append(this.#place);
    this.#place.showModal();
    const box = $(".editor :is(input, textarea, button)", this.#list);
    // On a phone, the keyboard would cover the instructions.
    if (box && !isNarrow()) box.focus();
    this.#ask();
  }

  #head() {
    const close = closeButton(() => this.#place.close());
    return dialogHead(this.#place, "vary", message("Try several values"), close);
  }

  #body() {
    const body = element("div", "vary-body stack");
    const about = message("Pick fields and the values to try. Everything else stays the same.");
    const more = element("div", "more flow", this.#add, this.#table.choose);
    this.#single.role = "status";
    this.#drawWays();
    body.append(element("p", "about muted", about), this.#list, this.#table.place, more);
    const together = element("div", "together", this.#ways, this.#seeds.place);
    body.append(together);
    return body;
  }

  #foot() {
    this.#problems.role = "status";
    this.#estimate.role = "status";
    const last = element("div", "last flow", this.#estimate, this.#single, this.#start);
    offerEarlier(this.#estimate, () => this.#place.close());
    return element("div", "foot", this.#problems, last);
  }

  #drawWays() {
    const ways = [
      { paired: false, words: message("All combinations") },
      { paired: true, words: message("Pair in order") },
    ];
    this.#ways.append(element("legend", "", message("Combine")));
    for (const { paired, words } of ways) {
      const box = element("input");
      Object.assign(box, {
        type: "radio",
        name: "vary-way",
        checked: this.#draft.paired === paired,
      });
      box.addEventListener("change", () => this.#change({ paired }));
      const label = element("label", "in-line", box, element("span", "", words));
      this.#ways.append(label);
    }
  }

  /** @param {Row} row */
  #draw(row) {
    const field = this.#fields.find(({ key }) => key === row.field);
    if (!field) return null;
    const drawn = new VaryRow(row, field, {
      changed: (now) => this.#changeRow(now),
      other: (key) => this.#turnTo(field, key),
      removed: () => this.#removeRow(field.key),
    });
    this.#rows.set(field.key, drawn);
    this.#list.append(drawn.place);
    return drawn;
  }

  /** @param {string} [wanted] key of the row's field */
  #addRow(wanted = "") {
    const free = this.#free;
    const field = free.find(({ key }) => key === wanted) ?? firstToVary(free);
    if (!field) return;
    const row = this.#rowOf(field);
    this.#change({ rows: [...this.#draft.rows, row] });
    this.#draw(row)?.focus();
    this.#offer();
  }

  get #free() {
    return freeFields(this.#fields, this.#draft, this.#inTable);
  }

  /** @param {Field} field */
  #rowOf(field) {
    const { key } = field;
    return this.#parked.get(key) ?? rowFor(field, this.#values[key]);
  }

  /** The form's values. */
  get #values() {
    return { ...filled.now.values, ...typed(this.#workflow) };
  }

  /** The number of images per run, 1 if unknown: the form may have no field for it, or the batch varies it. */
  get #imagesPerRun() {
    const key = counts.now.images?.key ?? "";
    const isVaried = this.#rows.has(key) || this.#inTable.includes(key);
    return isVaried ? 1 : Number(this.#values[key] ?? 1);
  }

  /** Return the form's values of a draft's fields. Once they change, the rows of a started batch are old. @param {KeptDraft} draft */
  #varied({ rows }) {
    return JSON.stringify(rows.map(({ field }) => this.#values[field]));
  }

  /** @param {Row} row */
  #changeRow(row) {
    const rows = this.#draft.rows.map((one) => (one.field === row.field ? row : one));
    this.#change({ rows });
  }

  /**
   * Replace a row with a row for another field.
   * @param {Field} before
   * @param {string} key the other field's key
   */
  #turnTo(before, key) {
    const field = this.#fields.find((one) => one.key === key);
    const old = this.#rows.get(before.key);
    if (!field || !old) return;
    this.#park(before.key);
    const row = this.#rowOf(field);
    this.#change({ rows: this.#draft.rows.map((one) => (one.field === before.key ? row : one)) });
    this.#rows.delete(before.key);
    const drawn = this.#draw(row);
    if (drawn) old.place.replaceWith(drawn.place);
    drawn?.focus();
    this.#offer();
  }

  /** @param {string} key */
  #park(key) {
    const row = this.#draft.rows.find(({ field }) => field === key);
    if (row) this.#parked.set(key, row);
  }

  /** @param {string} key */
  #removeRow(key) {
    this.#takeOut(key);
    (all(".vary-row select", this.#list).at(-1) ?? this.#add).focus();
  }

  /** @param {string} key */
  #takeOut(key) {
    this.#park(key);
    this.#rows.get(key)?.place.remove();
    this.#rows.delete(key);
    this.#change({ rows: this.#draft.rows.filter(({ field }) => field !== key) });
  }

  /**
   * Set or remove the table. Its columns replace the rows of the same fields; the previous table's rows return.
   * @param {Draft["table"]} table
   */
  async #changeTable(table) {
    if (table && table.text === this.#draft.table?.text) return this.#change({ table });
    const back = this.#taken.filter(({ field }) => !this.#rows.has(field));
    this.#taken = [];
    this.#inTable = [];
    this.#change({ table, rows: [...this.#draft.rows, ...back] });
    for (const row of back) this.#draw(row);
    this.#offer();
    if (!table) return;
    clearTimeout(this.#asking); // a pending check would report fields that are in both a row and the table
    const spec = specOf({ ...EMPTY, table }, this.#fields);
    const { check } = await this.#checked(spec);
    if (this.#draft.table?.text !== table.text) return; // compare texts, because its files may have changed meanwhile
    this.#inTable = check?.table ?? [];
    this.#taken = this.#draft.rows.filter(
      (row) => !row.replaces && this.#inTable.includes(row.field),
    );
    for (const { field } of this.#taken) this.#takeOut(field);
    this.#change({});
  }

  /** Update the fields that rows can select, and the controls that depend on the rows. */
  #offer() {
    const free = this.#free;
    for (const row of this.#rows.values()) row.offer(free);
    this.#add.hidden = !free.length;
    const { rows, table } = this.#draft;
    this.#ways.hidden = rows.length + Number(table !== null) < 2;
    this.#seeds.show(seedsOf(this.#draft, this.#fields, this.#inTable));
  }

  /** @param {Partial<Draft>} changes */
  #change(changes) {
    this.#draft = { ...this.#draft, ...changes };
    const isLarge = (this.#draft.table?.text.length ?? 0) > MOST_KEPT;
    const kept = toKeep(this.#draft, this.#fields, this.#values);
    write(sessionStorage, this.#key, isLarge ? { ...kept, table: null } : kept);
    this.#offer();
    this.#askSoon();
  }

  /** Ask the app to check the draft. */
  async #ask() {
    const spec = specOf(this.#draft, this.#fields, this.#inTable, this.#values);
    const turn = ++this.#turn;
    if (!spec.axes.length && !spec.table) {
      this.#show(null, []);
      return;
    }
    const { check, why, isSilent } = await this.#checked(spec);
    if (turn !== this.#turn) return;
    this.#show(check, why ? [why] : []);
    if (isSilent) connection.answered().then(() => turn === this.#turn && this.#askSoon());
  }

  #askSoon() {
    clearTimeout(this.#asking);
    if (this.#place.open) this.#asking = window.setTimeout(() => this.#ask(), PAUSE);
  }

  /** @param {Spec} spec */
  #checked(spec) {
    const form = this.#values;
    const values = { ...decisive(this.#fields, form), ...replacedTexts(this.#draft, form) };
    return checked({ workflow: this.#workflow, spec, values });
  }

  /**
   * @param {BatchCheckDoc | null} check
   * @param {readonly string[]} others other error messages
   */
  #show(check, others) {
    const problems = [...unsaid(this.#draft), ...(check?.problems ?? [])];
    this.#check = check && { ...check, problems };
    if (check && check.table.join() !== this.#inTable.join()) {
      this.#inTable = check.table;
      this.#offer();
    }
    const found = { problems, more: check?.more ?? 0 };
    const { rows, table, rest } = placed(found, this.#draft, this.#fields);
    for (const [key, row] of this.#rows) row.tell(rows.get(key) ?? [], problems);
    this.#table.tell(table);
    this.#say([...rest, ...others]);
    const words = this.#check ? estimateWords(this.#check, this.#imagesPerRun) : "";
    this.#single.textContent = this.#isSingle ? message("Add another value.") : "";
    this.#estimate.textContent = this.#isSingle ? "" : words;
    this.#label();
  }

  /** @param {readonly string[]} problems */
  #say(problems) {
    this.#problems.replaceChildren(...problems.map((said) => element("p", "problem", said)));
  }

  /** Whether the draft is what Generate does. */
  get #isSingle() {
    const { rows, problems } = this.#check ?? {};
    return rows === 1 && !problems?.length && !this.#draft.table;
  }

  get #canStart() {
    const check = this.#check;
    const isComing = [this.#table, ...this.#rows.values()].some((part) => part.isComing);
    const isUnready = this.#isSingle || this.#isStarting || isComing;
    return Boolean(check?.rows && !check.problems.length && !isUnready);
  }

  #label() {
    this.#start.textContent = this.#isStarting ? message("Starting") : startWords(this.#check);
    this.#start.ariaDisabled = String(!this.#canStart);
  }

  async #begin() {
    clearTimeout(this.#asking);
    await this.#ask(); // the last edits may not have been checked yet
    if (!this.#canStart) return;
    this.#isStarting = true;
    this.#label();
    const spec = specOf(this.#draft, this.#fields, this.#inTable, this.#values);
    const { batch, problems } = await start(this.#workflow, spec);
    this.#isStarting = false;
    this.#label();
    this.#say(problems);
    this.#hasStarted = Boolean(batch);
    if (!batch) return;
    const kept = read(sessionStorage, this.#key, EMPTY);
    write(sessionStorage, this.#key, { ...kept, begun: this.#varied(kept) });
    this.#place.close();
    announce(message("The batch has started."));
    theComponent()?.open(batch);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (!isCtrlEnter(event)) return;
    event.preventDefault();
    event.stopPropagation(); // elsewhere, these keys press Generate
    this.#start.click();
  }

  /**
   * Handle a drop or paste: a table, or files for the row under the pointer or with the focus, else the first that fits.
   * @param {Event} event
   * @param {DataTransfer | null} transfer
   */
  async #take(event, transfer) {
    const at = /** @type {Element} */ (event.target);
    const isTyping = event.type === "paste" && at.closest("input, textarea") !== null;
    const taken = transfer && takenFrom(transfer, this.#fields, isTyping);
    if (!taken) return;
    event.preventDefault();
    const { table, files } = await taken;
    const parts = [...this.#rows.values(), this.#table].filter(({ isOfFiles }) => isOfFiles);
    if (table) this.#table.take(table, files);
    else (parts.find(({ place }) => place.contains(at)) ?? parts[0])?.addFiles(files);
  }
}

const KINDS = ".csv,.tsv,.txt,.jsonl,.ndjson";
const MOST = 3_000_000; // bytes; the app accepts requests a third larger than this
const TOO_LARGE = message("This table is too large. Split it, or run it from the command line.");
const NO_TEXT = message("This isn't a text table. Save it as CSV and choose the CSV file.");

/** The dialog's table: one column per field, one row per run. */
class TablePart {
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
    const remove = iconButton("close", () => this.#remove(), "remove");
    remove.ariaLabel = remove.title = message("Remove the table");
    const head = element("div", "row-head in-line", this.#name, remove);
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
    this.place.append(head, element("p", "help aside", help), element("p", "help aside", texts));
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
    const found = this.isComing ? [] : problems; // its files may be the missing ones
    const told = this.#refusal ? [this.#refusal] : found;
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
      this.#filesPlace.append(element("p", "help aside", help), this.#files.place);
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
