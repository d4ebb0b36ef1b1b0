// @ts-check
// Form controls of the editor: labeled inputs that report each change.

import { element, iconButton } from "../dom.js";

let count = 0;

/** Return a new id for an element of the editor. */
export function newId() {
  count += 1;
  return `editor-${count}`;
}

/**
 * Put a label above a control.
 * @param {string} label
 * @param {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} control
 * @param {...Node} more shown below the control
 */
export function labelled(label, control, ...more) {
  const said = element("label", "", label);
  control.id ||= newId();
  said.htmlFor = control.id;
  return element("div", "entry stack", said, control, ...more);
}

/**
 * Create a text box.
 * @param {string} value
 * @param {(text: string) => void} changed
 * @param {{ lines?: number, placeholder?: string }} [options]
 */
export function textBox(value, changed, { lines = 1, placeholder = "" } = {}) {
  const made =
    lines > 1
      ? Object.assign(element("textarea"), { rows: lines })
      : Object.assign(element("input"), { type: "text" });
  Object.assign(made, { value, placeholder });
  made.addEventListener("input", () => changed(made.value));
  return made;
}

/**
 * Create a box for a number that may stay empty.
 * @param {number | null | undefined} value
 * @param {(number: number | undefined) => void} changed
 * @param {number | null} [usual] shown while the box is empty
 */
export function numberBox(value, changed, usual = null) {
  const made = Object.assign(element("input"), { type: "number", step: "any" });
  made.value = value === undefined || value === null ? "" : String(value);
  made.placeholder = usual === null ? "" : String(usual);
  made.addEventListener("input", () => {
    if (made.validity.badInput) return;
    changed(made.value === "" ? undefined : made.valueAsNumber);
  });
  return made;
}

/**
 * Create a list with one choice.
 * @param {readonly (readonly [value: string, label: string])[]} choices
 * @param {string} value
 * @param {(value: string) => void} changed
 */
export function selectBox(choices, value, changed) {
  const made = element("select");
  for (const [one, label] of choices) made.add(new Option(label, one, false, one === value));
  made.addEventListener("change", () => changed(made.value));
  return made;
}

/** @param {string} label @param {boolean} isOn @param {(isOn: boolean) => void} changed */
export function checkBox(label, isOn, changed) {
  const box = Object.assign(element("input"), { type: "checkbox", checked: isOn });
  box.addEventListener("change", () => changed(box.checked));
  return element("label", "check in-line", box, element("span", "", label));
}

/**
 * Create a button that shows an icon, with its meaning for screen readers and as a tooltip.
 * @param {string} icon
 * @param {string} label
 * @param {() => void} does
 * @param {string} [className]
 */
export function signButton(icon, label, does, className = "sign") {
  const made = iconButton(icon, does, className);
  made.ariaLabel = label;
  made.title = label;
  return made;
}

/**
 * Create a part of the editor that unfolds.
 * @param {string} title
 * @param {HTMLElement} body
 */
export function part(title, body) {
  return element("details", "part", element("summary", "", title), body);
}
