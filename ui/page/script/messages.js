// @ts-check
// Translation of messages into the language of the page. `just messages` collects the English sentences from the
// calls for the catalogs, so each call needs a string literal: no variable and no template.

/** @typedef {Record<string, string | number>} Values */

const { lang, dataset } = globalThis.document?.documentElement ?? { lang: "en", dataset: {} };
/** Import the messages until they come. A browser repeats a failed import only of another URL. @returns {Promise<any>} */
const imported = async (tries = 0) => {
  await new Promise((done) => setTimeout(done, Math.min(1000 * tries, 5000)));
  const again = tries ? `?again=${tries}` : "";
  const address = new URL(`${dataset.messages}${again}`, document.baseURI);
  return import(address.href).catch(() => imported(tries + 1));
};
/** Translations and plural rule. A page in English needs neither. */
const { texts, pluralForm } = dataset.messages
  ? await imported()
  : { texts: {}, pluralForm: () => 0 };

/** The app's name, which the administrator can choose. */
export const APP = dataset.app ?? "ComfyForms";

/** Language of the page, also of its numbers and dates. */
export const LANGUAGE = dataset.language ?? lang;

/** @param {string | number} value */
const valueWords = (value) => (typeof value === "number" ? value.toLocaleString(LANGUAGE) : value);

/** @param {string} sentence @param {Values} values */
const filled = (sentence, values) =>
  sentence
    .replaceAll("ComfyForms", APP)
    .replace(/\{(\w+)\}/g, (place, name) => valueWords(values[name] ?? place));

/** @param {number} percent */
export const percentWords = (percent) =>
  (percent / 100).toLocaleString(LANGUAGE, { style: "percent" });

/**
 * Translate a sentence and fill in its values.
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

/** @param {string} words @returns the label of a button that opens a dialog */
export const withEllipsis = (words) => message("{words}…", { words });

/** @param {string} words @param {string} key */
export const withKey = (words, key) => `${words} (${key})`;

/**
 * Translate a sentence that depends on a count. In English, `one` is for 1 and `several` for every other number.
 * @param {string} one
 * @param {string} several
 * @param {Values & { count: number }} values
 */
export function plural(one, several, values) {
  const form = texts[one]?.[pluralForm(values.count)];
  return filled(form || (values.count === 1 ? one : several), values);
}
