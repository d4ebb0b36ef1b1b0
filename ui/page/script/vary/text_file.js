// @ts-check
// Text files as people have them on disk, and bytes that do not say how they are written.

/** How a file in UTF-16 begins. @type {readonly (readonly [string, number, number])[]} */
const MARKS = [
  ["utf-16le", 0xff, 0xfe],
  ["utf-16be", 0xfe, 0xff],
];
/** Bytes that are no characters in Windows-1252; a browser gives them as they are. */
const UNDEFINED = /[\x81\x8d\x8f\x90\x9d]/;

/**
 * The text of a file: UTF-8, UTF-16 that says so, or else Windows-1252, which is what Excel's plain "CSV" and many
 * editors write; null where it is none of them, as of a spreadsheet. `comfy/batches/text_file.py` reads the same.
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
 * Bytes as UTF-8 where they can be, and as Windows-1252 where not.
 * @param {Uint8Array} bytes
 */
export const utf8OrWindows = (bytes) => decoded("utf-8", bytes) ?? windowsText(bytes);

/** @param {Uint8Array} bytes */
const windowsText = (bytes) => new TextDecoder("windows-1252").decode(bytes);

/**
 * Null where bytes cannot be written like that.
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
