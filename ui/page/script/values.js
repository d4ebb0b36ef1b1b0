// @ts-check
// How a field's value looks in the browser's keeping and in links. ui/view/browser_values.py is the description. Pure.

/** @typedef {"plain" | "seed" | "file"} Kind */

/** How many components a field of a kind has. */
const PARTS = { plain: 1, seed: 2, file: 1 };

/** @type {Record<Kind, (...parts: any[]) => unknown>} */
const KEPT = {
  plain: (value) => value,
  seed: (text, mode) =>
    mode === "random" || !text ? null : mode === "counting" ? `+${text}` : text,
  file: (value) => (value?.path ? { file: value.path } : value),
};

/**
 * What Gradio's components hold, by field key, as it is kept.
 * @param {readonly [string, Kind][]} fields
 * @param {readonly unknown[]} values of all their components in turn
 * @returns {Record<string, unknown>}
 */
export function keptValues(fields, values) {
  let at = 0;
  return Object.fromEntries(
    fields.map(([key, kind]) => {
      const parts = values.slice(at, at + PARTS[kind]);
      at += PARTS[kind];
      return [key, KEPT[kind](...parts)];
    }),
  );
}

/**
 * The address of a form that is filled in; files are no part of it.
 * @param {string} page
 * @param {string} workflow
 * @param {Record<string, unknown>} kept
 */
export function linkTo(page, workflow, kept) {
  const link = new URL(page.split(/[?#]/)[0] ?? page);
  link.searchParams.set("workflow", workflow);
  for (const [key, value] of Object.entries(kept))
    if (value !== null && value !== "" && typeof value !== "object")
      link.searchParams.set(key, String(value));
  return link.href;
}

/**
 * The values that an address carries.
 * @param {string} query
 */
export function linked(query) {
  return Object.fromEntries([...new URLSearchParams(query)].filter(([key]) => key.includes(".")));
}

/**
 * Width and height of a shape with the same area; as outputs of the control that was used and of both numbers.
 * @param {string} ratio "" leaves them as they are
 * @param {number} width
 * @param {number} height
 * @param {number} step
 * @param {number} least
 * @param {number} most
 */
export function shape(ratio, width, height, step, least, most) {
  const wanted = Number(ratio);
  if (!wanted) return ["", width, height];
  const area = Math.max(1, width * height);
  const fit = (/** @type {number} */ size) =>
    Math.min(most, Math.max(least, Math.round(size / step) * step));
  return ["", fit(Math.sqrt(area * wanted)), fit(Math.sqrt(area / wanted))];
}
