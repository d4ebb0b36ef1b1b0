// @ts-check
// The fields of the edited form as a sortable list in groups, and the rows of the list.

import { announce, button, element, fillIn, tell } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { filled } from "../form/filled.js";
import { message, plural } from "../messages.js";
import { newId, part, selectBox, signButton } from "./fields.js";
import {
  isHeading,
  isSame,
  movedTo,
  placesOf,
  rowMoved,
  rowOf,
  sizePairs,
  withHeading,
  withInput,
  withOthers,
  withReset,
  withSet,
} from "./model.js";
import { groupTitle, isFilledIn, rowForm, SIZE } from "./row_form.js";

/** @import { EditorInput } from "../documents.js" */
/** @import { FormEditor } from "./editor.js" */
/** @import { Model, Others, OwnSettings, Row } from "./model.js" */

export class FieldsPart {
  place = element("section", "fields stack");
  #editor;
  #groups = element("div", "groups stack");
  #hidden = part("", element("div"));
  #hiddenList = element("ul", "rows");
  #others;
  /** Views by the keys of their fields. @type {Map<string, RowView>} */
  #views = new Map();
  /** Heights by the key of the width that stands for both. @type {ReadonlyMap<string, string>} */
  #pairs = new Map();
  /** The fields that have a row, in order: a size has only its width. @type {Row[]} */
  #rows = [];
  /** Groups by place. @type {Map<string, { place: HTMLElement, list: HTMLElement, name: HTMLInputElement | null }>} */
  #drawn = new Map();

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    const tools = element("div", "line flow");
    tools.append(
      button(message("Add a heading"), () => this.addHeading(), "quiet"),
      button(message("Make current values the defaults"), () => this.#takeAll(), "quiet"),
    );
    /** @type {[Others, string][]} */
    const choices = [
      ["advanced", message("Fold under Advanced")],
      ["hidden", message("Hide")],
      ["auto", message("Place automatically")],
    ];
    this.#others = selectBox(choices, editor.model.others, (others) => {
      const { model, doc } = this.#editor;
      this.#editor.change(withOthers(model, /** @type {Others} */ (others), doc.automatic.fields));
    });
    this.#others.id = newId();
    const label = element("label", "", message("Other fields"));
    label.htmlFor = this.#others.id;
    const others = element("div", "entry inline stack", label, this.#others);
    this.#hidden.lastElementChild?.append(this.#hiddenList);
    this.place.append(this.#groups, tools, this.#hidden, others);
  }

  draw() {
    const { model } = this.#editor;
    this.#pairs = sizePairs(model, (key) => this.#editor.inputs.get(key)?.input.type === "INT");
    const heights = new Set(this.#pairs.values());
    const rows = model.rows.filter(({ key }) => !heights.has(key));
    this.#rows = rows.filter((row) => this.#view(row.key));
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
    if (summary) tell(summary, plural("{count} hidden field", "{count} hidden fields", { count }));
    this.#others.value = model.others;
  }

  /** @param {string} place */
  #group(place) {
    const known = this.#drawn.get(place);
    if (known) return known;
    const list = element("ul", "rows");
    list.ariaLabel = groupTitle(place);
    const head = element("div", "group-head in-line");
    let name = null;
    if (isHeading(place)) {
      name = Object.assign(element("input"), { type: "text", value: place });
      name.ariaLabel = message("Heading");
      const box = name;
      box.addEventListener("change", () => this.#rename(place, box));
      const remove = message("Remove the heading “{heading}”", { heading: place });
      head.append(
        name,
        signButton("close", remove, () => this.#rename(place, null)),
      );
    } else head.append(element("h3", "", groupTitle(place)));
    const made = element("div", "group", head, list);
    made.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes(DRAGGED)) event.preventDefault();
    });
    made.addEventListener("drop", (event) => {
      const key = event.dataTransfer?.getData(DRAGGED);
      if (key) this.#move(key, place);
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

  /** @param {HTMLElement} list @param {string} place */
  #fill(list, place) {
    const { model, selected } = this.#editor;
    const labels = this.#rows.map(({ key }) => this.#view(key)?.labelIn(model));
    const views = this.#rows.flatMap((row, at) => {
      const view = row.place === place ? this.#view(row.key) : null;
      const isAlone = labels.indexOf(labels[at]) === labels.lastIndexOf(labels[at]);
      view?.show(model, row.key === selected, isAlone);
      view?.limit((by) => rowMoved(model, row.key, by, this.#pairs) !== model);
      return view ? [view.place] : [];
    });
    fillIn(list, views);
    list.classList.toggle("empty", views.length === 0);
  }

  /** @param {string} key */
  #view(key) {
    const input = this.#editor.inputs.get(key);
    if (!input) return null; // a field of a file that the workflow doesn't have anymore
    const height = this.#editor.inputs.get(this.#pairs.get(key) ?? "");
    const id = [key, height?.input.key].join(" ");
    const known = this.#views.get(id);
    if (known) return known;
    const inputs = [input.input, ...(height ? [height.input] : [])];
    const view = new RowView(inputs, input.node, {
      open: () => this.#open(key),
      step: (by) => this.#step(key, by),
      toggle: () => this.#toggle(key),
      set: (one, changes) => {
        const what = `${one} ${Object.keys(changes).join(" ")}`;
        this.#editor.change(withSet(this.#editor.model, one, changes), what, one, changes);
      },
      move: (place) => this.#move(key, place || this.addHeading()),
      reset: (one) => this.#editor.change(withReset(this.#editor.model, one)),
      drop: (dragged, isAfter) => {
        const place = rowOf(this.#editor.model, key)?.place ?? "main";
        this.#move(dragged, place, isAfter && height ? height.input.key : key, isAfter);
      },
    });
    this.#views.set(id, view);
    return view;
  }

  /**
   * Move a row to a place, before or after a field there; without one, to its end.
   * @param {string} key
   * @param {string} place
   * @param {string | null} [beside]
   * @param {boolean} [isAfter]
   */
  #move(key, place, beside = null, isAfter = false) {
    const height = this.#pairs.get(key);
    if (beside === key || beside === height) return;
    const model = movedTo(this.#editor.model, key, place, beside, isAfter);
    this.#editor.change(height ? movedTo(model, height, place, key, true) : model);
  }

  /** Open or close the settings of a field. @param {string} key */
  #open(key) {
    const isOpen = this.#editor.selected === key;
    this.#editor.select(isOpen ? "" : key, true);
    if (!isOpen) this.#view(key)?.place.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} key @param {-1 | 1} by */
  #step(key, by) {
    const model = rowMoved(this.#editor.model, key, by, this.#pairs);
    if (model === this.#editor.model) return;
    const view = this.#view(key);
    this.#editor.change(model);
    view?.focusStep(by);
    const place = rowOf(model, key)?.place ?? "main";
    const rows = this.#rows.filter((row) => row.place === place);
    const at = rows.findIndex((row) => row.key === key) + 1;
    const where = { place: groupTitle(place), at, count: rows.length };
    announce(message("{place}, {at} of {count}", where));
  }

  /** @param {string} key */
  #toggle(key) {
    const { model } = this.#editor;
    const isHidden = rowOf(model, key)?.place === "hidden";
    const rows = this.#rows.filter(({ place }) => (place === "hidden") === isHidden);
    const at = rows.findIndex((row) => row.key === key);
    const next = rows[at + 1] ?? rows[at - 1];
    const height = this.#pairs.get(key);
    const changed = withInput(model, key, isHidden);
    this.#editor.change(height ? withInput(changed, height, isHidden) : changed);
    if (next) this.#view(next.key)?.focusName();
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

  /** @param {string} id @returns the key of the row for the field with an element id */
  keyOf(id) {
    const isIt = (/** @type {string | undefined} */ key) => key && fieldId(key) === id;
    return this.#rows.find(({ key }) => isIt(key) || isIt(this.#pairs.get(key)))?.key ?? "";
  }

  /** Focus the name of the open row. */
  focusOpen() {
    this.#view(this.#editor.selected)?.focusName();
  }

  /**
   * Bring a field's row into view.
   * @param {string} key
   * @param {boolean} isEntered whether to focus its first setting
   */
  lead(key, isEntered) {
    const view = this.#view(key);
    view?.place.scrollIntoView({ block: "nearest" });
    if (isEntered) view?.edit();
  }
}

/**
 * @typedef {{ open: () => void, step: (by: -1 | 1) => void, toggle: () => void,
 *   set: (key: string, changes: OwnSettings) => void, move: (place: string) => void, reset: (key: string) => void,
 *   drop: (key: string, isAfter: boolean) => void }} RowActions
 */

/** Type under which a dragged row carries its key. */
const DRAGGED = "application/x-comfyforms-field";

/**
 * A field, or a width and a height that the form shows as one size. It has a name, buttons to move and hide it, and its
 * settings if it is open.
 */
class RowView {
  place = element("li", "field-row");
  #inputs;
  #node;
  #actions;
  #name = button("", () => this.#actions.open(), "name");
  #label = element("span", "label breaks");
  #of = element("span", "of muted breaks");
  #form = element("div");
  #up;
  #down;
  #hide;
  /** The settings that the form of the row shows, by key. @type {Record<string, OwnSettings> | null} */
  #shown = null;
  #shownPlace = "";

  /**
   * @param {readonly EditorInput[]} inputs one, or a width and a height
   * @param {string} node title of its node
   * @param {RowActions} actions
   */
  constructor(inputs, node, actions) {
    this.#inputs = inputs;
    this.#node = node;
    this.#actions = actions;
    const key = inputs[0]?.key ?? "";
    this.place.dataset.key = key;
    const handle = element("span", "handle", "⠿");
    handle.ariaHidden = "true";
    handle.draggable = true;
    handle.title = message("Drag to move");
    this.#name.append(this.#label, this.#of);
    this.#name.title = node;
    this.#form.id = newId();
    this.#name.setAttribute("aria-controls", this.#form.id);
    this.#up = signButton("up", "", () => actions.step(-1));
    this.#down = signButton("down", "", () => actions.step(1));
    this.#hide = signButton("close", "", () => actions.toggle());
    const head = element("div", "head", handle, this.#name, this.#up, this.#down, this.#hide);
    this.place.append(head, this.#form);
    this.#drag(handle, key);
    this.place.addEventListener("keydown", (event) => {
      const by = event.altKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      actions.step(/** @type {-1 | 1} */ (by));
    });
  }

  /** @param {HTMLElement} handle @param {string} key */
  #drag(handle, key) {
    const row = this.place;
    handle.addEventListener("dragstart", (event) => {
      event.dataTransfer?.setData(DRAGGED, key);
      event.dataTransfer?.setDragImage(row, 12, 12);
    });
    const isAfter = (/** @type {DragEvent} */ event) => {
      const { top, height } = row.getBoundingClientRect();
      return event.clientY > top + height / 2;
    };
    const leave = () => row.classList.remove("over", "after");
    row.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes(DRAGGED)) return;
      event.preventDefault();
      event.stopPropagation();
      row.classList.add("over");
      row.classList.toggle("after", isAfter(event));
    });
    row.addEventListener("dragleave", leave);
    row.addEventListener("drop", (event) => {
      leave();
      const dragged = event.dataTransfer?.getData(DRAGGED);
      if (!dragged) return;
      event.preventDefault();
      event.stopPropagation();
      this.#actions.drop(dragged, isAfter(event));
    });
  }

  /** @param {Model} model */
  labelIn(model) {
    const [input, ...others] = this.#inputs;
    if (others.length) return SIZE;
    return rowOf(model, input?.key ?? "")?.set.label ?? input?.label ?? "";
  }

  /**
   * @param {Model} model
   * @param {boolean} isOpen
   * @param {boolean} isAlone whether no other row has this label
   */
  show(model, isOpen, isAlone) {
    const rows = this.#inputs.flatMap(({ key }) => rowOf(model, key) ?? []);
    const label = this.labelIn(model);
    tell(this.#label, label);
    tell(this.#of, isAlone ? "" : this.#node);
    const isHidden = rows[0]?.place === "hidden";
    name(this.#up, message("Move “{field}” up", { field: label }));
    name(this.#down, message("Move “{field}” down", { field: label }));
    name(
      this.#hide,
      isHidden
        ? message("Show “{field}”", { field: label })
        : message("Hide “{field}”", { field: label }),
    );
    this.#hide.dataset.icon = isHidden ? "plus" : "close";
    for (const one of [this.#up, this.#down]) one.hidden = isHidden;
    this.#name.ariaExpanded = String(isOpen);
    this.place.classList.toggle("open", isOpen);
    this.#form.hidden = !isOpen;
    if (!isOpen) {
      this.#shown = null;
      this.#form.replaceChildren();
    } else if (
      !this.#shown ||
      !isSame(this.#shown, settingsOf(rows)) ||
      this.#shownPlace !== placed(rows, model)
    )
      this.#drawForm(rows, model);
  }

  /** @param {(by: -1 | 1) => boolean} moves whether the row can move up or down */
  limit(moves) {
    this.#up.ariaDisabled = String(!moves(-1));
    this.#down.ariaDisabled = String(!moves(1));
  }

  /** @param {readonly Row[]} rows @param {Model} model */
  #drawForm(rows, model) {
    this.#shown = settingsOf(rows);
    this.#shownPlace = placed(rows, model);
    const forms = rows.map((row, at) => {
      const input = /** @type {EditorInput} */ (this.#inputs[at]);
      const set = (/** @type {OwnSettings} */ changes) => {
        const all = Object.entries({ ...this.#shown?.[row.key], ...changes });
        // The controls show this already. Redrawing them would take the focus away.
        const now = Object.fromEntries(all.filter(([, one]) => one !== undefined));
        this.#shown = { ...this.#shown, [row.key]: now };
        this.#actions.set(row.key, changes);
      };
      const { move, reset } = this.#actions;
      const events = { set, reset: () => reset(row.key), ...(at ? {} : { move }) };
      return rowForm(row, input, model, events, rows.length > 1 ? input.label : "");
    });
    this.#form.replaceChildren(...forms);
  }

  /** Move the focus to the field's name. */
  edit() {
    this.#form.querySelector("input")?.focus();
  }

  /** @param {-1 | 1} by focus the button that moved the row, unless something else in the row had the focus */
  focusStep(by) {
    (by < 0 ? this.#up : this.#down).focus({ preventScroll: true });
    this.place.scrollIntoView({ block: "nearest" });
  }

  focusName() {
    this.#name.focus();
  }
}

/** @param {readonly Row[]} rows */
const settingsOf = (rows) => Object.fromEntries(rows.map(({ key, set }) => [key, set]));

/** @param {readonly Row[]} rows @param {Model} model */
const placed = (rows, model) => JSON.stringify([rows[0]?.place, model.headings]);

/** @param {HTMLButtonElement} button @param {string} words */
function name(button, words) {
  button.ariaLabel = words;
  button.title = words;
}
