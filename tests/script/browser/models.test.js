// Which models the picker shows, and the trigger words for a prompt.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  foldersOf,
  matchingModels,
  missingWords,
  RECENTLY,
  withUsed,
  withWords,
} from "../../../ui/page/script/models/choosing.js";

const model = (value) => {
  const at = value.lastIndexOf("/");
  const folder = at < 0 ? "" : value.slice(0, at);
  return { value, label: value.slice(at + 1), folder, size: 0, modified: 0, is_file: true };
};
const MODELS = ["plain", "styles/Ink lines", "styles/old/ink", "people/Ann"].map(model);
const valuesOf = (models) => models.map(({ value }) => value);

test("folders are listed once, by name", () => {
  assert.deepEqual(foldersOf(MODELS), ["people", "styles", "styles/old"]);
});

test("a search finds all words in names and folders", () => {
  assert.deepEqual(valuesOf(matchingModels(MODELS, "INK styles", "", [])), [
    "styles/Ink lines",
    "styles/old/ink",
  ]);
  assert.deepEqual(matchingModels(MODELS, "nothing", "", []), []);
});

test("a folder has the models of the folders below it", () => {
  assert.deepEqual(valuesOf(matchingModels(MODELS, "", "styles", [])), [
    "styles/Ink lines",
    "styles/old/ink",
  ]);
  assert.equal(matchingModels(MODELS, "", "style", []).length, 0);
});

test("recently used models keep their order, without removed ones", () => {
  const recent = ["people/Ann", "gone", "plain"];
  assert.deepEqual(valuesOf(matchingModels(MODELS, "", RECENTLY, recent)), ["people/Ann", "plain"]);
  assert.deepEqual(withUsed(recent, "plain"), ["plain", "people/Ann", "gone"]);
});

test("only missing trigger words are added to the prompt", () => {
  const words = ["ink drawing", "thin lines"];
  assert.deepEqual(missingWords(words, "an Ink Drawing of a boat"), ["thin lines"]);
  assert.equal(withWords("a boat\n", words), "a boat, ink drawing, thin lines");
  assert.equal(withWords("a boat,", ["ink"]), "a boat, ink");
  assert.equal(withWords("", ["ink"]), "ink");
  assert.equal(withWords("a boat ", []), "a boat ");
});
