// @ts-check
// Which files fields take, and what they say to others.

import { $ } from "../dom.js";
import { message } from "../messages.js";

const LONGEST_NAME = 32;
const MIB = 2 ** 20;
/** What a field says to a file of another kind. @type {Record<string, (name: string) => string>} */
const OTHER_KIND = {
  image: (file) =>
    message("“{file}” isn't an image. Choose an image file (PNG, JPEG or WebP).", { file }),
  audio: (file) =>
    message("“{file}” isn't audio. Choose an audio file (WAV, MP3, FLAC, Ogg or M4A).", { file }),
  video: (file) =>
    message("“{file}” isn't a video. Choose a video file (MP4, WebM or MOV).", { file }),
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
  const sentence = OTHER_KIND[kind];
  if (!sentence || type.startsWith(`${kind}/`)) return "";
  return sentence(shortened(name));
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
  return message("{file}: {why}", { file: shortened(name), why });
}

/** @param {string} name of a file */
export const shortened = (name) =>
  name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
