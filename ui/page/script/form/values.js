// @ts-check
// Field values in the browser's storage and in links. ui/documents/browser_values.py describes the format. Pure.

import { message } from "../messages.js";

/** @param {string} search @returns whether an address asks for the settings of a shared result or a part's */
export const asksForShared = (search) => /[?&](shared|part)=/.test(search);

/**
 * The conversion from the values of a field's components to the field's value; see ui/page/form/kinds/view.py.
 * @typedef {"plain" | "seed" | "box" | "table" | "rows" | "file" | "painted"} Kind
 *
 * A field's key, its conversion, and the number of its components; see ui/page/form/arrangement.py.
 * @typedef {[key: string, kind: Kind, parts: number]} HeldField
 */

/**
 * The limits of a number; see ui/documents/browser_values.py. `typical`: the author's value, which is never changed.
 * @typedef {{ whole: boolean, min: number | null, max: number | null, step: number, grain: number | null,
 *   typical: number | null }} NumberRule
 *
 * The limits of a seed, as digits, because JavaScript numbers may lose precision.
 * @typedef {{ least: string | null, most: string | null, typical: string | null }} SeedRule
 * @typedef {NumberRule | SeedRule} Rule
 */

const WHOLE = /^([+-]?\d{1,40})(\.0*)?$/;

/** @type {Record<Kind, (...parts: any[]) => unknown>} */
const KEPT = {
  plain: (value) => value,
  seed: (text, mode) =>
    mode === "counting" ? `+${text ?? ""}` : mode === "random" || !text ? null : text,
  box: (...numbers) => numbers,
  table: (value) => value?.data ?? value,
  rows: (value) => value || [],
  // A drawing isn't uploaded: Gradio holds it as a data URL.
  file: (value) => (value?.path ? { file: value.path } : (value?.url ?? value)),
  painted: (value) =>
    value ? { file: value.background.path, mask: value.layers[0]?.path ?? null } : null,
};

/**
 * Convert what Gradio's components hold to browser JSON by field key.
 * @param {readonly HeldField[]} fields
 * @param {readonly unknown[]} values the values of all components in order
 * @returns {Record<string, unknown>}
 */
export function keptValues(fields, values) {
  let at = 0;
  return Object.fromEntries(
    fields.map(([key, kind, count]) => {
      const parts = values.slice(at, at + count);
      at += count;
      return [key, KEPT[kind](...parts)];
    }),
  );
}

/**
 * Convert stored values to the values sent to the app. A counting seed continues from the last one used, or starts from
 * a number typed since then.
 * @param {Record<string, unknown>} kept
 * @param {Record<string, string>} used the seeds of the last run, by field key
 * @param {(key: string) => boolean} isSeed
 */
export const sentValues = (kept, used, isSeed) =>
  Object.fromEntries(
    Object.entries(kept).map(([key, value]) => {
      const counting = isSeed(key) && typeof value === "string" && value.startsWith("+");
      return [key, counting ? countingSeed(value.slice(1).trim(), used[key]) : value];
    }),
  );

/** @param {string} typed @param {string | undefined} used */
const countingSeed = (typed, used) =>
  typed !== "" && typed === used ? { after: typed } : { from: typed || null };

/**
 * Return a link to a form with its values. A link can't contain files.
 * @param {string} page
 * @param {string} workflow
 * @param {Record<string, unknown>} kept
 */
export function linkTo(page, workflow, kept) {
  const link = new URL(page.split(/[?#]/)[0] ?? page);
  link.searchParams.set("workflow", workflow);
  for (const [key, value] of Object.entries(kept)) {
    const text = inLink(value);
    if (text && text !== "+") link.searchParams.set(key, text);
  }
  return link.href;
}

/**
 * Format a value for a link: rows as JSON, a box or curve as a list of its numbers, "" for a value that a link can't
 * contain.
 * @param {unknown} value
 */
function inLink(value) {
  if (isRows(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return numbersOf(value).join(",");
  return typeof value === "object" ? "" : String(value);
}

/** @param {unknown} value @returns {value is Record<string, unknown>[]} */
export const isRows = (value) =>
  Array.isArray(value) &&
  value.every((row) => row && typeof row === "object" && !Array.isArray(row));

/**
 * Return the numbers of a box or a curve, without incomplete rows.
 * @param {readonly unknown[]} rows
 */
export function numbersOf(rows) {
  const isFilledIn = (/** @type {unknown} */ row) =>
    [row].flat().every((number) => number !== null && number !== "");
  return rows.filter(isFilledIn).flat().map(Number);
}

/** @param {string} query @returns the field values in a query string */
export function linked(query) {
  return Object.fromEntries([...new URLSearchParams(query)].filter(([key]) => key.includes(".")));
}

/** @param {string} query */
export function withoutValues(query) {
  const rest = [...new URLSearchParams(query)].filter(([key]) => !key.includes("."));
  return `?${new URLSearchParams(rest)}`;
}

/**
 * Return the number that the app sends for a typed one, null if it refuses it. Mirrors comfy/form/check.py.
 * @param {NumberRule} rule
 * @param {number} typed
 */
export function sentNumber({ whole, min, max, step, grain, typical }, typed) {
  if (typed === typical) return typed;
  const least = min ?? -Infinity;
  const most = max ?? Infinity;
  if (!(typed >= least && typed <= most) || (whole && !Number.isInteger(typed))) return null;
  if (!whole) {
    const rounded = grain ? toGrain(typed, grain) : typed;
    return Math.max(rounded > most ? typed : rounded, least);
  }
  const offset = (((min ?? 0) % step) + step) % step;
  const rounded = Math.floor((typed - offset + Math.floor(step / 2)) / step) * step + offset;
  return Math.max(rounded > most ? rounded - step : rounded, least);
}

/**
 * Return the app's error message for a typed number. Mirrors comfy/form/check.py.
 * @param {NumberRule} rule
 * @param {number | null} typed
 * @returns {string} "" if the app accepts it
 */
export function refusalOf({ whole, min, max, typical }, typed) {
  if (typed === null) return message("Enter a number.");
  if (whole && !Number.isInteger(typed)) return message("Enter a whole number.");
  if (typed === typical) return "";
  if (min !== null && typed < min) return message("Minimum {number}.", { number: String(min) });
  if (max !== null && typed > max) return message("Maximum {number}.", { number: String(max) });
  return "";
}

/**
 * Return the app's error message for a typed seed. The app replaces an empty or blank seed with a random one.
 * @param {SeedRule} rule
 * @param {string} typed
 */
export function seedRefusal({ least, most, typical }, typed) {
  const text = typed.trim();
  if (!text) return "";
  const [, digits] = WHOLE.exec(text) ?? [];
  if (!digits) return message("Enter a whole number.");
  const seed = BigInt(digits);
  if (String(seed) === typical) return "";
  if (least !== null && seed < BigInt(least))
    return message("Minimum {number}.", { number: least });
  if (most !== null && seed > BigInt(most)) return message("Maximum {number}.", { number: most });
  return "";
}

/**
 * Clamp a number to its limits, as a slider does.
 * @param {NumberRule} rule
 * @param {number} typed
 */
export const clamped = ({ min, max }, typed) =>
  Math.min(max ?? Infinity, Math.max(min ?? -Infinity, typed));

/**
 * Round to a multiple of the grain, halves away from zero, and remove floating-point noise.
 * @param {number} value
 * @param {number} grain
 */
function toGrain(value, grain) {
  const grains = Math.round(Number((Math.abs(value) / grain).toPrecision(12)));
  return Math.sign(value) * Number((grains * grain).toPrecision(12));
}

/**
 * Explain why a typed number was changed.
 * @param {NumberRule} rule
 * @param {number} typed
 * @param {number} sent
 */
export function changeWords({ min, max, step, whole }, typed, sent) {
  // Write numbers as the field itself does, not localized.
  const numbers = { typed: String(typed), sent: String(sent), step: String(step) };
  const changed = message("Changed from {typed} to {sent}.", numbers);
  if (max !== null && typed > max) {
    const limit = message("Maximum {number}.", { number: String(max) });
    return `${changed} ${limit}`;
  }
  if (min !== null && typed < min) {
    const limit = message("Minimum {number}.", { number: String(min) });
    return `${changed} ${limit}`;
  }
  return whole
    ? message("Changed from {typed} to {sent} to match the step size of {step}.", numbers)
    : changed;
}

/**
 * Return whether a stored value can be sent, as far as the browser can tell.
 * @param {Kind} kind
 * @param {Rule | undefined} rule
 * @param {unknown} value
 */
export function isRight(kind, rule, value) {
  if (rule && "least" in rule) return !seedRefusal(rule, String(value ?? "").replace(/^\+/, ""));
  if (rule) return typeof value === "number" && sentNumber(rule, value) !== null;
  if (kind === "box") return isBox(/** @type {unknown[]} */ (value));
  if (kind === "rows") return isRows(value);
  if (kind === "table") return isCurve(/** @type {unknown[][]} */ (value));
  return value !== null && value !== "";
}

/** @param {readonly unknown[]} value x, y, width and height */
function isBox(value) {
  const [x = -1, y = -1, width = 0, height = 0] = numbersOf(value);
  return x >= 0 && y >= 0 && width >= 1 && height >= 1;
}

/**
 * Return whether a curve has at least two points, no two with the same x, and no incomplete row.
 * @param {readonly unknown[][]} rows
 */
function isCurve(rows) {
  const used = rows.filter((row) => row.some((number) => number !== null && number !== ""));
  const numbers = numbersOf(used);
  const across = new Set(numbers.filter((_, at) => at % 2 === 0));
  const isWhole = numbers.length === 2 * used.length && numbers.every(Number.isFinite);
  return isWhole && used.length >= 2 && across.size === used.length;
}
