import assert from "node:assert/strict";
import { test } from "node:test";

import { carriesWorkflow } from "../../ui/page/script/form/carried.js";
import { bestOf, grouped, matches, withRecent } from "../../ui/page/script/form/choices.js";

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

test("every word must match the title, description or group", () => {
  const boats = choice("boats", { title: "Café boats", description: "Paints a harbour" });
  for (const text of ["", "  ", "boats", "HARBOUR cafe", "shared boat", "café"])
    assert.ok(matches(boats, text), text);
  for (const text of ["harbor", "boats trains"]) assert.ok(!matches(boats, text), text);
});

test("Enter prefers titles, and workflows that aren't open", () => {
  const open = choice("a", { title: "Text to image", description: "Create an image" });
  const told = choice("b", { title: "Upscale", description: "Create more of it" });
  const titled = choice("c", { title: "Créate, refine" });
  const best = (found, text) => bestOf(found, text, "a")?.name;
  assert.equal(best([open, told, titled], "create"), "c");
  assert.equal(best([open, told], "create"), "b");
  assert.equal(best([told, open], "image text"), "a");
  assert.equal(best([open], "create"), "a");
  assert.equal(best([], "create"), undefined);
});

test("Enter prefers a title that equals or starts with the text", () => {
  const brought = choice("~m", { title: "Simple image upscale", own: true });
  const found = [
    brought,
    choice("a", { title: "Upscale twice" }),
    choice("b", { title: "Upscale" }),
  ];
  const best = (text, open) => bestOf(found, text, open)?.name;
  assert.equal(best("UPSCALE ", ""), "b");
  assert.equal(best("upsc", ""), "a");
  assert.equal(best("upsc", "a"), "b");
  assert.equal(best("image", "b"), "~m");
  assert.equal(best("", "b"), "~m");
});

test("lists own, then recent, then other workflows, each once", () => {
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

test("remembers a limited number of recent workflows, each once", () => {
  assert.deepEqual(withRecent([], "a", 3), ["a"]);
  assert.deepEqual(withRecent(["a", "b", "c"], "b", 3), ["b", "a", "c"]);
  assert.deepEqual(withRecent(["a", "b", "c"], "d", 3), ["d", "a", "b"]);
});

const PIXELS = new Uint8Array(3_000_000).fill(200);

const carries = (type, ...parts) => carriesWorkflow(new Blob(parts, { type }));

test("finds a workflow in PNG text, EXIF and UTF-16", async () => {
  assert.equal(await carries("image/png", "....tEXtprompt\0{}"), true);
  assert.equal(await carries("image/png", "....tEXtparameters\0prompt:{}"), false);
  assert.equal(await carries("image/webp", PIXELS, 'EXIF..prompt:{"1": {}}'), true);
  assert.equal(await carries("image/jpeg", 'Exif..Workflow: {"nodes": []}', PIXELS), true);
  assert.equal(await carries("image/gif", '{"prompt": "{}"}', PIXELS), true);
  const wide = new Uint8Array(Buffer.from("UNICODE\0prompt:{}", "utf16le"));
  assert.equal(await carries("image/jpeg", wide, PIXELS), true);
});

test("finds no workflow in other images and files", async () => {
  assert.equal(await carries("image/webp", PIXELS, "Copyright: nobody"), false);
  assert.equal(await carries("image/webp", PIXELS, "prompt:{}", PIXELS), false);
  assert.equal(await carries("video/mp4", "prompt:{}"), false);
});
