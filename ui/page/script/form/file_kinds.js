// @ts-check
// Which files fields take, and what they say to others.

import { $ } from "../dom.js";
import { labeled, message } from "../messages.js";

const LONGEST_NAME = 32;
const MIB = 2 ** 20;
/** The answer to a file of another kind. @type {Record<string, string>} */
const OTHER_KIND = {
  image: message("Choose an image file (PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF)."),
  audio: message("Choose an audio file (WAV, MP3, FLAC, Ogg or M4A)."),
  video: message("Choose a video file (MP4, WebM, MOV, MKV or GIF)."),
};

/** The kinds that are told apart. */
export const KINDS = Object.keys(OTHER_KIND);

/**
 * Why a field does not take a file, as far as its kind says.
 * @param {string} kind what it takes, "" for any
 * @param {{ name: string, type: string }} file
 * @returns {string} "" where it may
 */
export function otherKindWords(kind, { name, type }) {
  const value = OTHER_KIND[kind];
  if (!value || type.startsWith(`${kind}/`)) return "";
  return labeled(shortened(name), value);
}

/**
 * Why a field does not take a file, by its kind and its size.
 * @param {string} kind what it takes, "" for any
 * @param {File} file
 * @returns {string} "" where it may
 */
export function unfitWords(kind, file) {
  const most = Number($("#heading [data-largest]")?.dataset.largest ?? Infinity);
  return otherKindWords(kind, file) || tooLargeWords(file, most);
}

/**
 * @param {{ name: string, size: number }} file
 * @param {number} most bytes
 * @returns {string} "" where it is not
 */
export function tooLargeWords({ name, size }, most) {
  if (size <= most) return "";
  const why = message("This file has {size}\u00a0MB. The maximum is {most}\u00a0MB.", {
    size: Math.ceil(size / MIB),
    most: Math.floor(most / MIB),
  });
  return labeled(shortened(name), why);
}

/** @param {string} name of a file */
export const shortened = (name) =>
  name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
