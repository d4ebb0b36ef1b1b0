// @ts-check
// One row in the editor's list: a field, or a width and a height that the form shows as one size. It has a name,
// buttons to move and hide it, and its settings if it is open.

import { button, element, tell } from "../dom.js";
import { message } from "../messages.js";
import { newId, signButton } from "./fields.js";
import { isSame, rowOf } from "./model.js";
import { rowForm } from "./row_form.js";
import { SIZE } from "./words.js";

/** @import { EditorInput } from "../documents.js" */
/** @import { Model, OwnSettings, Row } from "./model.js" */

/**
 * @typedef {{ open: () => void, step: (by: -1 | 1) => void, toggle: () => void,
 *   set: (key: string, changes: OwnSettings) => void, move: (place: string) => void, reset: (key: string) => void,
 *   drop: (key: string, isAfter: boolean) => void }} RowActions
 */

/** Type under which a dragged row carries its key. */
export const DRAGGED = "application/x-comfyforms-field";

export class RowView {
  place = element("li", "field-row");
  #inputs;
  #node;
  #actions;
  #name = button("", () => this.#actions.open(), "name");
  #label = element("span", "label");
  #of = element("span", "of");
  #form = element("div");
  #up;
  #down;
  #hide;
  /** The settings that the form of the row shows, by key. @type {Record<string, OwnSettings> | null} */
  #shown = null;
  #shownPlace = "";

  /**
   * @param {readonly EditorInput[]} inputs one, or a width and a height
   * @param {string} node title of its node
   * @param {RowActions} actions
   */
  constructor(inputs, node, actions) {
    this.#inputs = inputs;
    this.#node = node;
    this.#actions = actions;
    const key = inputs[0]?.key ?? "";
    this.place.dataset.key = key;
    const handle = element("span", "handle", "⠿");
    handle.ariaHidden = "true";
    handle.draggable = true;
    handle.title = message("Drag to move");
    this.#name.append(this.#label, this.#of);
    this.#name.title = node;
    this.#form.id = newId();
    this.#name.setAttribute("aria-controls", this.#form.id);
    this.#up = signButton("↑", "", () => actions.step(-1));
    this.#down = signButton("↓", "", () => actions.step(1));
    this.#hide = signButton("✕", "", () => actions.toggle());
    const head = element("div", "head");
    head.append(handle, this.#name, this.#up, this.#down, this.#hide);
    this.place.append(head, this.#form);
    this.#drag(handle, key);
    this.place.addEventListener("keydown", (event) => {
      const by = event.altKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      actions.step(/** @type {-1 | 1} */ (by));
    });
  }

  /**
   * @param {HTMLElement} handle
   * @param {string} key
   */
  #drag(handle, key) {
    const row = this.place;
    handle.addEventListener("dragstart", (event) => {
      event.dataTransfer?.setData(DRAGGED, key);
      event.dataTransfer?.setDragImage(row, 12, 12);
    });
    const isAfter = (/** @type {DragEvent} */ event) => {
      const { top, height } = row.getBoundingClientRect();
      return event.clientY > top + height / 2;
    };
    const leave = () => row.classList.remove("over", "after");
    row.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes(DRAGGED)) return;
      event.preventDefault();
      event.stopPropagation();
      row.classList.add("over");
      row.classList.toggle("after", isAfter(event));
    });
    row.addEventListener("dragleave", leave);
    row.addEventListener("drop", (event) => {
      leave();
      const dragged = event.dataTransfer?.getData(DRAGGED);
      if (!dragged) return;
      event.preventDefault();
      event.stopPropagation();
      this.#actions.drop(dragged, isAfter(event));
    });
  }

  /** @param {Model} model */
  labelIn(model) {
    const [input, ...others] = this.#inputs;
    if (others.length) return SIZE;
    return rowOf(model, input?.key ?? "")?.set.label ?? input?.label ?? "";
  }

  /**
   * @param {Model} model
   * @param {boolean} isOpen
   * @param {boolean} isAlone whether no other row has this label
   */
  show(model, isOpen, isAlone) {
    const rows = this.#inputs.flatMap(({ key }) => rowOf(model, key) ?? []);
    const label = this.labelIn(model);
    tell(this.#label, label);
    tell(this.#of, isAlone ? "" : this.#node);
    const isHidden = rows[0]?.place === "hidden";
    name(this.#up, message("Move “{field}” up", { field: label }));
    name(this.#down, message("Move “{field}” down", { field: label }));
    name(
      this.#hide,
      isHidden
        ? message("Show “{field}”", { field: label })
        : message("Hide “{field}”", { field: label }),
    );
    tell(this.#hide, isHidden ? "＋" : "✕");
    for (const one of [this.#up, this.#down]) one.hidden = isHidden;
    this.#name.ariaExpanded = String(isOpen);
    this.place.classList.toggle("open", isOpen);
    this.#form.hidden = !isOpen;
    if (!isOpen) {
      this.#shown = null;
      this.#form.replaceChildren();
    } else if (
      !this.#shown ||
      !isSame(this.#shown, settingsOf(rows)) ||
      this.#shownPlace !== placed(rows, model)
    )
      this.#drawForm(rows, model);
  }

  /**
   * @param {readonly Row[]} rows
   * @param {Model} model
   */
  #drawForm(rows, model) {
    this.#shown = settingsOf(rows);
    this.#shownPlace = placed(rows, model);
    const forms = rows.map((row, at) => {
      const input = /** @type {EditorInput} */ (this.#inputs[at]);
      const set = (/** @type {OwnSettings} */ changes) => {
        const all = Object.entries({ ...this.#shown?.[row.key], ...changes });
        // The controls show this already. Redrawing them would take the focus away.
        const now = Object.fromEntries(all.filter(([, one]) => one !== undefined));
        this.#shown = { ...this.#shown, [row.key]: now };
        this.#actions.set(row.key, changes);
      };
      const { move, reset } = this.#actions;
      const events = { set, reset: () => reset(row.key), ...(at ? {} : { move }) };
      return rowForm(row, input, model, events, rows.length > 1 ? input.label : "");
    });
    this.#form.replaceChildren(...forms);
  }

  /** Move the focus to the field's name. */
  edit() {
    this.#form.querySelector("input")?.focus();
  }

  /** @param {-1 | 1} by focus the button that moved the row, unless something else in the row had the focus */
  focusStep(by) {
    (by < 0 ? this.#up : this.#down).focus({ preventScroll: true });
    this.place.scrollIntoView({ block: "nearest" });
  }

  focusName() {
    this.#name.focus();
  }
}

/** @param {readonly Row[]} rows */
const settingsOf = (rows) => Object.fromEntries(rows.map(({ key, set }) => [key, set]));

/** @param {readonly Row[]} rows @param {Model} model */
const placed = (rows, model) => JSON.stringify([rows[0]?.place, model.headings]);

/** @param {HTMLButtonElement} button @param {string} words */
function name(button, words) {
  button.ariaLabel = words;
  button.title = words;
}
