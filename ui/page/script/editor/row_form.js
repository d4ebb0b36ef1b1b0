// @ts-check
// Settings of one field, below its row: its texts, place, default, limits, widget and choices.

import { filled } from "../form/filled.js";
import { counts } from "../making/counts.js";
import { message, plural } from "../messages.js";
import { h } from "../view.js";
import { checkBox, labelled, numberBox, part, quietButton, selectBox, textBox } from "./fields.js";
import { placesOf, rowOf, withReset, withSet } from "./model.js";

/** @import { EditorInput } from "../documents.js" */
/** @import { FormEditor } from "./editor.js" */
/** @import { OwnSettings, Row } from "./model.js" */

const NEW = "\n"; // no heading has a line break
const NUMBERS = ["INT", "FLOAT"];
/** Widgets whose value isn't a single text, number or flag. */
const WITHOUT_DEFAULT = ["image", "mask", "audio", "video", "file", "rows", "curve", "box", "seed"];
const SEARCHED_FROM = 8;
/** Inputs whose choices are all off, which their settings can't say. @type {WeakSet<EditorInput>} */
const withoutChoices = new WeakSet();

/**
 * Describe the controls for one field's settings.
 * @param {FormEditor} editor
 * @param {string} key the field's
 * @param {((place: string) => void) | null} move "" asks for a new heading
 * @param {boolean} hasHeading whether the row has several fields
 */
export function rowForm(editor, key, move, hasHeading) {
  const input = editor.inputs.get(key)?.input;
  const row = rowOf(editor.model, key);
  if (!input || !row) return null;
  const { set } = row;
  const change = (/** @type {OwnSettings} */ changes) => {
    const what = `${key} ${Object.keys(changes).join(" ")}`;
    editor.change(withSet(editor.model, key, changes), what, key, changes);
  };
  const isNumber = NUMBERS.includes(input.type) && (set.widget ?? input.widget) !== "seed";
  /** @param {"label" | "help"} name @param {string} words @param {number} [rows] */
  const text = (name, words, rows) =>
    labelled(
      `${key}-${name}`,
      words,
      textBox(set[name] ?? "", (said) => change({ [name]: said.trim() || undefined }), {
        placeholder: input[name],
        rows,
      }),
    );
  /** @param {"min" | "max" | "step"} name @param {string} words */
  const limit = (name, words) =>
    labelled(
      `${key}-${name}`,
      words,
      numberBox(set[name], (number) => change({ [name]: number }), input[name]),
    );
  /** @param {"required" | "closest"} name @param {string} words */
  const flag = (name, words) =>
    checkBox(words, set[name] ?? false, (isOn) => change({ [name]: isOn || undefined }));
  const hasChoices = input.choices && input.choices.length > 1;
  return h(
    "div.row-form.stack",
    { key },
    hasHeading && h("h4", input.label),
    text("label", message("Name")),
    text("help", message("Help text"), 2),
    move && placePart(editor, row, move),
    !WITHOUT_DEFAULT.includes(set.widget ?? input.widget) && defaultPart(row, input, change),
    isNumber &&
      h(
        "div.line.flow",
        limit("min", message("Minimum")),
        limit("max", message("Maximum")),
        limit("step", message("Step")),
      ),
    input.widgets.length > 1 && widgetPart(row, input, change),
    hasChoices && choicesPart(editor, row, input, change),
    hasChoices && flag("closest", message("If it's missing, start with the most similar choice")),
    flag("required", message("Required")),
    set.also !== undefined &&
      h("p.hint.aside", message("Also sets {fields}.", { fields: set.also.join(", ") })),
    Object.keys(set).some((name) => name !== "also") &&
      quietButton(message("Reset this field"), () => editor.change(withReset(editor.model, key))),
  );
}

/** @param {FormEditor} editor @param {Row} row @param {(place: string) => void} move */
function placePart({ model }, { key, place }, move) {
  /** @type {[string, string][]} */
  const choices = placesOf(model).map((one) => [one, groupTitle(one)]);
  choices.splice(-2, 0, [NEW, message("New heading…")]);
  return labelled(
    `${key}-place`,
    message("Shown in"),
    selectBox(choices, place, (one) => move(one === NEW ? "" : one)),
    place === "main" &&
      counts.now.images?.key === key &&
      h("p.hint.aside", message("Shown beside Generate.")),
  );
}

/** @param {Row} row @param {EditorInput} input @param {(changes: OwnSettings) => void} change */
function defaultPart({ key, set }, input, change) {
  const value = filled.now.values[key];
  const isOther = isPlain(value) && value !== (set.default ?? input.value);
  return labelled(
    `${key}-default`,
    message("Default value"),
    defaultControl(set.default, input, (one) => change({ default: one })),
    isOther && quietButton(message("Use the value in the form"), () => change({ default: value })),
  );
}

/**
 * Return whether the form has another value for a field than it starts with. A stand-in for a missing model isn't one.
 * @param {string} key
 */
export function isFilledIn(key) {
  const { values, authors } = filled.now;
  return isPlain(values[key]) && values[key] !== authors[key];
}

/** @param {unknown} value */
const isPlain = (value) => ["string", "number", "boolean"].includes(typeof value);

/** @param {unknown} value @param {EditorInput} input @param {(value: unknown) => void} change */
function defaultControl(value, input, change) {
  const { choices, type, widget } = input;
  const flags = /** @type {const} */ ([
    [message("On"), true],
    [message("Off"), false],
  ]);
  const listed = choices ?? (type === "BOOLEAN" ? flags : null);
  if (listed) {
    const texts = listed.map(([label, one]) => /** @type {const} */ ([String(one), label]));
    const known = new Map(listed.map(([, one]) => [String(one), one]));
    return selectBox(texts, String(value ?? input.value), (text) => change(known.get(text)));
  }
  if (NUMBERS.includes(type))
    return numberBox(/** @type {number} */ (value), change, Number(input.value));
  return textBox(String(value ?? ""), (text) => change(text === "" ? undefined : text), {
    placeholder: String(input.value ?? ""),
    rows: widget === "textarea" ? 3 : undefined,
  });
}

/** @param {Row} row @param {EditorInput} input @param {(changes: OwnSettings) => void} change */
function widgetPart({ key, set }, { widget, widgets }, change) {
  const choices = widgets.map((one) => /** @type {const} */ ([one, WIDGETS[one] ?? one]));
  const chosen = (/** @type {string} */ one) =>
    change({ widget: one === widget ? undefined : one });
  return labelled(
    `${key}-widget`,
    message("Looks like"),
    selectBox(choices, set.widget ?? widget, chosen),
  );
}

/**
 * Describe the choices that a field offers: check boxes with a filter.
 * @param {FormEditor} editor
 * @param {Row} row
 * @param {EditorInput} input
 * @param {(changes: OwnSettings) => void} change
 */
function choicesPart(editor, { set }, input, change) {
  const choices = input.choices ?? [];
  const values = choices.map(([, value]) => value);
  const on = new Set(withoutChoices.has(input) ? [] : (set.choices ?? values));
  /** @param {readonly unknown[]} some @param {boolean} isOn */
  const turn = (some, isOn) => {
    const chosen = values.filter((one) => (some.includes(one) ? isOn : on.has(one)));
    if (chosen.length) withoutChoices.delete(input);
    else withoutChoices.add(input);
    const isAll = chosen.length === values.length;
    if (chosen.length) change({ choices: isAll ? undefined : chosen });
    editor.draw();
  };
  const boxesIn = (/** @type {HTMLElement} */ place) =>
    /** @type {HTMLElement[]} */ ([...place.querySelectorAll(".choice-boxes > label")]);
  const filter = (/** @type {{ currentTarget: HTMLInputElement }} */ { currentTarget: box }) => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const line of boxesIn(/** @type {HTMLElement} */ (box.closest("details"))))
      line.hidden = !words.every((word) => line.textContent?.toLowerCase().includes(word));
  };
  const all = (/** @type {string} */ words, /** @type {boolean} */ isOn) =>
    quietButton(words, () => {}, {
      onclick: ({ currentTarget }) => {
        const boxes = boxesIn(currentTarget.closest("details"));
        turn(
          values.filter((_, at) => !boxes[at]?.hidden),
          isOn,
        );
      },
    });
  const counted = { count: on.size, all: values.length };
  const search = { type: "search", placeholder: message("Search"), oninput: filter };
  return part(
    on.size === values.length
      ? message("Choices offered: all {count}", { count: values.length })
      : plural("{count} choice of {all} offered", "{count} choices of {all} offered", counted),
    {},
    h(
      "div.line.flow",
      values.length >= SEARCHED_FROM && h("input", { ...search, ariaLabel: search.placeholder }),
      all(message("All"), true),
      all(message("None"), false),
    ),
    h(
      "div.choice-boxes",
      { role: "group", ariaLabel: message("Choices offered") },
      choices.map(([label, value]) =>
        checkBox(label, on.has(value), (isOn) => turn([value], isOn)),
      ),
    ),
  );
}

/** @type {Record<string, string>} */
const PLACES = {
  main: message("Main fields"),
  advanced: message("Advanced"),
  hidden: message("Hidden"),
};

/** @type {Record<string, string>} */
const WIDGETS = {
  text: message("One line of text"),
  textarea: message("Several lines of text"),
  number: message("Box"),
  slider: message("Slider"),
  dropdown: message("List"),
  radio: message("Buttons"),
  seed: message("Seed"),
  checkbox: message("Check box"),
  color: message("Color"),
  image: message("Image"),
  mask: message("Image to paint a mask on"),
  audio: message("Audio"),
  video: message("Video"),
  file: message("File"),
};

/** @param {string} place "main", "advanced", "hidden", or the author's own heading */
export const groupTitle = (place) => PLACES[place] ?? place;

/** Title of a width and a height, as in the form. */
export const SIZE = message("Aspect ratio");
