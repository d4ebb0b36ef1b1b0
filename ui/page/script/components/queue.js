// @ts-check
// Queue: running and waiting runs with their positions, and runs that have failed while the user watched another one.

import { $, all, button, element, fillIn, iconButton, tell } from "../dom.js";
import { labeled, message, plural } from "../messages.js";

/** @import { QueuedRun } from "../state.js" */

/**
 * What the user can do with runs, by their ids. `by`: -1 to run earlier, 1 to run later.
 * @typedef {{ move: (id: string, by: number) => unknown, remove: (id: string) => void,
 *   removeAll: (ids: string[]) => void, runAgain: (id: string) => unknown, dismiss: (id: string) => unknown }} Actions
 */

const GOES_ON = ["waiting", "running"];

export class Queue {
  #place;
  #actions;
  #head = element("div", "waiting-head flow apart");
  #title = element("p", "waiting-title");
  #removeAll;
  #list = element("ul");
  /** Elements by run. They are reused, because users can't press a button that is replaced every second. */
  #lines = /** @type {Map<string, HTMLLIElement>} */ (new Map());
  /** @type {string[]} */
  #waiting = [];

  /** @param {HTMLElement} place @param {Actions} actions */
  constructor(place, actions) {
    this.#place = place;
    this.#actions = actions;
    const removeAll = () => actions.removeAll(this.#waiting);
    this.#removeAll = button(message("Remove all waiting"), removeAll, "bare");
    this.#head.append(this.#title);
    place.replaceChildren(this.#head, this.#list);
  }

  /** @param {readonly QueuedRun[]} entries unfinished runs in queue order, then finished ones */
  show(entries) {
    const ahead = entries.filter((entry) => GOES_ON.includes(entry.phase));
    const ended = entries.filter((entry) => !GOES_ON.includes(entry.phase));
    this.#waiting = ahead.filter(({ phase }) => phase === "waiting").map(({ id }) => id);
    this.#title.textContent = titleOf(ahead.length - this.#waiting.length, this.#waiting.length);
    const wanted = [
      ...ahead.map((entry, at) => this.#lineAhead(entry, ahead[at - 1], ahead[at + 1])),
      ...ended.map((entry) => this.#endedLine(entry)),
    ];
    this.#place.hidden = !wanted.length;
    const focused = document.activeElement;
    for (const [key, line] of this.#lines) if (!wanted.includes(line)) this.#lines.delete(key);
    fillIn(this.#list, wanted);
    // Moving an element removes its focus.
    if (focused instanceof HTMLElement && this.#list.contains(focused)) focused.focus();
    this.#offerRemoveAll();
  }

  /** Show the button for two or more waiting runs. A single run has its own button, which takes over the focus. */
  #offerRemoveAll() {
    const hadFocus = document.activeElement === this.#removeAll;
    if (this.#waiting.length > 1) {
      if (!this.#removeAll.isConnected) this.#head.append(this.#removeAll);
      return;
    }
    this.#removeAll.remove();
    if (hadFocus) $("li button:last-child", this.#list)?.focus();
  }

  /** @param {QueuedRun} entry @param {QueuedRun | undefined} before @param {QueuedRun | undefined} after */
  #lineAhead({ id, title, phase, page: { about, said, movable } }, before, after) {
    const line = this.#lineOf(`ahead ${id}`, () => [
      arrow("up", message("Move up"), () => this.#actions.move(id, -1)),
      arrow("down", message("Move down"), () => this.#actions.move(id, 1)),
      button("", () => this.#remove(id), "bare"),
    ]);
    line.dataset.phase = phase;
    tellAll(line, title, about, said);
    const [earlier, later, remove] = all("button", line);
    if (!earlier || !later || !remove) return line;
    earlier.hidden = later.hidden = !movable;
    // Not `disabled`, because the button must keep the focus for a second press.
    earlier.ariaDisabled = before?.page.movable ? null : "true";
    later.ariaDisabled = after ? null : "true";
    const value = message("{first}, {second}", { first: title, second: said });
    earlier.ariaLabel = labeled(message("Move up"), value);
    later.ariaLabel = labeled(message("Move down"), value);
    const isWaiting = phase === "waiting";
    remove.textContent = isWaiting ? message("Remove") : message("Stop");
    remove.ariaLabel = labeled(
      remove.textContent,
      isWaiting ? value : [title, about].filter(Boolean).join(", "),
    );
    return line;
  }

  /** @param {QueuedRun} entry */
  #endedLine({ id, title, page: { again, about, said } }) {
    const line = this.#lineOf(`ended ${id}`, () => [
      ...(again ? [button(message("Run again"), () => this.#actions.runAgain(id), "bare")] : []),
      button(message("Dismiss"), () => this.#actions.dismiss(id), "bare"),
    ]);
    line.classList.add("trouble");
    tellAll(line, title, about, said);
    return line;
  }

  /** @param {string} key @param {() => HTMLButtonElement[]} buttons @returns {HTMLLIElement} */
  #lineOf(key, buttons) {
    const known = this.#lines.get(key);
    if (known) return known;
    const words = element("div", "words wraps");
    words.append(element("strong"), element("span", "about"), element("span", "said"));
    const tools = element("div", "tools", ...buttons());
    const line = element("li", "flow apart", words, tools);
    this.#lines.set(key, line);
    return line;
  }

  /** @param {string} id */
  #remove(id) {
    const line = this.#lines.get(`ahead ${id}`);
    const next = line?.nextElementSibling ?? line?.previousElementSibling;
    this.#actions.remove(id);
    if (next?.isConnected) $("button:last-child", next)?.focus();
  }
}

/** @param {number} running @param {number} waiting */
const titleOf = (running, waiting) =>
  [
    running && plural("{count} running", "{count} running", { count: running }),
    waiting && plural("{count} waiting", "{count} waiting", { count: waiting }),
  ]
    .filter(Boolean)
    .join(" · ");

/** @param {string} icon @param {string} title @param {() => void} does */
function arrow(icon, title, does) {
  const made = iconButton(icon, does, "bare");
  made.title = title;
  return made;
}

/** @param {HTMLElement} line @param {string[]} texts */
function tellAll(line, ...texts) {
  const places = all(".words > *", line);
  texts.forEach((text, at) => {
    const place = places[at];
    if (place) tell(place, text);
  });
}
