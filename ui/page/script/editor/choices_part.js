// @ts-check
// The choices that a field offers: check boxes with a filter.

import { button, element } from "../dom.js";
import { message, plural } from "../messages.js";
import { checkBox, part } from "./fields.js";

const SEARCHED_FROM = 8;

export class ChoicesPart {
  #choices;
  #changed;
  /** @type {Set<unknown>} */
  #on;
  #said = element("span");
  #list = element("div", "choice-boxes");
  place;

  /**
   * @param {readonly (readonly [string, unknown])[]} choices of the server
   * @param {readonly unknown[] | null} offered null: all
   * @param {(offered: unknown[] | null) => void} changed
   */
  constructor(choices, offered, changed) {
    this.#choices = choices;
    this.#changed = changed;
    this.#on = new Set(offered ?? choices.map(([, value]) => value));
    const body = element("div");
    const search = Object.assign(element("input"), { type: "search" });
    search.placeholder = message("Search");
    search.ariaLabel = message("Search");
    search.addEventListener("input", () => this.#filter(search.value));
    const line = element("div", "line");
    if (choices.length >= SEARCHED_FROM) line.append(search);
    line.append(
      button(message("All"), () => this.#setSeen(true), "quiet"),
      button(message("None"), () => this.#setSeen(false), "quiet"),
    );
    this.#list.role = "group";
    this.#list.ariaLabel = message("Choices offered");
    body.append(line, this.#list);
    this.place = part("", body);
    this.place.querySelector("summary")?.replaceChildren(this.#said);
    this.#draw();
  }

  #draw() {
    this.#list.replaceChildren(
      ...this.#choices.map(([label, value]) =>
        checkBox(label, this.#on.has(value), (isOn) => this.#set([value], isOn)),
      ),
    );
    this.#tell();
  }

  #tell() {
    const [count, all] = [this.#on.size, this.#choices.length];
    const all_words = message("Choices offered: all {count}", { count: all });
    this.#said.textContent =
      count === all
        ? all_words
        : plural("{count} choice of {all} offered", "{count} choices of {all} offered", {
            count,
            all,
          });
  }

  /**
   * @param {readonly unknown[]} values
   * @param {boolean} isOn
   */
  #set(values, isOn) {
    for (const value of values) {
      if (isOn) this.#on.add(value);
      else this.#on.delete(value);
    }
    this.#tell();
    const chosen = this.#choices.map(([, value]) => value).filter((one) => this.#on.has(one));
    if (chosen.length) this.#changed(chosen.length === this.#choices.length ? null : chosen);
  }

  /** @param {boolean} isOn */
  #setSeen(isOn) {
    const seen = this.#choices.filter((_, at) => !this.#boxes[at]?.hidden);
    this.#set(
      seen.map(([, value]) => value),
      isOn,
    );
    for (const box of this.#boxes)
      if (!box.hidden) /** @type {HTMLInputElement} */ (box.querySelector("input")).checked = isOn;
  }

  get #boxes() {
    return /** @type {HTMLElement[]} */ ([...this.#list.children]);
  }

  /** @param {string} text */
  #filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const box of this.#boxes) {
      const said = box.textContent?.toLowerCase() ?? "";
      box.hidden = !words.every((word) => said.includes(word));
    }
  }
}
