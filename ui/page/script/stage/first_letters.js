// @ts-check
// Type-ahead search in menus, as in native ones. Pure.

import { LANGUAGE } from "../messages.js";

const PAUSE = 1000; // milliseconds without a key press, after which a new word begins
const { compare } = new Intl.Collator(LANGUAGE, { sensitivity: "base" });

/** Type-ahead state of a menu. */
export class FirstLetters {
  #typed = "";
  #at = -PAUSE;

  /**
   * Return the index of the choice to focus, or -1. Repeating a letter goes to its next match; a longer word starts
   * at the current choice. A space counts only inside a word that still matches a choice.
   * @param {readonly string[]} choices
   * @param {number} current
   * @param {string} key the keyboard event's key
   * @param {number} at the event's time in milliseconds
   */
  find(choices, current, key, at) {
    const before = at - this.#at < PAUSE ? this.#typed : "";
    if ([...key].length > 1 || (key === " " && !before)) return -1;
    const isAgain = [...before].every((letter) => !compare(letter, key));
    const word = isAgain ? key : before + key;
    const first = current + Number(isAgain);
    const found = choices
      .map((_, index) => (Math.max(first, 0) + index) % choices.length)
      .find((index) => !compare(choices[index]?.slice(0, word.length) ?? "", word));
    if (key === " " && found === undefined) return -1;
    this.#typed = word;
    this.#at = at;
    return found ?? -1;
  }
}
