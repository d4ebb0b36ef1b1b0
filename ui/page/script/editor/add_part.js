// @ts-check
// “Add inputs”: every input of the workflow by node, with a check box and a search.

import { all, element } from "../dom.js";
import { message, plural } from "../messages.js";
import { checkBox, part } from "./fields.js";
import { rowOf, withInput } from "./model.js";

/** @import { FormEditor } from "./editor.js" */

export class AddPart {
  place;
  #editor;
  #body = element("div");
  #search = Object.assign(element("input"), { type: "search" });
  #said = element("p", "hint");
  #list = element("div", "all-inputs");
  /** @type {{ key: string, words: string, box: HTMLLabelElement }[]} */
  #boxes = [];

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    const words = message("Search inputs");
    this.#search.placeholder = words;
    this.#search.ariaLabel = words;
    this.#search.addEventListener("input", () => this.#filter());
    this.#said.role = "status";
    this.#body.append(this.#search, this.#said, this.#list);
    this.place = part(message("Add inputs"), this.#body);
    this.place.addEventListener("toggle", () => {
      if (this.place.open && !this.#boxes.length) this.#fill();
      if (this.place.open) this.#search.focus({ preventScroll: true });
    });
  }

  #fill() {
    for (const { title, class_type: kind, inputs } of this.#editor.doc.inputs) {
      if (!inputs.length) continue;
      const group = element("fieldset");
      group.append(element("legend", "", title));
      for (const { key, label, value } of inputs) {
        const box = checkBox(label, false, (isOn) =>
          this.#editor.change(withInput(this.#editor.model, key, isOn)),
        );
        const shown = value === null || typeof value === "object" ? "" : String(value);
        box.append(element("span", "of", shown));
        group.append(box);
        const words = [label, title, kind, key, shown].join(" ").toLowerCase();
        this.#boxes.push({ key, words, box });
      }
      this.#list.append(group);
    }
    this.draw();
  }

  draw() {
    const { model } = this.#editor;
    const also = new Set(model.rows.flatMap(({ set }) => set.also ?? []));
    for (const { key, box } of this.#boxes) {
      const input = /** @type {HTMLInputElement} */ (box.querySelector("input"));
      const row = rowOf(model, key);
      input.checked = also.has(key) || Boolean(row && row.place !== "hidden");
      input.disabled = also.has(key);
    }
  }

  #filter() {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const one of this.#boxes) {
      one.box.hidden = !words.every((word) => one.words.includes(word));
      if (!one.box.hidden) count += 1;
    }
    for (const group of all("fieldset", this.#list))
      group.hidden = !group.querySelector("label:not([hidden])");
    this.#said.textContent = words.length
      ? plural("{count} input found", "{count} inputs found", { count })
      : "";
  }
}
