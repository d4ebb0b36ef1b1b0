// @ts-check
// The picker: models of one field with their preview images, in a dialog over the page. Only the models in view are
// drawn.

import { tilesIn } from "../batches/rows.js";
import { VirtualList } from "../batches/virtual_list.js";
import { $, all, button, closeButton, dialogHead, element, isTouched, root } from "../dom.js";
import { message, plural } from "../messages.js";
import { API, get } from "../requests.js";
import { FAVOURITE_MODELS, RECENT_MODELS, read, write } from "../storage.js";
import { cardOf } from "./card.js";
import {
  basesOf,
  FAVOURITES,
  FITTING,
  foldersOf,
  matchingModels,
  ORDERS,
  RECENTLY,
  withUsed,
} from "./choosing.js";
import { Details } from "./details.js";

/** @import { BaseModelsDoc, ListedModel, ModelListDoc } from "../documents.js" */

/**
 * The field whose models are shown. `column`: of rows, else "". `use`: puts a model into the field. `chosen`: the
 * values of all the form's models.
 * @typedef {{ workflow: string, field: string, column: string, label: string, value: string,
 *   use: (value: string) => void, chosen?: readonly string[] }} Place
 */

const TILE = 190; // pixels, at least
const LINE_ON_PHONE = 112; // pixels of a wide tile and the gap below
const GAP = 16;
const WORDS = 56; // pixels below an image
const MOST_BASES = 8;
/** @returns {Record<string, string>} */
const orders = () => ({
  name: message("By name"),
  newest: message("Newest first"),
  largest: message("Largest first"),
});
/** The lists as last loaded, by path. @type {Map<string, ModelListDoc>} */
const loaded = new Map();

class Picker {
  #place = element("dialog", "models");
  #search = element("input");
  #chips = element("div", "chips wraps");
  #folders = element("select");
  #order = element("select");
  #said = element("p", "aside");
  #scroll = element("div", "scroll");
  #list;
  #details;
  #field;
  #opener;
  #path;
  #folder = "";
  #filter = FITTING;
  #base = "";
  /** @type {readonly ListedModel[]} */
  #models = [];
  /** @type {readonly ListedModel[]} */
  #shown = [];
  #chosen;

  /**
   * @param {Place} field
   * @param {HTMLElement} opener gets the focus back
   */
  constructor(field, opener) {
    this.#field = field;
    this.#opener = opener;
    this.#chosen = field.value;
    this.#path = (/** @type {string} */ part, /** @type {string} */ value) => {
      const query = new URLSearchParams({ field: field.field });
      if (field.column) query.set("column", field.column);
      if (value) query.set("value", value);
      else for (const one of field.chosen ?? []) query.append("chosen", one);
      const name = field.workflow.split("/").map(encodeURIComponent).join("/");
      return `/workflows/${name}/models${part}?${query}`;
    };
    const image = (/** @type {string} */ value) => `${root}${API}${this.#path("/preview", value)}`;
    this.#details = new Details(this.#path, image, (value) => this.#use(value), {
      has: (value) => this.#favourites.includes(value),
      change: (value) => this.#changeFavourite(value),
    });
    this.#list = new VirtualList(
      this.#scroll,
      {
        lines: (width) => this.#linesIn(width),
        item: (row, at) => {
          const model = /** @type {ListedModel} */ (row);
          const isChosen = model.value === this.#chosen;
          const isFavourite = this.#favourites.includes(model.value);
          return cardOf(model, { at, count: this.#shown.length, isChosen, isFavourite }, image);
        },
      },
      () => this.#keepTabStop(),
    );
    this.#build(field.label);
  }

  /** @param {string} label */
  #build(label) {
    const close = closeButton(() => this.#place.close());
    const reload = button(message("Reload models"), () => {
      this.#place.close();
      $("#reload-models")?.click();
    });
    reload.title = message("Offers model files that were added meanwhile");
    const order = this.#order;
    const head = dialogHead(
      this.#place,
      "models",
      label,
      ...[this.#search, order, this.#folders],
      ...[reload, close],
    );
    order.ariaLabel = message("Order");
    order.append(...Object.entries(orders()).map(([value, text]) => new Option(text, value)));
    order.addEventListener("change", () => this.#draw());
    this.#chips.role = "group";
    this.#chips.ariaLabel = message("Which models");
    Object.assign(this.#search, { type: "search", placeholder: message("Search") });
    this.#search.ariaLabel = message("Search");
    this.#search.addEventListener("input", () => this.#draw());
    this.#folders.ariaLabel = message("Folder");
    this.#folders.addEventListener("change", () => {
      this.#folder = this.#folders.value;
      this.#draw();
    });
    this.#said.role = "status";
    const tools = element("div", "tools in-line rigid", this.#chips, this.#said);
    Object.assign(this.#list.place, { role: "listbox", ariaLabel: label });
    this.#scroll.append(this.#list.place);
    this.#details.show(undefined);
    const body = element("div", "body", this.#scroll, this.#details.place);
    this.#place.append(head, tools, body);
    this.#scroll.addEventListener("click", ({ target }) => this.#choose(this.#positionOf(target)));
    this.#scroll.addEventListener("dblclick", ({ target }) => {
      const model = this.#shown[this.#positionOf(target)];
      if (model) this.#use(model.value);
    });
    this.#place.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#place.addEventListener("close", () => {
      this.#place.remove();
      if (this.#opener.isConnected) this.#opener.focus({ preventScroll: true });
    });
  }

  /** Open the dialog and load the models. A list that is known already is shown at once. */
  async open() {
    document.body.append(this.#place);
    this.#place.showModal();
    if (isTouched()) this.#scroll.focus();
    else this.#search.focus();
    const path = this.#path("", "");
    const known = loaded.get(path);
    if (known) this.#show(known);
    else this.#said.textContent = message("Loading…");
    /** @type {ModelListDoc | null} */
    const doc = await get(`${API}${path}`);
    if (doc) {
      loaded.set(path, doc);
      if (JSON.stringify(doc) !== JSON.stringify(known)) this.#show(doc);
      this.#readBases();
    } else if (!known) this.#said.textContent = message("The models can't be loaded. Try again.");
  }

  /** Ask what the headers of the files say about their base models, until all are known. */
  async #readBases() {
    for (let cursor = ""; this.#place.isConnected; ) {
      /** @type {BaseModelsDoc | null} */
      const doc = await get(
        `${API}${this.#path("/base-models", "")}&cursor=${encodeURIComponent(cursor)}`,
      );
      if (!doc) return;
      const known = new Map(doc.models.map((one) => [one.value, one]));
      const models = this.#models.map((one) => ({ ...one, ...known.get(one.value) }));
      const isNews = models.some((one, at) => one.base_model !== this.#models[at]?.base_model);
      this.#models = models;
      if (isNews) this.#draw({ stays: true });
      if (doc.next === null) return;
      cursor = doc.next;
    }
  }

  /** @param {ModelListDoc} doc */
  #show({ folder, base_model: base, models }) {
    this.#models = models;
    this.#base = base;
    this.#place.dataset.folder = folder;
    const folders = foldersOf(models);
    this.#folders.replaceChildren(
      new Option(message("All folders"), ""),
      ...folders.map((name) => new Option(name, name)),
    );
    this.#folders.hidden = !folders.length;
    this.#folders.value = this.#folder;
    this.#draw();
    const at = this.#shown.findIndex(({ value }) => value === this.#chosen);
    if (at >= 0) this.#list.reveal(at);
    if (!isPhone()) this.#details.show(this.#shown[at]);
  }

  /** @param {string} key @returns {readonly string[]} */
  #kept(key) {
    return read(localStorage, key, {})[this.#place.dataset.folder ?? ""] ?? [];
  }

  /** @param {string} key @param {readonly string[]} values */
  #keep(key, values) {
    const folder = this.#place.dataset.folder ?? "";
    write(localStorage, key, { ...read(localStorage, key, {}), [folder]: values });
  }

  get #favourites() {
    return this.#kept(FAVOURITE_MODELS);
  }

  /** @param {string} value */
  #changeFavourite(value) {
    const known = this.#favourites;
    const isOne = known.includes(value);
    this.#keep(FAVOURITE_MODELS, isOne ? known.filter((one) => one !== value) : [value, ...known]);
    this.#draw({ stays: true });
  }

  /** Draw the filters that leave something out, and return the pressed one: the chosen one, if it is there. */
  #drawChips() {
    const { isMixed, bases } = basesOf(this.#models);
    const base = this.#base;
    /** @type {[string, string][]} */
    const filters = [
      ...(isMixed ? /** @type {[string, string][]} */ ([[FITTING, fittingWords(base)]]) : []),
      ["", message("All models")],
    ];
    if (this.#favourites.length) filters.push([FAVOURITES, message("Favorites")]);
    if (this.#kept(RECENT_MODELS).length) filters.push([RECENTLY, message("Recently used")]);
    if (bases.length > 1) for (const name of bases.slice(0, MOST_BASES)) filters.push([name, name]);
    const pressed = filters.some(([value]) => value === this.#filter) ? this.#filter : "";
    this.#chips.replaceChildren(
      ...filters.map(([value, text]) => {
        const chip = button(text, () => this.#showOnly(value), "chip");
        chip.ariaPressed = String(value === pressed);
        return chip;
      }),
    );
    this.#chips.hidden = filters.length < 2;
    return pressed;
  }

  /** @param {{ stays?: boolean }} how `stays`: without scrolling to the top */
  #draw({ stays = false } = {}) {
    const filter = this.#drawChips();
    this.#shown = matchingModels(this.#models, {
      text: this.#search.value,
      folder: this.#folder,
      filter,
      recent: this.#kept(RECENT_MODELS),
      favourites: this.#favourites,
      order: ORDERS[this.#order.value],
      value: this.#chosen,
    });
    const count = this.#shown.length;
    this.#said.textContent = count
      ? plural("{count} model", "{count} models", { count })
      : message("No results.");
    const hadFocus = this.#list.place.contains(document.activeElement);
    this.#list.clear();
    if (!stays) this.#scroll.scrollTop = 0;
    this.#list.show(this.#shown.map((row) => ({ row })));
    const at = hadFocus ? this.#shown.findIndex(({ value }) => value === this.#chosen) : -1;
    if (at >= 0) this.#list.focus(at, "choose");
  }

  /** @param {string} filter */
  #showOnly(filter) {
    this.#filter = filter;
    this.#draw();
    $('[aria-pressed="true"]', this.#chips)?.focus();
  }

  /** @param {number} width */
  #linesIn(width) {
    const tiles = isPhone()
      ? { columns: 1, tile: width, line: LINE_ON_PHONE }
      : tilesIn(width, TILE, GAP, WORDS);
    this.#list.place.style.setProperty("--tile", `${tiles.tile}px`);
    return tiles;
  }

  /** @param {EventTarget | null} target */
  #positionOf(target) {
    const card = target instanceof Element ? target.closest("[data-at]") : null;
    return card instanceof HTMLElement ? Number(card.dataset.at) : -1;
  }

  /** Select a model and show its details. @param {number} at */
  #choose(at) {
    const model = this.#shown[at];
    if (!model) return;
    this.#chosen = model.value;
    for (const card of all("[data-at]", this.#list.place))
      card.ariaSelected = String(Number(card.dataset.at) === at);
    this.#keepTabStop();
    this.#details.show(model);
  }

  /** Let Tab reach one card: the selected one, or the first in view. */
  #keepTabStop() {
    const cards = all("[data-at]", this.#list.place);
    const stop = cards.find((card) => card.ariaSelected === "true") ?? cards[0];
    for (const card of cards) card.tabIndex = card === stop ? 0 : -1;
  }

  /** @param {string} value */
  #use(value) {
    this.#keep(RECENT_MODELS, withUsed(this.#kept(RECENT_MODELS), value));
    this.#place.close();
    this.#field.use(value);
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    event.stopPropagation(); // Ctrl+Enter must not start a run from here
    const isCard = event.target instanceof Element && event.target.closest("[data-at]");
    if (event.key === "Enter" && (isCard || event.target === this.#search)) {
      event.preventDefault();
      const model = this.#shown[isCard ? this.#positionOf(event.target) : 0];
      if (model && (isCard || this.#shown.length === 1)) this.#use(model.value);
      return;
    }
    const at = isCard ? this.#positionOf(event.target) : -1;
    const next = at < 0 ? this.#entered(event) : this.#stepped(at, event.key);
    if (next < 0 || next >= this.#shown.length) return;
    event.preventDefault();
    this.#choose(next);
    this.#list.focus(next, "choose");
  }

  /** Return the position to go to from the search, -1 for none. @param {KeyboardEvent} event */
  #entered({ key, target }) {
    if (key !== "ArrowDown" || target !== this.#search) return -1;
    return Math.max(
      0,
      this.#shown.findIndex(({ value }) => value === this.#chosen),
    );
  }

  /** @param {number} at @param {string} key */
  #stepped(at, key) {
    const { columns } = this.#linesIn(this.#list.place.clientWidth);
    const last = this.#shown.length - 1;
    /** @type {Record<string, number>} */
    const next = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      ArrowDown: at + columns,
      ArrowUp: at - columns,
      Home: 0,
      End: last,
    };
    return next[key] ?? -1;
  }
}

const isPhone = () => matchMedia("(max-width: 600px)").matches;

/** @param {string} base */
const fittingWords = (base) =>
  base ? message("Fits {base}", { base }) : message("Fits this workflow");

/**
 * Open the picker for a field, unless it is open already.
 * @param {Place} field
 * @param {HTMLElement} opener
 */
export function openPicker(field, opener) {
  if (!$("dialog.models")) new Picker(field, opener).open();
}
