// @ts-check
// The kinds and sizes of files that fields accept, and the messages for other files.

import { $ } from "../dom.js";
import { labeled, message } from "../messages.js";

const LONGEST_NAME = 32;
const MIB = 2 ** 20;
/** Messages for files of another kind. @type {Record<string, string>} */
const OTHER_KIND = {
  image: message("Choose an image file (PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF)."),
  audio: message("Choose an audio file (WAV, MP3, FLAC, Ogg or M4A)."),
  video: message("Choose a video file (MP4, WebM, MOV, MKV or GIF)."),
};

/** The kinds of media that have their own fields. */
export const KINDS = Object.keys(OTHER_KIND);

/**
 * Return why a field doesn't accept a file of this kind.
 * @param {string} kind the kind that the field accepts, "" for any
 * @param {{ name: string, type: string }} file
 * @returns {string} "" if it accepts the file
 */
export function otherKindWords(kind, { name, type }) {
  const value = OTHER_KIND[kind];
  if (!value || type.startsWith(`${kind}/`)) return "";
  return labeled(shortened(name), value);
}

/**
 * Return why a field doesn't accept a file, by its kind and size.
 * @param {string} kind the kind that the field accepts, "" for any
 * @param {File} file
 * @returns {string} "" if it accepts the file
 */
export function unfitWords(kind, file) {
  const most = Number($("#heading [data-largest]")?.dataset.largest ?? Infinity);
  return otherKindWords(kind, file) || tooLargeWords(file, most);
}

/**
 * Return the error message for a file that is too large.
 * @param {{ name: string, size: number }} file
 * @param {number} most bytes
 * @returns {string} "" if it isn't too large
 */
function tooLargeWords({ name, size }, most) {
  if (size <= most) return "";
  const why = message("This file is {size}\u00a0MB. The maximum is {most}\u00a0MB.", {
    size: Math.ceil(size / MIB),
    most: Math.floor(most / MIB),
  });
  return labeled(shortened(name), why);
}

/** @param {string} name of a file */
export const shortened = (name) =>
  name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
