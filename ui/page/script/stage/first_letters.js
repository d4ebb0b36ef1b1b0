// @ts-check
// Which choice of a menu begins with what is typed, as in menus of systems. Pure.

import { LANGUAGE } from "../messages.js";

const PAUSE = 1000; // milliseconds, after which a word begins anew
const { compare } = new Intl.Collator(LANGUAGE, { sensitivity: "base" });

/** What is typed in one menu. */
export class FirstLetters {
  #typed = "";
  #at = -PAUSE;

  /**
   * The choice to go to, by its index, or -1: the next with one letter, also again and again, else the first from here on.
   * A blank that begins no word, or goes on with none of the choices, is no letter.
   * @param {readonly string[]} choices
   * @param {number} current
   * @param {string} key as events have it
   * @param {number} at milliseconds
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
