// @ts-check
// Decoding of text files and of bytes in an unknown encoding.

/** Byte order marks of UTF-16. @type {readonly (readonly [string, number, number])[]} */
const MARKS = [
  ["utf-16le", 0xff, 0xfe],
  ["utf-16be", 0xfe, 0xff],
];
/** Bytes that Windows-1252 leaves undefined. Browsers decode them to control characters instead of failing. */
const UNDEFINED = /[\x81\x8d\x8f\x90\x9d]/;

/**
 * Decode a file as UTF-8, as UTF-16 if it has a byte order mark, or otherwise as Windows-1252, the encoding of Excel's
 * plain "CSV" and of many editors. Return null for binary files, such as spreadsheets. Mirrors
 * `comfy/batches/values.py`.
 * @param {Uint8Array} bytes
 */
export function decodedText(bytes) {
  const mark = MARKS.find(([, first, second]) => bytes[0] === first && bytes[1] === second);
  if (mark) return decoded(mark[0], bytes);
  const utf8 = decoded("utf-8", bytes);
  const text = utf8 ?? windowsText(bytes);
  return text.includes("\0") || (utf8 === null && UNDEFINED.test(text)) ? null : text;
}

/**
 * Decode bytes as UTF-8 if they are valid, otherwise as Windows-1252.
 * @param {Uint8Array} bytes
 */
export const utf8OrWindows = (bytes) => decoded("utf-8", bytes) ?? windowsText(bytes);

/** @param {Uint8Array} bytes */
const windowsText = (bytes) => new TextDecoder("windows-1252").decode(bytes);

/**
 * Decode bytes, or return null if they are invalid in this encoding.
 * @param {string} encoding
 * @param {Uint8Array} bytes
 */
function decoded(encoding, bytes) {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
