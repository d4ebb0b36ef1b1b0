// @ts-check
// A button with a menu, for the mouse, touch and the keyboard.

import { all, button, element } from "../dom.js";
import { FirstLetters } from "../stage/first_letters.js";

/**
 * An entry of a menu. Entries without `does` are links to `href`, saved as `name`. `divides`: a line separates it from the
 * entries before it, as it does for each that `isBad`.
 * @typedef {{ label: string, title?: string, does?: (press: MouseEvent) => unknown, href?: string, name?: string, isBad?: boolean, divides?: boolean }} Entry
 */

const MARGIN = 8; // pixels
/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };
/** The open menu of a form. */
const shown = { form: "", label: "" };

/**
 * Return a button that opens a menu.
 * @param {string} text
 * @param {string} label the accessible name of the button and the menu
 * @param {readonly Entry[] | (() => Promise<readonly Entry[]>)} entries a function is called each time the menu opens
 * @param {string} [className]
 * @param {string} [icon]
 * @param {string} [form] the form that the menu belongs to: it stays open while that form is drawn again
 */
export function menuButton(text, label, entries, className = "button", icon = "", form = "") {
  const list = element("div", "use-list");
  const letters = new FirstLetters();
  const fill = (/** @type {readonly Entry[]} */ made) =>
    list.replaceChildren(...made.map((entry) => choiceFor(entry, () => list.hidePopover())));
  const open = async () => {
    if (typeof entries === "function" && !list.matches(":popover-open")) fill(await entries());
    if (list.isConnected) list.togglePopover();
  };
  const opens = button(text, open, className);
  opens.ariaLabel = label;
  if (!text) opens.title = label;
  if (icon) opens.dataset.icon = icon;
  opens.ariaHasPopup = "menu";
  opens.ariaExpanded = "false";
  list.popover = "auto";
  list.role = "menu";
  list.ariaLabel = label;
  if (typeof entries !== "function") fill(entries);
  const choices = () => all(".choice", list);
  list.addEventListener("toggle", (event) => {
    const isOpen = /** @type {ToggleEvent} */ (event).newState === "open";
    opens.ariaExpanded = String(isOpen);
    if (form) Object.assign(shown, { form: isOpen ? form : "", label });
    if (!isOpen) return;
    putBeside(opens, list);
    choices()[0]?.focus({ preventScroll: true });
  });
  list.addEventListener("keydown", (event) => walkChoices(event, choices(), letters));
  if (form && shown.form !== form) shown.form = "";
  else if (form && shown.label === label) setTimeout(open); // the page removed the open one
  return element("span", "pop-menu", opens, list);
}

/**
 * Move the focus in a menu, with the arrow keys or by first letters.
 * @param {KeyboardEvent} event
 * @param {readonly HTMLElement[]} choices
 * @param {FirstLetters} letters
 */
export function walkChoices(event, choices, letters) {
  event.stopPropagation(); // the stage handles the arrow keys, too
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const at = choices.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const step = STEPS[event.key];
  const names = choices.map((choice) => choice.textContent ?? "");
  const next = step
    ? (at + step + choices.length) % choices.length
    : letters.find(names, at, event.key, event.timeStamp);
  if (!step && next < 0) return;
  choices[next]?.focus();
  event.preventDefault();
}

/** @param {Entry} entry @param {() => void} close */
function choiceFor({ label, title = "", does, href = "", name = "", isBad, divides }, close) {
  const className = isBad ? "choice bad divides" : divides ? "choice divides" : "choice";
  const choose = (/** @type {MouseEvent} */ press) => {
    close();
    does?.(press);
  };
  const made = does
    ? button(label, (_, press) => choose(press), className)
    : element("a", className, label);
  if (made instanceof HTMLAnchorElement) {
    made.href = href;
    made.download = name;
    made.addEventListener("click", close);
  }
  made.role = "menuitem";
  made.title = title;
  made.tabIndex = -1;
  return made;
}

/**
 * Place a menu below its button, or above it if there is no room below.
 * @param {HTMLElement} opens
 * @param {HTMLElement} list
 */
export function putBeside(opens, list) {
  const from = opens.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = list;
  const below = innerHeight - from.bottom - MARGIN;
  const top = height <= below ? from.bottom + 4 : Math.max(MARGIN, from.top - height - 4);
  const { clientWidth: room } = document.documentElement; // without the scrollbar
  const left = Math.max(MARGIN, Math.min(from.left, room - width - MARGIN));
  Object.assign(list.style, { top: `${top}px`, left: `${left}px` });
}
