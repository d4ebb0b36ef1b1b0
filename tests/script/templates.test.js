// Filters and order of the templates in their dialog.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ANY, chosenOf, sectionsOf, valuesOf } from "../../ui/page/script/templates/choosing.js";

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

test("sections begin with what runs, and with the smallest downloads", () => {
  const lacking = (size) => ({ ...known("models"), size });
  const templates = [
    template("needs nodes"),
    template("large", { usage: 900 }),
    template("costs credits", { usage: 800 }),
    template("runs", { usage: 1 }),
    template("runs often", { usage: 5 }),
    template("small"),
    template("unknown size"),
  ];
  const readiness = {
    "needs nodes": known("nodes"),
    large: lacking(20e9),
    "costs credits": known("nothing", true),
    runs: known("nothing"),
    "runs often": known("nothing"),
    small: lacking(6.9e9),
    "unknown size": lacking(0),
  };
  const sections = sectionsOf(chosenOf(templates, readiness, ANY), readiness);
  assert.deepEqual(
    sections.map(({ kind, bytes, templates: own }) => [kind, bytes, ids(own)]),
    [
      ["runs", 0, ["runs often", "runs", "costs credits"]],
      ["closest", 6.9e9, ["small", "large"]],
      ["more", 0, ["unknown size", "needs nodes"]],
    ],
  );
  const many = Array.from({ length: 9 }, (_, at) => template(String(at)));
  const sizes = Object.fromEntries(many.map(({ id }) => [id, lacking(1 + Number(id))]));
  assert.deepEqual(
    sectionsOf(many, sizes).map(({ kind, templates: own }) => [kind, own.length]),
    [
      ["closest", 5],
      ["more", 4],
    ],
  );
});

test("the most used come first, whatever the check has found", () => {
  const templates = [template("a", { usage: 1 }), template("b", { usage: 2 })];
  assert.deepEqual(ids(chosenOf(templates, {}, ANY)), ["b", "a"]);
  assert.deepEqual(ids(chosenOf(templates, { a: known("nothing") }, ANY)), ["b", "a"]);
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
  assert.deepEqual(found({ model: "wan" }), ["boat"]);
  assert.deepEqual(found({ input: "image" }), ["boat"]);
  assert.deepEqual(found({ output: "video" }), ["boat"]);
  assert.deepEqual(found({ runs: true }), ["song"]);
  assert.deepEqual(found({ text: "musica son" }), ["song"]);
  assert.deepEqual(found({ text: "wan", output: "audio" }), []);
});

test("the words of the model filter match within one model", () => {
  const templates = [
    template("both", { models: ["Wan 2.1", "Flux 2.2"] }),
    template("one", { models: ["Flux", "Wan 2.2"] }),
    template("none"),
  ];
  const found = (model) => ids(chosenOf(templates, {}, { ...ANY, model }));
  assert.deepEqual(found("wan 2.2"), ["one"]);
  assert.deepEqual(found("2.2 wan"), ["one"]);
  assert.deepEqual(found(""), ["both", "one", "none"]);
});

test("the menus offer what the templates have", () => {
  const templates = [
    template("a", { models: ["Wan", "Flux", "None"], outputs: ["video"] }),
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
