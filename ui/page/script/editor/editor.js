// @ts-check
// The form editor: its state, its parts, and saving.

import { $, announce, button, element, root } from "../dom.js";
import { message } from "../messages.js";
import { ask, json, request } from "../requests.js";
import { AddPart } from "./add_part.js";
import { CoverPart } from "./cover_part.js";
import { askConflict, askUnsaved, showVersions } from "./dialogs.js";
import { keepDraft, keptDraft } from "./editing.js";
import { FieldsPart } from "./fields_part.js";
import { HeadPart, PositionPart } from "./head_part.js";
import { IdeasPart } from "./ideas_part.js";
import { isSame, modelOf, settingsOf } from "./model.js";
import { moreMenu } from "./more_menu.js";
import { OutputsPart } from "./outputs_part.js";
import { editorPath, Preview } from "./preview.js";

/** @import { EditorInput } from "../documents.js" */
/** @import { EditorDoc, Model, OwnSettings, Settings } from "./model.js" */

const MOST_STEPS = 100;
const CONFLICT = 409;

export class FormEditor {
  place = element("section");
  name;
  doc;
  /** @type {Model} */
  model;
  /** Inputs with the titles of their nodes, by field key. @type {Map<string, { input: EditorInput, node: string }>} */
  inputs = new Map();
  selected = "";
  #closed;
  #preview;
  /** Earlier states in this session, and what changed after each. @type {{ model: Model, what: string }[]} */
  #steps = [];
  #said = element("p", "said");
  #save = button(message("Save"), () => this.save(), "button primary");
  #undo = button(message("Undo"), () => this.undo());
  /** @type {{ place: HTMLElement, draw: () => void }[]} */
  #parts = [];
  /** @type {FieldsPart} */
  #fields;
  /** Problems that the form had when it was opened. @type {string[] | null} */
  #known = null;
  #body = element("div", "editor-body");

  /**
   * @param {string} name of the workflow
   * @param {EditorDoc} doc
   * @param {() => void} closed
   */
  constructor(name, doc, closed) {
    this.name = name;
    this.doc = doc;
    this.#closed = closed;
    this.model = modelOf(doc.settings, doc.automatic.fields);
    this.place.id = "form-editor";
    this.place.setAttribute("aria-labelledby", "form-editor-title");
    this.#said.role = "status";
    this.#preview = new Preview(name, {
      picked: (id, isEntered) => this.#picked(id, isEntered),
      told: (problems) => this.#tell(problems),
    });
    this.#fields = new FieldsPart(this);
    this.place.append(this.#head(), this.#body, this.#foot());
    this.place.addEventListener("keydown", (event) => this.#pressed(event));
    this.#load(doc);
    const kept = keptDraft(name);
    if (kept && !isSame(kept.settings, doc.settings)) {
      if (kept.version !== doc.version) this.doc = { ...doc, version: kept.version };
      this.change(modelOf(kept.settings, doc.automatic.fields));
      this.#say(message("Your unsaved changes are back."));
    } else this.#preview.show(this.settings, true);
    if (doc.problem) this.#say(doc.problem, true);
  }

  get settings() {
    return settingsOf(this.model, this.doc.automatic.fields);
  }

  get isChanged() {
    return !isSame(this.settings, this.#saved);
  }

  /** Return the settings as this editor would save them if nothing was changed. @returns {Settings} */
  get #saved() {
    return settingsOf(
      modelOf(this.doc.settings, this.doc.automatic.fields),
      this.doc.automatic.fields,
    );
  }

  /** @param {string} key of a field */
  labelOf(key) {
    return this.model.rows.find((row) => row.key === key)?.set.label ?? "";
  }

  #head() {
    const head = element("header");
    const title = element("h2", "", message("Edit form"));
    title.id = "form-editor-title";
    title.tabIndex = -1;
    const preview = button(message("Preview"), (pressed) => {
      const isOn = this.place.classList.toggle("previewing");
      pressed.textContent = isOn ? message("Edit") : message("Preview");
      if (isOn) scrollTo(0, 0);
    });
    preview.classList.add("to-preview");
    head.append(
      title,
      preview,
      button(message("Close"), () => this.close()),
    );
    return head;
  }

  #foot() {
    const foot = element("div", "editor-foot");
    const menu = moreMenu([
      [message("Revert to automatic…"), () => this.#revert()],
      [
        message("Versions…"),
        () =>
          showVersions(this.name, this.doc.version, (doc) =>
            this.#took(doc, message("Version restored")),
          ),
      ],
      [message("Download .toml"), () => this.#download()],
    ]);
    foot.append(this.#said, this.#save, this.#undo, menu);
    return foot;
  }

  /** @param {EditorDoc} doc */
  #load(doc) {
    this.doc = doc;
    this.model = modelOf(doc.settings, doc.automatic.fields);
    this.#steps = [];
    this.inputs = new Map(
      doc.inputs.flatMap(({ title, inputs }) =>
        inputs.map((input) => [input.key, { input, node: title }]),
      ),
    );
    this.#fields = new FieldsPart(this);
    this.#parts = [
      new HeadPart(this),
      this.#fields,
      new AddPart(this),
      new IdeasPart(this),
      new CoverPart(this),
      new OutputsPart(this),
      new PositionPart(this),
    ];
    this.#body.replaceChildren(...this.#parts.map(({ place }) => place));
    this.#draw();
  }

  #draw() {
    for (const part of this.#parts) part.draw();
    const { isChanged } = this;
    this.#save.ariaDisabled = String(!isChanged);
    this.#undo.ariaDisabled = String(!this.#steps.length && !this.doc.can_undo);
    this.place.classList.toggle("changed", isChanged);
  }

  /**
   * Change the edited form: keep it in the browser, and show it.
   * @param {Model} model
   * @param {string} [what] successive changes of the same thing are undone together
   * @param {string} [key] the field whose setting was changed
   * @param {OwnSettings} [changes]
   */
  change(model, what = "", key = "", changes = {}) {
    if (model === this.model) return;
    if (!what || this.#steps.at(-1)?.what !== what) this.#steps.push({ model: this.model, what });
    if (this.#steps.length > MOST_STEPS) this.#steps.shift();
    this.model = model;
    this.#changed("default" in changes ? { [key]: changes.default } : null);
  }

  /** @param {Record<string, unknown> | null} [values] to show in the form */
  #changed(values = null) {
    const { settings, isChanged } = this;
    keepDraft(this.name, isChanged ? { version: this.doc.version, settings } : null);
    this.#preview.show(settings, false, values);
    this.#say(isChanged ? message("Unsaved changes") : "");
    this.#draw();
  }

  /**
   * Open the settings of a field, and outline it in the form.
   * @param {string} key "" closes them
   * @param {boolean} [isShown] whether to bring the field of the form into view
   */
  select(key, isShown = false) {
    this.selected = key;
    this.#preview.select(key, isShown);
    this.#fields.draw();
  }

  /**
   * @param {string} id element id of a field
   * @param {boolean} isEntered
   */
  #picked(id, isEntered) {
    const key = this.#fields.keyOf(id);
    if (!key) return;
    if (key !== this.selected) this.select(key);
    if (isEntered) this.place.classList.remove("previewing");
    this.#fields.lead(key, isEntered);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const { key, ctrlKey, metaKey, shiftKey, target } = event;
    const isTyped = target instanceof Element && target.matches("input[type=text], textarea");
    if (!(ctrlKey || metaKey)) return;
    if (key.toLowerCase() === "s") this.save();
    else if (key.toLowerCase() === "z" && !shiftKey && !isTyped) this.undo();
    else return;
    event.preventDefault();
  }

  /** Undo the last change, or else the last save. */
  async undo() {
    const step = this.#steps.pop();
    if (step) {
      this.model = step.model;
      this.#changed();
      announce(message("Undone"));
      return;
    }
    if (!this.doc.can_undo) return;
    const path = `${editorPath(this.name)}/undo`;
    const doc = await ask(path, json({ version: this.doc.version }));
    if (doc) this.#took(doc, message("The last save was undone."));
  }

  /**
   * Save the form for everyone.
   * @param {boolean} [overwrite] whether to replace changes that were made elsewhere
   * @returns {Promise<boolean>} whether it worked
   */
  async save(overwrite = false) {
    if (!this.isChanged && !overwrite) return true;
    const { settings, doc } = this;
    const body = json({ version: doc.version, settings, overwrite });
    this.#say(message("Saving…"));
    const { told, why, hint, status } = await request(editorPath(this.name), body, "PUT");
    if (told) {
      this.#took(told, message("Saved"));
      return true;
    }
    this.#say([why, hint].filter(Boolean).join(" "), true);
    if (status === CONFLICT)
      askConflict(why, { load: () => this.#reload(), overwrite: () => this.save(true) });
    return false;
  }

  /** Load the form as it is saved now. */
  async #reload() {
    const doc = await ask(editorPath(this.name), undefined, "GET");
    if (doc) this.#took(doc, message("The other changes are loaded."));
  }

  /**
   * Take a saved form over.
   * @param {EditorDoc} doc
   * @param {string} said
   */
  #took(doc, said) {
    const { selected } = this;
    keepDraft(this.name, null);
    const open = [...this.#body.querySelectorAll("details")].map((one) => one.open);
    const focused = document.activeElement;
    const top = this.#body.scrollTop;
    this.#load(doc);
    for (const [at, one] of [...this.#body.querySelectorAll("details")].entries())
      one.open = open[at] ?? false;
    this.select(selected);
    this.#body.scrollTop = top;
    if (focused && !focused.isConnected) $("h2", this.place)?.focus({ preventScroll: true });
    this.#preview.show(this.settings, true);
    this.#say(said);
  }

  async #revert() {
    const path = `${editorPath(this.name)}/revert`;
    const doc = await ask(path, json({ version: this.doc.version }));
    if (doc) this.#took(doc, message("The form is automatic again. Undo brings yours back."));
  }

  #download() {
    const link = element("a");
    link.href = `${root}${editorPath(this.name)}/file`;
    link.download = "";
    document.body.append(link);
    link.click();
    link.remove();
  }

  /**
   * @param {string} text
   * @param {boolean} [isWrong]
   */
  #say(text, isWrong = false) {
    this.#said.textContent = text;
    this.#said.classList.toggle("wrong", isWrong);
  }

  /** @param {string[]} problems of the draft */
  #tell(problems) {
    this.#known ??= problems; // such as missing models, which the form shows anyway
    const added = problems.filter((one) => !this.#known?.includes(one));
    if (added.length) this.#say(added.join(" "), true);
    else if (this.#said.classList.contains("wrong"))
      this.#say(this.isChanged ? message("Unsaved changes") : "");
  }

  /** Close the editor, and ask first if there are unsaved changes. */
  close() {
    if (!this.isChanged) this.end();
    else
      askUnsaved({
        save: async () => (await this.save()) && this.end(),
        discard: () => this.end(),
      });
  }

  /** Close the editor, and drop unsaved changes. */
  end() {
    keepDraft(this.name, null);
    this.leave();
  }

  /** Close the editor, and keep unsaved changes for the next time. */
  leave() {
    this.place.remove();
    this.#closed();
    this.#preview.end();
  }
}
