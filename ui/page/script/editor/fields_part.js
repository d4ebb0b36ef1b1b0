// @ts-check
// The fields of the edited form as a sortable list in groups.

import { announce, button, element, fillIn } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { filled } from "../form/filled.js";
import { message, plural } from "../messages.js";
import { newId, part, selectBox, signButton } from "./fields.js";
import {
  fieldMoved,
  isHeading,
  movedTo,
  placesOf,
  rowOf,
  withHeading,
  withInput,
  withOthers,
  withReset,
  withSet,
} from "./model.js";
import { isFilledIn } from "./row_form.js";
import { DRAGGED, RowView } from "./row_view.js";
import { groupTitle } from "./words.js";

/** @import { FormEditor } from "./editor.js" */
/** @import { Others, Row } from "./model.js" */

export class FieldsPart {
  place = element("section", "fields");
  #editor;
  #groups = element("div", "groups");
  #hidden = part("", element("div"));
  #hiddenList = element("ul", "rows");
  #others;
  /** @type {Map<string, RowView>} */
  #views = new Map();
  /** Groups by place. @type {Map<string, { place: HTMLElement, list: HTMLElement, name: HTMLInputElement | null }>} */
  #drawn = new Map();

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    const tools = element("div", "line");
    tools.append(
      button(message("Add a heading"), () => this.addHeading(), "quiet"),
      button(message("Use all values in the form as defaults"), () => this.#takeAll(), "quiet"),
    );
    /** @type {[Others, string][]} */
    const choices = [
      ["advanced", message("Fold them under Advanced")],
      ["hidden", message("Hide them")],
      ["auto", message("Place them automatically")],
    ];
    this.#others = selectBox(choices, editor.model.others, (others) => {
      const { model, doc } = this.#editor;
      this.#editor.change(withOthers(model, /** @type {Others} */ (others), doc.automatic.fields));
    });
    this.#others.id = newId();
    const label = element("label", "", message("Fields not listed above"));
    label.htmlFor = this.#others.id;
    const others = element("div", "entry inline");
    others.append(label, this.#others);
    this.#hidden.lastElementChild?.append(this.#hiddenList);
    this.place.append(
      element("h3", "", message("Fields")),
      this.#groups,
      tools,
      this.#hidden,
      others,
    );
  }

  draw() {
    const { model } = this.#editor;
    const places = placesOf(model).filter((place) => place !== "hidden");
    for (const place of [...this.#drawn.keys()])
      if (!places.includes(place)) this.#drawn.delete(place);
    fillIn(
      this.#groups,
      places.map((place) => this.#group(place).place),
    );
    for (const place of places) this.#fill(this.#group(place).list, place);
    this.#fill(this.#hiddenList, "hidden");
    const count = this.#hiddenList.childElementCount;
    this.#hidden.hidden = count === 0;
    const summary = this.#hidden.querySelector("summary");
    if (summary)
      summary.textContent = plural("{count} hidden field", "{count} hidden fields", { count });
    this.#others.value = model.others;
  }

  /** @param {string} place */
  #group(place) {
    const known = this.#drawn.get(place);
    if (known) return known;
    const made = element("div", "group");
    const list = element("ul", "rows");
    list.ariaLabel = groupTitle(place);
    const head = element("div", "group-head");
    let name = null;
    if (isHeading(place)) {
      name = Object.assign(element("input"), { type: "text", value: place });
      name.ariaLabel = message("Heading");
      const box = name;
      box.addEventListener("change", () => this.#rename(place, box));
      const remove = message("Remove the heading “{heading}”", { heading: place });
      head.append(
        name,
        signButton("✕", remove, () => this.#rename(place, null)),
      );
    } else head.append(element("h4", "", groupTitle(place)));
    made.append(head, list);
    made.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes(DRAGGED)) event.preventDefault();
    });
    made.addEventListener("drop", (event) => {
      const key = event.dataTransfer?.getData(DRAGGED);
      if (key) this.#editor.change(movedTo(this.#editor.model, key, place));
    });
    const group = { place: made, list, name };
    this.#drawn.set(place, group);
    return group;
  }

  /**
   * @param {string} heading
   * @param {HTMLInputElement | null} box null removes the heading
   */
  #rename(heading, box) {
    const model = withHeading(this.#editor.model, heading, box?.value ?? "");
    if (model === this.#editor.model && box) box.value = heading;
    else this.#editor.change(model);
  }

  /** Add a heading and focus its name. @returns {string} */
  addHeading() {
    const { model } = this.#editor;
    const first = message("New heading");
    let text = first;
    for (let at = 2; model.headings.includes(text); at += 1) text = `${first} ${at}`;
    this.#editor.change(withHeading(model, "", text));
    const { name } = this.#group(text);
    name?.focus();
    name?.select();
    return text;
  }

  /**
   * @param {HTMLElement} list
   * @param {string} place
   */
  #fill(list, place) {
    const { model, selected } = this.#editor;
    const rows = model.rows.filter((row) => row.place === place);
    const views = rows.flatMap((row) => {
      const view = this.#view(row);
      view?.show(row, model, row.key === selected);
      return view ? [view.place] : [];
    });
    fillIn(list, views);
    list.classList.toggle("empty", views.length === 0);
  }

  /** @param {Row} row */
  #view({ key }) {
    const known = this.#views.get(key);
    if (known) return known;
    const input = this.#editor.inputs.get(key);
    if (!input) return null; // a field of a file that the workflow doesn't have anymore
    const view = new RowView(key, input.input, input.node, {
      open: () => this.#open(key),
      step: (by) => this.#step(key, by),
      toggle: () => this.#toggle(key),
      set: (changes) => {
        const what = `${key} ${Object.keys(changes).join(" ")}`;
        this.#editor.change(withSet(this.#editor.model, key, changes), what, key, changes);
      },
      move: (place) =>
        this.#editor.change(movedTo(this.#editor.model, key, place || this.addHeading()), ""),
      reset: () => this.#editor.change(withReset(this.#editor.model, key)),
      drop: (dragged, isAfter) => {
        const place = rowOf(this.#editor.model, key)?.place ?? "main";
        this.#editor.change(movedTo(this.#editor.model, dragged, place, key, isAfter));
      },
    });
    this.#views.set(key, view);
    return view;
  }

  /** Open or close the settings of a field. @param {string} key */
  #open(key) {
    const isOpen = this.#editor.selected === key;
    this.#editor.select(isOpen ? "" : key, true);
    if (!isOpen) this.#views.get(key)?.place.scrollIntoView({ block: "nearest" });
  }

  /**
   * @param {string} key
   * @param {-1 | 1} by
   */
  #step(key, by) {
    const model = fieldMoved(this.#editor.model, key, by);
    if (model === this.#editor.model) return;
    const view = this.#views.get(key);
    this.#editor.change(model);
    view?.focusStep(by);
    const place = rowOf(model, key)?.place ?? "main";
    const rows = model.rows.filter((row) => row.place === place);
    const at = rows.findIndex((row) => row.key === key) + 1;
    const where = { place: groupTitle(place), at, count: rows.length };
    announce(message("{place}, {at} of {count}", where));
  }

  /** @param {string} key */
  #toggle(key) {
    const { model } = this.#editor;
    const isHidden = rowOf(model, key)?.place === "hidden";
    const rows = model.rows.filter(({ place }) => (place === "hidden") === isHidden);
    const at = rows.findIndex((row) => row.key === key);
    const next = rows[at + 1] ?? rows[at - 1];
    this.#editor.change(withInput(model, key, isHidden));
    if (next) this.#views.get(next.key)?.focusName();
  }

  /** Make the values that the form has now the defaults of all fields. */
  #takeAll() {
    let { model } = this.#editor;
    for (const { key, place } of model.rows) {
      const isSeed = this.#editor.inputs.get(key)?.input.widget === "seed";
      if (place !== "hidden" && !isSeed && isFilledIn(key))
        model = withSet(model, key, { default: filled.now.values[key] });
    }
    if (model === this.#editor.model) announce(message("Nothing to change."));
    else this.#editor.change(model);
  }

  /**
   * Return the key of the field with an element id.
   * @param {string} id
   */
  keyOf(id) {
    return this.#editor.model.rows.find(({ key }) => fieldId(key) === id)?.key ?? "";
  }

  /**
   * Bring a field's row into view.
   * @param {string} key
   * @param {boolean} isEntered whether to focus its first setting
   */
  lead(key, isEntered) {
    const view = this.#views.get(key);
    view?.place.scrollIntoView({ block: "nearest" });
    if (isEntered) view?.edit();
  }
}
