// @ts-check
// Row of a batch, as a line of the table or a tile of the gallery.

import { fadeIn, ifUnshowable } from "../arrivals.js";
import { addressOf, button, element, inHalves } from "../dom.js";
import { labeled, message, plural } from "../messages.js";
import { captionLines, joined, stateWords } from "./words.js";

/** @import { BatchRow } from "./rows.js" */

/**
 * The actions of a row. `at`: its position among the rows shown.
 * @typedef {{ enlarge: (at: number) => void, use: (row: BatchRow) => void,
 *   explain: (row: BatchRow) => void }} RowActions
 */

const AS_IN_FORM = message("Same as in the form");

/**
 * @param {BatchRow | null} row
 * @param {number} at
 * @param {readonly string[]} columns labels of the varied fields
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
 * Return the button that puts a row's values into the form. Every row has its own CSS grid, and the button's label sets
 * the width of the last column. The header has an invisible copy of the button, so that its columns line up.
 * @param {BatchRow | null} row
 * @param {RowActions["use"]} use
 */
export function useButton(row, use) {
  const made = button(message("Reuse settings"), () => row && use(row), "bare");
  Object.assign(made.dataset, { does: "use", icon: "reuse" });
  made.title = made.textContent ?? "";
  made.inert = !row;
  return made;
}

/**
 * @param {BatchRow | null} row
 * @param {number} at
 * @param {readonly string[]} columns labels of the varied fields
 * @param {RowActions} does
 */
export function rowTile(row, at, columns, does) {
  const tile = element("div", "batch-tile");
  tile.role = "listitem";
  if (!row) return tile;
  tile.dataset.state = row.state;
  const [first = "", ...more] = captionLines(row, columns);
  const said = element("p", "words");
  said.title = joined([first, ...more]);
  if (more.length) said.append(element("span", "", first), element("span", "", joined(more)));
  else said.append(inHalves(first));
  const state = row.state === "waiting" ? "" : stateWords(row.state);
  tile.append(thumbFor(row, at, does, state), said);
  return tile;
}

/**
 * Return a row's thumbnail, which enlarges the result.
 * @param {BatchRow} row
 * @param {number} at
 * @param {RowActions} does
 * @param {string} otherwise the text for a row without a result
 */
function thumbFor(row, at, { enlarge, explain }, otherwise) {
  const { number, state, error } = row;
  const name = message("Row {number}", { number });
  if (state !== "done" && error) {
    const why = button(otherwise, () => explain(row), "no-thumb");
    why.dataset.does = "explain";
    why.ariaLabel = labeled(name, otherwise);
    return why;
  }
  if (state !== "done") return element("span", "no-thumb", otherwise);
  const made = button("", () => enlarge(at), "thumb");
  made.dataset.does = "enlarge";
  made.ariaLabel = labeled(message("Enlarge"), name);
  made.title = row.page.text;
  made.append(smallOf(row), ...moreOf(row));
  if (row.page.color) made.style.setProperty("--color", row.page.color);
  return made;
}

/**
 * Return a small form of a row's result: an image, or else its text, or else an icon.
 * @param {BatchRow} row
 */
export function smallOf({ page: { thumb, icon, text } }) {
  const other = text ? element("span", "said-text", text) : element("span", "sign", icon);
  if (!thumb) return other;
  const image = element("img");
  Object.assign(image, { alt: "", decoding: "async", src: addressOf(thumb) });
  ifUnshowable(image, () => image.replaceWith(other));
  fadeIn(image);
  return image;
}

/** Return a sign for the number of a row's other results, if it has any. @param {BatchRow} row */
export function moreOf({ page: { more: count } }) {
  const sign = element("span", "count", `+${count}`);
  sign.title = plural("{count} result", "{count} results", { count: count + 1 });
  return count ? [sign] : [];
}

/** @param {string} name @param {string} [text] */
function cell(name, text = "") {
  const made = element("div", name, text);
  made.role = "cell";
  return made;
}

/**
 * @param {string} label shown beside the value on a phone
 * @param {BatchRow} row
 * @param {number} place
 */
function valueCell(label, { page: { cells, unset } }, place) {
  const value = cells[place] ?? "";
  const isUnset = unset.includes(place);
  const made = cell("value");
  made.title = isUnset && value ? labeled(AS_IN_FORM, value) : value;
  const shown = element("span", isUnset ? "unset" : "", isUnset && !value ? AS_IN_FORM : value);
  made.append(element("span", "label", label), shown);
  return made;
}
