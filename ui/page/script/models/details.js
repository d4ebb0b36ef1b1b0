// @ts-check
// The panel beside the picker's list: what a model's file says about itself.

import { dateWords } from "../clock.js";
import { announce, button, element, tableOf } from "../dom.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";
import { sizeWords } from "../sizes.js";
import { imageOf } from "./card.js";
import { missingWords } from "./choosing.js";
import { addToPrompt, promptText, removeFromPrompt } from "./prompt.js";

/** @import { ListedModel, ModelDetailsDoc } from "../documents.js" */

const PAUSE = 120; // milliseconds; while the user moves through the list, no details are requested

/** Details of the selected model. All texts in its file are untrusted. */
export class Details {
  place = element("aside", "details");
  #path;
  #image;
  #use;
  #favourites;
  #title = element("h3");
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
   * @param {{ has: (value: string) => boolean, change: (value: string) => void }} favourites
   */
  constructor(path, image, use, favourites) {
    this.#path = path;
    this.#image = image;
    this.#use = use;
    this.#favourites = favourites;
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
    const words = element("div", "about", this.#title, this.#facts, this.#words);
    const actions = element("div", "actions in-line", use, this.#starFor(model.value));
    this.place.replaceChildren(imageOf(model, this.#image), words, actions);
    if (!model.is_file) return;
    const known = this.#known.get(model.value);
    if (known) this.#tell(model, known);
    else this.#timer = window.setTimeout(() => this.#load(model), PAUSE);
  }

  /** @param {string} value */
  #starFor(value) {
    const show = () => {
      const isOne = this.#favourites.has(value);
      star.textContent = isOne ? "★" : "☆";
      star.ariaPressed = String(isOne);
    };
    const star = button("", () => {
      this.#favourites.change(value);
      show();
    });
    star.title = star.ariaLabel = message("Favorite");
    show();
    return star;
  }

  /** @param {ListedModel} model */
  async #load(model) {
    /** @type {ModelDetailsDoc | null} */
    const found = await get(`${API}${this.#path("/details", model.value)}`);
    if (!found) return;
    this.#known.set(model.value, found);
    if (this.#value === model.value) this.#tell(model, found);
  }

  /** @param {ListedModel} model @param {ModelDetailsDoc} found */
  #tell(model, found) {
    this.#drawFacts(model, found);
    this.#drawWords(found);
  }

  /** @param {ListedModel} model @param {ModelDetailsDoc | null} found */
  #drawFacts({ value, label, base_model: base, fits, size, modified }, found) {
    this.#title.textContent = found?.title || label;
    /** @type {[string, string][]} */
    const facts = [
      [message("Base model"), found?.base_model || base],
      [message("Author"), found?.author ?? ""],
      [message("File"), value],
      [message("Size"), size ? sizeWords(size) : ""],
      [message("Date"), modified ? dateWords(modified) : ""],
    ];
    this.#facts.replaceChildren(tableOf(facts.filter(([, fact]) => fact)));
    if (!fits)
      this.#facts.append(
        element("p", "trouble", message("Made for another base model than the form's.")),
      );
    if (found?.description) this.#facts.append(element("p", "description", found.description));
  }

  /** @param {ModelDetailsDoc} found */
  #drawWords({ trigger_words: triggers, tags }) {
    const list = (/** @type {string} */ title, /** @type {readonly string[]} */ words) => {
      if (!words.length) return [];
      const chips = element("span", "word-list wraps");
      chips.append(...words.map(wordOf));
      return [element("h4", "", title), chips];
    };
    this.#words.replaceChildren(
      ...list(message("Trigger words, from its file"), triggers),
      ...list(message("Frequent words in its training"), tags),
    );
  }
}

/**
 * Return a word; if the form has a prompt, a button that adds it there and takes it out again.
 * @param {string} word
 */
function wordOf(word) {
  if (promptText() === null) return element("span", "trigger-word breaks", word);
  const isMissing = () => missingWords([word], promptText() ?? "").length > 0;
  const does = () => {
    if (isMissing()) {
      addToPrompt([word]);
      announce(message("Added to the prompt: {words}", { words: word }));
    } else removeFromPrompt(word);
    show();
  };
  const chip = button(word, does, "trigger-word chip breaks");
  const show = () => {
    chip.ariaPressed = String(!isMissing());
  };
  show();
  return chip;
}
