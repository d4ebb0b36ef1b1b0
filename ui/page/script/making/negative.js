// @ts-check
// The button that folds the negative prompt. While it is folded, the button shows the start of its text.

import { $, tell } from "../dom.js";
import { fieldId } from "../form/field_errors.js";
import { filled, whileShown } from "../form/filled.js";
import { setFolded } from "../gradio.js";

const MOST_SHOWN = 200; // characters

/**
 * @param {HTMLElement} place
 * @param {string} key the field's key
 */
export function mountFold(place, key) {
  const fold = $(".fold", place);
  if (!fold) return;
  const isFolded = () => fold.ariaExpanded === "false";
  fold.addEventListener("click", () => {
    setFolded(fold, !isFolded());
    if (!isFolded()) $("textarea, input", document.getElementById(fieldId(key)) ?? place)?.focus();
  });
  const shown = () => filled.now.values[key] ?? filled.now.authors[key] ?? "";
  let before = shown();
  whileShown(fold, () => {
    const now = shown();
    fold.title = String(now).slice(0, MOST_SHOWN);
    tell($(".preview", fold) ?? fold, fold.title);
    // The user sees what an idea, a preset or a result puts into the field.
    if (now !== before && now !== filled.now.authors[key] && isFolded()) setFolded(fold, false);
    before = now;
  });
}
