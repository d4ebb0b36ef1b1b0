// @ts-check
// Start page of an app with many workflows, in the place of the form and the stage: a card for each workflow, with its
// cover, in folders that the user can search. ui/page/blocks.py decides when it is shown.

import { thumbFor } from "../components/chooser.js";
import { $, button, element, formLink, leavesTab } from "../dom.js";
import { grouped, matches } from "../form/choices.js";
import { message } from "../messages.js";
import { mayStart, openTemplates } from "../templates/open.js";

/** @import { Choice } from "../form/choices.js" */

const EVERY = message("All");

export class StartPage {
  #choose;
  #page = element("section");
  #search = element("input");
  #folders = element("div", "folders wraps");
  #runnable = element("input");
  #onlyRunnable = element("label", "only-runnable in-line");
  #templates = button(message("Start from a template…"), openTemplates, "quiet");
  #list = element("div", "list");
  #said = element("p", "state-card muted");
  /** @type {readonly Choice[]} */
  #choices = [];
  /** @type {readonly string[]} */
  #recent = [];
  #folder = "";

  /** @param {(name: string) => void} choose called with the name of the workflow whose card was pressed */
  constructor(choose) {
    this.#choose = choose;
    const title = element("h1", "", message("Choose a workflow"));
    this.#page.id = "start-page";
    this.#page.ariaLabel = message("Workflows");
    Object.assign(this.#search, { type: "search", placeholder: message("Search") });
    this.#search.ariaLabel = message("Search");
    this.#search.addEventListener("input", () => this.#draw());
    this.#runnable.type = "checkbox";
    this.#runnable.addEventListener("change", () => this.#draw());
    this.#onlyRunnable.append(this.#runnable, message("Can run here"));
    this.#templates.hidden = !mayStart();
    this.#folders.role = "group";
    this.#folders.ariaLabel = message("Folder");
    this.#said.role = "status";
    this.#said.dataset.icon = "search";
    const tools = element("div", "tools flow");
    tools.append(this.#search, this.#folders, this.#onlyRunnable, this.#templates);
    this.#page.append(title, tools, this.#said, this.#list);
  }

  /**
   * Show the page with these workflows.
   * @param {readonly Choice[]} choices
   * @param {readonly string[]} recent names of the workflows used last
   */
  show(choices, recent) {
    this.#choices = choices;
    this.#recent = recent;
    if (!this.#page.isConnected) $("#columns")?.before(this.#page);
    $("#columns")?.toggleAttribute("hidden", true);
    this.#draw();
  }

  hide() {
    this.#page.remove();
    $("#columns")?.toggleAttribute("hidden", false);
  }

  get isShown() {
    return this.#page.isConnected;
  }

  #draw() {
    const groups = grouped(this.#choices, this.#recent);
    this.#drawFolders(groups.map(([title]) => title));
    this.#onlyRunnable.hidden = !this.#choices.some(({ note }) => note);
    const text = this.#search.value.trim();
    const isWanted = (/** @type {Choice} */ choice) =>
      matches(choice, text) &&
      !(this.#runnable.checked && !this.#onlyRunnable.hidden && choice.note);
    const shown = groups
      .filter(([title]) => !this.#folder || title === this.#folder)
      .map(([title, choices]) => /** @type {const} */ ([title, choices.filter(isWanted)]))
      .filter(([, choices]) => choices.length);
    this.#said.textContent = shown.length ? "" : message("No results.");
    this.#list.replaceChildren(
      ...shown.flatMap(([title, choices]) => [
        element("h2", "", title),
        this.#cards(choices, title),
      ]),
    );
  }

  /** @param {readonly string[]} titles */
  #drawFolders(titles) {
    if (!titles.includes(this.#folder)) this.#folder = "";
    this.#folders.hidden = titles.length < 2;
    const chips = ["", ...titles].map((title) => {
      const chip = button(title || EVERY, () => this.#open(title), "quiet");
      chip.ariaPressed = String(title === this.#folder);
      return chip;
    });
    const focused = [...this.#folders.children].indexOf(
      /** @type {Element} */ (document.activeElement),
    );
    this.#folders.replaceChildren(...chips);
    chips[focused]?.focus();
  }

  /** @param {string} folder "" for all */
  #open(folder) {
    this.#folder = folder;
    this.#draw();
  }

  /** @param {readonly Choice[]} choices @param {string} title */
  #cards(choices, title) {
    const list = element("ul", "cards");
    list.ariaLabel = title;
    list.append(
      ...choices.map((choice) => {
        const card = formLink(choice.name, "card");
        card.addEventListener("click", (event) => {
          if (leavesTab(event)) return;
          event.preventDefault();
          this.#choose(choice.name);
        });
        card.append(thumbFor(choice), element("strong", "strong breaks", choice.title));
        if (choice.description) card.append(element("span", "about", choice.description));
        if (choice.note) card.append(element("span", "note", choice.note));
        return element("li", "", card);
      }),
    );
    return list;
  }
}
