// @ts-check
// “Use in…” menu: sends a result to a field of the form, or to another workflow that accepts it.

import { USED } from "../back.js";
import { fieldsToVary, variedForm } from "../batches/given.js";
import { all, button, element, glideTo } from "../dom.js";
import { useInWorkflow } from "../form/dragging.js";
import { fieldId } from "../form/field_errors.js";
import { fieldsOfKind } from "../form/files.js";
import { formName, replacing, visitWith } from "../form/form.js";
import { fillText } from "../form/ideas.js";
import { keepReplaced } from "../form/sent_texts.js";
import { typed } from "../form/typed.js";
import { labelOf } from "../gradio.js";
import { message } from "../messages.js";
import { API, get, SILENT } from "../requests.js";
import { putBeside, walkChoices } from "../results/pop_menu.js";
import { page } from "../state.js";
import { FirstLetters } from "./first_letters.js";
import { literalText } from "./literal_text.js";
import { keepTextSource } from "./text_sources.js";

/** @import { Taker } from "../documents.js" */
/** @import { Item } from "../runs/results.js" */

/**
 * A result to use, and the ways to use it: in a field of the form, by its id, or in another workflow. `what` identifies
 * the result: offering it twice changes nothing. `download`: of a video's frame.
 * @typedef {{ what: string, kind: Item["kind"], toField: (field: string) => void,
 *   toWorkflow: (taker: Taker) => unknown, download?: () => void }} Use
 */

const NONE = message("No other workflow accepts this.");
const SEARCHED = message("Looking for workflows…");

/** Two menus for the result on the stage: one among its buttons, one in the full-screen viewport. */
export class UseMenus {
  #toField;

  /** @param {(field: string) => void} toField called with the id of the chosen field of the form */
  constructor(toField) {
    this.#toField = toField;
    this.below = new UseMenu("button");
    this.over = new UseMenu("button");
  }

  /**
   * Set the result that can be used.
   * @param {string} run its run's id, or ""
   * @param {Item | null} item
   */
  offer(run, item) {
    const isText = item?.kind === "text";
    const use = run && item && (isText || item.at >= 0) ? this.#useOf(run, item) : null;
    this.below.offer(use);
    this.over.offer(use);
  }

  /** @param {string} run @param {Item} item @returns {Use} */
  #useOf(run, { kind, url, at, text }) {
    if (kind === "text") return textUse(text, run);
    return {
      what: `${run} ${url}`,
      kind,
      toField: this.#toField,
      toWorkflow: ({ name }) => useInWorkflow(run, at, name),
    };
  }
}

/**
 * Return the menu of a text, with its button.
 * @param {string} text
 * @param {string} run the run that made the text
 */
export function textMenu(text, run) {
  const menu = new UseMenu("button");
  menu.offer(textUse(text, run));
  return menu.place;
}

/** @param {string} text @param {string} run @returns {Use} */
const textUse = (text, run) => ({
  what: text,
  kind: "text",
  toField: (field) => {
    keepTextSource(formName(), run);
    fillText(field, isDrawn(field) ? literalText(text) : text);
  },
  toWorkflow: ({ name, text_field: key, draws_text: draws }) => {
    const before = typed(name);
    keepReplaced(name, key, before[key]);
    keepTextSource(name, run);
    visitWith(name, { ...before, [key]: draws ? literalText(text) : text }, "result");
  },
});

/**
 * Return whether a field of the form draws from alternatives in its text, as far as the page knows.
 * @param {string} id
 */
const isDrawn = (id) =>
  formName() === variedForm() &&
  fieldsToVary().some(({ key, wildcards }) => wildcards && fieldId(key) === id);

export class UseMenu {
  /** The button and its menu; empty if there is nothing to use. */
  place = element("span", "use-in");
  #button;
  #list = element("div", "use-list");
  #letters = new FirstLetters();
  /** @type {Use | null} */
  #offered = null;

  /**
   * @param {string} className the button's class
   * @param {string} [label]
   * @param {string} [icon]
   */
  constructor(className, label = message("Use in…"), icon = "use") {
    this.#button = button(label, () => this.#list.togglePopover(), className);
    this.#button.ariaHasPopup = "menu";
    this.#button.dataset.icon = icon;
    this.#button.title = label;
    this.#list.popover = "auto";
    this.#list.role = "menu";
    this.#list.ariaLabel = label;
    this.#list.addEventListener("beforetoggle", (event) => {
      const isOpen = /** @type {ToggleEvent} */ (event).newState === "open";
      this.#button.ariaExpanded = String(isOpen);
      if (isOpen) this.#fill();
    });
    this.#list.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "open") this.#opened();
    });
    this.#list.addEventListener("keydown", (event) =>
      walkChoices(event, this.#choices, this.#letters),
    );
  }

  /** @param {Use | null} use */
  offer(use) {
    if (use && use.what === this.#offered?.what) return;
    this.#offered = use;
    if (this.#list.isConnected) this.#list.hidePopover();
    this.place.replaceChildren(...(use ? [this.#button, this.#list] : []));
  }

  async #fill() {
    const offered = this.#offered;
    if (!offered) return;
    const fields = fieldsOfKind(offered.kind).map((field) =>
      this.#choice(labelOf(field), () => {
        this.#used(); // close overlays first: a field below them can't get the focus
        replacing("result");
        offered.toField(field.id);
        page.set({ tab: "form" });
        glideTo(field, "nearest");
      }),
    );
    const note = element("p", "", SEARCHED);
    note.role = "presentation"; // a menu may contain only menu items
    const { download } = offered;
    const own = download ? [this.#choice(message("Download this frame"), download)] : [];
    this.#list.replaceChildren(...own, ...group(message("This form"), fields), note);
    /** @type {Taker[] | null} */
    const takers = await get(`${API}/takers`);
    if (offered !== this.#offered || !note.isConnected) return; // opened again meanwhile
    const fitting = (takers ?? []).filter(
      ({ name, kinds }) => name !== formName() && kinds.includes(offered.kind),
    );
    const workflows = fitting.map((taker) =>
      this.#choice(taker.title, async () => {
        await offered.toWorkflow(taker);
        this.#used();
      }),
    );
    note.textContent = takers ? NONE : SILENT;
    note.hidden = workflows.length > 0;
    if (fields.length) this.#list.append(...group(message("Other workflows"), workflows));
    else this.#list.append(...workflows);
    putBeside(this.#button, this.#list);
    if (!fields.length) this.#choices[0]?.focus();
  }

  #used() {
    this.place.dispatchEvent(new CustomEvent(USED, { bubbles: true }));
  }

  #opened() {
    putBeside(this.#button, this.#list);
    this.#choices[0]?.focus();
  }

  get #choices() {
    return all("button", this.#list);
  }

  /** @param {string} words @param {() => void} does */
  #choice(words, does) {
    const made = button(
      words,
      () => {
        this.#list.hidePopover();
        does();
      },
      "choice",
    );
    made.role = "menuitem";
    return made;
  }
}

/** @param {string} title @param {HTMLElement[]} choices */
function group(title, choices) {
  if (!choices.length) return [];
  const place = element("div", "group");
  const heading = element("strong", "", title);
  place.role = "group";
  place.ariaLabel = title;
  heading.ariaHidden = "true";
  place.append(heading, ...choices);
  return [place];
}
