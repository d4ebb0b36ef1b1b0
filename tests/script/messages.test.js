// Messages in the language of the page.

import assert from "node:assert/strict";
import { test } from "node:test";

const MODULE = "../../ui/page/script/messages.js";

/**
 * Import the module as a page in this language does.
 * @param {string} lang
 * @param {string} catalog the source of a module as ui/languages generates it, or "" if the page names none
 */
async function messagesIn(lang, catalog = "") {
  const messages = catalog && `data:text/javascript,${encodeURIComponent(catalog)}`;
  globalThis.document = { documentElement: { lang, dataset: { messages } }, baseURI: "http://a/" };
  return import(`${MODULE}?${lang}`);
}

const english = await messagesIn("en");
const polish = await messagesIn(
  "pl",
  `export const texts = {
    "Try again.": "Spróbuj ponownie.",
    "Reset {field}": "Przywróć: {field}",
    "Not yet": "",
    "{count} file": ["{count} plik", "{count} pliki", "{count} plików"],
    "{count} run": ["", "", ""],
  };
  export const pluralForm = (n) =>
    Number(n == 1 ? 0 : n % 10 >= 2 && n % 10 <= 4 && (n % 100 < 12 || n % 100 > 14) ? 1 : 2);`,
);

test("translates a sentence and inserts its values verbatim", () => {
  assert.equal(english.message("Try again."), "Try again.");
  assert.equal(english.message("Reset {field}", { field: "{field} $1" }), "Reset {field} $1");
  assert.equal(polish.message("Try again."), "Spróbuj ponownie.");
  assert.equal(polish.message("Reset {field}", { field: "Kroki" }), "Przywróć: Kroki");
});

test("keeps unfilled placeholders and falls back to English", () => {
  assert.equal(polish.message("Reset {field}"), "Przywróć: {field}");
  assert.equal(polish.message("Not yet"), "Not yet");
  assert.equal(polish.message("Never heard of {name}", { name: "x" }), "Never heard of x");
});

test("uses the plural forms of the language", () => {
  const files = (messages, count) => messages.plural("{count} file", "{count} files", { count });
  assert.deepEqual(
    [0, 1, 2, 5, 22].map((count) => files(polish, count)),
    ["0 plików", "1 plik", "2 pliki", "5 plików", "22 pliki"],
  );
  assert.deepEqual(
    [0, 1, 2].map((count) => files(english, count)),
    ["0 files", "1 file", "2 files"],
  );
  assert.equal(polish.plural("{count} run", "{count} runs", { count: 1 }), "1 run");
  assert.equal(polish.plural("{count} run", "{count} runs", { count: 3 }), "3 runs");
});

test("formats numbers for the language but keeps texts as they are", async () => {
  const german = await messagesIn("de");
  assert.equal(german.message("{n} MP", { n: 12345.5 }), "12.345,5 MP");
  assert.equal(german.message("{n} MP", { n: "12345.5" }), "12345.5 MP");
  assert.equal(german.percentWords(68), "68\u00a0%");
  assert.equal(english.percentWords(68), "68%");
});
