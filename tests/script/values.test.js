// Field values as the browser stores them, with the same samples as the Python tests.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  changeWords,
  clamped,
  isRight,
  keptValues,
  linked,
  linkTo,
  refusalOf,
  seedRefusal,
  sentNumber,
  withoutValues,
} from "../../ui/page/script/form/values.js";

const samples = JSON.parse(
  readFileSync(new URL("../data/browser_values.json", import.meta.url), "utf8"),
);

const numbers = JSON.parse(
  readFileSync(new URL("../data/browser_numbers.json", import.meta.url), "utf8"),
);
const seeds = JSON.parse(
  readFileSync(new URL("../data/browser_seeds.json", import.meta.url), "utf8"),
);
const ruleOf = ({ type, min, max, step, round, ...field }) => ({
  whole: type === "INT",
  min,
  max,
  step: type === "INT" ? step : 0,
  grain: round ?? null,
  typical: field.default ?? null,
});

for (const field of numbers)
  test(`sends ${field.typed} as ${field.sent} for ${JSON.stringify(field)}`, () => {
    assert.equal(sentNumber(ruleOf(field), field.typed), field.sent);
  });

for (const field of numbers)
  test(`explains ${field.typed} only if refused by ${JSON.stringify(field)}`, () => {
    assert.equal(refusalOf(ruleOf(field), field.typed) !== "", field.sent === null);
  });

for (const { typed, said, least, most, typical = null } of seeds)
  test(`the seed "${typed}" from ${least} to ${most} gives "${said}"`, () => {
    assert.equal(seedRefusal({ least, most, typical }, typed), said);
  });

test("explains a refused number in the app's words", () => {
  const rule = ruleOf(numbers[0]);
  assert.equal(refusalOf(rule, null), "Enter a number.");
  assert.equal(refusalOf(rule, 600.5), "Enter a whole number.");
  assert.equal(refusalOf(rule, 7), "Minimum 16.");
  assert.equal(refusalOf(rule, 99999), "Maximum 1024.");
});

test("clamps a slider's number and explains the change", () => {
  const rule = ruleOf({ type: "INT", widget: "slider", min: 1, max: 8, step: 1 });
  assert.deepEqual(
    [99, 0, 3].map((typed) => clamped(rule, typed)),
    [8, 1, 3],
  );
  assert.equal(changeWords(rule, 99, 8), "Changed from 99 to 8. Maximum 8.");
  assert.equal(changeWords(rule, 0, 1), "Changed from 0 to 1. Minimum 1.");
  const eights = ruleOf({ ...numbers[0] });
  assert.equal(
    changeWords(eights, 513, 512),
    "Changed from 513 to 512 to match the step size of 8.",
  );
});

test("a value is valid if it can be sent", () => {
  const rule = ruleOf(numbers[0]);
  assert.ok(isRight("plain", rule, 512) && !isRight("plain", rule, null));
  assert.ok(!isRight("plain", rule, 99999));
  const seed = { least: "0", most: "18446744073709551615", typical: null };
  assert.ok(isRight("seed", seed, null) && isRight("seed", seed, "+7"));
  assert.ok(!isRight("seed", seed, "minus one") && !isRight("seed", seed, `9${seed.most}`));
  assert.ok(isRight("file", undefined, { file: "x" }) && !isRight("file", undefined, null));
});

for (const { kind, parts, kept } of samples)
  test(`stores a ${kind} of ${JSON.stringify(parts)} as ${JSON.stringify(kept)}`, () => {
    assert.deepEqual(keptValues([["1.x", kind, parts.length]], parts), { "1.x": kept });
  });

test("assigns component values to fields by their number", () => {
  const fields = [
    ["1.text", "plain", 1],
    ["2.seed", "seed", 2],
    ["3.steps", "plain", 1],
  ];
  assert.deepEqual(keptValues(fields, ["a cat", "5", "fixed", 20]), {
    "1.text": "a cat",
    "2.seed": "5",
    "3.steps": 20,
  });
});

test("a box or a curve is valid if it can be sent", () => {
  const rest = [
    [null, null],
    ["", ""],
  ];
  assert.ok(isRight("box", undefined, [0, 0, 64, 1]));
  for (const box of [
    [0, 0, 0, 64],
    [-1, 0, 64, 64],
    [0, 0, null, 64],
    [0, null, 64, 64],
  ])
    assert.ok(!isRight("box", undefined, box), `${box}`);
  assert.ok(isRight("table", undefined, [[0, 0], ["1", "0.5"], ...rest]));
  for (const curve of [
    [[0, 0]],
    [
      [0, 0],
      [0, 1],
    ],
    [
      [0, 0],
      [1, null],
      [2, 1],
    ],
    [
      [0, 0],
      ["a", 1],
    ],
  ])
    assert.ok(!isRight("table", undefined, [...curve, ...rest]), `${curve}`);
});

test("rows are a list of objects, and a link has them as JSON", () => {
  const rows = [{ on: true, lora: "a", strength: 0.5 }, {}];
  assert.ok(isRight("rows", undefined, rows) && isRight("rows", undefined, []));
  assert.ok(!isRight("rows", undefined, "x") && !isRight("rows", undefined, [[0, 0]]));
  const link = linkTo("http://host/", "loras", { "1.loras": rows });
  assert.deepEqual(JSON.parse(linked(new URL(link).search)["1.loras"]), rows);
});

test("a link has the numbers of boxes and of complete curve rows", () => {
  const link = linkTo("http://host/", "crop", {
    "1.box": [0, 8, 64, 512],
    "1.curve": [
      [0, 0],
      [0.5, null],
      ["1", 0.5],
      [null, null],
      ["", ""],
    ],
  });
  const { searchParams } = new URL(link);
  assert.equal(searchParams.get("1.box"), "0,8,64,512");
  assert.equal(searchParams.get("1.curve"), "0,0,1,0.5");
});

test("a link has texts and numbers, and restores them", () => {
  const link = linkTo("http://host/app/?old=1#there", "to image", {
    "1.text": "a & b",
    "2.seed": null,
    "3.file": { file: "x" },
    "4.empty": "",
    "5.steps": 3,
  });
  assert.equal(link, "http://host/app/?workflow=to+image&1.text=a+%26+b&5.steps=3");
  assert.deepEqual(linked(new URL(link).search), { "1.text": "a & b", "5.steps": "3" });
  assert.equal(withoutValues(new URL(link).search), "?workflow=to+image");
});
