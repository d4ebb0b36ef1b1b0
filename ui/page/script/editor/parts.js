// @ts-check
// Parts of the editor other than the fields: title and description, inputs to add, ideas, cover, results, and the position
// among the workflows.

import { addressOf, all, announce, button, element, tell } from "../dom.js";
import { filled } from "../form/filled.js";
import { labeled, message, plural } from "../messages.js";
import { ask, json } from "../requests.js";
import { seen } from "../runs/runs.js";
import { page } from "../state.js";
import { editorPath, isPrivate } from "./editing.js";
import { checkBox, labelled, numberBox, part, signButton, textBox } from "./fields.js";
import { isSame, rowOf, withInput, withOutput } from "./model.js";
import { isFilledIn } from "./row_form.js";

/** @import { FormEditor } from "./editor.js" */
/** @import { Idea, OutputSettings } from "./model.js" */

/** The form's title and description. */
export class HeadPart {
  place = element("div", "top stack");
  #editor;
  #title;
  #description;

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    const { title, description } = editor.model;
    this.#title = textBox(title, (text) => this.#set({ title: text }, "title"));
    this.#description = textBox(
      description,
      (text) => this.#set({ description: text }, "description"),
      { lines: 2 },
    );
    this.place.append(
      labelled(message("Title"), this.#title),
      labelled(message("Description"), this.#description),
    );
  }

  /** @param {Partial<import("./model.js").Model>} changes @param {string} what */
  #set(changes, what) {
    this.#editor.change({ ...this.#editor.model, ...changes }, what);
  }

  draw() {
    const { title, description } = this.#editor.model;
    const { automatic } = this.#editor.doc;
    this.#title.placeholder = automatic.title ?? "";
    this.#description.placeholder = automatic.description ?? "";
    keep(this.#title, title);
    keep(this.#description, description);
  }
}

/** The form's position among the workflows. */
export class PositionPart {
  #editor;
  #order;
  place;

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    this.#order = numberBox(editor.model.order, (order) =>
      editor.change({ ...editor.model, order: order ?? null }, "order"),
    );
    this.place = labelled(message("Position in the list of workflows"), this.#order);
    this.place.classList.add("inline");
    this.place.hidden = isPrivate(editor.name);
  }

  draw() {
    const { order } = this.#editor.model;
    keep(this.#order, order === null ? "" : String(order));
  }
}

/**
 * Set the text of a box unless it has it already: setting it would move the cursor.
 * @param {HTMLInputElement | HTMLTextAreaElement} box
 * @param {string} text
 */
function keep(box, text) {
  if (box.value !== text) box.value = text;
}

/** “Add inputs”: every input of the workflow by node, with a check box and a search. */
export class AddPart {
  place;
  #editor;
  #body = element("div");
  #search = Object.assign(element("input"), { type: "search" });
  #said = element("p", "hint aside");
  #list = element("div", "all-inputs stack");
  /** @type {{ key: string, words: string, box: HTMLLabelElement }[]} */
  #boxes = [];

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    const words = message("Search inputs");
    this.#search.placeholder = words;
    this.#search.ariaLabel = words;
    this.#search.addEventListener("input", () => this.#filter());
    this.#said.role = "status";
    this.#body.append(this.#search, this.#said, this.#list);
    const { unknown } = editor.doc;
    if (unknown) this.#body.prepend(element("p", "hint", unknown));
    this.place = part(message("Add inputs"), this.#body);
    this.place.addEventListener("toggle", () => {
      if (this.place.open && !this.#boxes.length) this.#fill();
      if (this.place.open) this.#search.focus({ preventScroll: true });
    });
  }

  #fill() {
    for (const { title, class_type: kind, inputs } of this.#editor.doc.inputs) {
      if (!inputs.length) continue;
      const group = element("fieldset", "", element("legend", "", title));
      for (const { key, label, value } of inputs) {
        const box = checkBox(label, false, (isOn) =>
          this.#editor.change(withInput(this.#editor.model, key, isOn)),
        );
        const shown = value === null || typeof value === "object" ? "" : String(value);
        box.append(element("span", "of muted breaks", shown));
        group.append(box);
        const words = [label, title, kind, key, shown].join(" ").toLowerCase();
        this.#boxes.push({ key, words, box });
      }
      this.#list.append(group);
    }
    this.draw();
  }

  draw() {
    const { model } = this.#editor;
    const also = new Set(model.rows.flatMap(({ set }) => set.also ?? []));
    for (const { key, box } of this.#boxes) {
      const input = /** @type {HTMLInputElement} */ (box.querySelector("input"));
      const row = rowOf(model, key);
      input.checked = also.has(key) || Boolean(row && row.place !== "hidden");
      input.disabled = also.has(key);
    }
  }

  #filter() {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const one of this.#boxes) {
      one.box.hidden = !words.every((word) => one.words.includes(word));
      if (!one.box.hidden) count += 1;
    }
    for (const group of all("fieldset", this.#list))
      group.hidden = !group.querySelector("label:not([hidden])");
    this.#said.textContent = words.length
      ? plural("{count} input found", "{count} inputs found", { count })
      : "";
  }
}

/** The ideas that a form offers before its first run. */
export class IdeasPart {
  place;
  #editor;
  #list = element("ul", "ideas-list stack");
  /** The ideas that the list shows. @type {readonly Idea[]} */
  #shown = [];
  #summary;

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    const body = element("div");
    body.append(
      element("p", "hint aside", message("Examples to try. Choosing one fills in the form.")),
      this.#list,
      button(message("Add the values in the form"), () => this.#add(), "quiet"),
    );
    this.place = part(message("Ideas"), body);
    this.#summary = /** @type {HTMLElement} */ (this.place.querySelector("summary"));
    this.#fill();
  }

  draw() {
    const { ideas } = this.#editor.model;
    if (ideas !== this.#shown) this.#fill();
  }

  #fill() {
    this.#shown = this.#editor.model.ideas;
    tell(this.#summary, titled(message("Ideas"), this.#shown.length));
    this.#list.replaceChildren(
      ...this.#shown.map((idea, at) => {
        const line = element("li", "line flow");
        const remove = message("Remove idea {number}", { number: at + 1 });
        line.append(
          this.#entry(idea, at),
          signButton("close", remove, () => this.#set(at, null)),
        );
        return line;
      }),
    );
  }

  /** @param {Idea} idea @param {number} at */
  #entry(idea, at) {
    const values = typeof idea === "string" ? { "": idea } : idea;
    const [key = "", ...more] = Object.keys(values).filter((one) => one !== "cover");
    const words = values[key];
    if (more.length || typeof words !== "string") return element("p", "", this.#wordsOf(values));
    // A cover shows what the text said before.
    const box = textBox(words, (text) =>
      this.#set(at, key && text ? { [key]: text } : text, `idea ${at}`),
    );
    box.ariaLabel = message("Idea {number}", { number: at + 1 });
    return box;
  }

  /** @param {Record<string, unknown>} idea */
  #wordsOf(idea) {
    const words = Object.entries(idea).map(([key, value]) => {
      const known = this.#editor.inputs.get(key);
      const label = this.#editor.labelOf(key) || known?.input.label || key;
      return labeled(label, String(value));
    });
    return words.join(" · ");
  }

  /**
   * @param {number} at
   * @param {Idea | null} idea null removes it
   * @param {string} [what]
   */
  #set(at, idea, what) {
    const { model } = this.#editor;
    const ideas = model.ideas.flatMap((one, index) => {
      if (index !== at) return [one];
      return idea === null ? [] : [idea];
    });
    if (idea !== null) this.#shown = ideas; // the box shows it already
    this.#editor.change({ ...model, ideas }, what);
    if (idea === null) this.#summary.focus();
  }

  /** Add what differs from the author's values: only the text if nothing else does. */
  #add() {
    const { model, inputs } = this.#editor;
    const keys = model.rows.filter(({ place }) => place !== "hidden").map(({ key }) => key);
    const first = keys.find((key) => {
      const { type, widget = "" } = inputs.get(key)?.input ?? {};
      return type === "STRING" && ["text", "textarea"].includes(widget);
    });
    const { values } = filled.now;
    const text = String(values[first ?? ""] ?? "").trim();
    const others = keys.filter((key) => {
      const input = inputs.get(key)?.input;
      return key !== first && input && input.widget !== "seed" && isFilledIn(key);
    });
    const changed = [...(first && text ? [first] : []), ...others];
    /** @type {Idea} */
    const idea = others.length
      ? Object.fromEntries(changed.map((key) => [key, values[key]]))
      : text;
    if (!idea) announce(message("Fill in the form first."));
    else this.#editor.change({ ...model, ideas: [...model.ideas, idea] });
  }
}

/** @param {string} title @param {number} count */
const titled = (title, count) => (count ? `${title} (${count})` : title);

const MOST_RESULTS = 8;

/** The form's cover: an image beside the workflow, or a copy of one of the user's results. */
export class CoverPart {
  place;
  #editor;
  #choices = element("div", "covers");
  #results = element("div", "covers");
  #latest = element("p", "hint aside", message("Or one of your latest results:"));
  #stage = button(message("Use the result on the stage"), () => this.#useStage(), "quiet");
  /** @type {string[]} */
  #images;

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    this.#images = editor.doc.images;
    this.#choices.role = "group";
    this.#choices.ariaLabel = message("Images beside the workflow");
    this.#results.role = "group";
    this.#results.ariaLabel = message("Latest results");
    const about = isPrivate(editor.name)
      ? message("Add it to the shared workflows first.")
      : message("An example result, shown before the first run.");
    const body = element("div", "", element("p", "hint aside", about));
    if (!isPrivate(editor.name))
      body.append(this.#choices, this.#stage, this.#latest, this.#results);
    this.place = part(message("Cover"), body);
    this.place.addEventListener("toggle", () => this.draw());
  }

  draw() {
    if (!this.place.open || isPrivate(this.#editor.name)) return;
    const { cover } = this.#editor.model;
    const names = [...new Set([...this.#images, ...(cover ? [cover] : [])])];
    const chosen = (/** @type {HTMLElement} */ made, /** @type {boolean} */ isOn) => {
      made.ariaPressed = String(isOn);
      return made;
    };
    const none = button(message("No cover"), () => this.#set(""), "cover");
    this.#choices.replaceChildren(
      chosen(none, !cover),
      ...names.map((name) => {
        const made = button("", () => this.#set(name), "cover");
        const image = element("img");
        image.src = addressOf(imagePath(this.#editor.name, name));
        image.alt = name;
        made.append(image);
        return chosen(made, name === cover);
      }),
    );
    this.#stage.hidden = this.#onStage() === null;
    const results = page.now.past
      .filter((run) => run?.page.kind === "image" && run.page.thumb)
      .slice(0, MOST_RESULTS);
    this.#latest.hidden = !results.length;
    this.#results.replaceChildren(
      ...results.flatMap((run) => {
        if (!run?.page.thumb) return [];
        const { id, page: tile } = run;
        const made = button("", () => this.#copy(id, tile.file ?? 0), "cover");
        const image = element("img");
        image.src = addressOf(run.page.thumb);
        image.alt = message("Use as cover: {what}", { what: tile.asked || tile.what });
        image.loading = "lazy";
        made.append(image);
        return [made];
      }),
    );
  }

  /** @param {string} cover */
  #set(cover) {
    this.#editor.change({ ...this.#editor.model, cover });
    const buttons = [...this.#choices.children];
    const pressed = buttons.find((one) => /** @type {HTMLElement} */ (one).ariaPressed === "true");
    if (pressed instanceof HTMLElement) pressed.focus();
  }

  /** Return the run and the index of the first image on the stage. */
  #onStage() {
    const run = seen(page.now);
    const at = run?.view?.page.files.findIndex(({ kind }) => kind === "image") ?? -1;
    return run && at >= 0 ? { run: run.id, index: at } : null;
  }

  #useStage() {
    const shown = this.#onStage();
    if (shown) this.#copy(shown.run, shown.index);
  }

  /**
   * Copy a result beside the workflow and use it.
   * @param {string} run
   * @param {number} index
   */
  async #copy(run, index) {
    const path = `${editorPath(this.#editor.name)}/cover`;
    /** @type {{ cover: string } | null} */
    const told = await ask(path, json({ run, index }), "PUT");
    if (!told) return;
    this.#images = [...new Set([...this.#images, told.cover])];
    this.#set(told.cover);
    announce(message("Cover set"));
  }
}

/** @param {string} workflow @param {string} image */
const imagePath = (workflow, image) =>
  `/page/covers/${workflow.split("/").map(encodeURIComponent).join("/")}?${new URLSearchParams({ image })}`;

/** The outputs of the workflow: which results are shown, and their names. */
export class OutputsPart {
  place;
  #editor;
  #list = element("ul", "outputs-list stack");
  /** @type {OutputSettings[] | null | undefined} */
  #shown = undefined;

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    this.place = part(message("Results"), this.#list);
    this.place.hidden = !editor.doc.outputs.length;
    const summary = this.place.querySelector("summary");
    if (summary) tell(summary, titled(message("Results"), editor.doc.outputs.length));
  }

  draw() {
    const { outputs } = this.#editor.model;
    if (this.#shown !== undefined && isSame(outputs, this.#shown)) return;
    this.#shown = outputs;
    const all = this.#editor.doc.outputs;
    this.#list.replaceChildren(
      ...all.map((output) => {
        const own = outputs?.find(({ node }) => node === output.node);
        const isShown = outputs ? Boolean(own) : output.is_shown;
        const box = checkBox(output.title, isShown, (isOn) =>
          this.#set(output.node, { isShown: isOn }),
        );
        const name = textBox(own?.label ?? "", (label) => this.#set(output.node, { label }), {
          placeholder: output.title,
        });
        name.ariaLabel = message("Name of the result “{title}”", { title: output.title });
        name.disabled = !isShown;
        box.addEventListener("change", ({ target }) => {
          name.disabled = !(/** @type {HTMLInputElement} */ (target).checked);
        });
        return element("li", "line flow", box, name);
      }),
    );
  }

  /** @param {string} node @param {{ isShown?: boolean, label?: string }} changes */
  #set(node, changes) {
    const model = withOutput(this.#editor.model, this.#editor.doc.outputs, node, changes);
    // Without the last output, all are shown again.
    this.#shown = changes.isShown === false && !model.outputs ? undefined : model.outputs;
    this.#editor.change(model, `output ${node}`);
  }
}
