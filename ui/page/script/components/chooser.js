// @ts-check
// Button with the title of the open workflow, and a panel to choose another one.

import { $, addressOf, all, button, element, formLink, leavesTab } from "../dom.js";
import { bestOf, grouped, matches } from "../form/choices.js";
import { labeled, message } from "../messages.js";

/** @import { Choice } from "../form/choices.js" */

const NOTHING_CHOSEN = message("Choose a workflow");
const CTRL = message("Ctrl");
const KEYS = `${CTRL} K`;
const BELOW = 6; // pixels between the button and the panel
/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 };

export class Chooser {
  #opened;
  #chosen;
  #title = element("span", "title");
  #button = button("", () => this.open(), "chosen");
  #panel = element("dialog", "panel");
  #search = element("input");
  #list = element("div", "list");
  #said = element("p", "said muted breaks");
  /** @type {readonly Choice[]} */
  #choices = [];
  #name = "";
  /** @type {readonly string[]} */
  #recent = [];
  #id = "chooser-list";

  /**
   * @param {HTMLElement} place
   * @param {() => void} opened called when the panel opens
   * @param {(name: string) => void} chosen
   */
  constructor(place, opened, chosen) {
    this.#opened = opened;
    this.#chosen = chosen;
    this.#button.ariaHasPopup = "dialog";
    this.#button.append(this.#title, " ", element("kbd", "", KEYS));
    this.#panel.ariaLabel = message("Workflows");
    const head = element("header");
    head.append(
      this.#search,
      button(message("Close"), () => this.#panel.close(), "close"),
    );
    this.#panel.append(head, this.#said, this.#list);
    place.append(this.#button, this.#panel);
    this.#setRoles();
    this.#listen();
  }

  #setRoles() {
    Object.assign(this.#search, {
      type: "text",
      enterKeyHint: "go",
      role: "combobox",
      placeholder: message("Search"),
      ariaLabel: message("Search"),
      ariaAutoComplete: "list",
      ariaExpanded: "true",
      autocomplete: "off",
      spellcheck: false,
    });
    this.#search.setAttribute("aria-controls", this.#id);
    Object.assign(this.#list, { id: this.#id, role: "listbox", ariaLabel: message("Workflows") });
    this.#said.role = "status";
  }

  #listen() {
    document.addEventListener("keydown", (event) => {
      const isWanted = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
      if (!isWanted || event.altKey || event.shiftKey) return;
      if ($(":modal") || !this.#button.checkVisibility()) return;
      event.preventDefault();
      this.open();
    });
    this.#search.addEventListener("input", () => this.#filter());
    this.#panel.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#panel.addEventListener("click", (event) => {
      const { target } = event;
      if (target === this.#panel) this.#panel.close(); // the backdrop
      const row = target instanceof Element && target.closest("[role=option]");
      if (!(row instanceof HTMLElement) || leavesTab(event)) return;
      event.preventDefault();
      this.choose(row.dataset.name ?? "");
    });
    this.#panel.addEventListener("close", () => {
      this.#button.ariaExpanded = "false";
    });
  }

  /**
   * @param {readonly Choice[]} choices
   * @param {string} name the chosen workflow, "" for none
   */
  show(choices, name) {
    this.#choices = choices;
    this.#name = name;
    const title = choices.find((one) => one.name === name)?.title ?? NOTHING_CHOSEN;
    this.#title.textContent = title;
    // Voice control needs the visible words in the name.
    const shown = `${title} ${KEYS}`;
    this.#button.ariaLabel = name ? labeled(message("Workflow"), shown) : shown;
    this.#button.title = title;
    if (this.#panel.open) this.#draw();
  }

  /**
   * Update every choice. Keep the row elements, because the user may be clicking one.
   * @param {(choice: Choice) => Choice} more
   */
  tell(more) {
    this.#choices = this.#choices.map(more);
    const known = new Map(this.#choices.map((choice) => [choice.name, choice]));
    for (const row of all(".row", this.#list)) {
      const choice = known.get(row.dataset.name ?? "");
      if (choice) row.replaceChildren(...contentOf(choice));
    }
  }

  /**
   * Add a button below the list that closes the panel.
   * @param {string} words
   * @param {() => void} does
   */
  offer(words, does) {
    const other = button(words, () => {
      this.#panel.close();
      does();
    });
    const foot = element("div", "foot", other);
    this.#panel.append(foot);
  }

  /** @param {readonly string[]} recent names of the workflows used last */
  set recent(recent) {
    this.#recent = recent;
  }

  open() {
    if (this.#panel.open) return;
    const { left, bottom } = this.#button.getBoundingClientRect();
    this.#panel.style.setProperty("--left", `${left}px`);
    this.#panel.style.setProperty("--top", `${Math.max(bottom, 0) + BELOW}px`);
    this.#search.value = "";
    this.#opened();
    this.#panel.showModal();
    this.#button.ariaExpanded = "true";
    this.#draw(this.#name);
    this.#search.focus();
  }

  /**
   * Redraw all rows. Keep the search text.
   * @param {string} [marked] name of the row to mark; by default the one marked before
   */
  #draw(marked = this.#marked?.dataset.name ?? this.#name) {
    this.#list.replaceChildren(
      ...grouped(this.#choices, this.#recent).map(([title, choices]) => {
        const group = element("div", "group");
        group.role = "group";
        group.ariaLabel = title;
        const heading = element("h2", "", title);
        heading.ariaHidden = "true";
        group.append(heading, ...choices.map((choice) => this.#rowFor(choice)));
        return group;
      }),
    );
    this.#filter(marked);
  }

  /** @param {Choice} choice */
  #rowFor(choice) {
    const row = formLink(choice.name, "row");
    row.role = "option";
    row.tabIndex = -1; // the search box has the focus
    row.id = `${this.#id}-${this.#choices.indexOf(choice)}`;
    row.title = choice.title;
    if (choice.name === this.#name) row.ariaCurrent = "true";
    row.append(...contentOf(choice));
    return row;
  }

  /** @param {string} [marked] name of the row to mark; by default the best match */
  #filter(marked = "") {
    const text = this.#search.value.trim();
    const found = new Set(this.#choices.filter((one) => matches(one, text)).map((one) => one.name));
    for (const row of all(".row", this.#list)) row.hidden = !found.has(row.dataset.name ?? "");
    for (const group of all(".group", this.#list)) group.hidden = !$(".row:not([hidden])", group);
    this.#said.textContent = found.size ? "" : message("No results.");
    const rows = this.#rows;
    const known = new Map(this.#choices.map((one) => [one.name, one]));
    const listed = rows.flatMap((row) => known.get(row.dataset.name ?? "") ?? []);
    const best = bestOf(listed, text, this.#name)?.name;
    const named = (/** @type {string | undefined} */ name) =>
      rows.find((row) => row.dataset.name === name);
    this.#mark(named(marked) ?? named(best));
  }

  /** Rows that match the search. */
  get #rows() {
    return all(".row:not([hidden])", this.#list);
  }

  get #marked() {
    return $("[aria-selected=true]", this.#list);
  }

  /** @param {HTMLElement | undefined} row */
  #mark(row) {
    if (this.#marked) this.#marked.ariaSelected = "false";
    if (!row) {
      this.#search.removeAttribute("aria-activedescendant");
      return;
    }
    row.ariaSelected = "true";
    this.#search.setAttribute("aria-activedescendant", row.id);
    row.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    event.stopPropagation(); // Ctrl+Enter must not start a run from here
    const rows = this.#rows;
    const step = STEPS[event.key];
    if (step) {
      const at = this.#marked ? rows.indexOf(this.#marked) : -1;
      this.#mark(rows[Math.min(Math.max(at + step, 0), rows.length - 1)]);
    } else if (event.key === "Enter" && event.target === this.#search) {
      if (this.#marked) this.choose(this.#marked.dataset.name ?? "");
    } else return;
    event.preventDefault();
  }

  /** Open a workflow. @param {string} name */
  choose(name) {
    this.#panel.close();
    this.show(this.#choices, name);
    this.#chosen(name);
  }
}

/** @param {Choice} choice */
function contentOf(choice) {
  const words = element("span", "words", element("strong", "", choice.title));
  if (choice.description) words.append(element("span", "about aside", choice.description));
  const note = choice.note ? [element("span", "note", choice.note)] : [];
  return [thumbFor(choice), words, ...note];
}

/** Return a workflow's image, or the first letter of its title. @param {Choice} choice */
export function thumbFor({ thumb, title }) {
  const place = element("span", "thumb", title.slice(0, 1));
  place.ariaHidden = "true";
  if (!thumb) return place;
  const image = element("img");
  Object.assign(image, { alt: "", loading: "lazy", decoding: "async", src: addressOf(thumb) });
  image.onload = () => place.replaceChildren(image); // the image may be translucent, so remove the letter
  image.onerror = () => image.remove();
  place.append(image);
  return place;
}
