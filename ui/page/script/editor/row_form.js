// @ts-check
// Settings of one field, below its row: its texts, place, default, limits, widget and choices.

import { button, element } from "../dom.js";
import { filled } from "../form/filled.js";
import { counts } from "../making/counts.js";
import { message, plural } from "../messages.js";
import { checkBox, labelled, numberBox, part, selectBox, textBox } from "./fields.js";
import { placesOf } from "./model.js";

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
  const place = element("div", "row-form stack");
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
    checkBox(message("Required"), set.required ?? false, (isOn) =>
      events.set({ required: isOn || undefined }),
    ),
  );
  if (set.also?.length)
    place.append(
      element("p", "hint aside", message("Also sets {fields}.", { fields: set.also.join(", ") })),
    );
  if (Object.keys(set).some((key) => key !== "also"))
    place.append(button(message("Reset this field"), events.reset, "quiet"));
  return place;
}

/** @param {Row} row @param {Model} model @param {RowEvents} events */
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
      ...(isBeside ? [element("p", "hint aside", message("Shown beside Generate."))] : []),
    ),
  ];
}

/** @param {Row} row @param {EditorInput} input @param {RowEvents} events */
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

/** @param {unknown} value @param {EditorInput} input @param {(value: unknown) => void} change */
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

/** @param {Row} row @param {EditorInput} input @param {RowEvents} events */
function numberPart({ set }, input, events) {
  if (!NUMBERS.includes(input.type) || (set.widget ?? input.widget) === "seed") return [];
  const line = element("div", "line flow");
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

/** @param {Row} row @param {EditorInput} input @param {RowEvents} events */
function widgetPart({ set }, { widget, widgets }, events) {
  if (widgets.length < 2) return [];
  /** @type {[string, string][]} */
  const choices = widgets.map((one) => [one, widgetWords(one)]);
  const change = (/** @type {string} */ one) =>
    events.set({ widget: one === widget ? undefined : one });
  return [labelled(message("Looks like"), selectBox(choices, set.widget ?? widget, change))];
}

/** @param {Row} row @param {EditorInput} input @param {RowEvents} events */
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

const SEARCHED_FROM = 8;

/** The choices that a field offers: check boxes with a filter. */
class ChoicesPart {
  #choices;
  #changed;
  /** @type {Set<unknown>} */
  #on;
  #said = element("span");
  #list = element("div", "choice-boxes");
  place;

  /**
   * @param {readonly (readonly [string, unknown])[]} choices of the server
   * @param {readonly unknown[] | null} offered null: all
   * @param {(offered: unknown[] | null) => void} changed
   */
  constructor(choices, offered, changed) {
    this.#choices = choices;
    this.#changed = changed;
    this.#on = new Set(offered ?? choices.map(([, value]) => value));
    const search = Object.assign(element("input"), { type: "search" });
    search.placeholder = message("Search");
    search.ariaLabel = message("Search");
    search.addEventListener("input", () => this.#filter(search.value));
    const line = element("div", "line flow");
    if (choices.length >= SEARCHED_FROM) line.append(search);
    line.append(
      button(message("All"), () => this.#setSeen(true), "quiet"),
      button(message("None"), () => this.#setSeen(false), "quiet"),
    );
    this.#list.role = "group";
    this.#list.ariaLabel = message("Choices offered");
    const body = element("div", "", line, this.#list);
    this.place = part("", body);
    this.place.querySelector("summary")?.replaceChildren(this.#said);
    this.#draw();
  }

  #draw() {
    this.#list.replaceChildren(
      ...this.#choices.map(([label, value]) =>
        checkBox(label, this.#on.has(value), (isOn) => this.#set([value], isOn)),
      ),
    );
    this.#tell();
  }

  #tell() {
    const [count, all] = [this.#on.size, this.#choices.length];
    const all_words = message("Choices offered: all {count}", { count: all });
    this.#said.textContent =
      count === all
        ? all_words
        : plural("{count} choice of {all} offered", "{count} choices of {all} offered", {
            count,
            all,
          });
  }

  /** @param {readonly unknown[]} values @param {boolean} isOn */
  #set(values, isOn) {
    for (const value of values) {
      if (isOn) this.#on.add(value);
      else this.#on.delete(value);
    }
    this.#tell();
    const chosen = this.#choices.map(([, value]) => value).filter((one) => this.#on.has(one));
    if (chosen.length) this.#changed(chosen.length === this.#choices.length ? null : chosen);
  }

  /** @param {boolean} isOn */
  #setSeen(isOn) {
    const seen = this.#choices.filter((_, at) => !this.#boxes[at]?.hidden);
    this.#set(
      seen.map(([, value]) => value),
      isOn,
    );
    for (const box of this.#boxes)
      if (!box.hidden) /** @type {HTMLInputElement} */ (box.querySelector("input")).checked = isOn;
  }

  get #boxes() {
    return /** @type {HTMLElement[]} */ ([...this.#list.children]);
  }

  /** @param {string} text */
  #filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const box of this.#boxes) {
      const said = box.textContent?.toLowerCase() ?? "";
      box.hidden = !words.every((word) => said.includes(word));
    }
  }
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

/** @param {string} widget */
const widgetWords = (widget) => WIDGETS[widget] ?? widget;
