// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  fieldMoved,
  isSame,
  modelOf,
  movedTo,
  rowMoved,
  rowOf,
  settingsOf,
  sizePairs,
  withHeading,
  withInput,
  withOthers,
  withOutput,
  withSet,
} from "../../../ui/page/script/editor/model.js";

const AUTOMATIC = [
  { key: "1.text" },
  { key: "2.width" },
  { key: "3.seed", group: "advanced" },
  { key: "3.steps", group: "advanced" },
];
const START = modelOf({ fields: [] }, AUTOMATIC);
/** @param {import("../../../ui/page/script/editor/model.js").Model} model */
const saved = (model) => settingsOf(model, AUTOMATIC);
/** @param {import("../../../ui/page/script/editor/model.js").Model} model */
const shown = (model) =>
  model.rows.filter(({ place }) => place !== "hidden").map(({ key, place }) => `${key} ${place}`);

test("an unchanged form has no settings", () => {
  assert.deepEqual(saved(START), { fields: [] });
  assert.deepEqual(saved({ ...START, title: " Portrait " }), { fields: [], title: "Portrait" });
});

test("settings stay the same when nothing is changed", () => {
  const settings = {
    title: "A",
    others: /** @type {const} */ ("hidden"),
    fields: [
      { key: "3.steps", min: 1 },
      { key: "2.width", group: "Look", closest: true },
    ],
  };
  assert.ok(isSame(saved(modelOf(settings, AUTOMATIC)), settings));
});

test("a renamed field lists the other main fields too", () => {
  const { fields } = saved(withSet(START, "2.width", { label: "Size" }));
  assert.deepEqual(fields, [{ key: "1.text" }, { key: "2.width", label: "Size" }]);
});

test("a cleared setting is removed", () => {
  const named = withSet(START, "1.text", { label: "Words", help: "Say it." });
  const cleared = withSet(named, "1.text", { label: undefined });
  assert.deepEqual(rowOf(cleared, "1.text")?.set, { help: "Say it." });
});

test("moving up within a place changes the order", () => {
  const model = fieldMoved(START, "2.width", -1);
  assert.deepEqual(saved(model).fields, [{ key: "2.width" }, { key: "1.text" }]);
  assert.equal(fieldMoved(model, "2.width", -1), model);
});

test("moving past the end of a place goes to the next place", () => {
  const model = fieldMoved(START, "3.seed", -1);
  assert.deepEqual(shown(model), [
    "1.text main",
    "2.width main",
    "3.seed main",
    "3.steps advanced",
  ]);
  const back = fieldMoved(model, "3.seed", 1);
  assert.deepEqual(shown(back), shown(START));
});

test("advanced fields are listed up to the last one that was moved", () => {
  const { fields } = saved(fieldMoved(START, "3.steps", -1));
  assert.deepEqual(fields.slice(2), [{ key: "3.steps", group: "advanced" }]);
});

test("a hidden field is listed only if the form would show it", () => {
  const hidden = withInput(START, "3.steps", false);
  assert.deepEqual(saved(hidden).fields.at(-1), { key: "3.steps", hidden: true });
  const others = withOthers(START, "hidden", AUTOMATIC);
  assert.deepEqual(shown(others), []);
  assert.deepEqual(shown(withInput(others, "3.seed", true)), ["3.seed main"]);
});

test("headings can be added, renamed and removed", () => {
  const added = movedTo(withHeading(START, "", "Look"), "3.seed", "Look");
  const renamed = withHeading(added, "Look", "Style");
  assert.deepEqual(shown(renamed)[2], "3.seed Style");
  assert.equal(withHeading(renamed, "Style", "main"), renamed);
  assert.deepEqual(shown(withHeading(renamed, "Style", "")).slice(2), [
    "3.seed advanced",
    "3.steps advanced",
  ]);
});

test("outputs are listed once one is hidden or named", () => {
  const all = ["7", "9"].map((node) => ({
    node,
    title: "",
    kind: "image",
    is_shown: true,
    label: "",
  }));
  const one = withOutput(START, all, "9", { isShown: false });
  assert.deepEqual(one.outputs, [{ node: "7" }]);
  const named = withOutput(one, all, "7", { label: "Large" });
  assert.deepEqual(named.outputs, [{ node: "7", label: "Large" }]);
  assert.equal(withOutput(one, all, "9", { isShown: true }).outputs, null);
});

test("fields that another field sets don't appear", () => {
  const model = modelOf({ fields: [{ key: "3.seed", also: ["3.steps"] }] }, AUTOMATIC);
  assert.deepEqual(
    model.rows.map(({ key }) => key),
    ["3.seed", "1.text", "2.width"],
  );
});

test("a width and a height move as one row", () => {
  const fields = ["1.text", "2.width", "2.height", "3.steps"].map((key) => ({ key }));
  const model = modelOf({ fields }, fields);
  const pairs = sizePairs(model, () => true);
  assert.deepEqual([...pairs], [["2.width", "2.height"]]);
  assert.equal(sizePairs(model, (key) => key !== "2.height").size, 0);
  assert.equal(sizePairs(movedTo(model, "2.height", "advanced"), () => true).size, 0);
  const keys = (/** @type {typeof model} */ { rows }) => rows.map(({ key }) => key);
  const down = rowMoved(model, "2.width", 1, pairs);
  assert.deepEqual(keys(down), ["1.text", "3.steps", "2.width", "2.height"]);
  assert.deepEqual(keys(rowMoved(down, "2.width", -1, pairs)), keys(model));
  const up = rowMoved(model, "3.steps", -1, pairs);
  assert.deepEqual(keys(up), ["1.text", "3.steps", "2.width", "2.height"]);
  assert.equal(rowMoved(model, "1.text", -1, pairs), model);
});
