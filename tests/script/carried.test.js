// @ts-check
// Whether an image says how it was made is seen at its ends, however it is written there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { carriesWorkflow } from "../../ui/page/script/form/carried.js";

const PIXELS = new Uint8Array(3_000_000).fill(200);

/**
 * @param {string} type
 * @param {BlobPart[]} parts
 */
const carries = (type, ...parts) => carriesWorkflow(new Blob(parts, { type }));

test("a workflow is seen in PNG text, in EXIF at either end and in UTF-16", async () => {
  assert.equal(await carries("image/png", "....tEXtprompt\0{}"), true);
  assert.equal(await carries("image/png", "....tEXtparameters\0prompt:{}"), false);
  assert.equal(await carries("image/webp", PIXELS, 'EXIF..prompt:{"1": {}}'), true);
  assert.equal(await carries("image/jpeg", 'Exif..Workflow: {"nodes": []}', PIXELS), true);
  assert.equal(await carries("image/gif", '{"prompt": "{}"}', PIXELS), true);
  const wide = new Uint8Array(Buffer.from("UNICODE\0prompt:{}", "utf16le"));
  assert.equal(await carries("image/jpeg", wide, PIXELS), true);
});

test("nothing is seen in other images and other files", async () => {
  assert.equal(await carries("image/webp", PIXELS, "Copyright: nobody"), false);
  assert.equal(await carries("image/webp", PIXELS, "prompt:{}", PIXELS), false);
  assert.equal(await carries("video/mp4", "prompt:{}"), false);
});
