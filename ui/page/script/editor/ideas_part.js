// @ts-check
// The ideas that a form offers before its first run.

import { announce, button, element, tell } from "../dom.js";
import { filled } from "../form/filled.js";
import { labeled, message } from "../messages.js";
import { part, signButton, textBox } from "./fields.js";
import { isFilledIn } from "./row_form.js";

/** @import { FormEditor } from "./editor.js" */
/** @import { Idea } from "./model.js" */

export class IdeasPart {
  place;
  #editor;
  #list = element("ul", "ideas-list");
  /** The ideas that the list shows. @type {readonly Idea[]} */
  #shown = [];
  #summary;

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    const body = element("div");
    body.append(
      element("p", "hint", message("Examples to try. Choosing one fills in the form.")),
      this.#list,
      button(message("Add the values in the form"), () => this.#add(), "quiet"),
    );
    this.place = part(message("Ideas"), body);
    this.#summary = /** @type {HTMLElement} */ (this.place.querySelector("summary"));
    this.#fill();
  }

  draw() {
    const { ideas } = this.#editor.model;
    if (ideas !== this.#shown) this.#fill();
  }

  #fill() {
    this.#shown = this.#editor.model.ideas;
    tell(this.#summary, titled(message("Ideas"), this.#shown.length));
    this.#list.replaceChildren(
      ...this.#shown.map((idea, at) => {
        const line = element("li", "line");
        const remove = message("Remove idea {number}", { number: at + 1 });
        line.append(
          this.#entry(idea, at),
          signButton("✕", remove, () => this.#set(at, null)),
        );
        return line;
      }),
    );
  }

  /**
   * @param {Idea} idea
   * @param {number} at
   */
  #entry(idea, at) {
    if (typeof idea !== "string") return element("p", "", this.#wordsOf(idea));
    const box = textBox(idea, (text) => this.#set(at, text, `idea ${at}`));
    box.ariaLabel = message("Idea {number}", { number: at + 1 });
    return box;
  }

  /** @param {Record<string, unknown>} idea */
  #wordsOf(idea) {
    const words = Object.entries(idea).map(([key, value]) => {
      const known = this.#editor.inputs.get(key);
      const label = this.#editor.labelOf(key) || known?.input.label || key;
      return labeled(label, String(value));
    });
    return words.join(" · ");
  }

  /**
   * @param {number} at
   * @param {Idea | null} idea null removes it
   * @param {string} [what]
   */
  #set(at, idea, what) {
    const { model } = this.#editor;
    const ideas = model.ideas.flatMap((one, index) => {
      if (index !== at) return [one];
      return idea === null ? [] : [idea];
    });
    if (idea !== null) this.#shown = ideas; // the box shows it already
    this.#editor.change({ ...model, ideas }, what);
    if (idea === null) this.#summary.focus();
  }

  /** Add what differs from the author's values: only the text if nothing else does. */
  #add() {
    const { model, inputs } = this.#editor;
    const rows = model.rows.filter(({ place }) => place !== "hidden");
    const texts = rows.filter(({ key }) => {
      const { type, widget } = inputs.get(key)?.input ?? {};
      return type === "STRING" && (widget === "text" || widget === "textarea");
    });
    const first = texts[0]?.key ?? "";
    const { values } = filled.now;
    const changed = rows.filter(({ key }) => {
      const input = inputs.get(key)?.input;
      return input && input.widget !== "seed" && isFilledIn(key);
    });
    const others = changed.filter(({ key }) => key !== first);
    const text = String(values[first] ?? "").trim();
    /** @type {Idea | null} */
    const idea = others.length
      ? Object.fromEntries(
          [...(text ? [first] : []), ...others.map(({ key }) => key)].map((key) => [
            key,
            values[key],
          ]),
        )
      : text || null;
    if (!idea) announce(message("Fill in the form first."));
    else this.#editor.change({ ...model, ideas: [...model.ideas, idea] });
  }
}

/**
 * @param {string} title
 * @param {number} count
 */
export const titled = (title, count) => (count ? `${title} (${count})` : title);
