// @ts-check
// Settings of one field, below its row.

import { button, element } from "../dom.js";
import { filled } from "../form/filled.js";
import { counts } from "../making/counts.js";
import { message } from "../messages.js";
import { ChoicesPart } from "./choices_part.js";
import { checkBox, labelled, numberBox, selectBox, textBox } from "./fields.js";
import { placesOf } from "./model.js";
import { groupTitle, widgetWords } from "./words.js";

/** @import { EditorInput } from "../documents.js" */
/** @import { Model, OwnSettings, Row } from "./model.js" */

const NEW = "\n"; // no heading has a line break
const NUMBERS = ["INT", "FLOAT"];
/** Widgets whose value isn't a single text, number or flag. */
const WITHOUT_DEFAULT = ["image", "mask", "audio", "video", "file", "rows", "curve", "box", "seed"];

/**
 * Changes that the form of a row makes. The place "" asks for a new heading.
 * @typedef {{ set: (changes: OwnSettings) => void, move?: (place: string) => void, reset: () => void }} RowEvents
 */

/**
 * Return the controls for one field's settings.
 * @param {Row} row
 * @param {EditorInput} input
 * @param {Model} model
 * @param {RowEvents} events
 * @param {string} [heading] if the row has several fields
 */
export function rowForm(row, input, model, events, heading = "") {
  const place = element("div", "row-form");
  if (heading) place.append(element("h4", "", heading));
  const { set } = row;
  place.append(
    labelled(
      message("Name"),
      textBox(set.label ?? "", (text) => events.set({ label: text.trim() || undefined }), {
        placeholder: input.label,
      }),
    ),
    labelled(
      message("Help text"),
      textBox(set.help ?? "", (text) => events.set({ help: text.trim() || undefined }), {
        lines: 2,
        placeholder: input.help,
      }),
    ),
    ...placePart(row, model, events),
    ...defaultPart(row, input, events),
    ...numberPart(row, input, events),
    ...widgetPart(row, input, events),
    ...choicesPart(row, input, events),
    checkBox(message("Must be filled in"), set.required ?? false, (isOn) =>
      events.set({ required: isOn || undefined }),
    ),
  );
  if (set.also?.length)
    place.append(
      element("p", "hint", message("Also sets {fields}.", { fields: set.also.join(", ") })),
    );
  if (Object.keys(set).some((key) => key !== "also"))
    place.append(button(message("Reset this field"), events.reset, "quiet"));
  return place;
}

/**
 * @param {Row} row
 * @param {Model} model
 * @param {RowEvents} events
 */
function placePart(row, model, { move }) {
  if (!move) return [];
  /** @type {[string, string][]} */
  const choices = placesOf(model).map((place) => [place, groupTitle(place)]);
  choices.splice(-2, 0, [NEW, message("New heading…")]);
  const isBeside = row.place === "main" && counts.now.images?.key === row.key;
  return [
    labelled(
      message("Shown in"),
      selectBox(choices, row.place, (place) => move(place === NEW ? "" : place)),
      ...(isBeside ? [element("p", "hint", message("Shown beside Generate."))] : []),
    ),
  ];
}

/**
 * @param {Row} row
 * @param {EditorInput} input
 * @param {RowEvents} events
 */
function defaultPart({ key, set }, input, events) {
  if (WITHOUT_DEFAULT.includes(set.widget ?? input.widget)) return [];
  const change = (/** @type {unknown} */ value) => events.set({ default: value });
  const take = button(
    message("Use the value in the form"),
    () => change(filled.now.values[key]),
    "quiet",
  );
  const place = labelled(
    message("Default value"),
    defaultControl(set.default, input, change),
    take,
  );
  const follow = filled.subscribe(({ values }) => {
    take.hidden = !isPlain(values[key]) || values[key] === (set.default ?? input.value);
    if (take.isConnected || !place.parentElement) return;
    queueMicrotask(() => follow());
  });
  return [place];
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

/**
 * @param {unknown} value
 * @param {EditorInput} input
 * @param {(value: unknown) => void} change
 */
function defaultControl(value, input, change) {
  const words = String(input.value ?? "");
  if (input.choices) {
    const texts = input.choices.map(
      ([label, one]) => /** @type {[string, string]} */ ([String(one), label]),
    );
    const known = new Map(input.choices.map(([, one]) => [String(one), one]));
    return selectBox(texts, String(value ?? input.value), (text) => change(known.get(text)));
  }
  if (input.type === "BOOLEAN")
    return selectBox(
      [
        ["true", message("On")],
        ["false", message("Off")],
      ],
      String(value ?? input.value),
      (text) => change(text === "true"),
    );
  if (NUMBERS.includes(input.type))
    return numberBox(/** @type {number} */ (value), change, Number(input.value));
  const lines = input.widget === "textarea" ? 3 : 1;
  const typed = (/** @type {string} */ text) => change(text === "" ? undefined : text);
  return textBox(String(value ?? ""), typed, { lines, placeholder: words });
}

/**
 * @param {Row} row
 * @param {EditorInput} input
 * @param {RowEvents} events
 */
function numberPart({ set }, input, events) {
  if (!NUMBERS.includes(input.type) || (set.widget ?? input.widget) === "seed") return [];
  const line = element("div", "line");
  line.append(
    labelled(
      message("Minimum"),
      numberBox(set.min, (min) => events.set({ min }), input.min),
    ),
    labelled(
      message("Maximum"),
      numberBox(set.max, (max) => events.set({ max }), input.max),
    ),
    labelled(
      message("Step"),
      numberBox(set.step, (step) => events.set({ step }), input.step),
    ),
  );
  return [line];
}

/**
 * @param {Row} row
 * @param {EditorInput} input
 * @param {RowEvents} events
 */
function widgetPart({ set }, { widget, widgets }, events) {
  if (widgets.length < 2) return [];
  /** @type {[string, string][]} */
  const choices = widgets.map((one) => [one, widgetWords(one)]);
  const change = (/** @type {string} */ one) =>
    events.set({ widget: one === widget ? undefined : one });
  return [labelled(message("Looks like"), selectBox(choices, set.widget ?? widget, change))];
}

/**
 * @param {Row} row
 * @param {EditorInput} input
 * @param {RowEvents} events
 */
function choicesPart({ set }, { choices }, events) {
  if (!choices || choices.length < 2) return [];
  const similar = checkBox(
    message("If it's missing, start with the most similar choice"),
    set.closest ?? false,
    (isOn) => events.set({ closest: isOn || undefined }),
  );
  const part = new ChoicesPart(choices, set.choices ?? null, (chosen) =>
    events.set({ choices: chosen ?? undefined }),
  );
  return [part.place, similar];
}
