// @ts-check
// The form's title and description, and its position among the workflows.

import { element } from "../dom.js";
import { message } from "../messages.js";
import { isPrivate } from "./editing.js";
import { labelled, numberBox, textBox } from "./fields.js";

/** @import { FormEditor } from "./editor.js" */

export class HeadPart {
  place = element("div", "top");
  #editor;
  #title;
  #description;

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    const { title, description } = editor.model;
    this.#title = textBox(title, (text) => this.#set({ title: text }, "title"));
    this.#description = textBox(
      description,
      (text) => this.#set({ description: text }, "description"),
      { lines: 2 },
    );
    this.place.append(
      labelled(message("Title"), this.#title),
      labelled(message("Description"), this.#description),
    );
  }

  /**
   * @param {Partial<import("./model.js").Model>} changes
   * @param {string} what
   */
  #set(changes, what) {
    this.#editor.change({ ...this.#editor.model, ...changes }, what);
  }

  draw() {
    const { title, description } = this.#editor.model;
    const { automatic } = this.#editor.doc;
    this.#title.placeholder = automatic.title ?? "";
    this.#description.placeholder = automatic.description ?? "";
    keep(this.#title, title);
    keep(this.#description, description);
  }
}

export class PositionPart {
  #editor;
  #order;
  place;

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    this.#order = numberBox(editor.model.order, (order) =>
      editor.change({ ...editor.model, order: order ?? null }, "order"),
    );
    this.place = labelled(message("Position in the list of workflows"), this.#order);
    this.place.classList.add("inline");
    this.place.hidden = isPrivate(editor.name);
  }

  draw() {
    const { order } = this.#editor.model;
    keep(this.#order, order === null ? "" : String(order));
  }
}

/**
 * Set the text of a box unless it has it already: setting it would move the cursor.
 * @param {HTMLInputElement | HTMLTextAreaElement} box
 * @param {string} text
 */
function keep(box, text) {
  if (box.value !== text) box.value = text;
}
