// @ts-check
// Details of the model that is selected in the picker. All texts in its file are untrusted.

import { announce, button, element, tableOf } from "../dom.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";
import { sizeWords } from "../sizes.js";
import { imageOf } from "./card.js";
import { missingWords } from "./choosing.js";
import { addToPrompt, promptText } from "./prompt.js";

/** @import { ListedModel, ModelDetailsDoc } from "../documents.js" */

const PAUSE = 120; // milliseconds; while the user moves through the list, no details are requested
const TO_PROMPT = message("Add trigger words to the prompt");

export class Details {
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
    const words = element("div", "about");
    words.append(element("h3", "", model.label), this.#facts, this.#words);
    const actions = element("div", "actions");
    actions.append(use);
    this.place.replaceChildren(imageOf(model, this.#image), words, actions);
    if (!model.is_file) return;
    const known = this.#known.get(model.value);
    if (known) this.#tell(model, known, actions);
    else this.#timer = window.setTimeout(() => this.#load(model, actions), PAUSE);
  }

  /**
   * @param {ListedModel} model
   * @param {HTMLElement} actions
   */
  async #load(model, actions) {
    /** @type {ModelDetailsDoc | null} */
    const found = await get(`${API}${this.#path("/details", model.value)}`);
    if (!found) return;
    this.#known.set(model.value, found);
    if (this.#value === model.value) this.#tell(model, found, actions);
  }

  /**
   * @param {ListedModel} model
   * @param {ModelDetailsDoc} found
   * @param {HTMLElement} actions
   */
  #tell(model, found, actions) {
    this.#drawFacts(model, found);
    this.#drawWords(found);
    if (found.trigger_words.length && promptText() !== null)
      actions.append(promptButton(found.trigger_words));
  }

  /**
   * @param {ListedModel} model
   * @param {ModelDetailsDoc | null} found
   */
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
      const chips = element("span", "word-list");
      chips.append(...words.map((word) => element("span", "trigger-word", word)));
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

/** @param {number} seconds since 1970 */
const dateWords = (seconds) =>
  new Date(1000 * seconds).toLocaleDateString(document.documentElement.lang || undefined, {
    dateStyle: "medium",
  });
