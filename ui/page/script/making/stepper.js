// @ts-check
// A whole number with buttons for one less and one more.

import { button, element } from "../dom.js";
import { labeled, message } from "../messages.js";
import { within } from "./counts.js";

export class Stepper {
  /** The root element. */
  place = element("div", "stepper");
  #name = element("label", "name");
  #help = element("p", "help");
  #input = element("input");
  #less = button("−", () => this.#step(-1), "step");
  #more = button("+", () => this.#step(1), "step");
  #changed;
  /** @type {{ least: number, most: number | null }} */
  #limits = { least: 1, most: null };

  /**
   * @param {string} id the input's id
   * @param {(number: number) => void} changed
   */
  constructor(id, changed) {
    this.#changed = changed;
    this.#input.id = this.#name.htmlFor = id;
    this.#input.type = "number";
    this.#help.id = `${id}-help`;
    this.#input.setAttribute("aria-describedby", this.#help.id);
    this.#input.addEventListener("input", () => this.#typed());
    this.#input.addEventListener("change", () => this.#set(Number(this.#input.value)));
    const box = element("div", "box");
    box.append(this.#less, this.#input, this.#more);
    const words = element("div", "words");
    words.append(this.#name, this.#help);
    this.place.append(words, box);
  }

  focus() {
    this.#input.focus();
    this.#input.select();
  }

  /**
   * @param {string} name
   * @param {string} help
   * @param {number} least
   * @param {number | null} most
   */
  describe(name, help, least, most) {
    this.#name.textContent = name;
    this.#help.textContent = help;
    this.#limits = { least, most };
    this.#input.min = String(least);
    this.#input.max = most === null ? "" : String(most);
    this.#less.ariaLabel = labeled(name, message("One less"));
    this.#more.ariaLabel = labeled(name, message("One more"));
  }

  /** @param {number} number */
  show(number) {
    const { least, most } = this.#limits;
    if (Number(this.#input.value) !== number) this.#input.value = String(number);
    this.#less.ariaDisabled = String(number <= least);
    this.#more.ariaDisabled = String(most !== null && number >= most);
  }

  /** Use a typed number at once if it is within the limits; others wait until the user leaves the box. */
  #typed() {
    const number = Number(this.#input.value);
    if (number && number === within(number, this.#limits.least, this.#limits.most))
      this.#changed(number);
  }

  /** @param {number} step */
  #step(step) {
    this.#set(Number(this.#input.value) + step);
  }

  /** @param {number} wanted */
  #set(wanted) {
    const number = within(wanted, this.#limits.least, this.#limits.most);
    this.#input.value = String(number);
    this.#changed(number);
  }
}
