// @ts-check
// The fields of the edited form as a sortable list in groups, and the rows of the list.

import { $, announce } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { filled } from "../form/filled.js";
import { message, plural } from "../messages.js";
import { h } from "../view.js";
import { labelled, part, quietButton, selectBox, signButton } from "./fields.js";
import {
  isHeading,
  movedTo,
  placesOf,
  rowMoved,
  rowOf,
  sizePairs,
  withHeading,
  withInput,
  withOthers,
  withSet,
} from "./model.js";
import { groupTitle, isFilledIn, rowForm, SIZE } from "./row_form.js";

/** @import { Drawing } from "../view.js" */
/** @import { FormEditor } from "./editor.js" */
/** @import { Others, Row } from "./model.js" */

/** Type under which a dragged row carries its key. */
const DRAGGED = "application/x-comfyforms-field";

export class FieldsPart {
  #editor;
  /** Heights by the key of the width that stands for both. @type {ReadonlyMap<string, string>} */
  #pairs = new Map();
  /** The fields that have a row, in order: a size has only its width. @type {Row[]} */
  #rows = [];

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
  }

  drawing() {
    const { model, inputs, doc } = this.#editor;
    this.#pairs = sizePairs(model, (key) => inputs.get(key)?.input.type === "INT");
    const heights = new Set(this.#pairs.values());
    // A field of a file may be one that the workflow doesn't have anymore.
    this.#rows = model.rows.filter(({ key }) => inputs.has(key) && !heights.has(key));
    const labels = this.#rows.map(({ key }) => this.#labelOf(key));
    const rowsIn = (/** @type {string} */ place) =>
      this.#rows.flatMap((row, at) => {
        const isAlone = labels.filter((one) => one === labels[at]).length === 1;
        return row.place === place ? [this.#row(row, isAlone)] : [];
      });
    const places = placesOf(model).filter((place) => place !== "hidden");
    const hidden = rowsIn("hidden");
    const { length: count } = hidden;
    /** @type {[Others, string][]} */
    const choices = [
      ["advanced", message("Fold under Advanced")],
      ["hidden", message("Hide")],
      ["auto", message("Place automatically")],
    ];
    const others = selectBox(choices, model.others, (one) => {
      const now = /** @type {Others} */ (one);
      this.#editor.change(withOthers(this.#editor.model, now, doc.automatic.fields));
    });
    const { tag, props, content } = labelled("editor-others", message("Other fields"), others);
    return h(
      "section.fields.stack",
      h(
        "div.groups.stack",
        places.map((place) => this.#group(place, rowsIn(place))),
      ),
      h(
        "div.line.flow",
        quietButton(message("Add a heading"), () => this.addHeading()),
        quietButton(message("Make current values the defaults"), () => this.#takeAll()),
      ),
      part(
        plural("{count} hidden field", "{count} hidden fields", { count }),
        { hidden: !count },
        h("ul.rows", hidden),
      ),
      { tag, props: { ...props, className: "entry inline stack" }, content },
    );
  }

  /** @param {string} place @param {Drawing[]} rows */
  #group(place, rows) {
    const remove = message("Remove the heading “{heading}”", { heading: place });
    const head = isHeading(place)
      ? [
          h("input", {
            type: "text",
            value: place,
            ariaLabel: message("Heading"),
            onchange: ({ currentTarget }) => this.#rename(place, currentTarget),
          }),
          signButton("close", remove, () => this.#rename(place, null)),
        ]
      : h("h3", groupTitle(place));
    return h(
      "div.group",
      { key: place, ...droppable((key) => this.#move(key, place)) },
      h("div.group-head.in-line", head),
      h(rows.length ? "ul.rows" : "ul.rows.empty", { ariaLabel: groupTitle(place) }, rows),
    );
  }

  /** @param {Row} row @param {boolean} isAlone whether no other row has its label */
  #row({ key, place }, isAlone) {
    const { model, selected, inputs } = this.#editor;
    const node = inputs.get(key)?.node ?? "";
    const height = this.#pairs.get(key);
    const label = { field: this.#labelOf(key) };
    const isHidden = place === "hidden";
    const isOpen = key === selected;
    /** @param {-1 | 1} by @param {string} icon @param {string} words */
    const step = (by, icon, words) =>
      signButton(icon, words, () => this.#step(key, by), {
        className: `sign ${icon}`,
        hidden: isHidden,
        ariaDisabled: String(rowMoved(model, key, by, this.#pairs) === model),
      });
    const move = (/** @type {string} */ to) => this.#move(key, to || this.addHeading());
    const drop = (/** @type {string} */ dragged, /** @type {boolean} */ isAfter) =>
      this.#move(dragged, place, (isAfter && height) || key, isAfter);
    return h(
      isOpen ? "li.field-row.open" : "li.field-row",
      {
        key,
        "data-key": key,
        onkeydown: (/** @type {KeyboardEvent} */ event) => {
          const by = event.altKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
          if (!by) return;
          event.preventDefault();
          event.stopPropagation();
          this.#step(key, /** @type {-1 | 1} */ (by));
        },
        ...droppable(drop, true),
      },
      h(
        "div.head",
        h(
          "span.handle",
          {
            ariaHidden: "true",
            draggable: true,
            title: message("Drag to move"),
            ondragstart: ({ dataTransfer, currentTarget }) => {
              dataTransfer?.setData(DRAGGED, key);
              dataTransfer?.setDragImage(currentTarget.closest("li"), 12, 12);
            },
          },
          "⠿",
        ),
        h(
          "button.name",
          {
            type: "button",
            title: node,
            ariaExpanded: String(isOpen),
            "aria-controls": `${key}-form`,
            onclick: () => this.#open(key),
          },
          h("span.label.breaks", label.field),
          h("span.of.muted.breaks", isAlone ? "" : node),
        ),
        step(-1, "up", message("Move “{field}” up", label)),
        step(1, "down", message("Move “{field}” down", label)),
        isHidden
          ? signButton("plus", message("Show “{field}”", label), () => this.#toggle(key))
          : signButton("close", message("Hide “{field}”", label), () => this.#toggle(key)),
      ),
      h(
        "div",
        { id: `${key}-form`, hidden: !isOpen },
        isOpen && [
          rowForm(this.#editor, key, move, height !== undefined),
          height !== undefined && rowForm(this.#editor, height, null, true),
        ],
      ),
    );
  }

  /** @param {string} key */
  #labelOf(key) {
    if (this.#pairs.has(key)) return SIZE;
    return this.#editor.labelOf(key) || (this.#editor.inputs.get(key)?.input.label ?? "");
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
    const { model, place } = this.#editor;
    const first = message("New heading");
    let text = first;
    for (let at = 2; model.headings.includes(text); at += 1) text = `${first} ${at}`;
    this.#editor.change(withHeading(model, "", text));
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (
      place.querySelectorAll(".group-head > input")
    );
    [...boxes].find(({ value }) => value === text)?.select(); // focuses it, too
    return text;
  }

  /** @param {string} key @param {string} [part] selector of a part of it */
  #view(key, part = "") {
    return $(`.field-row[data-key="${CSS.escape(key)}"] ${part}`, this.#editor.place);
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
    if (!isOpen) this.#view(key)?.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} key @param {-1 | 1} by */
  #step(key, by) {
    const model = rowMoved(this.#editor.model, key, by, this.#pairs);
    if (model === this.#editor.model) return;
    this.#editor.change(model);
    this.#view(key, by < 0 ? ".up" : ".down")?.focus({ preventScroll: true });
    this.#view(key)?.scrollIntoView({ block: "nearest" });
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
    if (next) this.#view(next.key, ".name")?.focus();
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
    this.#view(this.#editor.selected, ".name")?.focus();
  }

  /**
   * Bring a field's row into view.
   * @param {string} key
   * @param {boolean} isEntered whether to focus its first setting
   */
  lead(key, isEntered) {
    this.#view(key)?.scrollIntoView({ block: "nearest" });
    if (isEntered) this.#view(key, ".row-form input")?.focus();
  }
}

/**
 * Return handlers for dropping a row.
 * @param {(key: string, isAfter: boolean) => void} dropped
 * @param {boolean} [isRow] whether it is dropped before or after another one
 */
function droppable(dropped, isRow = false) {
  const isAfter = (/** @type {any} */ { clientY, currentTarget }) => {
    const { top, height } = currentTarget.getBoundingClientRect();
    return clientY > top + height / 2;
  };
  const leave = (/** @type {any} */ { currentTarget }) =>
    currentTarget.classList.remove("over", "after");
  const take = (/** @type {any} */ event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  return {
    ondragover: (/** @type {any} */ event) => {
      if (!event.dataTransfer?.types.includes(DRAGGED)) return;
      take(event);
      if (!isRow) return;
      event.currentTarget.classList.add("over");
      event.currentTarget.classList.toggle("after", isAfter(event));
    },
    ondragleave: leave,
    ondrop: (/** @type {any} */ event) => {
      leave(event);
      const key = event.dataTransfer?.getData(DRAGGED);
      if (!key) return;
      take(event);
      dropped(key, isAfter(event));
    },
  };
}
