// @ts-check
// Controls that the tools of one video and of several videos share.

import { button, element } from "../dom.js";
import { LANGUAGE, message } from "../messages.js";
import { SPEEDS } from "./times.js";

/** @param {string} sign @param {string} name @param {() => void} does */
export function stepper(sign, name, does) {
  const made = button(sign, does, "step");
  made.title = made.ariaLabel = name;
  return made;
}

/** Return a list of speeds. */
export function speedChoice() {
  const made = element("select", "speed");
  made.ariaLabel = made.title = message("Speed");
  for (const speed of SPEEDS) {
    const option = element("option", "", `${speed.toLocaleString(LANGUAGE)}×`);
    option.value = String(speed);
    option.selected = speed === 1;
    made.append(option);
  }
  return made;
}
