// @ts-check
// Templates of the ComfyUI servers in a dialog over the page. Each card says whether it can run here.

import { thumbFor } from "../components/chooser.js";
import {
  $,
  all,
  announce,
  button,
  closeButton,
  dialogHead,
  element,
  fillIn,
  isTouched,
} from "../dom.js";
import { keepCover, visitWith } from "../form/form.js";
import { message, plural } from "../messages.js";
import { API, get, request } from "../requests.js";
import { sizeWords } from "../sizes.js";
import { say } from "../state.js";
import { ANY, chosenOf, sectionsOf, valuesOf } from "./choosing.js";

/** @import { OpenedFile, ReadinessDoc, TemplateDoc, TemplatesDoc, TemplatesReadiness } from "../documents.js" */
/** @import { Filter, Readiness, Section } from "./choosing.js" */

/** @type {Record<string, string>} */
const KINDS = {
  image: message("Image"),
  video: message("Video"),
  audio: message("Audio"),
  "3d": message("3D model"),
  text: message("Text"),
};
const PAUSE = 300; // milliseconds until a failed check is repeated once
const STEPS = /** @type {const} */ ({ ArrowRight: 1, ArrowLeft: -1 });
const SEARCHED = 20; // values; a filter with more is a text box with suggestions

export class TemplatesDialog {
  #place = element("dialog", "templates");
  #search = element("input");
  #runs = element("input");
  #filters = element("div", "filters");
  #said = element("p", "caption");
  #sort = button(message("Show what runs first"), () => this.#sortCards());
  #problem = element("p", "problem");
  #list = element("ul", "cards");
  #scroll = element("div", "scroll");
  /** @type {readonly TemplateDoc[]} */
  #templates = [];
  /** @type {Readiness} */
  #readiness = {};
  /** @type {Filter} */
  #filter = ANY;
  /** @type {Map<string, TemplateCard>} */
  #cards = new Map();
  #isChecking = true;
  /** Whether the pointer has moved over the cards. It may rest there from the press that opened the dialog. */
  #isPointedAt = false;
  /** Whether the cards are in sections. Until all are checked, they keep their order. */
  #isSorted = false;
  #isOpening = false;

  constructor() {
    const close = closeButton(() => this.#place.close());
    const head = dialogHead(this.#place, "templates", message("Start from a template"), close);
    Object.assign(this.#search, { type: "search", placeholder: message("Search") });
    this.#search.ariaLabel = message("Search");
    this.#search.addEventListener("input", () => this.#change({ text: this.#search.value.trim() }));
    this.#runs.type = "checkbox";
    this.#runs.addEventListener("change", () => this.#change({ runs: this.#runs.checked }));
    const only = element("label", "only-runnable in-line", this.#runs, message("Runs now"));
    const tools = element("div", "tools flow rigid", this.#search, this.#filters, only);
    this.#said.role = "status";
    this.#problem.role = "alert";
    this.#list.ariaLabel = message("Templates");
    this.#scroll.append(this.#list);
    this.#sort.hidden = true;
    const line = element("div", "line flow rigid", this.#said, this.#sort);
    this.#place.append(head, tools, this.#problem, line, this.#scroll);
    this.#list.addEventListener("pointermove", ({ movementX, movementY }) => {
      this.#isPointedAt ||= movementX !== 0 || movementY !== 0; // the browser also tells of moved elements
    });
    this.#list.addEventListener("pointerleave", () => {
      this.#isPointedAt = false;
    });
    this.#place.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#place.addEventListener("close", () => this.#place.remove());
  }

  /** Open the dialog and load the templates. */
  async open() {
    document.body.append(this.#place);
    this.#place.showModal();
    if (!isTouched()) this.#search.focus(); // would open the keyboard
    this.#said.textContent = message("Loading…");
    /** @type {TemplatesDoc | null} */
    const doc = await get(`${API}/templates`);
    if (!doc) {
      this.#said.textContent = "";
      this.#problem.textContent = message("The templates can't be loaded. Try again.");
      return;
    }
    this.#templates = doc.templates;
    for (const one of this.#templates)
      this.#cards.set(
        one.id,
        new TemplateCard(one, (template, card) => this.#start(template, card)),
      );
    this.#drawFilters();
    this.#draw();
    await this.#check();
  }

  /** Load what the servers lack, slice by slice. */
  async #check() {
    for (let failed = 0; this.#place.isConnected && failed < 2; ) {
      /** @type {TemplatesReadiness | null} */
      const found = await get(`${API}/templates/readiness`);
      if (!found) {
        failed += 1;
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
        continue;
      }
      this.#readiness = found.templates;
      this.#isChecking = !found.is_complete;
      for (const [id, card] of this.#cards) card.tell(this.#readiness[id]);
      if (found.is_complete) break;
      if (this.#filter.runs) this.#draw();
      else this.#count();
    }
    this.#isChecking = false;
    if (this.#isUsed) this.#sort.hidden = false;
    else this.#sortCards();
    this.#draw();
  }

  /** Whether the user may be about to press a card, so that none may move. */
  get #isUsed() {
    const { scrollTop } = this.#scroll;
    return scrollTop > 0 || this.#isPointedAt || this.#list.matches(":focus-within");
  }

  #sortCards() {
    this.#sort.hidden = true;
    this.#isSorted = true;
    this.#scroll.scrollTop = 0;
    this.#draw();
  }

  /** @param {Partial<Filter>} change */
  #change(change) {
    this.#filter = { ...this.#filter, ...change };
    this.#list.replaceChildren();
    if (this.#isChecking) this.#draw();
    else this.#sortCards();
  }

  #draw() {
    const chosen = chosenOf(this.#templates, this.#readiness, this.#filter);
    const place = (/** @type {TemplateDoc} */ { id }) => this.#cards.get(id)?.place ?? [];
    if (this.#isSorted) {
      const sections = sectionsOf(chosen, this.#readiness);
      const isOne = sections.length < 2;
      fillIn(
        this.#list,
        sections.flatMap((section) => [
          ...(isOne ? [] : [headingOf(section)]),
          ...section.templates.flatMap(place),
        ]),
      );
    } else {
      // A card that is there already stays where it is.
      const cards = new Set(/** @type {Element[]} */ (chosen.flatMap(place)));
      const kept = [...this.#list.children].filter((one) => cards.delete(one));
      fillIn(this.#list, [...kept, ...cards]);
    }
    this.#count();
  }

  /** @returns {HTMLElement[]} */
  get #places() {
    return all(":scope > li:not(.section)", this.#list);
  }

  #count() {
    const count = this.#places.length;
    const shown = plural("{count} template", "{count} templates", { count });
    const checking = message("Checking what can run: {done} of {total}", {
      done: Object.keys(this.#readiness).length,
      total: this.#templates.length,
    });
    const none = this.#templates.length
      ? message("No results.")
      : message("The ComfyUI server offers no templates.");
    this.#said.textContent = this.#isChecking && count ? checking : count ? shown : none;
  }

  #drawFilters() {
    const { categories, models, inputs, outputs } = valuesOf(this.#templates);
    const word = (/** @type {string} */ kind) => KINDS[kind] ?? kind;
    this.#filters.replaceChildren(
      ...this.#menu(message("Category"), categories, (category) => this.#change({ category })),
      ...this.#menu(message("Model"), models, (model) => this.#change({ model })),
      ...this.#menu(message("Input"), inputs, (input) => this.#change({ input }), word),
      ...this.#menu(message("Output"), outputs, (output) => this.#change({ output }), word),
    );
  }

  /**
   * Return a menu for one filter, or nothing if there is no choice.
   * @param {string} label
   * @param {readonly string[]} values
   * @param {(value: string) => void} chosen
   * @param {(value: string) => string} [word]
   */
  #menu(label, values, chosen, word = (value) => value) {
    if (values.length < 2) return [];
    if (values.length > SEARCHED) return searchedMenu(label, values, chosen);
    const menu = element("select");
    menu.ariaLabel = label;
    menu.append(new Option(label, ""), ...values.map((value) => new Option(word(value), value)));
    menu.addEventListener("change", () => chosen(menu.value));
    return [menu];
  }

  /**
   * Open a template as a form of this user.
   * @param {TemplateDoc} template
   * @param {HTMLButtonElement} card
   */
  async #start(template, card) {
    if (this.#isOpening) return;
    this.#isOpening = true;
    card.ariaBusy = "true";
    this.#problem.textContent = "";
    announce(message("Opening {name}…", { name: template.title }));
    /** @type {{ told: OpenedFile | null, why: string, hint: string }} */
    const { told, why, hint } = await request(`${API}/templates/${pathOf(template.id)}`);
    card.ariaBusy = null;
    this.#isOpening = false;
    if (!told) {
      this.#problem.textContent = [why, hint].filter(Boolean).join(" ");
      return;
    }
    this.#place.close();
    if (template.thumb) keepCover(told.name, `${pictureOf(template)}?part=after`);
    visitWith(told.name, told.values ?? {});
    const { missing } = told;
    const add =
      missing.length > 1
        ? message("Add your own: {fields}.", { fields: missing.join(", ") })
        : message("Add your own.");
    if (missing.length) say(message("Example files aren't on this server."), add, "");
  }

  /** Move between the cards with the arrow keys. @param {KeyboardEvent} event */
  #keyPressed(event) {
    event.stopPropagation(); // Ctrl+Enter must not start a run from here
    const focused = document.activeElement?.closest("li");
    const isEntering = event.key === "ArrowDown" && event.target === this.#search;
    const next = focused ? this.#next(focused, event.key) : isEntering && this.#places[0];
    if (!next) return;
    event.preventDefault();
    $("button", next)?.focus();
  }

  /** @param {HTMLElement} from @param {string} key */
  #next(from, key) {
    const places = this.#places;
    const at = places.indexOf(from);
    if (key in STEPS) return places[at + STEPS[/** @type {keyof typeof STEPS} */ (key)]];
    const others = { ArrowDown: places.slice(at), ArrowUp: places.slice(0, at).reverse() }[key];
    const row = others?.find((one) => one.offsetTop !== from.offsetTop)?.offsetTop;
    const distance = (/** @type {HTMLElement} */ one) => Math.abs(one.offsetLeft - from.offsetLeft);
    return others
      ?.filter((one) => one.offsetTop === row)
      .sort((one, other) => distance(one) - distance(other))[0];
  }
}

/** @param {Section} section */
function headingOf({ kind, bytes }) {
  const words = {
    runs: message("Runs here"),
    closest: message("Closest to running ({size})", { size: sizeWords(bytes) }),
    more: message("More templates"),
  };
  return element("li", "section", element("h3", "", words[kind]));
}

/**
 * Return a text box that suggests the values.
 * @param {string} label
 * @param {readonly string[]} values
 * @param {(value: string) => void} chosen
 */
function searchedMenu(label, values, chosen) {
  const box = element("input", "searched");
  const list = element("datalist");
  list.id = `templates-${label.replaceAll(" ", "-")}`; // each filter has its own values
  list.append(...values.map((value) => new Option("", value)));
  Object.assign(box, { type: "search", placeholder: label, ariaLabel: label });
  box.setAttribute("list", list.id);
  box.addEventListener("input", () => chosen(box.value.trim()));
  return [box, list];
}

/** @param {string} id of a template; a node pack's contains a slash */
const pathOf = (id) => id.split("/").map(encodeURIComponent).join("/");

const LISTED = 2; // node packs that a card names

/** One template: its image, title, and what it needs here. */
class TemplateCard {
  place = element("li");
  #badges = element("span", "badges wraps");
  #drawn = "";

  /** @param {TemplateDoc} template @param {(template: TemplateDoc, card: HTMLButtonElement) => void} open */
  constructor(template, open) {
    const { title, description } = template;
    const thumb = template.thumb && pictureOf(template);
    const card = button("", () => open(template, card), "card");
    card.dataset.id = template.id;
    card.title = description;
    const words = element("span", "words", element("strong", "breaks", title), this.#badges);
    if (description) words.append(element("span", "about", description));
    const picture = thumbFor({ ...NO_CHOICE, title, thumb });
    picture.style.setProperty("--hue", String(hueOf(title))); // shows where there is no image
    card.append(picture, words);
    this.place.append(card);
  }

  get button() {
    return /** @type {HTMLButtonElement} */ ($("button", this.place));
  }

  /** Show what the template needs here. @param {ReadinessDoc | undefined} known */
  tell(known) {
    const badges = known ? badgesOf(known) : [];
    const drawn = JSON.stringify(badges);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#badges.replaceChildren(
      ...badges.map(([kind, words]) => element("span", `badge ${kind}`, words)),
    );
  }
}

/**
 * Return the address of a template's picture, which is below the host, not below the app's root.
 * @param {TemplateDoc} template
 */
const pictureOf = ({ thumb }) => new URL(thumb ?? "", location.origin).href;

const NO_CHOICE = { name: "", description: "", group: "", own: false, note: "" };

/** @param {string} text @returns a hue that depends on a text, in degrees */
const hueOf = (text) =>
  [...text].reduce((hue, letter) => (hue * 31 + (letter.codePointAt(0) ?? 0)) % 360, 0);

/** @param {ReadinessDoc} known @returns {[string, string][]} */
function badgesOf(known) {
  const badge = needBadge(known);
  return known.is_paid ? [badge, ["paid", message("Costs credits")]] : [badge];
}

/** @param {ReadinessDoc} known @returns {[string, string]} */
function needBadge({ needs, size, packs, classes, version }) {
  switch (needs) {
    case "nothing":
      return ["runs", message("Runs now")];
    case "key":
      return ["off", message("Needs an API key")];
    case "models":
      return size
        ? ["models", message("Needs models ({size})", { size: sizeWords(size) })]
        : ["models", message("Needs models")];
    case "nodes":
      return ["nodes", message("Needs nodes: {names}", { names: namesOf(packs, classes) })];
    case "comfyui":
      return version === "?"
        ? ["comfyui", message("Needs a newer ComfyUI")]
        : ["comfyui", message("Needs ComfyUI {version} or newer", { version })];
    case "paid nodes":
      return ["off", message("Paid nodes are turned off")];
    case "choices":
      return ["choices", message("Needs other settings")];
    default:
      return ["off", message("Can't run here")];
  }
}

/** @param {ReadinessDoc["packs"]} packs @param {readonly string[]} classes */
function namesOf(packs, classes) {
  const names = [...packs.map(({ id }) => id), ...classes];
  const listed = names.slice(0, LISTED).join(", ");
  return names.length > LISTED ? `${listed}…` : listed;
}
