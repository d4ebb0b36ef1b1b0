// @ts-check
// One field in the editor's list: its name, buttons to move and hide it, and its settings if it is open.

import { button, element, tell } from "../dom.js";
import { message } from "../messages.js";
import { newId, signButton } from "./fields.js";
import { isSame } from "./model.js";
import { rowForm } from "./row_form.js";

/** @import { EditorInput } from "../documents.js" */
/** @import { Model, OwnSettings, Row } from "./model.js" */

/**
 * @typedef {{ open: () => void, step: (by: -1 | 1) => void, toggle: () => void, set: (changes: OwnSettings) => void,
 *   move: (place: string) => void, reset: () => void, drop: (key: string, isAfter: boolean) => void }} RowActions
 */

/** Type under which a dragged row carries its key. */
export const DRAGGED = "application/x-comfyforms-field";

export class RowView {
  place = element("li", "field-row");
  #input;
  #node;
  #actions;
  #name = button("", () => this.#actions.open(), "name");
  #label = element("span", "label");
  #form = element("div");
  #up;
  #down;
  #hide;
  /** @type {OwnSettings | null} */
  #shown = null;
  #shownPlace = "";

  /**
   * @param {string} key
   * @param {EditorInput} input
   * @param {string} node title of its node
   * @param {RowActions} actions
   */
  constructor(key, input, node, actions) {
    this.#input = input;
    this.#node = node;
    this.#actions = actions;
    this.place.dataset.key = key;
    const handle = element("span", "handle", "⠿");
    handle.ariaHidden = "true";
    handle.draggable = true;
    handle.title = message("Drag to move");
    this.#name.append(this.#label, element("span", "of", node));
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

  /**
   * @param {Row} row
   * @param {Model} model
   * @param {boolean} isOpen
   */
  show(row, model, isOpen) {
    const label = row.set.label ?? this.#input.label;
    tell(this.#label, label);
    const isHidden = row.place === "hidden";
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
      !isSame(this.#shown, row.set) ||
      this.#shownPlace !== placed(row, model)
    )
      this.#drawForm(row, model);
  }

  /**
   * @param {Row} row
   * @param {Model} model
   */
  #drawForm(row, model) {
    this.#shown = row.set;
    this.#shownPlace = placed(row, model);
    const events = {
      ...this.#actions,
      set: (/** @type {OwnSettings} */ changes) => {
        const set = Object.entries({ ...this.#shown, ...changes });
        // The controls show this already. Redrawing them would take the focus away.
        this.#shown = Object.fromEntries(set.filter(([, one]) => one !== undefined));
        this.#actions.set(changes);
      },
    };
    this.#form.replaceChildren(rowForm(row, this.#input, model, events));
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

  get words() {
    return [this.#label.textContent ?? "", this.#node].join(" · ");
  }
}

/** @param {Row} row @param {Model} model */
const placed = (row, model) => JSON.stringify([row.place, model.headings]);

/** @param {HTMLButtonElement} button @param {string} words */
function name(button, words) {
  button.ariaLabel = words;
  button.title = words;
}
