// @ts-check
// ZIP reader that unpacks single files on demand in the browser, so that the app receives them like any other files.
// Format: APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16.

import { utf8OrWindows } from "./text_file.js";

/**
 * A file from the user, possibly in a folder or a ZIP. `path`: its name with the names of its folders. `type`: its MIME
 * type. `opened` rejects if the file can't be read.
 * @typedef {{ path: string, type: string, opened: () => Promise<File> }} Given
 */

const END = { sign: 0x06054b50, size: 22, longest: 22 + 0xffff }; // with the longest comment
const ENTRY = { sign: 0x02014b50, size: 46 };
const LOCAL = { sign: 0x04034b50, size: 30 };
const LOCKED = 1;
const STORED = 0;
const DEFLATED = 8;
const MOST_BYTES = 2 ** 30; // per file; larger files aren't unpacked
/** Metadata files that macOS and Windows add to folders. */
const OF_SYSTEMS = ["__MACOSX", "Thumbs.db", "desktop.ini"];
/** MIME types by file extension. @type {Record<string, string>} */
const TYPES = {
  avif: "image/avif",
  bmp: "image/bmp",
  gif: "image/gif",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  png: "image/png",
  tif: "image/tiff",
  tiff: "image/tiff",
  webp: "image/webp",
  avi: "video/x-msvideo",
  m4v: "video/mp4",
  mkv: "video/x-matroska",
  mov: "video/quicktime",
  mp4: "video/mp4",
  webm: "video/webm",
  aac: "audio/aac",
  aif: "audio/aiff",
  aiff: "audio/aiff",
  flac: "audio/flac",
  m4a: "audio/mp4",
  mp3: "audio/mpeg",
  ogg: "audio/ogg",
  opus: "audio/ogg",
  wav: "audio/wav",
};

/** @param {string} name @returns a file's MIME type, "" if unknown */
export const typeOf = (name) => TYPES[name.split(".").at(-1)?.toLowerCase() ?? ""] ?? "";

/** @param {string} path */
export const lastOf = (path) => path.split(/[/\\]/).at(-1) ?? "";

/**
 * Return whether a file is a regular one, not hidden and not system metadata.
 * @param {string} path
 */
export const isShown = (path) =>
  !path.split(/[/\\]/).some((part) => part.startsWith(".") || OF_SYSTEMS.includes(part));

/**
 * Return the files in a ZIP, without hidden ones. Rejects if the ZIP's directory is damaged. Opening a file rejects if
 * it is damaged, encrypted or compressed with an unsupported method.
 * @param {File} zip
 * @returns {Promise<Given[]>}
 */
export async function filesInZip(zip) {
  const tail = await viewOf(zip.slice(-END.longest));
  const at = endIn(tail);
  const list = await viewOf(zip.slice(tail.getUint32(at + 16, true)));
  let place = 0;
  const files = [];
  for (let left = tail.getUint16(at + 10, true); left > 0; left--) {
    const entry = entryAt(list, place);
    place = entry.next;
    const { path } = entry;
    if (!/[/\\]$/.test(path) && isShown(path))
      files.push({ path, type: typeOf(path), opened: () => unpacked(zip, entry) });
  }
  return files;
}

/** @param {Blob} part */
const viewOf = async (part) => new DataView(await part.arrayBuffer());

/** @param {boolean} isRight */
function check(isRight) {
  if (!isRight) throw new RangeError("not a ZIP that can be read");
}

/**
 * Return the offset of the end of central directory record, which is followed only by a comment.
 * @param {DataView} tail
 */
function endIn(tail) {
  let at = tail.byteLength - END.size;
  while (at >= 0 && tail.getUint32(at, true) !== END.sign) at--;
  check(at >= 0);
  return at;
}

/** @param {DataView} list @param {number} at */
function entryAt(list, at) {
  check(list.getUint32(at, true) === ENTRY.sign);
  const number = (/** @type {number} */ offset) => list.getUint16(at + offset, true);
  const name = new Uint8Array(list.buffer, at + ENTRY.size, number(28));
  return {
    path: utf8OrWindows(name),
    isLocked: (number(8) & LOCKED) !== 0,
    method: number(10),
    packed: list.getUint32(at + 20, true),
    size: list.getUint32(at + 24, true),
    begins: list.getUint32(at + 42, true),
    next: at + ENTRY.size + number(28) + number(30) + number(32),
  };
}

/** @param {File} zip @param {ReturnType<typeof entryAt>} entry */
async function unpacked(zip, { path, isLocked, method, packed, size, begins }) {
  check(!isLocked && size <= MOST_BYTES && (method === STORED || method === DEFLATED));
  const head = await viewOf(zip.slice(begins, begins + LOCAL.size));
  check(head.getUint32(0, true) === LOCAL.sign);
  const from = begins + LOCAL.size + head.getUint16(26, true) + head.getUint16(28, true);
  const bytes = zip.slice(from, from + packed);
  const parts = method === STORED ? [bytes] : await inflated(bytes, size);
  const file = new File(parts, lastOf(path), { type: typeOf(path) });
  check(file.size === size);
  return file;
}

/**
 * Decompress bytes. Stop as soon as the output exceeds the declared size, as a ZIP bomb's would.
 * @param {Blob} bytes
 * @param {number} size
 */
async function inflated(bytes, size) {
  const parts = [];
  let length = 0;
  const reader = bytes.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return parts;
    length += value.length;
    if (length > size) await reader.cancel();
    check(length <= size);
    parts.push(value);
  }
}
