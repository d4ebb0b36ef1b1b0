// @ts-check
// Dialog of presets: named values to apply, save, overwrite, rename and delete.

import { $, all, announce, button, dialog, element, iconButton } from "../dom.js";
import { refill } from "../form/form.js";
import { valuesOf } from "../form/replaced.js";
import { labeled, message } from "../messages.js";
import { API, ask, get, json, request } from "../requests.js";
import { menuButton } from "../results/pop_menu.js";
import { choosePreset, downloadPreset, freeName, LONGEST_NAME } from "./preset_files.js";

/** @import { PresetsDoc } from "../documents.js" */
/** @import { Entry } from "../results/pop_menu.js" */

const SUGGESTED = 28; // characters
const CUT = /(\s+\S{1,3}){0,2}\s+\S*$/; // a part of a word, with short words before it

/**
 * @typedef {{ name: string, shared: boolean, values: Record<string, unknown> }} Deleted
 */

/** @param {string} workflow */
export async function openPresets(workflow) {
  const place = dialog("presets", message("Presets"));
  document.body.append(place);
  const menu = new PresetMenu(place, workflow);
  await menu.read();
  if (!place.isConnected) return;
  place.showPopover();
  menu.begin();
}

class PresetMenu {
  #place;
  #workflow;
  #lists = element("div");
  #name = element("input");
  #share = element("input");
  #shared = element("span", "hint muted");
  #limit = element("p", "hint muted");
  #save = button(message("Save"), () => this.#keep(), "button primary");
  /** @type {PresetsDoc} */
  #presets = { own: [], own_values: [], shared: [], shared_values: [], may_share: false };
  /** Presets deleted since the dialog was opened, latest last. @type {Deleted[]} */
  #deleted = [];

  /** @param {HTMLElement} place @param {string} workflow */
  constructor(place, workflow) {
    this.#place = place;
    this.#workflow = workflow;
    Object.assign(this.#name, {
      type: "text",
      maxLength: LONGEST_NAME,
      placeholder: message("Name"),
    });
    this.#name.ariaLabel = this.#name.placeholder;
    this.#name.addEventListener("input", () => this.#label());
    this.#share.type = "checkbox";
    this.#share.addEventListener("change", () => this.#label());
    const share = element("label", "share in-line");
    share.append(this.#share, message("Share with everyone"), this.#shared);
    const saving = element("form", "saving flow", this.#name, share, this.#save, this.#limit);
    this.#limit.role = "status";
    saving.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#keep();
    });
    const adds = iconButton("upload", () => choosePreset(() => this.read()), "bare");
    adds.textContent = message("Add from a file…");
    const last = element("div", "row last", adds);
    place.append(this.#lists, element("h3", "", message("Save as preset")), saving, last);
  }

  /** Suggest a name, and focus the first preset, or the name without one. */
  begin() {
    this.#name.value = freeName(nameFrom(promptText()), this.#saved);
    this.#label();
    const [first] = all(".use", this.#lists);
    if (first) first.focus();
    else this.#name.select();
  }

  /** @param {string} [more] rest of the query @param {string} [below] rest of the path */
  #path(more = "", below = "") {
    return `${API}/presets${below}?workflow=${encodeURIComponent(this.#workflow)}${more}`;
  }

  /** Load the presets. */
  async read() {
    /** @type {PresetsDoc | null} */
    const told = await get(this.#path());
    if (!told) {
      const why = message("Can't load the presets.");
      this.#lists.replaceChildren(element("p", "caption", why));
      return;
    }
    this.#presets = told;
    this.#draw();
  }

  #draw() {
    const { own, own_values, shared, shared_values, may_share } = this.#presets;
    const nothing = element(
      "p",
      "none muted",
      message("A preset keeps all values of this form, with its files, under a name."),
    );
    const lists = [
      ...this.#list(message("Yours"), own, own_values, false),
      ...this.#list(message("For everyone"), shared, shared_values, true),
    ];
    this.#lists.replaceChildren(...(lists.length ? lists : [nothing]));
    this.#share.parentElement?.toggleAttribute("hidden", !may_share);
    this.#label();
  }

  /** @param {string} title @param {string[]} names @param {string[]} values @param {boolean} shared */
  #list(title, names, values, shared) {
    // Don't offer to restore a name that is in use again: that would overwrite the new preset.
    this.#deleted = this.#deleted.filter(
      (one) => one.shared !== shared || !names.includes(one.name),
    );
    const gone = this.#deleted.filter((one) => one.shared === shared);
    if (!names.length && !gone.length) return [];
    const list = element("ul", "stack");
    list.append(...names.map((name, at) => this.#item(name, values[at] ?? "", shared)));
    list.append(...gone.map((one) => this.#goneItem(one)));
    return [element("h3", "", title), list];
  }

  /** @param {string} name @param {string} values the first ones @param {boolean} shared */
  #item(name, values, shared) {
    const item = element("li", "in-line framed");
    const use = button("", () => this.#use(name, shared), "use");
    use.dataset.does = message("Apply");
    use.ariaLabel = labeled(use.dataset.does, name);
    use.append(element("span", "breaks", name));
    if (values) use.append(element("span", "values aside", values));
    /** @type {Entry[]} */
    const more = [{ label: message("Download"), does: () => this.#download(name, shared) }];
    if (!shared || this.#presets.may_share)
      more.push(
        { label: message("Rename"), does: () => this.#offerName(name, values, shared, item) },
        { label: message("Delete"), does: () => this.#delete(name, shared, item), isBad: true },
      );
    item.append(use, menuButton("", labeled(message("More"), name), more, "bare", "more"));
    return item;
  }

  /** @param {Deleted} deleted */
  #goneItem(deleted) {
    const { name, values, shared } = deleted;
    const item = element("li", "in-line framed");
    const undo = button(message("Undo"), () => this.#put(name, values, shared), "quiet");
    undo.title = undo.ariaLabel = labeled(message("Undo"), name);
    item.append(element("span", "gone muted", message("Removed: {name}", { name })), undo);
    return item;
  }

  /**
   * Show an input for a new name in place of the preset.
   * @param {string} name
   * @param {string} values
   * @param {boolean} shared
   * @param {HTMLElement} item
   */
  #offerName(name, values, shared, item) {
    const other = element("input");
    Object.assign(other, { type: "text", maxLength: LONGEST_NAME, value: name });
    other.ariaLabel = labeled(message("Rename"), name);
    const save = element("button", "button", message("Rename"));
    const leave = () => {
      const back = this.#item(name, values, shared);
      item.replaceWith(back);
      $(".bare", back)?.focus();
    };
    const cancel = iconButton("close", leave, "bare");
    cancel.title = cancel.ariaLabel = message("Cancel");
    const objection = element("p", "field-error");
    objection.role = "alert";
    const form = element("form", "saving flow", other, save, cancel, objection);
    other.addEventListener("input", () => {
      objection.textContent = limitOf(other.value);
    });
    let isAsking = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const to = other.value.trim();
      if (!to || isAsking) return;
      if (to === name) {
        leave();
        return;
      }
      isAsking = true;
      objection.textContent = await this.#rename(name, to, shared);
      isAsking = false;
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // the dialog stays open
      leave();
    });
    item.replaceChildren(form);
    other.select();
    other.focus();
  }

  /**
   * @param {string} name
   * @param {string} to
   * @param {boolean} shared
   * @returns {Promise<string>} reason for a refusal, "" on success
   */
  async #rename(name, to, shared) {
    const path = this.#path(this.#which(name, shared));
    const { told, why, hint } = await request(path, json({ name: to }), "PATCH");
    if (!told) return `${why} ${hint}`;
    announce(message("{name} was renamed to {other}.", { name, other: to }));
    await this.read();
    this.#focus(to, shared);
    return "";
  }

  /** @param {string} name @param {boolean} shared */
  #focus(name, shared) {
    const { own, shared: everybodys } = this.#presets;
    const at = shared ? own.length + everybodys.indexOf(name) : own.indexOf(name);
    all(".use", this.#lists)[at]?.focus();
  }

  /** @param {string} name @param {boolean} shared */
  #which(name, shared) {
    return `&name=${encodeURIComponent(name)}&shared=${shared}`;
  }

  /**
   * Load a preset's values. Resolves to null after an error, which the user has seen.
   * @param {string} name
   * @param {boolean} shared
   * @returns {Promise<Record<string, unknown> | null>}
   */
  async #valuesOf(name, shared) {
    /** @type {{ values: Record<string, unknown> } | null} */
    const told = await ask(this.#path(this.#which(name, shared), "/values"), undefined, "GET");
    return told?.values ?? null;
  }

  /** @param {string} name @param {boolean} shared */
  async #use(name, shared) {
    const values = await this.#valuesOf(name, shared);
    if (!values) return;
    this.#place.hidePopover();
    refill(this.#workflow, { ...this.#values, ...values }, "preset", name);
  }

  /** @param {string} name @param {boolean} shared */
  async #download(name, shared) {
    const values = await this.#valuesOf(name, shared);
    if (values) downloadPreset(name, values);
  }

  /**
   * Delete a preset. Keep its values in the menu for Undo.
   * @param {string} name
   * @param {boolean} shared
   * @param {HTMLElement} item
   */
  async #delete(name, shared, item) {
    const values = await this.#valuesOf(name, shared);
    if (!values) return;
    if (!(await ask(this.#path(this.#which(name, shared)), undefined, "DELETE"))) return;
    const deleted = { name, shared, values };
    this.#deleted.push(deleted);
    const gone = this.#goneItem(deleted);
    item.replaceWith(gone);
    $("button", gone)?.focus();
  }

  /** Values in the form. */
  get #values() {
    return valuesOf(this.#workflow);
  }

  get #saved() {
    return this.#share.checked ? this.#presets.shared : this.#presets.own;
  }

  #label() {
    const name = this.#name.value.trim();
    this.#limit.textContent = limitOf(this.#name.value);
    const files = this.#share.checked ? fileNames(this.#values) : [];
    this.#shared.textContent = files.length
      ? message("Also shared: {files}", { files: files.join(", ") })
      : "";
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
    await this.read();
    this.#focus(name, shared);
  }
}

/** @param {string} name @returns {string} the limit, once a name has reached it */
const limitOf = (name) =>
  name.length < LONGEST_NAME
    ? ""
    : message("A name has at most {most} characters.", { most: LONGEST_NAME });

/** Return the text in the form's prompt, "" without one. */
const promptText = () =>
  /** @type {HTMLTextAreaElement | null} */ ($("#form .prompt textarea"))?.value ?? "";

/** @param {string} prompt @returns {string} its beginning, as a preset's name */
export function nameFrom(prompt) {
  const part = prompt.split(/[,.;:\n()]/).find((one) => one.trim()) ?? "";
  const text = part.trim();
  const words = text.length > SUGGESTED ? text.slice(0, SUGGESTED).replace(CUT, "") : text;
  return words.replace(/^\p{Ll}/u, (first) => first.toLocaleUpperCase());
}

/** @param {Record<string, unknown>} values */
const fileNames = (values) =>
  Object.values(values).flatMap((value) => {
    const { file } = /** @type {{ file?: unknown }} */ (value ?? {});
    return typeof file === "string" ? [file.split("/").at(-1) ?? file] : [];
  });
