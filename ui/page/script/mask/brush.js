// @ts-check
// The brush of the mask painter: its size and the softness of its edge, each with a slider.

import { element } from "../dom.js";
import { message } from "../messages.js";
import { brushWidth, nextSize, SLIDER_END } from "./steps.js";

const FIRST_SIZE = 35;

export class Brush {
  /** Slider for the size. */
  size = slider(1, FIRST_SIZE, message("Brush size"));
  /** Slider for the softness, in percent of the radius. */
  edge = slider(0, 0, message("Brush softness"));

  /** Softness as a share of the radius. */
  get softness() {
    return Number(this.edge.value) / SLIDER_END;
  }

  /**
   * Return the width in pixels of an image.
   * @param {{ width: number, height: number }} image
   */
  widthFor({ width, height }) {
    return brushWidth(Number(this.size.value), Math.max(width, height));
  }

  /** @param {1 | -1} direction */
  resize(direction) {
    this.size.value = String(nextSize(Number(this.size.value), direction));
  }
}

/**
 * @param {number} min
 * @param {number} value
 * @param {string} name
 */
function slider(min, value, name) {
  const made = element("input");
  Object.assign(made, { type: "range", min, max: SLIDER_END, value });
  made.ariaLabel = name;
  return made;
}
