// @ts-check
// Above a width and a height that belong together: their aspect ratio, to be seen and to be chosen. Between them: a swap.

import { $, button, element, typeInto } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { whileShown } from "../form/filled.js";
import { isSize, megapixels, RATIOS, ratioOf, withRatio } from "../form/ratios.js";
import { message } from "../messages.js";

/** @import { Size } from "../form/ratios.js" */
/** @import { NumberRule } from "../form/values.js" */

/**
 * @param {string} id
 * @returns {HTMLInputElement | null}
 */
const inputOf = (id) => /** @type {HTMLInputElement | null} */ ($(`#${CSS.escape(id)} input`));

/**
 * @param {readonly [string, string]} ids of both fields
 * @param {readonly (number | string)[]} size
 */
function give(ids, size) {
  ids.forEach((id, at) => {
    const input = inputOf(id);
    if (input) typeInto(input, String(size[at]));
  });
}

/**
 * @param {HTMLElement} place
 * @param {{ width: string, height: string, rules: [NumberRule, NumberRule], author: Size }} given both fields' keys,
 *   their rules and their author's size
 */
export function mountSize(place, { width, height, rules, author }) {
  const said = element("span", "said");
  const chips = element("div", "chips");
  chips.role = "group";
  chips.ariaLabel = message("Aspect ratio");
  /** @type {readonly [string, string]} */
  const ids = [fieldId(width), fieldId(height)];
  /** @type {Size} */
  let size = author; // the last one, also while a field is empty
  /** @param {string} label @param {() => Size} sizeFor */
  const add = (label, sizeFor) => chips.append(button(label, () => give(ids, sizeFor()), "chip"));
  for (const [label, ratio] of RATIOS) add(label, () => withRatio(ratio, size, rules));
  const own = ratioOf(author, rules) ? "" : author.join("×");
  if (own) add(own, () => author);
  const title = element("p", "line");
  title.append(element("span", "title", message("Aspect ratio")), said);
  place.replaceChildren(title, chips);
  whileShown(place, ({ values }) => {
    const pixels = (/** @type {string} */ key, /** @type {number} */ authors) =>
      key in values ? Number(values[key] ?? 0) : authors;
    /** @type {Size} */
    const now = [pixels(width, author[0]), pixels(height, author[1])];
    const ratio = now.join("×") === own ? own : ratioOf(now, rules);
    for (const chip of chips.children) chip.ariaPressed = String(chip.textContent === ratio);
    const words = [ratio ? "" : message("Custom"), megapixels(now)].filter(Boolean);
    said.textContent = isSize(now) ? words.join(" · ") : "";
    if (isSize(now)) size = now;
  });
}

/**
 * @param {HTMLElement} place
 * @param {readonly [string, string]} ids of both fields
 */
export function mountSwap(place, ids) {
  $("button", place)?.addEventListener("click", () => {
    const [width, height] = [inputOf(ids[0]), inputOf(ids[1])];
    if (width && height) give(ids, [height.value, width.value]);
  });
}
