// @ts-check
// One row of a batch: a line of the table, or a tile of the gallery.

import { addressOf, button, element, inHalves } from "../dom.js";
import { message } from "../messages.js";
import { captionWords, stateWords } from "./words.js";

/** @import { BatchRow } from "./rows.js" */

/**
 * What can be done with a row; `at`: its place among those that are shown.
 * @typedef {{ enlarge: (at: number) => void, use: (row: BatchRow) => void, explain: (row: BatchRow) => void }} RowActions
 */

const AS_IN_FORM = message("as in the form");

/**
 * @param {BatchRow | null} row
 * @param {number} at
 * @param {readonly string[]} columns labels of what is varied
 * @param {RowActions} does
 */
export function lineFor(row, at, columns, does) {
  const line = element("div", "line");
  line.role = "row";
  line.ariaRowIndex = String(at + 2);
  if (!row) {
    line.append(cell("number", ""));
    return line;
  }
  line.dataset.state = row.state;
  const values = element("div", "values");
  values.role = "presentation";
  values.append(...columns.map((label, place) => valueCell(label, row, place)));
  const seen = cell("seen");
  seen.append(thumbFor(row, at, does, row.error ? message("Why?") : ""));
  const state = cell("state");
  state.append(element("span", "word", stateWords(row.state)));
  if (row.error) {
    const error = element("span", "error", row.error);
    error.title = row.error;
    state.append(error);
  }
  const using = cell("use");
  using.append(useButton(row, does.use));
  const number = cell("number");
  number.append(element("span", "label", message("Row")), String(row.number));
  line.append(number, seen, values, state, using);
  return line;
}

/**
 * What takes a row's values. Its words decide how wide the last column is, so it stands above all rows too, unseen:
 * columns of rows that are laid out each by itself are as wide then.
 * @param {BatchRow | null} row
 * @param {RowActions["use"]} use
 */
export function useButton(row, use) {
  const made = button(message("Reuse settings"), () => row && use(row), "quiet");
  made.dataset.does = "use";
  made.inert = !row;
  return made;
}

/**
 * @param {BatchRow | null} row
 * @param {number} at
 * @param {readonly string[]} columns labels of what is varied
 * @param {RowActions} does
 */
export function rowTile(row, at, columns, does) {
  const tile = element("div", "batch-tile");
  tile.role = "listitem";
  if (!row) return tile;
  tile.dataset.state = row.state;
  const words = captionWords(row, columns);
  const said = element("p", "words");
  said.title = words;
  said.append(inHalves(words));
  const state = row.state === "waiting" ? "" : stateWords(row.state);
  tile.append(thumbFor(row, at, does, state), said);
  return tile;
}

/**
 * What came of it, to be enlarged.
 * @param {BatchRow} row
 * @param {number} at
 * @param {RowActions} does
 * @param {string} otherwise what is said where nothing came of it
 */
function thumbFor(row, at, { enlarge, explain }, otherwise) {
  const { number, state, error } = row;
  if (state !== "done" && error) {
    const why = button(otherwise, () => explain(row), "no-thumb");
    why.dataset.does = "explain";
    why.ariaLabel = message("{words}: why row {number} failed", { words: otherwise, number });
    return why;
  }
  if (state !== "done") return element("span", "no-thumb", otherwise);
  const made = button("", () => enlarge(at), "thumb");
  made.dataset.does = "enlarge";
  made.ariaLabel = message("Enlarge the result of row {number}", { number });
  made.title = row.page.text;
  made.append(smallOf(row));
  return made;
}

/**
 * What came of a row, small: an image, else the words of a text, else a sign.
 * @param {BatchRow} row
 */
export function smallOf({ page: { thumb, icon, text } }) {
  const other = text ? element("span", "said-text", text) : element("span", "sign", icon);
  if (!thumb) return other;
  const image = element("img");
  Object.assign(image, { alt: "", decoding: "async", src: addressOf(thumb) });
  image.addEventListener("error", () => image.replaceWith(other), { once: true });
  return image;
}

/**
 * @param {string} name
 * @param {string} [text]
 */
function cell(name, text = undefined) {
  const made = element("div", name, text);
  made.role = "cell";
  return made;
}

/**
 * @param {string} label which a phone shows beside the value
 * @param {BatchRow} row
 * @param {number} place
 */
function valueCell(label, { page: { cells, unset } }, place) {
  const value = cells[place] ?? "";
  const isUnset = unset.includes(place);
  const made = cell("value");
  made.title = isUnset && value ? message("As in the form: {value}", { value }) : value;
  const shown = element("span", isUnset ? "unset" : "", isUnset && !value ? AS_IN_FORM : value);
  made.append(element("span", "label", label), shown);
  return made;
}
