// @ts-check
// Names of places and widgets in the editor.

import { message } from "../messages.js";

/** @type {Record<string, string>} */
const PLACES = {
  main: message("Main fields"),
  advanced: message("Advanced"),
  hidden: message("Hidden"),
};

/** @type {Record<string, string>} */
const WIDGETS = {
  text: message("One line of text"),
  textarea: message("Several lines of text"),
  number: message("Box"),
  slider: message("Slider"),
  dropdown: message("List"),
  radio: message("Buttons"),
  seed: message("Seed"),
  checkbox: message("Check box"),
  color: message("Color"),
  image: message("Image"),
  mask: message("Image to paint a mask on"),
  audio: message("Audio"),
  video: message("Video"),
  file: message("File"),
};

/** @param {string} place "main", "advanced", "hidden", or the author's own heading */
export const groupTitle = (place) => PLACES[place] ?? place;

/** Title of a width and a height, as in the form. */
export const SIZE = message("Aspect ratio");

/** @param {string} widget */
export const widgetWords = (widget) => WIDGETS[widget] ?? widget;
