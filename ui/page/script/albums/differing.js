// @ts-check
// Values in which results of one workflow differ. Pure.

/**
 * Return the fields in which results differ, each with its value in every result as text.
 * @param {readonly Record<string, unknown>[]} results
 * @param {readonly string[]} keys
 * @returns {[string, string[]][]}
 */
export const differing = (results, keys) =>
  keys.flatMap((key) => {
    const texts = results.map((values) => textOf(values[key]));
    return new Set(texts).size > 1 ? [/** @type {[string, string[]]} */ ([key, texts])] : [];
  });

/** @param {unknown} value */
const textOf = (value) =>
  value === null || value === undefined
    ? ""
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
