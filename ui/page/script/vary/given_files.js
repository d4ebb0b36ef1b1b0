// @ts-check
// Files as people hand them over: one by one, in folders, or in a ZIP.

import { filesInZip, isShown, typeOf } from "./zip.js";

/** @import { Given } from "./zip.js" */

const ZIP = /\.zip$/i;
const TABLE = /\.(csv|tsv|jsonl|ndjson)$/i;
const { compare } = new Intl.Collator(undefined, { numeric: true });

/**
 * A file that is there already.
 * @param {File} file
 * @returns {Given}
 */
export const given = (file) => ({
  path: file.name,
  type: file.type || typeOf(file.name),
  opened: async () => file,
});

/**
 * What was dropped or pasted: files, or cells of a spreadsheet with their headings, of which one at least is a field's;
 * null where it is neither. Called before the event is over, as a browser tells nothing of it then.
 * @param {DataTransfer} transfer
 * @param {readonly { key: string, label: string }[]} fields
 * @param {boolean} isTyping whether text that comes so goes where something is typed
 * @returns {Promise<{ table: File | undefined, files: Given[] }> | null}
 */
export function takenFrom(transfer, fields, isTyping) {
  const text = transfer.getData("text/plain");
  const cells = tableIn(text, fields);
  if (cells) return Promise.resolve({ table: cells, files: [] });
  // A spreadsheet gives an image of its cells as well, a word processor one of its text.
  const isText = text.includes("\t") || (isTyping && text.trim());
  return transfer.files.length && !isText ? filesIn(transfer) : null;
}

/**
 * @param {string} text
 * @param {readonly { key: string, label: string }[]} fields
 */
function tableIn(text, fields) {
  const [head = "", ...rows] = text.trimEnd().split(/\r?\n/);
  const headings = head.split("\t").map((one) => one.trim().toLowerCase());
  const names = fields.flatMap(({ key, label }) => [key.toLowerCase(), label.toLowerCase()]);
  const isTable = rows.length && headings.length > 1 && headings.some((one) => names.includes(one));
  return isTable ? new File([text], "pasted.tsv", { type: "text/tab-separated-values" }) : null;
}

/**
 * The files of folders in the natural order of their names, and the first table apart from them.
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

/**
 * @param {FileSystemEntry} entry
 * @returns {entry is FileSystemDirectoryEntry}
 */
const isFolder = (entry) => entry.isDirectory;

/**
 * The files in a folder and those below, but for hidden ones; a folder that cannot be read is a file that cannot.
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
    /** @type {FileSystemEntry[]} A browser tells a hundred at a time. */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...some);
  }
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Given}
 */
const fileOf = (entry) => ({
  path: entry.fullPath.slice(1),
  type: typeOf(entry.name),
  opened: () =>
    new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    ),
});

/**
 * The same with what is in a ZIP in its place. Rejects where that cannot be read.
 * @param {Given} file
 * @returns {Promise<Given[]>}
 */
export async function unpackedFiles(file) {
  return ZIP.test(file.path) ? inOrder(await filesInZip(await file.opened())) : [file];
}

/** @param {Given[]} files */
const inOrder = (files) => files.sort((one, other) => compare(one.path, other.path));
