// @ts-check
// A field and its values in the “Try several values” dialog.

import { atCommas, isOfLines } from "../batches/spec.js";
import { button, element, iconButton, typeInto } from "../dom.js";
import { labeled, message, plural } from "../messages.js";
import { FileList } from "./file_list.js";

/** @import { Field, Row } from "../batches/spec.js" */
/** @import { BatchProblem } from "../documents.js" */
/** @import { Given } from "./zip.js" */

const LINES = 3;
const MOST_LINES = 8;

export class VaryRow {
  /** The element on the page. */
  place = element("div", "vary-row");
  #row;
  #field;
  #changed;
  /** The text of the way of varying that isn't selected, restored when the user switches back. */
  #otherText = "";
  #editor = element("div", "editor stack");
  #problems = element("div", "problems");
  #which = element("select");
  #remove;
  /** @type {FileList | null} */
  #files = null;

  /**
   * @param {Row} row
   * @param {Field} field
   * @param {{ changed: (row: Row) => void, other: (key: string) => void, removed: () => void }} told
   */
  constructor(row, field, { changed, other, removed }) {
    this.#row = row;
    this.#field = field;
    this.#changed = changed;
    this.place.role = "group";
    this.place.ariaLabel = field.label;
    this.place.dataset.field = field.key;
    this.#which.ariaLabel = message("Field");
    this.#which.addEventListener("change", () => other(this.#which.value));
    this.#remove = iconButton("close", removed, "remove");
    this.#remove.ariaLabel = this.#remove.title = labeled(message("Remove"), field.label);
    this.#problems.role = "status";
    const head = element("div", "row-head in-line", this.#which);
    if (field.several === "texts") head.append(this.#ways());
    head.append(this.#remove);
    this.place.append(head, this.#editor, this.#problems);
    this.#draw();
  }

  /**
   * Set the fields that the user can select for this row.
   * @param {readonly Field[]} free fields that aren't used yet
   */
  offer(free) {
    const options = [this.#field, ...free.filter(({ key }) => key !== this.#field.key)];
    this.#which.replaceChildren(...options.map(({ key, label }) => new Option(label, key)));
    this.#which.value = this.#field.key;
  }

  /**
   * Show the problems of this field.
   * @param {readonly string[]} problems this field's error messages
   * @param {readonly BatchProblem[]} all the problems of all fields, with the positions of their values
   */
  tell(problems, all) {
    this.#files?.mark(all.filter(({ field }) => field === this.#field.key));
    const known = [...this.#problems.children].map(({ textContent }) => textContent);
    if (known.join("\n") === problems.join("\n")) return;
    this.#problems.replaceChildren(...problems.map((said) => element("p", "problem", said)));
  }

  focus() {
    this.#which.focus();
  }

  /** Whether the field accepts files. */
  get isOfFiles() {
    return this.#files !== null;
  }

  /** Whether files are being uploaded. */
  get isComing() {
    return this.#files?.isComing ?? false;
  }

  /** @param {readonly Given[]} files dropped or pasted files */
  addFiles(files) {
    this.#files?.add(files);
  }

  /** @param {Partial<Row>} changes */
  #set(changes) {
    this.#row = { ...this.#row, ...changes };
    this.#changed(this.#row);
  }

  /** Create the choice between varying the whole text and replacing words in the form's text. */
  #ways() {
    const way = element("select", "way");
    way.ariaLabel = message("How to vary {field}", { field: this.#field.label });
    way.append(
      new Option(message("Full prompts"), ""),
      new Option(message("Replace words"), "replace"),
    );
    way.value = this.#row.replaces ? "replace" : "";
    way.addEventListener("change", () => {
      const { text } = this.#row;
      this.#set({ replaces: way.value === "replace", text: this.#otherText });
      this.#otherText = text;
      this.#draw();
    });
    return way;
  }

  #draw() {
    this.#files = null;
    this.#editor.replaceChildren(...this.#parts());
  }

  #parts() {
    const { several, choices, long, accept, help } = this.#field;
    const { chosen, files } = this.#row;
    if (this.#row.replaces && several === "texts") return this.#replacing();
    if (several === "files") {
      this.#files = new FileList(files, accept, (given) => this.#set({ files: given }));
      return [this.#files.place];
    }
    if (several === "choices" && !long)
      return [choiceList(choices, chosen, (values) => this.#set({ chosen: values }))];
    const box = isOfLines(several) ? this.#lines() : this.#line();
    box.ariaLabel = this.#field.label;
    return this.#helped(box, help);
  }

  #replacing() {
    const find = element("input");
    find.type = "text";
    find.value = this.#row.find;
    find.ariaLabel = message("Find");
    find.placeholder = message("Find");
    find.addEventListener("input", () => this.#set({ find: find.value }));
    const lines = this.#lines();
    lines.ariaLabel = lines.placeholder = message("Replace with");
    const split = this.#splitOffer(lines);
    const help = message("One replacement per line. The original is tried first.");
    return [find, ...this.#helped(lines, help), split];
  }

  /**
   * Create a button that splits the only line of a box at its commas. It is there while that is possible.
   * @param {HTMLTextAreaElement} box
   */
  #splitOffer(box) {
    const offer = button(
      message("Split at commas?"),
      () => {
        typeInto(box, atCommas(box.value).join("\n"));
        box.focus();
      },
      "quiet",
    );
    const show = () => {
      offer.hidden = atCommas(box.value).length < 2;
    };
    box.addEventListener("input", show);
    show();
    return offer;
  }

  #line() {
    const box = element("input");
    box.type = "text";
    box.value = this.#row.text;
    box.inputMode = "text";
    box.addEventListener("input", () => this.#set({ text: box.value }));
    return box;
  }

  #lines() {
    const box = element("textarea");
    box.value = this.#row.text;
    const grow = () => {
      box.rows = LINES;
      while (box.rows < MOST_LINES && box.scrollHeight > box.clientHeight) box.rows += 1;
    };
    new ResizeObserver(grow).observe(box); // a narrower box wraps its text into more lines
    box.addEventListener("input", () => {
      grow();
      this.#set({ text: box.value });
    });
    return box;
  }

  /** @param {HTMLInputElement | HTMLTextAreaElement} box @param {string} words */
  #helped(box, words) {
    const help = element("p", "help aside", words);
    help.id = `vary-help-${this.#field.key.replace(/[^\w]/g, "-")}`;
    box.setAttribute("aria-describedby", help.id);
    box.spellcheck = false;
    return [box, help];
  }
}

const MANY = 12;

/**
 * Create the list, with buttons to select all or none and, if it is long, a search box.
 * @param {readonly [string, string][]} choices label and value of each
 * @param {readonly string[]} chosen
 * @param {(chosen: string[]) => void} changed
 * @returns {HTMLElement}
 */
function choiceList(choices, chosen, changed) {
  const place = element("div", "choices");
  const list = element("div", "choice-list");
  const lines = choices.map(([label, value]) => lineFor(label, value, chosen.includes(value)));
  const first = lines.filter(({ box }) => box.checked);
  list.append(
    ...[...first, ...lines.filter((one) => !first.includes(one))].map(({ line }) => line),
  );
  const said = element("p", "chosen muted digits");
  said.role = "status";
  const say = (/** @type {number} */ count) => {
    const all = choices.length;
    said.textContent = plural("{count} of {all} selected", "{count} of {all} selected", {
      count,
      all,
    });
  };
  const tell = () => {
    const values = lines.filter(({ box }) => box.checked).map(({ box }) => box.value);
    say(values.length);
    changed(values);
  };
  say(first.length);
  list.addEventListener("change", tell);
  const set = (/** @type {boolean} */ isChosen) => {
    for (const { line, box } of lines) if (!line.hidden) box.checked = isChosen;
    tell();
  };
  const head = element("div", "choice-head flow");
  if (choices.length > MANY) head.append(searchOf(lines));
  head.append(
    button(message("All"), () => set(true), "quiet"),
    button(message("None"), () => set(false), "quiet"),
    said,
  );
  place.append(head, list);
  return place;
}

/** @typedef {{ line: HTMLLabelElement, box: HTMLInputElement }} ChoiceLine */

/** @param {string} label @param {string} value @param {boolean} isChosen @returns {ChoiceLine} */
function lineFor(label, value, isChosen) {
  const box = element("input");
  Object.assign(box, { type: "checkbox", value, checked: isChosen });
  const line = element("label", "in-line", box, element("span", "", label));
  return { line, box };
}

/** @param {readonly ChoiceLine[]} lines */
function searchOf(lines) {
  const search = element("input");
  search.type = "search";
  search.placeholder = message("Search");
  search.ariaLabel = search.placeholder;
  search.addEventListener("input", () => {
    const text = search.value.trim().toLowerCase();
    for (const { line } of lines)
      line.hidden = !(line.textContent ?? "").toLowerCase().includes(text);
  });
  return search;
}
