// @ts-check
// The picker: models of one field with their preview images, in a dialog over the page. Only the models in view are
// drawn.

import { tilesIn } from "../batches/rows.js";
import { VirtualList } from "../batches/virtual_list.js";
import { dateWords } from "../clock.js";
import {
  $,
  all,
  announce,
  button,
  closeButton,
  dialogHead,
  element,
  isTouched,
  root,
  tableOf,
} from "../dom.js";
import { message, plural } from "../messages.js";
import { API, get } from "../requests.js";
import { sizeWords } from "../sizes.js";
import { RECENT_MODELS, read, write } from "../storage.js";
import { cardOf, imageOf } from "./card.js";
import { foldersOf, matchingModels, missingWords, RECENTLY, withUsed } from "./choosing.js";
import { addToPrompt, promptText } from "./prompt.js";

/** @import { ListedModel, ModelDetailsDoc, ModelListDoc } from "../documents.js" */

/**
 * The field whose models are shown. `column`: of rows, else "". `use`: puts a model into the field.
 * @typedef {{ workflow: string, field: string, column: string, label: string, value: string,
 *   use: (value: string) => void }} Place
 */

const TILE = 150; // pixels, at least
const TILE_ON_PHONE = 104;
const GAP = 12;
const WORDS = 62; // pixels below an image
/** The lists as last loaded, by path. @type {Map<string, ModelListDoc>} */
const loaded = new Map();

class Picker {
  #place = element("dialog", "models");
  #search = element("input");
  #folders = element("select");
  #said = element("p", "aside");
  #scroll = element("div", "scroll");
  #list;
  #details;
  #field;
  #opener;
  #path;
  #folder = "";
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
      if (part) query.set("value", value);
      const name = field.workflow.split("/").map(encodeURIComponent).join("/");
      return `/workflows/${name}/models${part}?${query}`;
    };
    const image = (/** @type {string} */ value) => `${root}${API}${this.#path("/preview", value)}`;
    this.#details = new Details(this.#path, image, (value) => this.#use(value));
    this.#list = new VirtualList(
      this.#scroll,
      {
        lines: (width) => this.#linesIn(width),
        item: (row, at) => {
          const model = /** @type {ListedModel} */ (row);
          const isChosen = model.value === this.#chosen;
          return cardOf(model, { at, count: this.#shown.length, isChosen }, image);
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
    const head = dialogHead(this.#place, "models", label, reload, close);
    Object.assign(this.#search, { type: "search", placeholder: message("Search") });
    this.#search.ariaLabel = message("Search");
    this.#search.addEventListener("input", () => this.#draw());
    this.#folders.ariaLabel = message("Folder");
    this.#folders.addEventListener("change", () => {
      this.#folder = this.#folders.value;
      this.#draw();
    });
    this.#said.role = "status";
    const tools = element("div", "tools flow rigid", this.#search, this.#folders, this.#said);
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
    } else if (!known) this.#said.textContent = message("The models can't be loaded. Try again.");
  }

  /** @param {ModelListDoc} doc */
  #show({ folder, models }) {
    this.#models = models;
    this.#place.dataset.folder = folder;
    const folders = foldersOf(models);
    const isUsed = this.#recent.length > 0;
    this.#folders.replaceChildren(
      new Option(message("All models"), ""),
      ...(isUsed ? [new Option(message("Recently used"), RECENTLY)] : []),
      ...folders.map((name) => new Option(name, name)),
    );
    this.#folders.hidden = !isUsed && !folders.length;
    this.#folders.value = this.#folder;
    this.#draw();
    const at = this.#shown.findIndex(({ value }) => value === this.#chosen);
    if (at >= 0) this.#list.reveal(at);
    this.#details.show(this.#shown[at]);
  }

  /** @returns {readonly string[]} */
  get #recent() {
    return read(localStorage, RECENT_MODELS, {})[this.#place.dataset.folder ?? ""] ?? [];
  }

  #draw() {
    const { value } = this.#search;
    this.#shown = matchingModels(this.#models, value, this.#folder, this.#recent);
    const count = this.#shown.length;
    this.#said.textContent = count
      ? plural("{count} model", "{count} models", { count })
      : message("No results.");
    this.#list.clear();
    this.#scroll.scrollTop = 0;
    this.#list.show(this.#shown.map((row) => ({ row })));
  }

  /** @param {number} width */
  #linesIn(width) {
    const least = matchMedia("(max-width: 600px)").matches ? TILE_ON_PHONE : TILE;
    const tiles = tilesIn(width, least, GAP, WORDS);
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
    const folder = this.#place.dataset.folder ?? "";
    const known = read(localStorage, RECENT_MODELS, {});
    write(localStorage, RECENT_MODELS, { ...known, [folder]: withUsed(this.#recent, value) });
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

/**
 * Open the picker for a field, unless it is open already.
 * @param {Place} field
 * @param {HTMLElement} opener
 */
export function openPicker(field, opener) {
  if (!$("dialog.models")) new Picker(field, opener).open();
}

const PAUSE = 120; // milliseconds; while the user moves through the list, no details are requested
const TO_PROMPT = message("Add trigger words to the prompt");

/** Details of the selected model. All texts in its file are untrusted. */
class Details {
  place = element("aside", "details");
  #path;
  #image;
  #use;
  #facts = element("div", "facts");
  #words = element("div", "trigger-words");
  /** @type {Map<string, ModelDetailsDoc>} */
  #known = new Map();
  #timer = 0;
  #value = "";

  /**
   * @param {(part: string, value: string) => string} path returns the path of a part of a model's data
   * @param {(value: string) => string} image returns the URL of a model's image
   * @param {(value: string) => void} use
   */
  constructor(path, image, use) {
    this.#path = path;
    this.#image = image;
    this.#use = use;
    this.place.ariaLabel = message("Details");
  }

  /** @param {ListedModel | undefined} model */
  show(model) {
    clearTimeout(this.#timer);
    this.place.hidden = !model;
    if (!model) {
      this.#value = "";
      return;
    }
    if (model.value === this.#value) return;
    this.#value = model.value;
    const use = button(message("Use this model"), () => this.#use(model.value), "button primary");
    this.#words.replaceChildren();
    this.#drawFacts(model, null);
    const words = element("div", "about", element("h3", "", model.label), this.#facts, this.#words);
    const actions = element("div", "actions", use);
    this.place.replaceChildren(imageOf(model, this.#image), words, actions);
    if (!model.is_file) return;
    const known = this.#known.get(model.value);
    if (known) this.#tell(model, known, actions);
    else this.#timer = window.setTimeout(() => this.#load(model, actions), PAUSE);
  }

  /** @param {ListedModel} model @param {HTMLElement} actions */
  async #load(model, actions) {
    /** @type {ModelDetailsDoc | null} */
    const found = await get(`${API}${this.#path("/details", model.value)}`);
    if (!found) return;
    this.#known.set(model.value, found);
    if (this.#value === model.value) this.#tell(model, found, actions);
  }

  /** @param {ListedModel} model @param {ModelDetailsDoc} found @param {HTMLElement} actions */
  #tell(model, found, actions) {
    this.#drawFacts(model, found);
    this.#drawWords(found);
    if (found.trigger_words.length && promptText() !== null)
      actions.append(promptButton(found.trigger_words));
  }

  /** @param {ListedModel} model @param {ModelDetailsDoc | null} found */
  #drawFacts({ value, size, modified }, found) {
    /** @type {[string, string][]} */
    const facts = [
      [message("Title"), found?.title ?? ""],
      [message("Base model"), found?.base_model ?? ""],
      [message("Author"), found?.author ?? ""],
      [message("File"), value],
      [message("Size"), size ? sizeWords(size) : ""],
      [message("Date"), modified ? dateWords(modified) : ""],
    ];
    this.#facts.replaceChildren(tableOf(facts.filter(([, fact]) => fact)));
    if (found?.description) this.#facts.append(element("p", "description", found.description));
  }

  /** @param {ModelDetailsDoc} found */
  #drawWords({ trigger_words: triggers, tags }) {
    const list = (/** @type {string} */ title, /** @type {readonly string[]} */ words) => {
      if (!words.length) return [];
      const chips = element("span", "word-list wraps");
      chips.append(...words.map((word) => element("span", "trigger-word breaks", word)));
      return [element("h4", "", title), chips];
    };
    this.#words.replaceChildren(
      ...list(message("Trigger words"), triggers),
      ...list(message("Frequent words in its training"), tags),
    );
  }
}

/**
 * Return a button that adds words to the prompt, and then takes them out again.
 * @param {readonly string[]} words
 */
function promptButton(words) {
  /** @type {(() => void) | null} */
  let undo = null;
  const adds = button(TO_PROMPT, () => {
    if (undo) {
      undo();
      undo = null;
      adds.textContent = TO_PROMPT;
      return;
    }
    const missing = missingWords(words, promptText() ?? "");
    undo = addToPrompt(missing);
    adds.textContent = message("Undo: remove the trigger words");
    announce(message("Added to the prompt: {words}", { words: missing.join(", ") }));
  });
  if (!missingWords(words, promptText() ?? "").length) {
    adds.disabled = true;
    adds.textContent = message("The prompt has the trigger words");
  }
  return adds;
}
