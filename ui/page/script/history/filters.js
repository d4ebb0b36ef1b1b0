// @ts-check
// History filters: runs of one or all workflows, only favorites, with or without stopped and failed runs.

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
    this.which.ariaLabel = message("Workflow");
    this.which.append(
      new Option(message("This workflow"), ""),
      new Option(message("All workflows"), "all"),
    );
    this.which.addEventListener("change", changed);
    this.favourites.append(this.#star, element("span", "", message("Favorites")));
    this.favourites.ariaLabel = message("Favorites"); // phones hide the word
    this.favourites.ariaPressed = "false";
    this.fruitless.ariaPressed = String(read(localStorage, FRUITLESS, false) === true);
  }

  /** Whether the history lists only favorites. */
  get areFavourites() {
    return this.favourites.ariaPressed === "true";
  }

  /**
   * Return the query parameters for the app.
   * @param {string} workflow workflow of the open form
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
