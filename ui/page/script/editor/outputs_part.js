// @ts-check
// The outputs of the workflow: which results are shown, and their names.

import { element, tell } from "../dom.js";
import { message } from "../messages.js";
import { checkBox, part, textBox } from "./fields.js";
import { titled } from "./ideas_part.js";
import { isSame, withOutput } from "./model.js";

/** @import { FormEditor } from "./editor.js" */
/** @import { OutputSettings } from "./model.js" */

export class OutputsPart {
  place;
  #editor;
  #list = element("ul", "outputs-list");
  /** @type {OutputSettings[] | null | undefined} */
  #shown = undefined;

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    this.place = part(message("Results"), this.#list);
    this.place.hidden = !editor.doc.outputs.length;
    const summary = this.place.querySelector("summary");
    if (summary) tell(summary, titled(message("Results"), editor.doc.outputs.length));
  }

  draw() {
    const { outputs } = this.#editor.model;
    if (this.#shown !== undefined && isSame(outputs, this.#shown)) return;
    this.#shown = outputs;
    const all = this.#editor.doc.outputs;
    this.#list.replaceChildren(
      ...all.map((output) => {
        const own = outputs?.find(({ node }) => node === output.node);
        const isShown = outputs ? Boolean(own) : output.is_shown;
        const line = element("li", "line");
        const box = checkBox(output.title, isShown, (isOn) =>
          this.#set(output.node, { isShown: isOn }),
        );
        const name = textBox(own?.label ?? "", (label) => this.#set(output.node, { label }), {
          placeholder: output.title,
        });
        name.ariaLabel = message("Name of the result “{title}”", { title: output.title });
        name.disabled = !isShown;
        box.addEventListener("change", ({ target }) => {
          name.disabled = !(/** @type {HTMLInputElement} */ (target).checked);
        });
        line.append(box, name);
        return line;
      }),
    );
  }

  /**
   * @param {string} node
   * @param {{ isShown?: boolean, label?: string }} changes
   */
  #set(node, changes) {
    const model = withOutput(this.#editor.model, this.#editor.doc.outputs, node, changes);
    // Without the last output, all are shown again.
    this.#shown = changes.isShown === false && !model.outputs ? undefined : model.outputs;
    this.#editor.change(model, `output ${node}`);
  }
}
