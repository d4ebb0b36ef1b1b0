// @ts-check
// History filters: runs of one or all workflows, only shared ones, only favorites, with or without stopped and failed runs.

import { element, iconButton } from "../dom.js";
import { message } from "../messages.js";
import { FRUITLESS, read, write } from "../storage.js";

export class Filters {
  which = element("select");
  favourites = toggle("star", message("Favorites"), () => this.#toggleFavourites());
  fruitless = toggle("unfinished", message("Show stopped and failed"), () =>
    this.#toggleFruitless(),
  );
  #changed;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
    this.which.ariaLabel = message("Workflow");
    this.which.append(
      new Option(message("This workflow"), ""),
      new Option(message("All workflows"), "all"),
      new Option(message("Shared by link"), "shared"),
    );
    this.which.addEventListener("change", changed);
    this.favourites.ariaPressed = "false";
    this.fruitless.ariaPressed = String(read(localStorage, FRUITLESS, false) === true);
  }

  /** Whether the history lists only favorites. */
  get areFavourites() {
    return this.favourites.ariaPressed === "true";
  }

  /** Whether the history lists only results of all workflows that a link shows. */
  get areShared() {
    return this.which.value === "shared";
  }

  /**
   * Return the query parameters for the app.
   * @param {string} workflow workflow of the open form
   */
  query(workflow) {
    return {
      workflow: this.which.value ? "" : workflow,
      favourites: String(this.areFavourites),
      shared: String(this.areShared),
      fruitless: String(this.fruitless.ariaPressed),
    };
  }

  #toggleFavourites() {
    this.#toggle(this.favourites);
    this.favourites.dataset.icon = this.areFavourites ? "star-filled" : "star";
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

/** @param {string} icon @param {string} name @param {() => void} does */
function toggle(icon, name, does) {
  const made = iconButton(icon, does, "bare");
  made.ariaLabel = name;
  return made;
}
