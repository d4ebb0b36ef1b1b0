// @ts-check
// Repeatable rows of one field: a line of cells for each row, which users add and remove. It is a Gradio component
// (ui/page/form/kinds/rows.py): its value is the list of rows. Cells that users don't change keep their exact values.

import { $, announce, button, element, iconButton } from "../dom.js";
import { formName, isDrawing } from "../form/form.js";
import { labeled, message, plural } from "../messages.js";
import { browseButton } from "../models/fields.js";

/**
 * A column. `start`: the value of a new cell. `isOptional`: an empty cell has the value of the cell before it. `hasModels`:
 * its choices are model files.
 * @typedef {{ key: string, label: string, help: string, widget: string, choices: [string, unknown][],
 *   min: number | null, max: number | null, step: number | null, start: unknown, isOptional: boolean, hasModels: boolean }} Column
 * @typedef {Record<string, unknown>} Row
 *
 * The interface that Gradio passes to the component, and the field's options. `title` names one row.
 * @typedef {{ props: { value: any }, watch: (name: string, changed: () => void) => void, key: string, label: string, help: string,
 *   title: string, least: number, most: number, columns: Column[] }} Component
 * @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Cell
 */

class RowEditor {
  #place;
  #component;
  #list = element("div", "lines");
  #add;
  /** @type {Row[]} */
  #rows = [];

  /** @param {HTMLElement} place @param {Component} component */
  constructor(place, component) {
    const { label, help, title } = component;
    this.#place = place;
    this.#component = component;
    this.#add = button(message("Add {name}", { name: title }), () => this.#append(), "quiet add");
    Object.assign(this.#list, { role: "group", ariaLabel: label });
    const name = element("span", "field-title", label);
    place.replaceChildren(
      name,
      ...(help ? [element("p", "help aside", help)] : []),
      this.#list,
      this.#add,
    );
  }

  /**
   * Show the rows from Python, unless they are already shown.
   * @param {Row[]} rows
   */
  tell(rows) {
    if (JSON.stringify(rows) === JSON.stringify(this.#rows) && this.#list.children.length) return;
    this.#rows = rows;
    this.#draw();
  }

  #draw() {
    this.#list.replaceChildren(...this.#rows.map((_, at) => this.#line(at)));
    this.#list.hidden = !this.#rows.length;
    const { most } = this.#component;
    const isFull = this.#rows.length >= most;
    this.#add.disabled = isFull;
    this.#add.title = isFull
      ? plural("Maximum {count} row.", "Maximum {count} rows.", { count: most })
      : "";
  }

  /** @param {number} at */
  #line(at) {
    const { columns, least, title } = this.#component;
    const line = element("div", "line");
    const name = nameOf(title, at);
    line.role = "group";
    line.ariaLabel = name;
    const remove = iconButton("close", () => this.#remove(at), "remove");
    remove.ariaLabel = labeled(message("Remove"), name);
    remove.title = message("Remove");
    remove.disabled = this.#rows.length <= least;
    line.append(
      ...columns.flatMap((column, place) => {
        const cell = this.#cell(at, column, columns[place - 1]);
        return column.hasModels ? [cell, this.#browse(at, column, cell)] : [cell];
      }),
      remove,
    );
    return line;
  }

  /** @param {number} at @param {Column} column @param {Column | undefined} before */
  #cell(at, column, before) {
    const row = /** @type {Row} */ (this.#rows[at]);
    const cell = element("label", `cell ${column.widget}`);
    const input = inputFor(column, row[column.key]);
    if (column.help) cell.title = column.help;
    cell.append(element("span", "name", column.label), input);
    if (column.isOptional && before && "placeholder" in input)
      input.placeholder = String(row[before.key] ?? "");
    const isTyped = column.widget !== "dropdown" && column.widget !== "checkbox";
    input.addEventListener(isTyped ? "input" : "change", () => this.#set(at, column, input));
    return cell;
  }

  /** @param {number} at @param {Column} column @param {HTMLElement} cell */
  #browse(at, column, cell) {
    const { key, title } = this.#component;
    const label = labeled(nameOf(title, at), column.label);
    const list = /** @type {HTMLSelectElement} */ ($("select", cell));
    const opens = browseButton(label, () => ({
      workflow: formName(),
      field: key,
      column: column.key,
      label,
      value: String(this.#rows[at]?.[column.key] ?? ""),
      use: (value) => {
        list.dispatchEvent(new Event("focus")); // fills it with its choices
        list.value = String(column.choices.findIndex(([, choice]) => choice === value));
        list.dispatchEvent(new Event("change"));
      },
    }));
    opens.textContent = ""; // a row has little room
    opens.dataset.icon = "more";
    return opens;
  }

  /** @param {number} at @param {Column} column @param {Cell} input */
  #set(at, column, input) {
    const { [column.key]: _, ...others } = this.#rows[at] ?? {};
    const value = readCell(column, input);
    const isEmpty = column.isOptional && value === null;
    this.#change(
      this.#rows.with(at, isEmpty ? others : { ...this.#rows[at], [column.key]: value }),
    );
    const next = /** @type {HTMLInputElement | null} */ (
      $("input", input.closest(".cell")?.nextElementSibling ?? element("p"))
    );
    if (next?.placeholder) next.placeholder = input.value;
  }

  #append() {
    const starts = this.#component.columns.filter(({ isOptional }) => !isOptional);
    this.#change([...this.#rows, Object.fromEntries(starts.map(({ key, start }) => [key, start]))]);
    this.#draw();
    const cell = /** @type {Cell | null} */ (
      $("select, input:not([type=checkbox])", this.#list.lastElementChild ?? this.#list)
    );
    cell?.focus();
  }

  /** @param {number} at */
  #remove(at) {
    this.#change(this.#rows.toSpliced(at, 1));
    this.#draw();
    announce(message("Removed: {name}", { name: nameOf(this.#component.title, at) }));
    const next = this.#list.children[Math.min(at, this.#rows.length - 1)];
    const button = /** @type {HTMLButtonElement | null} */ (
      next ? $(".remove:enabled", next) : null
    );
    (button ?? this.#add).focus();
  }

  /** @param {Row[]} rows */
  #change(rows) {
    this.#rows = rows;
    if (this.#place.isConnected && !isDrawing()) this.#component.props.value = rows;
  }
}

/** @param {string} title @param {number} at */
const nameOf = (title, at) => message("{label} {number}", { label: title, number: at + 1 });

/** @param {Column} column @param {unknown} value @returns {Cell} */
function inputFor(column, value) {
  switch (column.widget) {
    case "dropdown":
    case "radio":
      return listFor(column, value);
    case "checkbox":
      return Object.assign(element("input"), { type: "checkbox", checked: Boolean(value) });
    case "textarea":
      return Object.assign(element("textarea"), { rows: 2, value: value ?? "" });
    case "number":
      return numberFor(column, value);
    default:
      return Object.assign(element("input"), { type: "text", value: value ?? "" });
  }
}

/** @param {Column} column @param {unknown} value */
function numberFor({ min, max, step }, value) {
  const input = element("input");
  Object.assign(input, { type: "number", step: String(step ?? "any"), value: value ?? "" });
  if (min !== null) input.min = String(min);
  if (max !== null) input.max = String(max);
  return input;
}

/**
 * Return a list with only its value. The other choices come when the user needs them, because a list of models may have
 * thousands in each row.
 * @param {Column} column
 * @param {unknown} value
 */
function listFor({ choices }, value) {
  const list = element("select");
  const at = choices.findIndex(([, choice]) => choice === value);
  const gone = message("Not available: {choice}", { choice: String(value) });
  const label = choices[at]?.[0] ?? (value === null || value === undefined ? "" : gone);
  list.append(new Option(label, String(at), true, true));
  list.title = label; // the list may be too narrow for it
  list.addEventListener("change", () => {
    list.title = list.selectedOptions[0]?.label ?? "";
  });
  const fill = () => {
    if (list.length > 1) return;
    const all = choices.map(
      ([words], place) => new Option(words, String(place), false, place === at),
    );
    list.replaceChildren(...(at < 0 ? [new Option(label, "-1", true, true)] : []), ...all);
  };
  for (const act of ["focus", "pointerdown"]) list.addEventListener(act, fill, { once: true });
  return list;
}

/** @param {Column} column @param {Cell} input */
function readCell(column, input) {
  if (input instanceof HTMLSelectElement) return column.choices[Number(input.value)]?.[1] ?? null;
  if (input.type === "checkbox" && input instanceof HTMLInputElement) return input.checked;
  if (input.type !== "number") return input.value === "" && column.isOptional ? null : input.value;
  return input.value === "" ? null : Number(input.value);
}

/** @param {HTMLElement} place @param {Component} component */
export function mount(place, component) {
  const editor = new RowEditor(/** @type {HTMLElement} */ ($(".row-editor", place)), component);
  // While Gradio draws another form, it passes the value of the field in this position.
  const tell = () => {
    const { value } = component.props;
    const isRows = Array.isArray(value) && value.every((row) => row && typeof row === "object");
    editor.tell(isRows ? value : []);
  };
  component.watch("value", tell);
  tell();
}
