// @ts-check
// A field and its values in the “Try several values” dialog.

import { atCommas, isOfLines } from "../batches/spec.js";
import { $, button, element, typeInto } from "../dom.js";
import { labeled, message, plural } from "../messages.js";
import { h, pushButton } from "../view.js";

/** @import { Content } from "../view.js" */
/** @import { Field, Row } from "../batches/spec.js" */

const LINES = 3;
const MOST_LINES = 8;

/**
 * Handlers of a row's events. `list`: the list of its files or choices, which updates itself.
 * @typedef {{ set: (changes: Partial<Row>) => void, turn: (key: string) => void, remove: () => void,
 *   switchWay: (replaces: boolean) => void, list: HTMLElement | null }} RowEvents
 */

/**
 * Describe a row.
 * @param {Row} row
 * @param {Field} field
 * @param {readonly Field[]} free fields that aren't used yet
 * @param {readonly string[]} problems
 * @param {RowEvents} events
 */
export function varyRow(row, field, free, problems, events) {
  const { key, label, several } = field;
  const options = [field, ...free.filter((one) => one.key !== key)];
  const words = labeled(message("Remove"), label);
  const ways = { field: label };
  return h(
    "div.vary-row",
    { key, role: "group", ariaLabel: label, "data-field": key },
    h(
      "div.row-head.in-line",
      select(
        "",
        message("Field"),
        options.map((one) => [one.key, one.label]),
        key,
        events.turn,
      ),
      several === "texts" &&
        select(
          "way",
          message("How to vary {field}", ways),
          [
            ["", message("Full prompts")],
            ["replace", message("Replace words")],
          ],
          row.replaces ? "replace" : "",
          (way) => events.switchWay(way === "replace"),
        ),
      pushButton("", events.remove, {
        className: "remove",
        "data-icon": "close",
        ariaLabel: words,
        title: words,
      }),
    ),
    h("div.editor.stack", events.list ?? boxes(row, field, events.set)),
    h("div.problems", { role: "status" }, problems.map(problem)),
  );
}

/** @param {string} said */
export const problem = (said) => h("p.problem", said);

/**
 * @param {string} className
 * @param {string} ariaLabel
 * @param {string[][]} options value and label of each
 * @param {string} value
 * @param {(value: string) => void} changed
 */
const select = (className, ariaLabel, options, value, changed) =>
  h(
    "select",
    { className, ariaLabel, value, onchange: ({ currentTarget }) => changed(currentTarget.value) },
    options.map(([one = "", label]) => h("option", { key: one, value: one }, label)),
  );

/** @param {Row} row @param {Field} field @param {RowEvents["set"]} set @returns {Content} */
function boxes({ replaces, text, find }, { key, several, label, help }, set) {
  const typed = (/** @type {"text" | "find"} */ name) => ({
    value: name === "text" ? text : find,
    spellcheck: false,
    oninput: (/** @type {any} */ { currentTarget }) => set({ [name]: currentTarget.value }),
  });
  const id = `vary-help-${key.replace(/[^\w]/g, "-")}`;
  const described = { ...typed("text"), "aria-describedby": id };
  const lines = { ...described, made: grows };
  const aside = (/** @type {string} */ words) => h("p.help.aside", { id }, words);
  if (!replaces || several !== "texts")
    return isOfLines(several)
      ? [h("textarea", { ...lines, ariaLabel: label }), aside(help)]
      : [
          h("input", { ...described, type: "text", inputMode: "text", ariaLabel: label }),
          aside(help),
        ];
  const [finds, puts] = [message("Find"), message("Replace with")];
  const split = (/** @type {HTMLElement | null} */ editor) => {
    const box = /** @type {HTMLTextAreaElement} */ ($("textarea", editor ?? document));
    typeInto(box, atCommas(text).join("\n"));
    box.focus();
  };
  return [
    h("input", { ...typed("find"), type: "text", ariaLabel: finds, placeholder: finds }),
    h("textarea", { ...lines, ariaLabel: puts, placeholder: puts }),
    aside(message("One replacement per line. The original is tried first.")),
    h(
      "button.quiet",
      {
        type: "button",
        hidden: atCommas(text).length < 2,
        onclick: ({ currentTarget }) => split(currentTarget.closest(".editor")),
      },
      message("Split at commas?"),
    ),
  ];
}

/** Make a box as high as its text. @param {HTMLTextAreaElement} box */
function grows(box) {
  const grow = () => {
    box.rows = LINES;
    while (box.rows < MOST_LINES && box.scrollHeight > box.clientHeight) box.rows += 1;
  };
  new ResizeObserver(grow).observe(box); // a narrower box wraps its text into more lines
  box.addEventListener("input", grow);
}

const MANY = 12;

/**
 * Create the list, with buttons to select all or none and, if it is long, a search box.
 * @param {readonly [string, string][]} choices label and value of each
 * @param {readonly string[]} chosen
 * @param {(chosen: string[]) => void} changed
 * @returns {HTMLElement}
 */
export function choiceList(choices, chosen, changed) {
  const place = element("div", "choices");
  const list = element("div", "choice-list");
  const lines = choices.map(([label, value]) => lineFor(label, value, chosen.includes(value)));
  const first = lines.filter(({ box }) => box.checked);
  list.append(
    ...[...first, ...lines.filter((one) => !first.includes(one))].map(({ line }) => line),
  );
  const said = element("p", "chosen muted digits");
  said.role = "status";
  const say = (/** @type {number} */ count) => {
    const all = choices.length;
    said.textContent = plural("{count} of {all} selected", "{count} of {all} selected", {
      count,
      all,
    });
  };
  const tell = () => {
    const values = lines.filter(({ box }) => box.checked).map(({ box }) => box.value);
    say(values.length);
    changed(values);
  };
  say(first.length);
  list.addEventListener("change", tell);
  const set = (/** @type {boolean} */ isChosen) => {
    for (const { line, box } of lines) if (!line.hidden) box.checked = isChosen;
    tell();
  };
  const head = element("div", "choice-head flow");
  if (choices.length > MANY) head.append(searchOf(lines));
  head.append(
    button(message("All"), () => set(true), "quiet"),
    button(message("None"), () => set(false), "quiet"),
    said,
  );
  place.append(head, list);
  return place;
}

/** @typedef {{ line: HTMLLabelElement, box: HTMLInputElement }} ChoiceLine */

/** @param {string} label @param {string} value @param {boolean} isChosen @returns {ChoiceLine} */
function lineFor(label, value, isChosen) {
  const box = element("input");
  Object.assign(box, { type: "checkbox", value, checked: isChosen });
  const line = element("label", "in-line", box, element("span", "", label));
  return { line, box };
}

/** @param {readonly ChoiceLine[]} lines */
function searchOf(lines) {
  const search = element("input");
  search.type = "search";
  search.placeholder = message("Search");
  search.ariaLabel = search.placeholder;
  search.addEventListener("input", () => {
    const text = search.value.trim().toLowerCase();
    for (const { line } of lines)
      line.hidden = !(line.textContent ?? "").toLowerCase().includes(text);
  });
  return search;
}
