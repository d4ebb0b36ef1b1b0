import assert from "node:assert/strict";
import { test } from "node:test";

import { grouped, matches, withRecent } from "../../ui/page/script/form/choices.js";

const choice = (name, more = {}) => ({
  name,
  title: name,
  description: "",
  group: "Shared",
  own: false,
  thumb: "",
  note: "",
  ...more,
});
const names = (groups) => groups.map(([title, all]) => [title, all.map(({ name }) => name)]);

test("all words have to be somewhere in title, description or group, in any order", () => {
  const boats = choice("boats", { title: "Café boats", description: "Paints a harbour" });
  for (const text of ["", "  ", "boats", "HARBOUR cafe", "shared boat", "café"])
    assert.ok(matches(boats, text), text);
  for (const text of ["harbor", "boats trains"]) assert.ok(!matches(boats, text), text);
});

test("own ones come first, then the last ones, then the others by their group, each once", () => {
  const choices = [choice("a"), choice("b", { group: "Faces" }), choice("c"), choice("d")];
  const mine = choice("~m", { group: "Mine", own: true });
  assert.deepEqual(names(grouped([...choices, mine], ["d", "gone", "~m", "b"])), [
    ["Mine", ["~m"]],
    ["Recent", ["d", "b"]],
    ["Shared", ["a", "c"]],
  ]);
  assert.deepEqual(names(grouped(choices, [])), [
    ["Shared", ["a", "c", "d"]],
    ["Faces", ["b"]],
  ]);
});

test("the last ones are remembered once each, and no more of them than asked for", () => {
  assert.deepEqual(withRecent([], "a", 3), ["a"]);
  assert.deepEqual(withRecent(["a", "b", "c"], "b", 3), ["b", "a", "c"]);
  assert.deepEqual(withRecent(["a", "b", "c"], "d", 3), ["d", "a", "b"]);
});
