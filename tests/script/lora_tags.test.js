import assert from "node:assert/strict";
import { test } from "node:test";

import { tagsIn, withoutTags } from "../../ui/page/script/models/lora_tags.js";

test("tags are read as Automatic1111 and Forge write them", () => {
  const prompt = "a boat <lora:ink:0.8>, <LORA: evening light :-1.5:0.5> <lora:plain> <lyco:x:1>";
  assert.deepEqual(tagsIn(prompt), [
    { name: "ink", strength: 0.8 },
    { name: "evening light", strength: -1.5 },
    { name: "plain", strength: 1 },
  ]);
  assert.deepEqual(tagsIn("a <lora> b <lora:> c <lora:open"), []);
});

test("only the named tags leave the prompt", () => {
  const prompt = "a boat <lora:ink:0.8>, at night, <lora:other:1>";
  assert.equal(withoutTags(prompt, ["ink"]), "a boat, at night, <lora:other:1>");
  assert.equal(withoutTags("<lora:ink:0.8> a boat, <lora:ink:1>", ["ink"]), "a boat");
  assert.equal(withoutTags("a,b\n<lora:ink:1>\nc", ["ink"]), "a,b\n\nc");
});
