// @ts-check
// Aspect ratios of a width and a height that belong together. Pure.

import { clamped, sentNumber } from "./values.js";

/** @import { NumberRule } from "./values.js" */

/** @typedef {[number, number]} ImageSize width and height */

/** @type {readonly [string, number][]} */
export const RATIOS = [
  ["1:1", 1],
  ["4:3", 4 / 3],
  ["3:2", 3 / 2],
  ["16:9", 16 / 9],
  ["3:4", 3 / 4],
  ["2:3", 2 / 3],
  ["9:16", 9 / 16],
];
// Models work in blocks of this many pixels, even if the field accepts any number.
const GRID = 8;

/** @param {NumberRule} rule */
const stepOf = ({ step }) => (GRID % step === 0 ? GRID : step);

/**
 * Return whether both numbers are positive. An empty field has no number.
 * @param {ImageSize} size
 */
export const isSize = ([width, height]) => width > 0 && height > 0;

/**
 * Return the size with this ratio and the same area, within the steps and limits of both numbers.
 * @param {number} ratio
 * @param {ImageSize} size
 * @param {readonly [NumberRule, NumberRule]} rules
 * @returns {ImageSize}
 */
export function withRatio(ratio, [width, height], [wide, high]) {
  const area = Math.max(1, width * height);
  const [w, h] = [Math.sqrt(area * ratio), Math.sqrt(area / ratio)];
  const most = Math.min(1, (wide.max ?? Infinity) / w, (high.max ?? Infinity) / h);
  const scale = Math.max(most, (wide.min ?? 0) / w, (high.min ?? 0) / h);
  return [settled(w * scale, wide), settled(h * scale, high)];
}

/** @param {number} wanted @param {NumberRule} rule */
function settled(wanted, rule) {
  const step = stepOf(rule);
  const rounded = clamped(rule, Math.round(wanted / step) * step);
  return sentNumber(rule, rounded) ?? rounded;
}

/**
 * Return the ratio of a size, apart from rounding to steps; "" if it isn't in the list.
 * @param {ImageSize} size
 * @param {readonly [NumberRule, NumberRule]} rules
 */
export function ratioOf([width, height], rules) {
  if (!isSize([width, height])) return "";
  /** @param {readonly [string, number]} ratio */
  const away = ([, ratio]) => Math.abs(width - height * ratio);
  const [closest] = [...RATIOS].sort((a, b) => away(a) - away(b));
  if (!closest) return "";
  return away(closest) <= rounding(closest[1], rules) ? closest[0] : "";
}

/** @param {number} ratio @param {readonly [NumberRule, NumberRule]} rules */
const rounding = (ratio, [wide, high]) => (stepOf(wide) + stepOf(high) * ratio) / 2;

/**
 * Return whether an image keeps its shape, apart from rounding to steps, when it is resized to this size.
 * @param {ImageSize} image
 * @param {ImageSize} size
 * @param {readonly [NumberRule, NumberRule]} rules
 */
export function keepsShape(image, size, rules) {
  const ratio = image[0] / image[1];
  return Math.abs(size[0] - size[1] * ratio) <= rounding(ratio, rules);
}
