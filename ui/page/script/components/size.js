// @ts-check
// Aspect ratio of a width and a height that belong together: buttons to choose it, one that unfolds the rest of them and
// both numbers, a note at the user's image if it has another one, and a button that swaps the two numbers.

import { $, all, button, element, tell, typeInto } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { whileShown } from "../form/filled.js";
import { isSize, keepsShape, RATIOS, ratioOf, withRatio } from "../form/ratios.js";
import { setFolded } from "../gradio.js";
import { message } from "../messages.js";

const USUAL = ["1:1", "16:9", "2:3"]; // shown while the others are folded

/** @import { ImageSize } from "../form/ratios.js" */
/** @import { NumberRule } from "../form/values.js" */

/** @param {string} id @returns {HTMLInputElement | null} */
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
 * Return the form's image field and the size of the user's image in it, or null unless the form has exactly one image
 * and one size, and the result isn't to have another shape on purpose.
 * @returns {{ field: HTMLElement, image: ImageSize } | null}
 */
function theImage() {
  const [field, other] = all("#form [id^=field-].of-image:not(.painted)");
  const shown = field && /** @type {HTMLImageElement | null} */ ($("img", field));
  if (!field?.matches(".changed") || other || all("#form .size-field")[1] || !shown?.naturalWidth)
    return null;
  if ($("#heading [data-own-shape]")) return null;
  return { field, image: [shown.naturalWidth, shown.naturalHeight] };
}

/**
 * @param {HTMLElement} place
 * @param {{ title: string, width: string, height: string, rules: [NumberRule, NumberRule], author: ImageSize, unfolded: boolean }} given
 *   the group's name, keys and rules of both fields, the author's size, and whether the numbers are unfolded
 */
export function mountSize(place, { title, width, height, rules, author, unfolded }) {
  const said = element("span", "said muted digits");
  const chips = element("div", "choices");
  chips.role = "radiogroup";
  chips.ariaLabel = title;
  /** @type {readonly [string, string]} */
  const ids = [fieldId(width), fieldId(height)];
  /** @type {ImageSize} */
  let size = author; // the last complete size, also while a field is empty
  /** @param {string} label @param {() => ImageSize} sizeFor */
  const add = (label, sizeFor) => {
    const isUsual = USUAL.includes(label) || label === own;
    const chip = button(label, () => give(ids, sizeFor()), isUsual ? "chip usual" : "chip");
    chip.role = "radio";
    chip.dataset.ratio = label;
    chips.append(chip);
  };
  const own = ratioOf(author, rules) ? "" : author.join("×");
  for (const [label, ratio] of RATIOS) add(label, () => withRatio(ratio, size, rules));
  if (own) add(own, () => author);
  chips.addEventListener("keydown", chooseByArrow);
  const opens = button(
    message("Custom…"),
    () => setFolded(opens, opens.ariaExpanded === "true"),
    "chip opens",
  );
  setFolded(opens, !unfolded);
  const line = element("p", "line", element("span", "title", title), said);
  const words = element("span");
  const match = button(
    message("Match the image"),
    () => {
      const found = theImage();
      if (found) give(ids, withRatio(found.image[0] / found.image[1], size, rules));
    },
    "quiet",
  );
  const note = element("p", "shape-note", words, match);
  place.replaceChildren(line, element("div", "chips wraps", chips, opens));
  const compare = () => {
    const found = theImage();
    if (!found || keepsShape(found.image, size, rules)) {
      note.remove();
      return;
    }
    tell(words, shapeWords(found.image, size, rules));
    if (!note.isConnected) found.field.append(note);
  };
  const loaded = () => {
    if (place.isConnected) compare();
    else document.removeEventListener("load", loaded, true);
  };
  document.addEventListener("load", loaded, true);
  whileShown(place, ({ values }) => {
    const pixels = (/** @type {string} */ key, /** @type {number} */ authors) =>
      key in values ? Number(values[key] ?? 0) : authors;
    /** @type {ImageSize} */
    const now = [pixels(width, author[0]), pixels(height, author[1])];
    const ratio = now.join("×") === own ? own : ratioOf(now, rules);
    mark(chips, ratio);
    tell(said, isSize(now) ? now.join(" × ") : "");
    if (isSize(now)) size = now;
    compare();
  });
}

/**
 * Check the chip with a label. Only one chip is in the tab order: the checked one, or the first.
 * @param {Element} chips
 * @param {string} label
 */
function mark(chips, label) {
  const all = /** @type {HTMLElement[]} */ ([...chips.children]);
  for (const chip of all) chip.ariaChecked = String(chip.textContent === label);
  const stop = all.find((chip) => chip.ariaChecked === "true") ?? all[0];
  for (const chip of all) chip.tabIndex = chip === stop ? 0 : -1;
}

/**
 * Choose the next or previous chip with the arrow keys, as in any radio group.
 * @param {KeyboardEvent} event
 */
function chooseByArrow(event) {
  const chip = event.target;
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!by || !(chip instanceof HTMLElement) || !chip.parentElement) return;
  const all = /** @type {HTMLElement[]} */ ([...chip.parentElement.children]).filter((one) =>
    one.checkVisibility(),
  );
  const next = all[(all.indexOf(chip) + by + all.length) % all.length];
  event.preventDefault();
  next?.focus();
  next?.click();
}

/**
 * Return a note that an image's shape differs from the result's.
 * @param {ImageSize} image
 * @param {ImageSize} size
 * @param {readonly [NumberRule, NumberRule]} rules
 */
const shapeWords = (image, size, rules) =>
  message("This image is {shape}, but the result will be {other}.", {
    shape: ratioOf(image, rules) || image.join(" × "),
    other: ratioOf(size, rules) || size.join(" × "),
  });

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
