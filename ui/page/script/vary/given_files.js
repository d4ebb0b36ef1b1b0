// @ts-check
// Files that the user drops, pastes or chooses: single files, folders and ZIPs.

import { filesInZip, isShown, typeOf } from "./zip.js";

/** @import { Given } from "./zip.js" */

const ZIP = /\.zip$/i;
const TABLE = /\.(csv|tsv|jsonl|ndjson)$/i;
const { compare } = new Intl.Collator(undefined, { numeric: true });

/**
 * Wrap a file that needs no unpacking.
 * @param {File} file
 * @returns {Given}
 */
export const given = (file) => ({
  path: file.name,
  type: file.type || typeOf(file.name),
  opened: async () => file,
});

/**
 * Return the files that were dropped or pasted, or the cells of a spreadsheet as a table if at least one heading names
 * a field; null for anything else. Call this synchronously in the event handler, because the browser clears the data
 * afterwards.
 * @param {DataTransfer} transfer
 * @param {readonly { key: string, label: string }[]} fields
 * @param {boolean} isTyping whether the user pastes into a text box, which keeps pasted text
 * @returns {Promise<{ table: File | undefined, files: Given[] }> | null}
 */
export function takenFrom(transfer, fields, isTyping) {
  const text = transfer.getData("text/plain");
  const cells = tableIn(text, fields);
  if (cells) return Promise.resolve({ table: cells, files: [] });
  // Spreadsheets and word processors also put an image of the copied text on the clipboard.
  const isText = text.includes("\t") || (isTyping && text.trim());
  return transfer.files.length && !isText ? filesIn(transfer) : null;
}

/** @param {string} text @param {readonly { key: string, label: string }[]} fields */
function tableIn(text, fields) {
  const [head = "", ...rows] = text.trimEnd().split(/\r?\n/);
  const headings = head.split("\t").map((one) => one.trim().toLowerCase());
  const names = fields.flatMap(({ key, label }) => [key.toLowerCase(), label.toLowerCase()]);
  const isTable = rows.length && headings.length > 1 && headings.some((one) => names.includes(one));
  return isTable ? new File([text], "pasted.tsv", { type: "text/tab-separated-values" }) : null;
}

/**
 * Return the files, those in folders in natural order of their names, and separately the first table.
 * @param {DataTransfer} transfer
 * @returns {Promise<{ table: File | undefined, files: Given[] }>}
 */
async function filesIn(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const folders = entries.filter((entry) => entry !== null).filter(isFolder);
  const single = [...transfer.files].filter(
    ({ name }) => !folders.some((one) => one.name === name),
  );
  const table = single.find(({ name }) => TABLE.test(name));
  const files = single.filter((file) => file !== table).map((file) => given(file));
  const inside = await Promise.all(folders.map(filesBelow));
  return { table, files: [...files, ...inside.flat()] };
}

/** @param {FileSystemEntry} entry @returns {entry is FileSystemDirectoryEntry} */
const isFolder = (entry) => entry.isDirectory;

/**
 * Return the visible files in a folder and its subfolders. An unreadable folder becomes a file that can't be opened.
 * @param {FileSystemDirectoryEntry} folder
 * @returns {Promise<Given[]>}
 */
async function filesBelow(folder) {
  const entries = await entriesOf(folder).catch(() => [folder]);
  const files = entries
    .filter(({ name }) => isShown(name))
    .map((entry) => (isFolder(entry) && entry !== folder ? filesBelow(entry) : [fileOf(entry)]));
  return inOrder((await Promise.all(files)).flat());
}

/** @param {FileSystemDirectoryEntry} folder */
async function entriesOf(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} Browsers return up to a hundred entries per call. */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...some);
  }
}

/** @param {FileSystemEntry} entry @returns {Given} */
const fileOf = (entry) => ({
  path: entry.fullPath.slice(1),
  type: typeOf(entry.name),
  opened: () =>
    new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    ),
});

/**
 * Return the files in a ZIP, or the file itself if it isn't a ZIP. Reject if the ZIP can't be read.
 * @param {Given} file
 * @returns {Promise<Given[]>}
 */
export async function unpackedFiles(file) {
  return ZIP.test(file.path) ? inOrder(await filesInZip(await file.opened())) : [file];
}

/** @param {Given[]} files */
const inOrder = (files) => files.sort((one, other) => compare(one.path, other.path));
