// Length and sample rate of sounds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { factsOf, rateOf } from "../../ui/page/script/stage/sound_facts.js";

const head = (bytes) => new DataView(new Uint8Array(64).map((_, at) => bytes[at] ?? 0).buffer);
const letters = (text) => [...text].map((one) => one.charCodeAt(0));

test("reads the rate of FLAC and WAV files", () => {
  const flac = [...letters("fLaC"), ...Array(14).fill(0), 0x0a, 0xc4, 0x42, 0xf0];
  assert.equal(rateOf(head(flac)), 44100);
  const wav = [...letters("RIFF"), ...Array(20).fill(0), 0x80, 0xbb, 0, 0];
  assert.equal(rateOf(head(wav)), 48000);
  assert.equal(rateOf(head(letters("ID3"))), 0);
  assert.equal(rateOf(new DataView(new ArrayBuffer(4))), 0);
});

test("leaves large sounds to their player", async () => {
  let canceled = false;
  const body = new ReadableStream({
    cancel() {
      canceled = true;
    },
  });
  globalThis.fetch = async () => new Response(body, { headers: { "content-length": "9000000" } });
  assert.equal(await factsOf("/song.flac"), null);
  assert.ok(canceled);
});
