// Which models the picker shows, and the trigger words for a prompt.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  basesOf,
  FAVOURITES,
  FITTING,
  foldersOf,
  matchingModels,
  missingWords,
  ORDERS,
  RECENTLY,
  withoutWord,
  withUsed,
  withWords,
} from "../../../ui/page/script/models/choosing.js";

const model = (value, facts = {}) => {
  const at = value.lastIndexOf("/");
  const folder = at < 0 ? "" : value.slice(0, at);
  const known = { size: 0, modified: 0, is_file: true, base_model: "", fits: true, made: "" };
  return { value, label: value.slice(at + 1), folder, ...known, ...facts };
};
const MODELS = ["plain", "styles/Ink lines", "styles/old/ink", "people/Ann"].map((one) =>
  model(one),
);
const BASES = [
  model("a", { base_model: "SD 1", size: 1, modified: 3 }),
  model("b", { base_model: "SDXL", fits: false, size: 3, modified: 1 }),
  model("c", { base_model: "SDXL", fits: false, size: 2, modified: 2 }),
  model("d"),
];
const valuesOf = (models) => models.map(({ value }) => value);
const shown = (models, wanted) =>
  valuesOf(
    matchingModels(models, {
      text: "",
      folder: "",
      filter: "",
      recent: [],
      favourites: [],
      ...wanted,
    }),
  );

test("folders are listed once, by name", () => {
  assert.deepEqual(foldersOf(MODELS), ["people", "styles", "styles/old"]);
});

test("a search finds all words in names and folders", () => {
  assert.deepEqual(shown(MODELS, { text: "INK styles" }), ["styles/Ink lines", "styles/old/ink"]);
  assert.deepEqual(shown(MODELS, { text: "nothing" }), []);
});

test("a folder has the models of the folders below it", () => {
  assert.deepEqual(shown(MODELS, { folder: "styles" }), ["styles/Ink lines", "styles/old/ink"]);
  assert.deepEqual(shown(MODELS, { folder: "style" }), []);
});

test("recently used models and favorites keep their order, without removed ones", () => {
  const kept = ["people/Ann", "gone", "plain"];
  assert.deepEqual(shown(MODELS, { filter: RECENTLY, recent: kept }), ["people/Ann", "plain"]);
  assert.deepEqual(shown(MODELS, { filter: FAVOURITES, favourites: kept }), [
    "people/Ann",
    "plain",
  ]);
  assert.deepEqual(withUsed(kept, "plain"), ["plain", "people/Ann", "gone"]);
});

test("models of another base model are left out, but not the chosen one", () => {
  assert.deepEqual(basesOf(BASES), { isMixed: true, bases: ["SDXL", "SD 1"] });
  assert.equal(basesOf(MODELS).isMixed, false);
  assert.deepEqual(shown(BASES, { filter: FITTING }), ["a", "d"]);
  assert.deepEqual(shown(BASES, { filter: FITTING, value: "c" }), ["a", "c", "d"]);
  assert.deepEqual(shown(BASES, { filter: "SDXL" }), ["b", "c"]);
});

test("models are in order of their dates or sizes", () => {
  assert.deepEqual(shown(BASES, { order: ORDERS.newest }), ["a", "c", "b", "d"]);
  assert.deepEqual(shown(BASES, { order: ORDERS.largest }), ["b", "c", "a", "d"]);
});

test("a word is taken out of the prompt with its comma", () => {
  assert.equal(withoutWord("a boat, Ink Drawing, thin lines", "ink drawing"), "a boat, thin lines");
  assert.equal(withoutWord("ink, a boat", "ink"), "a boat");
  assert.equal(withoutWord("a boat", "ink"), "a boat");
});

test("only missing trigger words are added to the prompt", () => {
  const words = ["ink drawing", "thin lines"];
  assert.deepEqual(missingWords(words, "an Ink Drawing of a boat"), ["thin lines"]);
  assert.equal(withWords("a boat\n", words), "a boat, ink drawing, thin lines");
  assert.equal(withWords("a boat,", ["ink"]), "a boat, ink");
  assert.equal(withWords("", ["ink"]), "ink");
  assert.equal(withWords("a boat ", []), "a boat ");
});
