// Field values as the browser keeps them, with the samples that Python reads back.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { keptValues, linked, linkTo, shape } from "../../ui/page/script/values.js";

const samples = JSON.parse(
  readFileSync(new URL("../data/browser_values.json", import.meta.url), "utf8"),
);

for (const { kind, parts, kept } of samples)
  test(`a ${kind} of ${JSON.stringify(parts)} is kept as ${JSON.stringify(kept)}`, () => {
    assert.deepEqual(keptValues([["1.x", kind]], parts), { "1.x": kept });
  });

test("the values of all components are told apart by how many each field has", () => {
  const fields = [
    ["1.text", "plain"],
    ["2.seed", "seed"],
    ["3.steps", "plain"],
  ];
  assert.deepEqual(keptValues(fields, ["a cat", "5", "fixed", 20]), {
    "1.text": "a cat",
    "2.seed": "5",
    "3.steps": 20,
  });
});

test("a link carries the values that are texts and numbers, and an address gives them back", () => {
  const link = linkTo("http://host/app/?old=1#there", "to image", {
    "1.text": "a & b",
    "2.seed": null,
    "3.file": { file: "x" },
    "4.empty": "",
    "5.steps": 3,
  });
  assert.equal(link, "http://host/app/?workflow=to+image&1.text=a+%26+b&5.steps=3");
  assert.deepEqual(linked(new URL(link).search), { "1.text": "a & b", "5.steps": "3" });
});

test("a shape keeps the area, in steps and within limits", () => {
  assert.deepEqual(shape("1", 512, 1024, 8, 16, 4096), ["", 728, 728]);
  assert.deepEqual(shape("1.5", 512, 512, 64, 16, 576), ["", 576, 448]);
  assert.deepEqual(shape("", 500, 300, 8, 0, 4096), ["", 500, 300]);
});
