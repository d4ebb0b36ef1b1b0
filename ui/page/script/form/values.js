// @ts-check
// How a field's value looks in the browser's keeping and in links. ui/documents/browser_values.py is the description. Pure.

import { message } from "../messages.js";

/**
 * How the values of a field's components become the field's value: ui/page/form/kinds/view.py.
 * @typedef {"plain" | "seed" | "box" | "table" | "file" | "painted"} Kind
 *
 * A field's key, the row that reads its components, and how many these are: ui/page/form/controls.py.
 * @typedef {[key: string, kind: Kind, parts: number]} HeldField
 */

/**
 * What a number has to keep to, as ui/documents/browser_values.py says. `typical` is the author's own
 * value, which is never changed.
 * @typedef {{ whole: boolean, min: number | null, max: number | null, step: number, grain: number | null,
 *   typical: number | null }} NumberRule
 *
 * The same of a seed, in digits: it may have more of them than a browser's numbers keep.
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
  // A drawing is never uploaded: Gradio holds it as a data address.
  file: (value) => (value?.path ? { file: value.path } : (value?.url ?? value)),
  painted: (value) =>
    value ? { file: value.background.path, mask: value.layers[0]?.path ?? null } : null,
};

/**
 * Convert what Gradio's components hold to browser JSON by field key.
 * @param {readonly HeldField[]} fields
 * @param {readonly unknown[]} values of all their components in turn
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
 * What the app is sent of values as they are kept: a seed that counts continues from the one that was used, or starts
 * with what was typed since.
 * @param {Record<string, unknown>} kept
 * @param {Record<string, string>} used the seeds of the last run, by the fields' keys
 * @param {(key: string) => boolean} isSeed
 */
export const sentValues = (kept, used, isSeed) =>
  Object.fromEntries(
    Object.entries(kept).map(([key, value]) => {
      const counting = isSeed(key) && typeof value === "string" && value.startsWith("+");
      return [key, counting ? countingSeed(value.slice(1).trim(), used[key]) : value];
    }),
  );

/**
 * @param {string} typed
 * @param {string | undefined} used
 */
const countingSeed = (typed, used) =>
  typed !== "" && typed === used ? { after: typed } : { from: typed || null };

/**
 * The address of a form that is filled in; files are no part of it.
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
 * A value as an address carries it: the numbers of boxes and curves in turn; "" for what it cannot carry.
 * @param {unknown} value
 */
function inLink(value) {
  if (Array.isArray(value)) return numbersOf(value).join(",");
  return typeof value === "object" ? "" : String(value);
}

/**
 * The numbers of a box or a curve, as far as its rows are filled in.
 * @param {readonly unknown[]} rows
 */
export function numbersOf(rows) {
  const isFilledIn = (/** @type {unknown} */ row) =>
    [row].flat().every((number) => number !== null && number !== "");
  return rows.filter(isFilledIn).flat().map(Number);
}

/**
 * The values that an address carries.
 * @param {string} query
 */
export function linked(query) {
  return Object.fromEntries([...new URLSearchParams(query)].filter(([key]) => key.includes(".")));
}

/**
 * The query of an address without the values that it carries.
 * @param {string} query
 */
export function withoutValues(query) {
  const rest = [...new URLSearchParams(query)].filter(([key]) => !key.includes("."));
  return `?${new URLSearchParams(rest)}`;
}

/**
 * The number that the app sends for one that was typed, null where it refuses that: comfy/form/check.py in the browser.
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
 * Why the app refuses a number that was typed, in its own words: comfy/form/check.py in the browser.
 * @param {NumberRule} rule
 * @param {number | null} typed
 * @returns {string} "" where it takes it
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
 * The same of a seed. None, or one of blanks, is drawn.
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
 * A number brought within its limits, as a slider does.
 * @param {NumberRule} rule
 * @param {number} typed
 */
export const clamped = ({ min, max }, typed) =>
  Math.min(max ?? Infinity, Math.max(min ?? -Infinity, typed));

/**
 * Half a grain goes away from zero. What binary fractions add in the last digits is taken away.
 * @param {number} value
 * @param {number} grain
 */
function toGrain(value, grain) {
  const grains = Math.round(Number((Math.abs(value) / grain).toPrecision(12)));
  return Math.sign(value) * Number((grains * grain).toPrecision(12));
}

/**
 * Why a number that was typed is another one now.
 * @param {NumberRule} rule
 * @param {number} typed
 * @param {number} sent
 */
export function changeWords({ min, max, step, whole }, typed, sent) {
  // As the field itself writes them.
  const numbers = { typed: String(typed), sent: String(sent), step: String(step) };
  if (max !== null && typed > max)
    return message("Changed from {typed} to {sent}, the maximum.", numbers);
  if (min !== null && typed < min)
    return message("Changed from {typed} to {sent}, the minimum.", numbers);
  return whole
    ? message("Changed from {typed} to {sent}: only steps of {step}.", numbers)
    : message("Changed from {typed} to {sent}.", numbers);
}

/**
 * Whether a value as it is kept can be sent, so far as the browser can tell.
 * @param {Kind} kind
 * @param {Rule | undefined} rule
 * @param {unknown} value
 */
export function isRight(kind, rule, value) {
  if (rule && "least" in rule) return !seedRefusal(rule, String(value ?? "").replace(/^\+/, ""));
  if (rule) return typeof value === "number" && sentNumber(rule, value) !== null;
  if (kind === "box") return isBox(/** @type {unknown[]} */ (value));
  if (kind === "table") return isCurve(/** @type {unknown[][]} */ (value));
  return value !== null && value !== "";
}

/** @param {readonly unknown[]} value x, y, width and height */
function isBox(value) {
  const [x = -1, y = -1, width = 0, height = 0] = numbersOf(value);
  return x >= 0 && y >= 0 && width >= 1 && height >= 1;
}

/**
 * Two points at least, no two above each other, and no row that is filled in by half.
 * @param {readonly unknown[][]} rows
 */
function isCurve(rows) {
  const used = rows.filter((row) => row.some((number) => number !== null && number !== ""));
  const numbers = numbersOf(used);
  const across = new Set(numbers.filter((_, at) => at % 2 === 0));
  const isWhole = numbers.length === 2 * used.length && numbers.every(Number.isFinite);
  return isWhole && used.length >= 2 && across.size === used.length;
}
