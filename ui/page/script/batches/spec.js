// @ts-check
// What is filled in where values are varied, and what the app is told of it: comfy/batches has the other side. Pure.

import { durationWords } from "../clock.js";
import { LOCALE, labeled, message, plural } from "../messages.js";

/** @import { BatchCheckDoc, BatchProblem } from "../documents.js" */

/**
 * How several values are written: comfy/form/model.py.
 * @typedef {"numbers" | "seeds" | "choices" | "list" | "texts" | "lines" | "files"} Several
 *
 * A field that can be varied: ui/page/form/vary.py. `help` explains how to write several values. `choices`: pairs of
 * what is read and what is sent; `long`: there are too many of them to be listed. `wildcards`: its text may have
 * alternatives in it.
 * @typedef {{ key: string, label: string, several: Several, help: string, choices: [string, string][], long: boolean,
 *   wildcards: boolean, accept: string, advanced: boolean }} Field
 *
 * A file that was given to the app.
 * @typedef {{ path: string, url: string, orig_name: string }} GivenFile
 *
 * One field with its values, as they are filled in. `find`: the words that are replaced, where `replaces`.
 * @typedef {{ field: string, text: string, chosen: string[], files: GivenFile[], replaces: boolean, find: string }} Row
 *
 * One seed for all runs, a new one for each, or as the form has it.
 * @typedef {"one" | "each" | "form"} Seeds
 *
 * `paired`: the first value of each field together, then the second; else every combination. `seeds`: what was chosen.
 * @typedef {{ rows: Row[], table: { name: string, text: string, files?: GivenFile[] } | null, paired: boolean,
 *   seeds?: Seeds }} Draft
 *
 * The same as it is kept: of a row that nobody has changed only its field.
 * @typedef {Omit<Draft, "rows"> & { rows: (Row | { field: string })[] }} KeptDraft
 *
 * What the app takes.
 * @typedef {{ axes: Record<string, unknown>[], table: Record<string, unknown> | null, paired: boolean,
 *   seeds: Seeds }} Spec
 *
 * A field of a grid that was opened again: ui/files/batch_grids.py.
 * @typedef {{ field: string, values: string[], find: string }} ToldAxis
 *
 */

/** @type {Draft} */
export const EMPTY = { rows: [], table: null, paired: false };
const HAS_ALTERNATIVES = /\{|__/; // or wildcards
const SIZES = /** @type {const} */ (["kilobyte", "megabyte", "gigabyte", "terabyte"]);

/**
 * A field's values begin with the one that the form holds, where it is one that can be written so.
 * @param {Field} field
 * @param {unknown} value as the browser keeps it
 * @returns {Row}
 */
export function rowFor({ key, several, choices, long }, value) {
  const row = { field: key, text: "", chosen: [], files: [], replaces: false, find: "" };
  const text = value === null || value === undefined ? "" : String(value);
  if (several === "files" || several === "seeds") return row;
  if (Array.isArray(value)) return { ...row, text: shapeText(value) };
  if (several === "choices" && !long)
    return { ...row, chosen: choices.some(([, sent]) => sent === text) ? [text] : [] };
  if (several === "choices") return { ...row, text: csvLine(text ? [text] : []) };
  return text.includes("\n") ? row : { ...row, text };
}

/**
 * A box or a curve as it is written on a line.
 * @param {readonly unknown[]} parts numbers, or points
 */
const shapeText = (parts) =>
  parts.map((part) => (Array.isArray(part) ? part.join(" ") : part)).join(", ");

/**
 * Values on one line; in quotes where one has a comma or a quote in it, or blanks around it.
 * @param {readonly string[]} values
 */
export const csvLine = (values) =>
  values
    .map((value) => (/[",]|^\s|\s$|^$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value))
    .join(", ");

/**
 * Whether there is anything in it to be run.
 * @param {Row} row
 */
const isFilled = ({ text, chosen, files, replaces, find }) =>
  replaces ? find.trim() !== "" : text.trim() !== "" || chosen.length + files.length > 0;

/**
 * The rows to be run: beside others, one that says what the form does, and no more than one thing, varies nothing.
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
 * Whether nobody has changed a row.
 * @param {Row} row
 * @param {readonly Field[]} fields
 * @param {Record<string, unknown>} values of the form
 */
function isAsInForm(row, fields, values) {
  const field = fields.find(({ key }) => key === row.field);
  return JSON.stringify(field && rowFor(field, values[row.field])) === JSON.stringify(row);
}

/**
 * What is wrong with a draft before the app is asked. A row in which nothing is typed yet is not.
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
 * @param {readonly string[]} [inTable] keys of the fields that the table has
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
 * Which seeds a draft means, null where there is nothing to choose: runs are to be compared, so that only what is
 * varied differs between them.
 * @param {Draft} draft
 * @param {readonly Field[]} fields
 * @param {readonly string[]} [inTable] keys of the fields that the table has
 * @returns {Seeds | null}
 */
export function seedsOf({ rows, seeds }, fields, inTable = []) {
  const given = [...rows.filter(isFilled).map(({ field }) => field), ...inTable];
  const isDrawn = fields.some(({ key, several }) => several === "seeds" && !given.includes(key));
  return isDrawn ? (seeds ?? "one") : null;
}

/**
 * A field as it is filled in, of one that was.
 * @param {Field} field
 * @param {ToldAxis} axis
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

/**
 * Return whether each value has a line of its own.
 * @param {Several} several
 */
export const isOfLines = (several) => several === "texts" || several === "lines";

/** @param {Row} row */
function axisOf({ field, text, chosen, files, replaces, find }) {
  if (replaces) return { field, replace: `${find.trim()}\n${text}`.trimEnd() };
  if (files.length) return { field, files: files.map(sentFile) };
  return { field, text: chosen.length ? csvLine(chosen) : text };
}

/**
 * The texts in which words are replaced, by the fields' keys.
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
 * The numbers and choices of the form, and that it has these files: they decide how long a run takes, whether the
 * server has all it needs, and which other fields there are.
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
 * The fields that nothing is said of yet.
 * @param {readonly Field[]} fields
 * @param {Draft} draft
 * @param {readonly string[]} inTable keys of the fields that the table has
 */
export const freeFields = (fields, { rows }, inTable) =>
  fields.filter(({ key }) => !inTable.includes(key) && !rows.some(({ field }) => field === key));

/**
 * The field that a new row is about: a prompt, else the form's first.
 * @param {readonly Field[]} free as `freeFields` has them
 */
export const firstToVary = (free) =>
  free.find(({ several, advanced }) => several === "texts" && !advanced) ?? free[0];

/**
 * What is kept of a draft: a row that says what the form does is to say what it does then.
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
 * A draft that was kept, without fields that the form no longer has.
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
 * How much room something takes: kilobytes at least.
 * @param {number} bytes
 */
export function sizeWords(bytes) {
  const step = Math.min(Math.floor(Math.log10(Math.max(1000, bytes)) / 3), SIZES.length);
  const count = Math.max(1, bytes / 1000 ** step);
  const isRounded = count >= 10 || step === 1;
  return unitWords(
    isRounded ? Math.round(count) : Math.round(count * 10) / 10,
    SIZES[step - 1] ?? "kilobyte",
  );
}

/**
 * On one line: in English there is a usual space between both.
 * @param {number} count
 * @param {string} unit as `Intl.NumberFormat` knows it
 */
const unitWords = (count, unit) =>
  count
    .toLocaleString(LOCALE, { style: "unit", unit, unitDisplay: "short" })
    .replace(" ", "\u00a0");

/**
 * What a start would mean, or how much is in its way.
 * @param {Omit<BatchCheckDoc, "columns" | "table">} check
 */
export function estimateWords({ rows: count, seconds, bytes, problems, more }) {
  if (problems.length)
    return plural("{count} problem", "{count} problems", { count: problems.length + more });
  const time = seconds === null ? "" : durationWords(seconds);
  const size = bytes === null ? "" : sizeWords(bytes);
  if (time && size)
    return plural(
      "{count} run, about {time}, about {size}",
      "{count} runs, about {time}, about {size}",
      {
        count,
        time,
        size,
      },
    );
  if (time)
    return plural("{count} run, about {time}", "{count} runs, about {time}", { count, time });
  if (size)
    return plural("{count} run, about {size}", "{count} runs, about {size}", { count, size });
  return plural("{count} run", "{count} runs", { count });
}

/** @param {Pick<BatchCheckDoc, "rows" | "problems"> | null} check null where nothing is known */
export const startWords = (check) =>
  check?.rows && !check.problems.length
    ? plural("Start {count} run", "Start {count} runs", { count: check.rows })
    : message("Start");

/**
 * What is wrong, by where it is said: at a field's row, at the table, or below all.
 * @param {Pick<BatchCheckDoc, "problems" | "more">} check
 * @param {Draft} draft
 * @param {readonly Field[]} fields
 */
export function placed({ problems, more }, { rows, table }, fields) {
  /** @type {{ rows: Map<string, string[]>, table: string[], rest: string[] }} */
  const told = { rows: new Map(), table: [], rest: [] };
  for (const { field: key, row, line, of_table, message: problem } of problems) {
    const field = fields.find((one) => one.key === key)?.label ?? "";
    if (table && of_table) told.table.push(problem);
    else if (line !== null)
      told.table.push(message("Line {line}, {field}: {problem}", { line, field, problem }));
    else if (table && row !== null)
      told.table.push(message("Row {row}, {field}: {problem}", { row, field, problem }));
    else if (key !== null && rows.some((one) => one.field === key))
      told.rows.set(key, [...(told.rows.get(key) ?? []), problem]);
    else told.rest.push(field ? labeled(field, problem) : problem);
  }
  if (more) told.rest.push(plural("And {count} more.", "And {count} more.", { count: more }));
  return told;
}
