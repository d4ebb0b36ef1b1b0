// @ts-check
// The form editor: its state, its parts, and saving.

import { when } from "../clock.js";
import { confirm } from "../confirm.js";
import { $, announce, button, element, root } from "../dom.js";
import { filled } from "../form/filled.js";
import { offerUndo } from "../history/undo.js";
import { message } from "../messages.js";
import { ask, json, request } from "../requests.js";
import { menuButton } from "../results/pop_menu.js";
import { draw } from "../view.js";
import { askConflict, askUnsaved, showVersions } from "./dialogs.js";
import { editorPath, isPrivate, keepDraft, keptDraft } from "./editing.js";
import { FieldsPart } from "./fields_part.js";
import { isSame, modelOf, settingsOf } from "./model.js";
import { coverPart, head, ideasPart, inputsToAdd, outputsPart, position } from "./parts.js";
import { Preview } from "./preview.js";

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
  #keep = button(message("Save draft"), () => this.saveDraft());
  #publish = button("", () => this.publish(), "button primary");
  #undo = button(message("Undo"), () => this.undo());
  #fields = new FieldsPart(this);
  /** What the author looks for in “Add inputs”, null while that is folded. @type {string | null} */
  search = null;
  /** Problems that the form had when it was opened. @type {string[] | null} */
  #known = null;
  #body = element("div", "editor-body stack");
  #leaving = new AbortController();

  /**
   * @param {string} name of the workflow
   * @param {EditorDoc} doc
   * @param {() => void} closed
   */
  constructor(name, doc, closed) {
    this.name = name;
    this.doc = doc;
    this.#closed = closed;
    this.model = modelOf(storedIn(doc), doc.automatic.fields);
    this.#publish.textContent = isPrivate(name) ? message("Save") : message("Publish");
    this.#keep.hidden = isPrivate(name);
    this.place.id = "form-editor";
    this.place.setAttribute("aria-labelledby", "form-editor-title");
    this.#said.role = "status";
    this.#preview = new Preview(name, {
      picked: (id, isEntered) => this.#picked(id, isEntered),
      told: (problems) => this.#tell(problems),
    });
    this.place.append(this.#head(), this.#body, this.#foot());
    this.place.addEventListener("keydown", (event) => this.#pressed(event));
    const { signal } = this.#leaving;
    document.addEventListener("keydown", (event) => this.#escaped(event), { signal });
    this.#load(doc);
    signal.addEventListener(
      "abort",
      filled.subscribe(() => this.draw()),
    );
    const kept = keptDraft(name);
    if (kept && !isSame(kept.settings, storedIn(doc))) {
      if (kept.version !== doc.version) this.doc = { ...doc, version: kept.version };
      this.change(modelOf(kept.settings, doc.automatic.fields));
      this.#say(message("Your unsaved changes are back."));
    } else this.#preview.show(this.settings, true);
    if (doc.problem) this.#say(doc.problem, true);
  }

  get settings() {
    return settingsOf(this.model, this.doc.automatic.fields);
  }

  /** Whether something isn't saved. */
  get isChanged() {
    return !this.#isLike(storedIn(this.doc));
  }

  /**
   * Return whether this editor would save the same as for these settings.
   * @param {Settings} settings
   */
  #isLike(settings) {
    const { fields } = this.doc.automatic;
    return isSame(this.settings, settingsOf(modelOf(settings, fields), fields));
  }

  /** What the author has to know about the form as it is now. */
  get #state() {
    const { draft } = this.doc;
    if (this.isChanged) return message("Unsaved changes");
    if (!draft) return "";
    const who = [draft.by, when(draft.at)].filter(Boolean).join(", ");
    return message("Draft, not published ({who})", { who });
  }

  /** @param {string} key of a field */
  labelOf(key) {
    return this.model.rows.find((row) => row.key === key)?.set.label ?? "";
  }

  #head() {
    const head = element("header", "in-line rigid");
    const title = element("h2", "dialog-title", message("Edit form"));
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
    const foot = element("div", "editor-foot in-line rigid");
    const reverts = this.doc.original
      ? message("Revert to the original…")
      : message("Revert to automatic…");
    const versions = () => showVersions(this.name, (settings) => this.#replace(settings));
    const discards = { label: message("Discard draft"), does: () => this.#discardDraft() };
    const entries = async () => [
      { label: reverts, does: () => this.#askRevert() },
      ...(isPrivate(this.name) || !this.#canPublish ? [] : [discards]),
      { label: message("Versions…"), does: versions },
      { label: message("Download .toml"), does: () => this.#download() },
    ];
    const menu = menuButton("", message("More"), entries, "button", "more");
    foot.append(this.#said, this.#undo, menu, this.#keep, this.#publish);
    return foot;
  }

  /** @param {EditorDoc} doc */
  #load(doc) {
    this.doc = doc;
    this.model = modelOf(storedIn(doc), doc.automatic.fields);
    this.inputs = new Map(
      doc.inputs.flatMap(({ title, inputs }) =>
        inputs.map((input) => [input.key, { input, node: title }]),
      ),
    );
    this.draw();
  }

  /** @param {string | null} words what to look for among the inputs */
  find(words) {
    this.search = words;
    this.draw();
  }

  draw() {
    const parts = [head(this), this.#fields.drawing(), inputsToAdd(this), ideasPart(this)];
    draw(this.#body, ...parts, coverPart(this), outputsPart(this), position(this));
    const { isChanged } = this;
    this.#keep.ariaDisabled = String(!isChanged);
    this.#publish.ariaDisabled = String(!this.#canPublish);
    this.#undo.ariaDisabled = String(!this.#steps.length);
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
    // While the author types, this stays the same. Writing it again would be announced, and cause a new layout.
    if (this.#said.textContent !== this.#state) this.#say(this.#state);
    this.draw();
  }

  /**
   * Open the settings of a field, and outline it in the form.
   * @param {string} key "" closes them
   * @param {boolean} [isShown] whether to bring the field of the form into view
   */
  select(key, isShown = false) {
    this.selected = key;
    this.#preview.select(key, isShown);
    this.draw();
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
    if (key.toLowerCase() === "s") this.saveDraft();
    else if (key.toLowerCase() === "z" && !shiftKey && !isTyped) this.undo();
    else return;
    event.preventDefault();
  }

  /**
   * Esc closes the open row, and then the editor. Menus, dialogs and fields of the form handle the key themselves.
   * @param {KeyboardEvent} event
   */
  #escaped({ key, target, defaultPrevented }) {
    const isHere = target === document.body || this.place.contains(/** @type {Node} */ (target));
    if (key !== "Escape" || defaultPrevented || !isHere) return;
    if (document.querySelector(":popover-open, dialog:modal")) return;
    if (!this.selected) {
      this.close();
      return;
    }
    this.#fields.focusOpen();
    this.select("");
  }

  /** Undo the last change in the editor. */
  undo() {
    const step = this.#steps.pop();
    if (!step) return;
    this.model = step.model;
    this.#changed();
    announce(message("Undone"));
  }

  get #canPublish() {
    return Boolean(this.doc.draft) || !this.#isLike(this.doc.settings);
  }

  /**
   * Publish the form for everyone.
   * @param {boolean} [overwrite] whether to replace changes that were made elsewhere
   * @returns {Promise<boolean>} whether it worked
   */
  async publish(overwrite = false) {
    if (!this.#canPublish && !overwrite) return true;
    const done = isPrivate(this.name) ? message("Saved") : message("Published");
    const isDone = await this.#send("", done, overwrite, () => this.publish(true));
    const seen = message("Everyone who uses this workflow sees the new form.");
    if (isDone && !isPrivate(this.name)) offerUndo(done, seen, () => this.#unpublish());
    return isDone;
  }

  /** Publish the form from before again. Undo brings back what was here. */
  async #unpublish() {
    const body = json({ version: this.doc.version });
    /** @type {EditorDoc | null} */
    const doc = await ask(`${editorPath(this.name)}/undo`, body);
    if (!doc) return;
    if (!this.place.isConnected) return this.#preview.end(); // redraws the form
    this.#steps.push({ model: this.model, what: "" });
    this.#took(doc, message("The published form is back. Undo restores your draft."));
  }

  /**
   * Save the form for its authors only. A private workflow has no other users.
   * @param {boolean} [overwrite] whether to replace changes that were made elsewhere
   * @returns {Promise<boolean>} whether it worked
   */
  async saveDraft(overwrite = false) {
    if (isPrivate(this.name)) return this.publish(overwrite);
    if (!this.isChanged && !overwrite) return true;
    return this.#send("/draft", message("Draft saved"), overwrite, () => this.saveDraft(true));
  }

  /**
   * @param {string} part rest of the path
   * @param {string} done
   * @param {boolean} overwrite
   * @param {() => void} again repeats this and overwrites
   */
  async #send(part, done, overwrite, again) {
    const { settings, doc } = this;
    const body = json({ version: doc.version, settings, overwrite });
    this.#say(message("Saving…"));
    const { told, why, hint, status } = await request(editorPath(this.name) + part, body, "PUT");
    if (told) {
      this.#took(told, done);
      return true;
    }
    this.#say([why, hint].filter(Boolean).join(" "), true);
    if (status === CONFLICT) askConflict(why, { load: () => this.#reload(), overwrite: again });
    return false;
  }

  /** Load the form as it is saved now. Undo brings back what was here. */
  async #reload() {
    /** @type {EditorDoc | null} */
    const doc = await ask(editorPath(this.name), undefined, "GET");
    if (!doc) return;
    this.#steps.push({ model: this.model, what: "" });
    this.#took(doc, message("The other changes are loaded."));
  }

  /**
   * Take a saved form over.
   * @param {EditorDoc} doc
   * @param {string} said
   */
  #took(doc, said) {
    const { selected } = this;
    keepDraft(this.name, null);
    const focused = document.activeElement;
    this.#load(doc);
    this.select(selected);
    if (focused && !focused.isConnected) $("h2", this.place)?.focus({ preventScroll: true });
    this.#preview.show(this.settings, true);
    this.#say(said);
  }

  #askRevert() {
    const { original } = this.doc;
    const settings = original ?? { fields: [] };
    if (this.#isLike(settings)) {
      this.#say(message("Nothing to change."));
      return;
    }
    confirm(
      original ? message("Revert to the original form?") : message("Revert to the automatic form?"),
      message(
        "Replaces the title, texts, default values, ideas, cover and all other settings of this form. Undo brings them back.",
      ),
      message("Revert"),
      () => this.#replace(settings),
    );
  }

  /** @param {Settings} settings */
  #replace(settings) {
    this.change(modelOf(settings, this.doc.automatic.fields));
    if (!this.#canPublish) return;
    this.#say(
      isPrivate(this.name)
        ? message("Save this version to keep it.")
        : message("Others see this version once you publish it."),
    );
  }

  /** Return to the published form. */
  async #discardDraft() {
    this.change(modelOf(this.doc.settings, this.doc.automatic.fields));
    if (this.doc.draft && !(await this.saveDraft())) return;
    this.#say(message("The published form is back. Undo restores your draft."));
  }

  #download() {
    const link = element("a");
    link.href = `${root}${editorPath(this.name)}/file`;
    link.download = "";
    document.body.append(link);
    link.click();
    link.remove();
  }

  /** @param {string} text @param {boolean} [isWrong] */
  #say(text, isWrong = false) {
    this.#said.textContent = text;
    this.#said.classList.toggle("wrong", isWrong);
  }

  /** @param {string[]} problems of the draft */
  #tell(problems) {
    this.#known ??= problems; // such as missing models, which the form shows anyway
    const added = problems.filter((one) => !this.#known?.includes(one));
    if (added.length) this.#say(added.join(" "), true);
    else if (this.#said.classList.contains("wrong")) this.#say(this.#state);
  }

  /** Close the editor, and ask first if there are unsaved changes. */
  close() {
    if (!this.isChanged) this.end();
    else
      askUnsaved({
        label: isPrivate(this.name) ? message("Save") : message("Save draft"),
        save: async () => (await this.saveDraft()) && this.end(),
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
    this.#leaving.abort();
    this.place.remove();
    this.#closed();
    this.#preview.end();
  }
}

/** @param {EditorDoc} doc @returns the settings that the author continues with */
const storedIn = ({ draft, settings }) => draft?.settings ?? settings;
