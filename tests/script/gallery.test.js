// Filters and order of the templates in the gallery.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ANY, chosenOf, valuesOf } from "../../ui/page/script/gallery/choosing.js";

const template = (id, more = {}) => ({
  id,
  title: id,
  description: "",
  category: "Image",
  pack: "",
  tags: [],
  models: [],
  inputs: [],
  outputs: [],
  usage: 0,
  ...more,
});
const known = (needs, isPaid = false) => ({
  needs,
  can_run: needs === "nothing",
  is_paid: isPaid,
});
const ids = (templates) => templates.map(({ id }) => id);

test("templates that run come first, then by usage", () => {
  const templates = [
    template("needs nodes"),
    template("needs models", { usage: 900 }),
    template("costs credits", { usage: 800 }),
    template("runs", { usage: 1 }),
    template("runs often", { usage: 5 }),
    template("runs too", { usage: 1 }),
  ];
  const readiness = {
    "needs nodes": known("nodes"),
    "needs models": known("models"),
    "costs credits": known("nothing", true),
    runs: known("nothing"),
    "runs often": known("nothing"),
    "runs too": known("nothing"),
  };
  assert.deepEqual(ids(chosenOf(templates, readiness, ANY)), [
    "runs often",
    "runs",
    "runs too",
    "costs credits",
    "needs models",
    "needs nodes",
  ]);
});

test("before the check, the most used come first", () => {
  const templates = [template("a", { usage: 1 }), template("b", { usage: 2 })];
  assert.deepEqual(ids(chosenOf(templates, {}, ANY)), ["b", "a"]);
});

test("each filter narrows the list", () => {
  const templates = [
    template("boat", { models: ["Wan 2.2"], inputs: ["image"], outputs: ["video"] }),
    template("song", { category: "Audio", outputs: ["audio"], tags: ["Música"] }),
  ];
  const readiness = { boat: known("models"), song: known("nothing") };
  const found = (filter) => ids(chosenOf(templates, readiness, { ...ANY, ...filter }));
  assert.deepEqual(found({ category: "Audio" }), ["song"]);
  assert.deepEqual(found({ model: "Wan 2.2" }), ["boat"]);
  assert.deepEqual(found({ input: "image" }), ["boat"]);
  assert.deepEqual(found({ output: "video" }), ["boat"]);
  assert.deepEqual(found({ runs: true }), ["song"]);
  assert.deepEqual(found({ text: "musica son" }), ["song"]);
  assert.deepEqual(found({ text: "wan", output: "audio" }), []);
});

test("the menus offer what the templates have", () => {
  const templates = [
    template("a", { models: ["Wan", "Flux"], outputs: ["video"] }),
    template("b", { category: "Video", outputs: ["image"] }),
    template("c", { category: "", outputs: ["image"] }),
  ];
  assert.deepEqual(valuesOf(templates), {
    categories: ["Image", "Video"],
    models: ["Flux", "Wan"],
    inputs: [],
    outputs: ["image", "video"],
  });
});
