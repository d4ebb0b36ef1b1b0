// @ts-check
// The menu of presets below a form: values under a name, to be put in, saved, overwritten and deleted.

import { $, announce, button, element } from "../dom.js";
import { filled } from "../form/filled.js";
import { refill } from "../form/form.js";
import { typed } from "../form/typed.js";
import { message } from "../messages.js";
import { ask, get, json } from "../requests.js";

/**
 * Names, as ui/routes/presets.py tells them.
 * @typedef {{ own: string[], shared: string[], may_share: boolean }} Presets
 */

const UNDO = message("Undo preset");
const REDO = message("Redo preset");

/**
 * What a form held before a preset was put in, or, when that was undone, afterwards.
 * @type {{ workflow: string, before: Record<string, unknown> | null, isUndone: boolean }}
 */
const state = { workflow: "", before: null, isUndone: false };

class Menu {
  #place;
  #workflow;
  #lists = element("div");
  #name = element("input");
  #share = element("input");
  #save = button(message("Save"), () => this.#keep());
  /** @type {Presets} */
  #presets = { own: [], shared: [], may_share: false };

  /**
   * @param {HTMLElement} place
   * @param {string} workflow
   */
  constructor(place, workflow) {
    this.#place = place;
    this.#workflow = workflow;
    const menu = element("details");
    const body = element("div", "body");
    const saving = element("form", "saving");
    Object.assign(this.#name, { type: "text", maxLength: 60, placeholder: message("Name") });
    this.#name.ariaLabel = message("Name of the preset");
    this.#name.addEventListener("input", () => this.#label());
    this.#share.type = "checkbox";
    this.#share.addEventListener("change", () => this.#label());
    const share = element("label", "share");
    share.append(this.#share, message("For everybody, with its files"));
    saving.append(this.#name, this.#save, share);
    saving.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#keep();
    });
    body.append(this.#lists, element("h3", "", message("Save what is in the form")), saving);
    menu.append(element("summary", "", message("Presets")), body);
    menu.addEventListener("toggle", () => menu.open && this.#read());
    place.classList.add("menu");
    place.replaceChildren(menu);
    if (state.workflow === workflow && state.before) place.append(this.#undo(state.before));
  }

  /** @param {Record<string, unknown>} before */
  #undo(before) {
    return button(state.isUndone ? REDO : UNDO, () => {
      Object.assign(state, { before: this.#values, isUndone: !state.isUndone });
      refill(this.#workflow, before);
    });
  }

  /** @param {string} [more] of the query @param {string} [below] */
  #path(more = "", below = "") {
    return `/presets${below}?workflow=${encodeURIComponent(this.#workflow)}${more}`;
  }

  async #read() {
    const told = await get(this.#path());
    if (!told) {
      const why = message("Presets cannot be read now.");
      this.#lists.replaceChildren(element("p", "caption", why));
      return;
    }
    this.#presets = told;
    this.#draw();
  }

  #draw() {
    const { own, shared, may_share } = this.#presets;
    const nothing = element("p", "none", message("There are no presets yet."));
    const lists = [
      ...this.#list(message("Yours"), own, false),
      ...this.#list(message("For everybody"), shared, true),
    ];
    this.#lists.replaceChildren(...(lists.length ? lists : [nothing]));
    this.#share.parentElement?.toggleAttribute("hidden", !may_share);
    this.#label();
  }

  /** @param {string} title @param {string[]} names @param {boolean} shared */
  #list(title, names, shared) {
    if (!names.length) return [];
    const list = element("ul");
    list.append(...names.map((name) => this.#item(name, shared)));
    return [element("h3", "", title), list];
  }

  /** @param {string} name @param {boolean} shared */
  #item(name, shared) {
    const item = element("li");
    item.append(button(name, () => this.#use(name, shared), "use"));
    if (shared && !this.#presets.may_share) return item;
    const remove = button("✕", () => this.#delete(name, shared, item), "remove");
    remove.title = remove.ariaLabel = message("Delete {name}", { name });
    item.append(remove);
    return item;
  }

  /** @param {string} name @param {boolean} shared */
  #which(name, shared) {
    return `&name=${encodeURIComponent(name)}&shared=${shared}`;
  }

  /**
   * What a preset puts into the form; null where it cannot be had, which has been said.
   * @param {string} name
   * @param {boolean} shared
   * @returns {Promise<Record<string, unknown> | null>}
   */
  async #valuesOf(name, shared) {
    const told = await ask(this.#path(this.#which(name, shared), "/values"), undefined, "GET");
    return told?.values ?? null;
  }

  /** @param {string} name @param {boolean} shared */
  async #use(name, shared) {
    const values = await this.#valuesOf(name, shared);
    if (!values) return;
    const before = this.#values;
    Object.assign(state, { workflow: this.#workflow, before, isUndone: false });
    refill(this.#workflow, { ...before, ...values });
    announce(message("{name} is in the form.", { name }));
  }

  /**
   * Nothing is gone by one press: what was deleted can be saved again.
   * @param {string} name
   * @param {boolean} shared
   * @param {HTMLElement} item
   */
  async #delete(name, shared, item) {
    const values = await this.#valuesOf(name, shared);
    if (!values) return;
    if (!(await ask(this.#path(this.#which(name, shared)), undefined, "DELETE"))) return;
    const undo = button(message("Undo"), () => this.#put(name, values, shared), "quiet");
    item.replaceChildren(element("span", "gone", message("Deleted: {name}", { name })), undo);
    undo.focus();
  }

  /** What is in the form. */
  get #values() {
    return { ...filled.now.values, ...typed(this.#workflow) };
  }

  get #saved() {
    return this.#share.checked ? this.#presets.shared : this.#presets.own;
  }

  #label() {
    const name = this.#name.value.trim();
    this.#save.textContent = this.#saved.includes(name) ? message("Overwrite") : message("Save");
    this.#save.ariaDisabled = String(!name);
  }

  #keep() {
    const name = this.#name.value.trim();
    if (name) this.#put(name, this.#values, this.#share.checked);
  }

  /** @param {string} name @param {Record<string, unknown>} values @param {boolean} shared */
  async #put(name, values, shared) {
    if (!(await ask(this.#path(), json({ name, values, shared })))) return;
    this.#name.value = "";
    this.#share.checked = false;
    announce(message("{name} is saved.", { name }));
    await this.#read();
    $(`.use`, this.#place)?.focus();
  }
}

/**
 * @param {HTMLElement} place
 * @param {string} workflow
 */
export const mountPresets = (place, workflow) => void new Menu(place, workflow);
