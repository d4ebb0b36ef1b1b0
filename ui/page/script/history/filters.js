// @ts-check
// Which of a person's runs the history lists: of which workflow, favourites alone, those that came to nothing too.

import { button, element } from "../dom.js";
import { message } from "../messages.js";
import { FRUITLESS, read, write } from "../storage.js";

const [OFF, ON] = ["☆ ", "★ "];

export class Filters {
  which = element("select");
  favourites = button("", () => this.#toggleFavourites(), "quiet");
  #star = new Text(OFF);
  fruitless = button(message("Show stopped and failed"), () => this.#toggleFruitless(), "quiet");
  #changed;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
    this.which.ariaLabel = message("History of");
    this.which.append(
      new Option(message("This workflow"), ""),
      new Option(message("All workflows"), "all"),
    );
    this.which.addEventListener("change", changed);
    this.favourites.append(this.#star, element("span", "", message("Favorites")));
    this.favourites.ariaLabel = message("Favorites"); // the word is not seen on a phone
    this.favourites.ariaPressed = "false";
    this.fruitless.ariaPressed = String(read(localStorage, FRUITLESS, false) === true);
  }

  /** Whether fewer are listed than there may be. */
  get areFavourites() {
    return this.favourites.ariaPressed === "true";
  }

  /**
   * The question for the app.
   * @param {string} workflow whose form is open
   */
  query(workflow) {
    return {
      workflow: this.which.value ? "" : workflow,
      favourites: String(this.areFavourites),
      fruitless: String(this.fruitless.ariaPressed),
    };
  }

  #toggleFavourites() {
    this.#toggle(this.favourites);
    this.#star.data = this.areFavourites ? ON : OFF;
  }

  #toggleFruitless() {
    this.#toggle(this.fruitless);
    write(localStorage, FRUITLESS, this.fruitless.ariaPressed === "true");
  }

  /** @param {HTMLElement} one */
  #toggle(one) {
    one.ariaPressed = String(one.ariaPressed !== "true");
    this.#changed();
  }
}
