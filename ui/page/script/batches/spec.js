// @ts-check
// The draft of a batch as the user fills it in, and the spec sent to the app. The counterpart is comfy/batches. Pure.

import { durationWords } from "../clock.js";
import { isRows } from "../form/values.js";
import { leftWords } from "../making/counts.js";
import { LANGUAGE, labeled, message, plural } from "../messages.js";
import { sizeWords } from "../sizes.js";

/** @import { BatchCheckDoc, BatchProblem, OpenedAxis } from "../documents.js" */

/**
 * The way to write several values of a field. See comfy/form/model.py.
 * @typedef {"numbers" | "seeds" | "choices" | "list" | "texts" | "lines" | "files"} Several
 *
 * A field that can be varied. See ui/page/form/tools.py. `help` explains how to write several values. `choices`: pairs
 * of a label and the value to send; `long`: there are too many to list. `wildcards`: its text may contain alternatives.
 * @typedef {{ key: string, label: string, several: Several, help: string, choices: [string, string][], long: boolean,
 *   wildcards: boolean, accept: string, advanced: boolean }} Field
 *
 * A file that was uploaded to the app.
 * @typedef {{ path: string, url: string, orig_name: string }} GivenFile
 *
 * A field with its values as the user fills them in. `find`: the words to replace, if `replaces`.
 * @typedef {{ field: string, text: string, chosen: string[], files: GivenFile[], replaces: boolean, find: string }} Row
 *
 * One seed for all runs, a new one for each run, or the form's own setting.
 * @typedef {"one" | "each" | "form"} Seeds
 *
 * `paired`: use the first values of all fields together, then the second ones, instead of every combination. `seeds`:
 * the user's choice.
 * @typedef {{ rows: Row[], table: { name: string, text: string, files?: GivenFile[] } | null, paired: boolean,
 *   seeds?: Seeds }} Draft
 *
 * A draft as the browser stores it. A row that the user hasn't changed is stored as its field only.
 * @typedef {Omit<Draft, "rows"> & { rows: (Row | { field: string })[] }} KeptDraft
 *
 * The spec that the app accepts.
 * @typedef {{ axes: Record<string, unknown>[], table: Record<string, unknown> | null, paired: boolean,
 *   seeds: Seeds }} Spec
 */

/** @type {Draft} */
export const EMPTY = { rows: [], table: null, paired: false };
const SMALL = 1e7; // bytes of results that need no word
const HAS_ALTERNATIVES = /\{|__/; // or wildcards

/**
 * Return a new row that starts with the form's value, if that value can be written in a row.
 * @param {Field} field
 * @param {unknown} value the value as the browser stores it
 * @returns {Row}
 */
export function rowFor({ key, several, choices, long }, value) {
  const row = { field: key, text: "", chosen: [], files: [], replaces: false, find: "" };
  const text = value === null || value === undefined ? "" : String(value);
  if (several === "files" || several === "seeds") return row;
  if (isRows(value)) return { ...row, text: JSON.stringify(value) };
  if (Array.isArray(value)) return { ...row, text: shapeText(value) };
  if (several === "choices" && !long)
    return { ...row, chosen: choices.some(([, sent]) => sent === text) ? [text] : [] };
  if (several === "choices") return { ...row, text: csvLine(text ? [text] : []) };
  return text.includes("\n") ? row : { ...row, text };
}

/**
 * Return a box or a curve as a line of text.
 * @param {readonly unknown[]} parts numbers, or points
 */
const shapeText = (parts) =>
  parts.map((part) => (Array.isArray(part) ? part.join(" ") : part)).join(", ");

/**
 * Return the parts of a single line between its commas. A text of several lines has none.
 * @param {string} text
 */
export const atCommas = (text) =>
  text.trim().includes("\n") ? [] : text.split(/[,，、]/).flatMap((part) => part.trim() || []);

/**
 * Return values as a line of CSV. Quote values that are empty, contain a comma or quote, or have spaces around them.
 * @param {readonly string[]} values
 */
export const csvLine = (values) =>
  values
    .map((value) => (/[",]|^\s|\s$|^$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value))
    .join(", ");

/** @param {Row} row */
const isFilled = ({ text, chosen, files, replaces, find }) =>
  replaces ? find.trim() !== "" : text.trim() !== "" || chosen.length + files.length > 0;

/**
 * Return the rows to run. A row with just the form's value, and no alternatives in it, is left out beside other rows.
 * @param {Draft} draft
 * @param {readonly Field[]} fields
 * @param {Record<string, unknown>} values of the form
 */
function varyingRows({ rows, table }, fields, values) {
  const filled = rows.filter(isFilled);
  const varying = filled.filter(
    (row) => HAS_ALTERNATIVES.test(row.text) || !isAsInForm(row, fields, values),
  );
  return varying.length || table ? varying : filled;
}

/**
 * Return whether a row still has the form's value.
 * @param {Row} row
 * @param {readonly Field[]} fields
 * @param {Record<string, unknown>} values of the form
 */
function isAsInForm(row, fields, values) {
  const field = fields.find(({ key }) => key === row.field);
  return JSON.stringify(field && rowFor(field, values[row.field])) === JSON.stringify(row);
}

/**
 * Return the problems of a draft that the page can find without the app. A row without any input yet is no problem.
 * @param {Draft} draft
 * @returns {BatchProblem[]}
 */
export const unsaid = ({ rows }) =>
  rows
    .filter(({ replaces, find, text }) => replaces && !find.trim() && text.trim())
    .map(({ field }) => ({
      field,
      row: null,
      line: null,
      place: null,
      message: message("Enter the text to find."),
      of_table: false,
    }));

/**
 * @param {Draft} draft
 * @param {readonly Field[]} fields
 * @param {readonly string[]} [inTable] keys of the table's fields
 * @param {Record<string, unknown>} [values] of the form
 * @returns {Spec}
 */
export const specOf = (draft, fields, inTable = [], values = {}) => ({
  axes: varyingRows(draft, fields, values).map(axisOf),
  table: draft.table && tableOf(draft.table),
  paired: draft.paired,
  seeds: seedsOf(draft, fields, inTable) ?? "form",
});

/**
 * Return which seeds a draft uses, or null if there is no choice. By default all runs share a seed, so that only the
 * varied values differ between them.
 * @param {Draft} draft
 * @param {readonly Field[]} fields
 * @param {readonly string[]} [inTable] keys of the table's fields
 * @returns {Seeds | null}
 */
export function seedsOf({ rows, seeds }, fields, inTable = []) {
  const given = [...rows.filter(isFilled).map(({ field }) => field), ...inTable];
  const isDrawn = fields.some(({ key, several }) => several === "seeds" && !given.includes(key));
  return isDrawn ? (seeds ?? "one") : null;
}

/**
 * Return a row filled in from an axis of an opened grid.
 * @param {Field} field
 * @param {OpenedAxis} axis
 * @returns {Row}
 */
export function rowOfAxis({ key, several, long }, { values, find }) {
  const row = { field: key, text: "", chosen: [], files: [], replaces: false, find: "" };
  if (several === "files") return row;
  if (find) return { ...row, replaces: true, find, text: values.slice(1).join("\n") };
  if (isOfLines(several)) return { ...row, text: values.join("\n") };
  if (several === "choices" && !long) return { ...row, chosen: values };
  return { ...row, text: csvLine(values) };
}

/** @param {GivenFile} file */
const sentFile = ({ path, orig_name: name }) => ({ file: path, name });

/** @param {NonNullable<Draft["table"]>} table */
const tableOf = ({ name, text, files = [] }) => ({
  name,
  text,
  files: Object.fromEntries(files.map((file) => [file.orig_name, sentFile(file)])),
});

/** @param {Several} several @returns whether each value has a line of its own */
export const isOfLines = (several) => several === "texts" || several === "lines";

/** @param {Row} row */
function axisOf({ field, text, chosen, files, replaces, find }) {
  if (replaces) return { field, replace: `${find.trim()}\n${text}`.trimEnd() };
  if (files.length) return { field, files: files.map(sentFile) };
  return { field, text: chosen.length ? csvLine(chosen) : text };
}

/**
 * Return the texts in which words are replaced, by field key.
 * @param {Draft} draft
 * @param {Record<string, unknown>} values of the form
 */
export const replacedTexts = ({ rows }, values) =>
  Object.fromEntries(
    rows
      .filter(({ replaces }) => replaces)
      .map(({ field }) => [field, String(values[field] ?? "")]),
  );

/**
 * Return the form values that affect the check: numbers and choices, and which file fields exist. They decide how long
 * a run takes, whether the ComfyUI server has everything it needs, and which other fields exist.
 * @param {readonly Field[]} fields
 * @param {Record<string, unknown>} values
 * @returns {Record<string, string>}
 */
export const decisive = (fields, values) =>
  Object.fromEntries(
    fields.flatMap(({ key, several }) => {
      if (several === "files") return [[key, ""]];
      const value = String(values[key] ?? "");
      return (several === "numbers" || several === "choices") && value ? [[key, value]] : [];
    }),
  );

/**
 * Return the fields that have neither a row nor a table column yet.
 * @param {readonly Field[]} fields
 * @param {Draft} draft
 * @param {readonly string[]} inTable keys of the table's fields
 */
export const freeFields = (fields, { rows }, inTable) =>
  fields.filter(({ key }) => !inTable.includes(key) && !rows.some(({ field }) => field === key));

/**
 * Return the field for a new row: a prompt, or else the form's first free field.
 * @param {readonly Field[]} free the result of `freeFields`
 */
export const firstToVary = (free) =>
  free.find(({ several, advanced }) => several === "texts" && !advanced) ?? free[0];

/**
 * Return the draft to store. Rows with the form's value are stored without it, so that they follow the form later.
 * @param {Draft} draft
 * @param {readonly Field[]} fields
 * @param {Record<string, unknown>} values of the form
 * @returns {KeptDraft}
 */
export const toKeep = (draft, fields, values) => ({
  ...draft,
  rows: draft.rows.map((row) => (isAsInForm(row, fields, values) ? { field: row.field } : row)),
});

/**
 * Return a stored draft without fields that the form no longer has.
 * @param {KeptDraft} draft
 * @param {readonly Field[]} fields
 * @param {Record<string, unknown>} values of the form
 * @returns {Draft}
 */
export const fitting = (draft, fields, values) => ({
  ...draft,
  rows: draft.rows.flatMap((row) => {
    const field = fields.find(({ key }) => key === row.field);
    if (!field) return [];
    return "text" in row ? row : rowFor(field, values[row.field]);
  }),
});

/**
 * Return the number of runs with their estimated time and size, or the number of problems.
 * @param {Omit<BatchCheckDoc, "columns" | "table">} check
 * @param {number} [each] images per run
 */
export function estimateWords(check, each = 1) {
  const { rows: count, seconds, bytes, problems, more, runs_left: left } = check;
  if (problems.length)
    return plural("{count} problem", "{count} problems", { count: problems.length + more });
  const waits = left !== null && left < count; // until the limit of the day ends
  const time = seconds === null || waits ? "" : durationWords(seconds);
  const size = bytes === null || bytes < SMALL ? "" : sizeWords(bytes);
  const all = plural("{count} image", "{count} images", { count: count * each });
  const about = [time, size].filter(Boolean).map((amount) => message("about {amount}", { amount }));
  let words = plural("{count} run", "{count} runs", { count });
  for (const second of each > 1 ? [all, ...about] : about)
    words = message("{first}, {second}", { first: words, second });
  if (left === null) return words;
  return `${words} · ${leftWords(left)}`;
}

/** @param {Pick<BatchCheckDoc, "rows" | "problems"> | null} check null if unknown */
export function startWords(check) {
  const words = message("Start");
  const isSeveral = check && check.rows > 1 && !check.problems.length;
  return isSeveral ? `${words} ×${check.rows.toLocaleString(LANGUAGE)}` : words;
}

/**
 * Group problems by where the page shows them: at a field's row, at the table, or at the end.
 * @param {Pick<BatchCheckDoc, "problems" | "more">} check
 * @param {Draft} draft
 * @param {readonly Field[]} fields
 */
export function placed({ problems, more }, { rows, table }, fields) {
  /** @type {{ rows: Map<string, string[]>, table: string[], rest: string[] }} */
  const told = { rows: new Map(), table: [], rest: [] };
  for (const { field: key, row, line, of_table, message: problem } of problems) {
    const field = fields.find((one) => one.key === key)?.label ?? "";
    const words = field ? labeled(field, problem) : problem;
    if (table && of_table) told.table.push(problem);
    else if (line !== null)
      told.table.push(message("Line {line}, {problem}", { line, problem: words }));
    else if (table && row !== null)
      told.table.push(message("Row {row}, {problem}", { row, problem: words }));
    else if (key !== null && rows.some((one) => one.field === key))
      told.rows.set(key, [...(told.rows.get(key) ?? []), problem]);
    else told.rest.push(words);
  }
  if (more) told.rest.push(plural("And {count} more.", "And {count} more.", { count: more }));
  return told;
}
