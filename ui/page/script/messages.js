// @ts-check
// What is said to people, in the language of the page: each call has the English sentence as it stands in the
// catalogues of ui/languages, found there by `pybabel extract`. No variable and no template may be in its place.

/** @typedef {Record<string, string | number>} Values */

const { lang, dataset } = globalThis.document?.documentElement ?? { lang: "en", dataset: {} };
/** What a page in English needs none of. */
const { texts, pluralForm } = dataset.messages
  ? await import(new URL(dataset.messages, document.baseURI).href)
  : { texts: {}, pluralForm: () => 0 };

/** The language of the page. */
export const LANGUAGE = dataset.language ?? lang;

/** @param {string} [tag] of a language; without one it is the browser's own */
const written = (tag = Intl.NumberFormat().resolvedOptions().locale) => {
  const { language, script } = new Intl.Locale(tag).maximize();
  return `${language}-${script}`;
};

/** How numbers and dates are written: as the browser does, where that is in the page's language. */
export const LOCALE = written() === written(LANGUAGE) ? undefined : LANGUAGE;

/** @param {string | number} value */
const valueWords = (value) => (typeof value === "number" ? value.toLocaleString(LOCALE) : value);

/**
 * @param {string} sentence
 * @param {Values} values
 */
const filled = (sentence, values) =>
  sentence.replace(/\{(\w+)\}/g, (place, name) => valueWords(values[name] ?? place));

/** @param {number} percent */
export const percentWords = (percent) =>
  (percent / 100).toLocaleString(LOCALE, { style: "percent" });

/**
 * A sentence with its values.
 * @param {string} sentence
 * @param {Values} [values]
 */
export const message = (sentence, values = {}) => filled(texts[sentence] || sentence, values);

/**
 * Return a value behind its name: "Steps: Enter a number."
 * @param {string} name
 * @param {string | number} value
 */
export const labeled = (name, value) => message("{name}: {value}", { name, value });

/**
 * Return the label of a button that opens a dialog.
 * @param {string} words
 */
export const withEllipsis = (words) => `${words}…`;

/**
 * Return a label with its keyboard shortcut.
 * @param {string} words
 * @param {string} key
 */
export const withKey = (words, key) => `${words} (${key})`;

/**
 * A sentence about a number of things: `one` is said of 1, `several` of all others.
 * @param {string} one
 * @param {string} several
 * @param {Values & { count: number }} values
 */
export function plural(one, several, values) {
  const form = texts[one]?.[pluralForm(values.count)];
  return filled(form || (values.count === 1 ? one : several), values);
}
