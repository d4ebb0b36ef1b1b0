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
  closeButton,
  dialogHead,
  element,
  isCtrlEnter,
  isNarrow,
} from "../dom.js";
import { filled } from "../form/filled.js";
import { formName } from "../form/form.js";
import { ownName, typed } from "../form/typed.js";
import { seedChoice } from "../grids/seed_choice.js";
import { counts } from "../making/counts.js";
import { message } from "../messages.js";
import { sizeWords } from "../sizes.js";
import { read, VARIED, write } from "../storage.js";
import { draw, h, pushButton } from "../view.js";
import { FileList } from "./file_list.js";
import { given, takenFrom } from "./given_files.js";
import { checked, start } from "./start.js";
import { decodedText } from "./text_file.js";
import { choiceList, problem, varyRow } from "./vary_row.js";

/** @import { Draft, Field, KeptDraft, Row, Spec } from "../batches/spec.js" */
/** @import { BatchCheckDoc } from "../documents.js" */
/** @import { Given } from "./zip.js" */

const PAUSE = 250; // milliseconds without a change before the app checks the draft
const MOST_KEPT = 1_000_000; // characters of a table in the browser's storage

const KINDS = ".csv,.tsv,.txt,.jsonl,.ndjson";
const MOST = 3_000_000; // bytes; the app accepts requests a third larger than this
const TOO_LARGE = message("This table is too large. Split it, or run it from the command line.");
const NO_TEXT = message("This isn't a text table. Save it as CSV and choose the CSV file.");

export class VaryDialog {
  #place = element("dialog", "vary takes-own-files");
  #workflow = formName();
  #key = VARIED + ownName(this.#workflow);
  #fields = fieldsToVary();
  /** @type {Draft} */
  #draft;
  /** Rows of fields that were removed, for when the user adds the field again. @type {Map<string, Row>} */
  #parked = new Map();
  /** Texts of the ways of varying that aren't selected, by field. @type {Map<string, string>} */
  #otherTexts = new Map();
  /** Lists of files by field, the table's under "". @type {Map<string, FileList>} */
  #files = new Map();
  /** Lists of choices by field. @type {Map<string, HTMLElement>} */
  #choices = new Map();
  /** Keys of the fields that are columns of the table. @type {readonly string[]} */
  #inTable = [];
  /** Rows that the table's columns have replaced. @type {readonly Row[]} */
  #taken = [];
  /** A file that isn't a table, and why. @type {{ name: string, why: string } | null} */
  #refused = null;
  #head = dialogHead(
    this.#place,
    "vary",
    message("Try several values"),
    closeButton(() => this.#place.close()),
  );
  #earlier = element("span", "", element("span"));
  #asking = 0;
  #turn = 0;
  /** @type {BatchCheckDoc | null} */
  #check = null;
  /** Its problems by place. @type {ReturnType<typeof placed>} */
  #found = { rows: new Map(), table: [], rest: [] };
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
    this.#earlier.style.display = "contents";
    offerEarlier(/** @type {HTMLElement} */ (this.#earlier.firstChild), () => this.#place.close());
    this.#place.addEventListener("close", () => {
      this.#place.remove();
      closed(this.#hasStarted);
    });
    this.#place.addEventListener("keydown", (event) => this.#pressed(event));
    this.#place.addEventListener("paste", (event) => this.#take(event, event.clipboardData));
    this.#place.addEventListener("drop", (event) => this.#take(event, event.dataTransfer));
    // Otherwise, the browser would navigate to the file.
    this.#place.addEventListener("dragover", (event) => event.preventDefault());
    const isEmpty = !this.#draft.rows.length && !this.#draft.table;
    if (isEmpty || (wanted && !this.#has(wanted))) this.#addRow(wanted);
    this.#draw();
  }

  /**
   * @param {string} key the field of a row
   * @param {readonly File[]} files to add to it
   */
  give(key, files) {
    this.#files.get(key)?.add(files.map((file) => given(file)));
  }

  /** @param {HTMLElement} parent */
  open(parent) {
    parent.append(this.#place);
    this.#place.showModal();
    const box = $(".editor :is(input, textarea, button)", this.#place);
    // On a phone, the keyboard would cover the instructions.
    if (box && !isNarrow()) box.focus();
    this.#ask();
  }

  #draw() {
    const { rows, table, paired } = this.#draft;
    const [free, found] = [this.#free, this.#found];
    const way = (/** @type {boolean} */ isPaired, /** @type {string} */ words) =>
      h(
        "label.in-line",
        h("input", {
          type: "radio",
          name: "vary-way",
          checked: paired === isPaired,
          onchange: () => this.#change({ paired: isPaired }),
        }),
        h("span", words),
      );
    const drawn = rows.flatMap((row) => {
      const field = this.#fields.find(({ key }) => key === row.field);
      return field ? [this.#rowFor(row, field, free, found.rows.get(row.field) ?? [])] : [];
    });
    const choose = message(
      "CSV or JSON lines. You can also paste cells from a spreadsheet, with their headings.",
    );
    const estimate = this.#check ? estimateWords(this.#check, this.#imagesPerRun) : "";
    const about = message("Pick fields and the values to try. Everything else stays the same.");
    draw(
      this.#place,
      this.#head,
      h(
        "div.vary-body.stack",
        h("p.about.muted", about),
        h("div.vary-rows.stack", drawn),
        this.#tablePart(),
        h(
          "div.more.flow",
          pushButton(message("+ Add a field"), () => this.#addRow(), {
            className: "quiet add",
            hidden: !free.length,
          }),
          pushButton(
            message("Use a table…"),
            () => $(".table-part > input", this.#place)?.click(),
            {
              className: "quiet use-table",
              hidden: table !== null,
              title: choose,
            },
          ),
        ),
        h(
          "div.together",
          h(
            "fieldset.ways.wraps",
            { hidden: rows.length + Number(table !== null) < 2 },
            h("legend", message("Combine")),
            way(false, message("All combinations")),
            way(true, message("Pair in order")),
          ),
          seedChoice(seedsOf(this.#draft, this.#fields, this.#inTable), (seeds) =>
            this.#change({ seeds }),
          ),
        ),
      ),
      h(
        "div.foot",
        h("div.problems", { role: "status" }, found.rest.map(problem)),
        h(
          "div.last.flow",
          this.#earlier,
          h("p.estimate.muted.digits", { role: "status" }, this.#isSingle ? "" : estimate),
          h("p.muted", { role: "status" }, this.#isSingle && message("Add another value.")),
          pushButton(
            this.#isStarting ? message("Starting") : startWords(this.#check),
            () => this.#begin(),
            { className: "primary", ariaDisabled: String(!this.#canStart) },
          ),
        ),
      ),
    );
  }

  /** @param {Row} row @param {Field} field @param {Field[]} free @param {readonly string[]} problems */
  #rowFor(row, field, free, problems) {
    const { key, several, choices, long, accept } = field;
    const set = (/** @type {Partial<Row>} */ changes) => {
      const rows = this.#draft.rows.map((one) =>
        one.field === key ? { ...one, ...changes } : one,
      );
      this.#change({ rows });
    };
    if (several === "files" && !this.#files.has(key))
      this.#files.set(key, new FileList(row.files, accept, (files) => set({ files })));
    if (several === "choices" && !long && !this.#choices.has(key))
      this.#choices.set(
        key,
        choiceList(choices, row.chosen, (chosen) => set({ chosen })),
      );
    return varyRow(row, field, free, problems, {
      set,
      turn: (other) => this.#turnTo(key, other),
      remove: () => this.#removeRow(key),
      switchWay: (replaces) => {
        const { text } = row;
        set({ replaces, text: this.#otherTexts.get(key) ?? "" });
        this.#otherTexts.set(key, text);
      },
      list: this.#files.get(key)?.place ?? this.#choices.get(key) ?? null,
    });
  }

  /** Focus the last row's field. */
  #focusLast() {
    (
      all(".vary-row:not(.table-part) select:not(.way)", this.#place).at(-1) ??
      $(".add", this.#place)
    )?.focus();
  }

  /** @param {string} [wanted] key of the row's field */
  #addRow(wanted = "") {
    const free = this.#free;
    const field = free.find(({ key }) => key === wanted) ?? firstToVary(free);
    if (!field) return;
    this.#change({ rows: [...this.#draft.rows, this.#rowOf(field)] });
    this.#focusLast();
  }

  get #free() {
    return freeFields(this.#fields, this.#draft, this.#inTable);
  }

  /** @param {string} key @returns whether the field has a row */
  #has(key) {
    return this.#draft.rows.some(({ field }) => field === key);
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
    const isVaried = this.#has(key) || this.#inTable.includes(key);
    return isVaried ? 1 : Number(this.#values[key] ?? 1);
  }

  /** Return the form's values of a draft's fields. Once they change, the rows of a started batch are old. @param {KeptDraft} draft */
  #varied({ rows }) {
    return JSON.stringify(rows.map(({ field }) => this.#values[field]));
  }

  /**
   * Replace a row with a row for another field.
   * @param {string} before
   * @param {string} key the other field's key
   */
  #turnTo(before, key) {
    const field = this.#fields.find((one) => one.key === key);
    if (!field) return;
    this.#park(before);
    const row = this.#rowOf(field);
    this.#change({ rows: this.#draft.rows.map((one) => (one.field === before ? row : one)) });
    $(`.vary-row[data-field="${CSS.escape(key)}"] select`, this.#place)?.focus();
  }

  /** @param {string} key of a row that goes */
  #park(key) {
    const row = this.#draft.rows.find(({ field }) => field === key);
    if (row) this.#parked.set(key, row);
    for (const lists of [this.#files, this.#choices]) lists.delete(key);
  }

  /** @param {string} key */
  #removeRow(key) {
    this.#takeOut(key);
    this.#focusLast();
  }

  /** @param {string} key */
  #takeOut(key) {
    this.#park(key);
    this.#change({ rows: this.#draft.rows.filter(({ field }) => field !== key) });
  }

  /**
   * Set or remove the table. Its columns replace the rows of the same fields; the previous table's rows return.
   * @param {Draft["table"]} table
   */
  async #changeTable(table) {
    if (table && table.text === this.#draft.table?.text) return this.#change({ table });
    const back = this.#taken.filter(({ field }) => !this.#has(field));
    this.#taken = [];
    this.#inTable = [];
    this.#change({ table, rows: [...this.#draft.rows, ...back] });
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

  /** @param {Partial<Draft>} changes */
  #change(changes) {
    this.#draft = { ...this.#draft, ...changes };
    const isLarge = (this.#draft.table?.text.length ?? 0) > MOST_KEPT;
    const kept = toKeep(this.#draft, this.#fields, this.#values);
    write(sessionStorage, this.#key, isLarge ? { ...kept, table: null } : kept);
    this.#draw();
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
    this.#inTable = check?.table ?? this.#inTable;
    const { rest, ...found } = placed(
      { problems, more: check?.more ?? 0 },
      this.#draft,
      this.#fields,
    );
    this.#found = { ...found, rest: [...rest, ...others] };
    this.#draw();
    for (const [key, files] of this.#files)
      if (key) files.mark(problems.filter(({ field }) => field === key));
  }

  /** Whether the draft is what Generate does. */
  get #isSingle() {
    const { rows, problems } = this.#check ?? {};
    return rows === 1 && !problems?.length && !this.#draft.table;
  }

  get #canStart() {
    const check = this.#check;
    const isComing = [...this.#files.values()].some((part) => part.isComing);
    const isUnready = this.#isSingle || this.#isStarting || isComing;
    return Boolean(check?.rows && !check.problems.length && !isUnready);
  }

  async #begin() {
    clearTimeout(this.#asking);
    await this.#ask(); // the last edits may not have been checked yet
    if (!this.#canStart) return;
    this.#isStarting = true;
    this.#draw();
    const spec = specOf(this.#draft, this.#fields, this.#inTable, this.#values);
    const { batch, problems } = await start(this.#workflow, spec);
    this.#isStarting = false;
    this.#found = { ...this.#found, rest: problems };
    this.#draw();
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
    $(".foot .primary", this.#place)?.click();
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
    if (table) return this.#takeTable(table, files);
    const rows = all(".vary-row", this.#place).filter(({ dataset }) =>
      this.#files.has(dataset.field ?? ""),
    );
    const row = rows.find((one) => one.contains(at)) ?? rows[0];
    if (row) this.#files.get(row.dataset.field ?? "")?.add(files);
  }

  /** Describe the table: one column per field, one row per run. */
  #tablePart() {
    const { table } = this.#draft;
    const refused = this.#refused;
    const accept = [...new Set(this.#fields.map((field) => field.accept).filter(Boolean))].join();
    if (!table) this.#files.delete("");
    else if (accept && !this.#files.has(""))
      this.#files.set(
        "",
        new FileList(table.files ?? [], accept, (files) => {
          const now = this.#draft.table;
          if (now) this.#changeTable({ ...now, files });
        }),
      );
    const files = this.#files.get("");
    const size = table ? sizeWords(new Blob([table.text]).size) : "";
    const name = table ? message("{file}, {size}", { file: table.name, size }) : refused?.name;
    const found = files?.isComing ? [] : this.#found.table; // its files may be the missing ones
    const remove = () => {
      this.#refused = null;
      this.#changeTable(null);
      $(".use-table", this.#place)?.focus();
    };
    const removes = message("Remove the table");
    const help = message("One column per field, named by its label. One row per run.");
    const texts = message(
      "In a cell, {example} picks one at random. Names like {name} stay unchanged.",
      { example: "{red|green}", name: "__times__" },
    );
    const icon = { className: "remove", "data-icon": "close", ariaLabel: removes, title: removes };
    return h(
      "div.vary-row.table-part",
      { role: "group", ariaLabel: message("Table"), hidden: !table && !refused },
      h("div.row-head.in-line", h("strong", name), pushButton("", remove, icon)),
      h("p.help.aside", help),
      h("p.help.aside", texts),
      h("div", files && [h("p.help.aside", message("Files named in the table:")), files.place]),
      h("div.problems", { role: "status" }, (refused ? [refused.why] : found).map(problem)),
      h("input", {
        type: "file",
        accept: KINDS,
        hidden: true,
        onchange: ({ currentTarget: picker }) => {
          const [file] = picker.files;
          picker.value = "";
          if (file) this.#takeTable(file);
        },
      }),
    );
  }

  /**
   * Use a file as the table.
   * @param {File} file
   * @param {readonly Given[]} [files] files given together with it
   */
  async #takeTable(file, files = []) {
    const isLarge = file.size > MOST;
    const text = isLarge ? null : decodedText(new Uint8Array(await file.arrayBuffer()));
    this.#refused = text === null ? { name: file.name, why: isLarge ? TOO_LARGE : NO_TEXT } : null;
    const before = this.#draft.table?.files ?? [];
    this.#changeTable(text === null ? null : { name: file.name, text, files: before });
    if (files.length) this.#files.get("")?.add(files);
  }
}
