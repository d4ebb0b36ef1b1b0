// @ts-check
// The control beside Generate that makes several results: images per run, runs, and “Try several values…”.

import { $, button, element, iconButton, isNarrow, tell, typeInto } from "../dom.js";
import { whyOff } from "../editor/editing.js";
import { filled } from "../form/filled.js";
import { LANGUAGE, labeled, message, withEllipsis } from "../messages.js";
import { API, get } from "../requests.js";
import { page } from "../state.js";
import { openVary } from "../vary/open.js";
import { counts, leftWords, MOST_RUNS, manyWords, within } from "./counts.js";

/** @import { StorageDoc } from "../documents.js" */

const MARGIN = 8; // pixels

/** @param {HTMLElement} place */
export function mountMany(place) {
  const control = new ManyControl();
  place.replaceChildren(control.button, control.menu);
  page.subscribe((now) => {
    place.hidden = now.formless || whyOff(now) !== "";
  });
}

class ManyControl {
  button = button("", () => this.menu.togglePopover(), "");
  menu = element("div");
  #words = element("span");
  #images = new Stepper("many-images", (number) => this.#setImages(number));
  #runs = new Stepper("many-runs", (runs) => counts.set({ runs }));
  #left = element("p", "help aside");
  #vary = button(withEllipsis(message("Try several values")), () => this.#openVary(), "quiet");

  constructor() {
    const name = message("Number of results");
    this.button.id = "many-button";
    this.button.ariaHasPopup = "dialog";
    this.button.ariaExpanded = "false";
    this.button.title = name;
    this.button.append(this.#words);
    this.menu.id = "many-menu";
    this.menu.popover = "auto";
    this.menu.role = "dialog";
    this.menu.ariaLabel = name;
    this.#vary.id = "vary";
    const varied = element(
      "p",
      "help aside",
      message("Compare prompts, models, numbers or files in a grid."),
    );
    varied.id = "vary-about";
    this.#vary.setAttribute("aria-describedby", varied.id);
    const more = element("div", "more", this.#vary, varied);
    this.menu.append(this.#images.place, this.#runs.place, this.#left, more);
    this.#runs.describe(message("Runs"), message("Each run uses a different seed."), 1, MOST_RUNS);
    this.menu.addEventListener("toggle", (event) => this.#toggled(event));
    addEventListener("resize", () => this.#put());
    filled.subscribe(() => this.#show());
    counts.subscribe(() => this.#show());
    page.subscribe((now, before) => {
      if (now === before || now.away !== before.away) this.#show();
    });
  }

  /** Images per run, null if the form has no field for them. */
  get #each() {
    const { images } = counts.now;
    return images && Number(filled.now.values[images.key] ?? images.least);
  }

  #show() {
    const { images, runs } = counts.now;
    const { away } = page.now;
    this.#images.place.hidden = !images;
    if (images) {
      const help = images.help || message("Images per run.");
      this.#images.describe(images.label, help, images.least, images.most);
      this.#images.show(this.#each ?? images.least);
    }
    this.#runs.show(runs);
    tell(this.#words, manyWords(runs, this.#each));
    this.button.dataset.short = `×${(runs * (this.#each ?? 1)).toLocaleString(LANGUAGE)}`;
    this.#vary.disabled = away !== "";
    this.#vary.title = away;
  }

  /** @param {number} number */
  #setImages(number) {
    const field = document.getElementById(counts.now.images?.id ?? "");
    const input = field && $("input[type=number]", field);
    if (input instanceof HTMLInputElement) typeInto(input, String(number));
  }

  #openVary() {
    this.menu.hidePopover();
    this.button.focus({ preventScroll: true }); // the dialog returns the focus here
    openVary();
  }

  /** @param {Event} event */
  #toggled(event) {
    const isOpen = /** @type {ToggleEvent} */ (event).newState === "open";
    this.button.ariaExpanded = String(isOpen);
    if (!isOpen) return;
    this.#put();
    this.#showLeft();
    const first = counts.now.images ? this.#images : this.#runs;
    if (!isNarrow()) first.focus(); // on a phone, the keyboard would cover the menu
  }

  /** Show how many runs the daily limit leaves, if there is one. */
  async #showLeft() {
    const told = /** @type {StorageDoc | null} */ (await get(`${API}/storage`));
    tell(this.#left, typeof told?.runs_left === "number" ? leftWords(told.runs_left) : "");
    this.#put();
  }

  /** Place the menu above its button. */
  #put() {
    if (!this.menu.matches(":popover-open")) return;
    const from = this.button.getBoundingClientRect();
    const left = Math.min(from.left, innerWidth - this.menu.offsetWidth - MARGIN);
    Object.assign(this.menu.style, {
      left: `${Math.max(MARGIN, left)}px`,
      bottom: `${innerHeight - from.top + MARGIN}px`,
    });
  }
}

/** A whole number with buttons for one less and one more. */
class Stepper {
  /** The root element. */
  place = element("div", "stepper in-line apart");
  #name = element("label", "name");
  #help = element("p", "help aside");
  #input = element("input");
  #less = iconButton("minus", () => this.#step(-1), "step");
  #more = iconButton("plus", () => this.#step(1), "step");
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
    const box = element("div", "box", this.#less, this.#input, this.#more);
    const words = element("div", "words", this.#name, this.#help);
    this.place.append(words, box);
  }

  focus() {
    this.#input.focus();
    this.#input.select();
  }

  /** @param {string} name @param {string} help @param {number} least @param {number | null} most */
  describe(name, help, least, most) {
    tell(this.#name, name);
    tell(this.#help, help);
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
