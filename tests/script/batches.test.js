// @ts-check
// Batches: specs built from drafts, texts about batches, and files read from ZIPs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { sinceOpened } from "../../ui/page/script/batches/ended.js";
import {
  atCommas,
  csvLine,
  decisive,
  EMPTY,
  estimateWords,
  firstToVary,
  fitting,
  freeFields,
  placed,
  replacedTexts,
  rowFor,
  specOf,
  startWords,
  toKeep,
  unsaid,
} from "../../ui/page/script/batches/spec.js";
import {
  captionLines,
  progressWords,
  titleWords,
  whyWords,
} from "../../ui/page/script/batches/words.js";
import { sizeWords } from "../../ui/page/script/sizes.js";
import { given, unpackedFiles } from "../../ui/page/script/vary/given_files.js";
import { decodedText } from "../../ui/page/script/vary/text_file.js";
import { filesInZip } from "../../ui/page/script/vary/zip.js";

/** @param {object} more */
const field = (more) =>
  /** @type {any} */ ({
    key: "2.text",
    label: "Prompt",
    several: "texts",
    choices: [],
    long: false,
    ...more,
  });
/** @param {object} more */
const row = (more) => ({ ...rowFor(field({}), ""), ...more });

test("a new row starts with the form's value if it can hold it", () => {
  assert.equal(rowFor(field({}), "a boat").text, "a boat");
  assert.equal(rowFor(field({}), "two\nlines").text, "");
  assert.equal(rowFor(field({ several: "numbers" }), 20).text, "20");
  assert.equal(rowFor(field({ several: "seeds" }), "7").text, "");
  assert.equal(rowFor(field({ several: "lines" }), [0, 8, 64, 32]).text, "0, 8, 64, 32");
  const points = [
    [0, 0],
    [0.5, 0.2],
  ];
  assert.equal(rowFor(field({ several: "lines" }), points).text, "0 0, 0.5 0.2");
  const rows = [{ lora: "a", strength: 0.5 }];
  assert.equal(rowFor(field({ several: "lines" }), rows).text, JSON.stringify(rows));
  const sampler = { several: "choices", choices: [["Euler, fast", "euler"]] };
  assert.deepEqual(rowFor(field(sampler), "euler").chosen, ["euler"]);
  assert.deepEqual(rowFor(field(sampler), "gone").chosen, []);
  assert.equal(rowFor(field({ ...sampler, long: true }), "a, b").text, '"a, b"');
});

test("sends only filled rows, each in its kind's format", () => {
  const file = { path: "a/b.png", url: "", orig_name: "b.png" };
  const rows = [
    row({ text: "a boat\na ship" }),
    row({ field: "empty", text: "  " }),
    row({ field: "3.sampler", chosen: ["euler", "a, b"] }),
    row({ field: "4.image", files: [file] }),
    row({ field: "2.more", replaces: true, find: " boat ", text: "ship\ncar\n" }),
  ];
  assert.deepEqual(specOf({ ...EMPTY, rows }, []).axes, [
    { field: "2.text", text: "a boat\na ship" },
    { field: "3.sampler", text: 'euler, "a, b"' },
    { field: "4.image", files: [{ file: "a/b.png", name: "b.png" }] },
    { field: "2.more", replace: "boat\nship\ncar" },
  ]);
  const found = row({ replaces: true, find: " ", text: "ship" });
  assert.deepEqual(
    unsaid({ ...EMPTY, rows: [...rows, found] }).map(({ field }) => field),
    ["2.text"],
  );
  const begun = row({ replaces: true });
  assert.deepEqual(unsaid({ ...EMPTY, rows: [begun] }), []);
  assert.deepEqual(specOf({ ...EMPTY, rows: [begun] }, []).axes, []);
  const texts = replacedTexts({ ...EMPTY, rows }, { "2.more": "a boat", "2.text": "x" });
  assert.deepEqual(texts, { "2.more": "a boat" });
});

test("quotes values with commas, quotes or spaces", () => {
  assert.equal(csvLine(["a", 'say "b"', "c, d", "", " e"]), 'a, "say ""b""", "c, d", "", " e"');
});

test("a new row varies a prompt, or else the first field", () => {
  const duration = field({ key: "23.duration", several: "numbers" });
  const name = field({ key: "24.filename_prefix", several: "texts", advanced: true });
  const prompt = field({ key: "2.text", several: "texts" });
  assert.equal(firstToVary([duration, name]), duration);
  assert.equal(firstToVary([duration, prompt, name]), prompt);
  assert.equal(firstToVary([name]), name);
  assert.equal(firstToVary([]), undefined);
});

test("varies each field once, and drops fields that are gone", () => {
  const fields = [field({}), field({ key: "5.steps" })];
  const draft = { ...EMPTY, rows: [row({}), row({ field: "gone" })] };
  assert.deepEqual(
    freeFields(fields, draft, []).map(({ key }) => key),
    ["5.steps"],
  );
  assert.deepEqual(freeFields(fields, draft, ["5.steps"]), []);
  assert.deepEqual(
    fitting(draft, fields, {}).rows.map((one) => one.field),
    ["2.text"],
  );
});

test("an unchanged row follows the form, a changed one stays", () => {
  const fields = [field({}), field({ key: "5.steps", several: "numbers" })];
  const steps = { ...rowFor(/** @type {any} */ (fields[1]), 20), text: "20, 30" };
  const draft = { ...EMPTY, rows: [rowFor(/** @type {any} */ (fields[0]), "A text"), steps] };
  const kept = toKeep(draft, fields, { "2.text": "A text", "5.steps": 20 });
  const { rows } = fitting(kept, fields, { "2.text": "B text", "5.steps": 25 });
  assert.deepEqual(
    rows.map(({ text }) => text),
    ["B text", "20, 30"],
  );
});

test("estimates show the runs, time and rounded size", () => {
  assert.equal(sizeWords(25), "1\u00a0kB");
  assert.equal(sizeWords(20_400_000), "20\u00a0MB");
  assert.equal(sizeWords(2_340_000_000), "2.3\u00a0GB");
  assert.equal(sizeWords(960_000), "1\u00a0MB");
  const ways = ["numbers", "numbers", "texts", "choices", "files"];
  const some = ways.map((several, at) => field({ several, key: String(at) }));
  const values = { 0: 30, 1: "", 2: "4", 3: "euler", 4: null };
  assert.deepEqual(decisive(some, values), { 0: "30", 3: "euler", 4: "" });
  const check = { rows: 12, seconds: 170, bytes: 2e7, problems: [], more: 0, runs_left: null };
  assert.equal(estimateWords(check), "12 runs, about 3\u00a0min, about 20\u00a0MB");
  assert.equal(estimateWords({ ...check, bytes: null }, 4), "12 runs, 48 images, about 3\u00a0min");
  assert.equal(estimateWords({ ...check, seconds: null }), "12 runs, about 20\u00a0MB");
  assert.equal(
    estimateWords({ ...check, bytes: null, runs_left: 1 }),
    "12 runs · 1 run left of your 24-hour limit",
  );
  assert.equal(estimateWords({ ...check, rows: 1, seconds: null, bytes: null }), "1 run");
  const wrong = {
    ...check,
    problems: [{ field: null, row: null, line: null, message: "Too many rows." }],
  };
  assert.equal(estimateWords(wrong), "1 problem");
  assert.equal(estimateWords({ ...wrong, more: 30 }), "31 problems");
  assert.deepEqual([startWords(check), startWords(wrong)], ["Start ×12", "Start"]);
});

test("shows a problem at its field, at the table, or at the end", () => {
  const draft = { ...EMPTY, rows: [row({})], table: { name: "a.csv", text: "" } };
  const problems = [
    { field: "2.text", row: null, line: null, message: "at the field" },
    { field: "2.text", row: null, line: 3, message: "Too long." },
    { field: "5.steps", row: null, line: null, message: "Too many." },
    { field: null, row: null, line: null, message: "Too many rows." },
    { field: null, row: null, line: null, of_table: true, message: "No such column." },
  ];
  const fields = [field({}), field({ key: "5.steps", label: "Steps" })];
  const said = placed({ problems, more: 30 }, draft, fields);
  assert.deepEqual(said.rows.get("2.text"), ["at the field"]);
  assert.deepEqual(said.table, ["Line 3, Prompt: Too long.", "No such column."]);
  assert.deepEqual(said.rest, ["Steps: Too many.", "Too many rows.", "And 30 more."]);
});

test("describes a batch's progress, failures and varied fields", () => {
  const varied = ["Prompt", "Steps"];
  const titles = [["", "2, 4"], ["", ""], []].map((first_values) =>
    titleWords({ title: "A", varied, first_values }),
  );
  const [told, ...others] = titles.map((one) => one.replaceAll("\u00a0", " "));
  assert.equal(told, "A · Prompt × Steps");
  assert.deepEqual(others, ["A · Prompt × Steps", "A · Prompt × Steps"]);
  const one = titleWords({ title: "A", varied: ["Steps"], first_values: ["2, 4"] });
  assert.equal(one.replaceAll("\u00a0", " "), "A · Steps 2, 4");
  assert.equal(titleWords({ title: "Upscale", varied: [], first_values: [] }), "Upscale");
  const batch = /** @type {any} */ ({ state: "running", done: 5, failed: 0, rows: 12 });
  assert.equal(progressWords(batch), "5 of 12 done");
  assert.equal(progressWords({ ...batch, state: "done", done: 12 }), "12 of 12 done");
  assert.equal(
    progressWords({ ...batch, state: "paused", failed: 2 }),
    "Paused: 5 of 12 done, 2 failed",
  );
  const away = "It is away.";
  assert.equal(whyWords({ state: "running", why: "" }, away), away);
  assert.equal(whyWords({ state: "done", why: "" }, away), "");
  assert.equal(whyWords({ state: "paused", why: "Five failed." }, away), "Five failed.");
});

test("a batch that ended while the page was open keeps its card", () => {
  const ofPage = sinceOpened([]);
  /** @param {[string, string][]} told */
  const shown = (...told) =>
    ofPage(/** @type {any} */ (told.map(([id, state]) => ({ id, state })))).map(({ id }) => id);
  assert.deepEqual(shown(["old", "done"], ["goes on", "paused"]), ["goes on"]);
  assert.deepEqual(shown(["old", "done"], ["goes on", "done"], ["quick", "done"]), [
    "goes on",
    "quick",
  ]);
  assert.deepEqual(shown(["old", "running"]), ["old"]);
  assert.deepEqual(shown(["old", "stopped"]), ["old"]);
});

test("a card survives a reload until the user dismisses it", () => {
  const old = /** @type {any} */ ([
    { id: "kept", state: "done" },
    { id: "dismissed", state: "done" },
  ]);
  const ofPage = sinceOpened(["kept", "deleted"]);
  assert.deepEqual(ofPage(old), old.slice(0, 1));
  assert.deepEqual(ofPage(old), old.slice(0, 1));
});

test("a caption labels numbers and omits the form's own values", () => {
  const cells = ["a red boat", "20", "euler", "-0.5", "7"];
  const row = { number: 3, page: { cells, unset: [4] } };
  const labels = ["Prompt", "Steps", "Sampler", "Shift", "Seed"];
  const own = ["a red boat", "Steps 20", "euler", "Shift -0.5"];
  assert.deepEqual(captionLines(row, labels), own);
  const empty = { number: 4, page: { cells: [" ", "20", ""], unset: [1] } };
  assert.deepEqual(captionLines(empty, labels), ["Row 4"]);
});

/**
 * A file in a ZIP. Its header may misstate the method, flags and size.
 * @typedef {{ name: string, text?: string, method?: number, flags?: number, size?: number }} Entry
 */

/** @param {number[]} parts @param {number[]} widths bytes of each */
function numbers(parts, widths) {
  const bytes = Buffer.alloc(widths.reduce((sum, width) => sum + width, 0));
  let at = 0;
  parts.forEach((part, index) => {
    at = bytes.writeUIntLE(part, at, /** @type {number} */ (widths[index]));
  });
  return bytes;
}

/** @param {readonly Entry[]} entries @param {string} [comment] */
function zipOf(entries, comment = "") {
  const bodies = [];
  const heads = [];
  let at = 0;
  for (const {
    name,
    text = name,
    method = 8,
    flags = 0x800,
    size = Buffer.byteLength(text),
  } of entries) {
    const packed = method === 8 ? deflateRawSync(text) : Buffer.from(text);
    const bytes = Buffer.from(name);
    const about = [20, flags, method, 0, 0, 0, packed.length, size, bytes.length, 0];
    const widths = [2, 2, 2, 2, 2, 4, 4, 4, 2, 2];
    const body = [numbers([0x04034b50, ...about], [4, ...widths]), bytes, packed];
    const more = numbers([0, 0, 0, 0, at], [2, 2, 2, 4, 4]);
    heads.push(numbers([0x02014b50, 20, ...about], [4, 2, ...widths]), more, bytes);
    bodies.push(...body);
    at += Buffer.concat(body).length;
  }
  const list = Buffer.concat(heads);
  const count = entries.length;
  const end = [0x06054b50, 0, 0, count, count, list.length, at, comment.length];
  const last = numbers(end, [4, 2, 2, 2, 2, 4, 4, 2]);
  return new File([...bodies, list, last, comment], "photos.zip");
}

/** @param {File} zip */
async function textsIn(zip) {
  const files = await unpackedFiles(given(zip));
  const opened = files.map(async ({ path, opened }) => {
    const file = await opened();
    return [path, file.name, file.type, await file.text()];
  });
  return Promise.all(opened);
}

test("reads a ZIP in natural order, without hidden files", async () => {
  const zip = zipOf(
    [
      { name: "in/10.png" },
      { name: "in/", text: "" },
      { name: "in/9.png", method: 0 },
      { name: ".hidden.png" },
      { name: "__MACOSX/in/._9.png" },
      { name: "in/Thumbs.db" },
      { name: "Käse.WEBM", flags: 0 },
      { name: "../../etc/passwd" },
    ],
    "a comment",
  );
  assert.deepEqual(await textsIn(zip), [
    ["in/9.png", "9.png", "image/png", "in/9.png"],
    ["in/10.png", "10.png", "image/png", "in/10.png"],
    ["Käse.WEBM", "Käse.WEBM", "video/webm", "Käse.WEBM"],
  ]);
});

test("reads a file name that isn't UTF-8", async () => {
  const bytes = Buffer.from(await zipOf([{ name: "ab.png", flags: 0 }]).arrayBuffer());
  for (let at = 0; at >= 0; at = bytes.indexOf("ab.png", at + 1)) bytes[at] = at ? 0xe4 : 0x50;
  const [file] = await filesInZip(new File([bytes], "a.zip"));
  assert.equal(file?.path, "äb.png");
});

test("decodes UTF-8, UTF-16 with a BOM, or else Windows-1252", () => {
  const text = "ein Bär im Grünen;3\r\n"; // Node decodes Windows-1252 as Latin-1, unlike browsers
  const windows = Buffer.from(text, "latin1");
  const little = Buffer.from(`\ufeff${text}`, "utf16le");
  const big = Buffer.from(little).swap16();
  for (const bytes of [Buffer.from(text), Buffer.from(`\ufeff${text}`), windows, little, big])
    assert.equal(decodedText(bytes), text);
});

test("rejects spreadsheets, half characters and other encodings", () => {
  for (const bytes of ["PK\x03\x04\0", "\xff\xfea", "\x82\xa0\x81\x41"])
    assert.equal(decodedText(Buffer.from(bytes, "latin1")), null);
});

test("rejects ZIPs that are damaged, locked or misstate a size", async () => {
  const wrong = [
    { name: "a.png", text: "a".repeat(100_000), size: 10 },
    { name: "a.png", size: 10 },
    { name: "a.png", flags: 1 },
    { name: "a.png", method: 12 },
    { name: "a.png", size: 2 ** 31 },
  ];
  for (const entry of wrong) await assert.rejects(textsIn(zipOf([entry])));
  const bytes = Buffer.from(await zipOf([{ name: "a.png" }]).arrayBuffer());
  for (const damaged of [bytes.subarray(0, -30), bytes.subarray(20), Buffer.alloc(0)])
    await assert.rejects(textsIn(new File([damaged], "a.zip")));
});

test("a file that isn't a ZIP stays as it is", async () => {
  const file = new File(["x"], "a.png");
  const [only, ...others] = await unpackedFiles(given(file));
  assert.deepEqual([only?.path, only?.type, others], ["a.png", "image/png", []]);
  assert.equal(await only?.opened(), file);
});

test("a line is split at its commas, several lines aren't", () => {
  assert.deepEqual(atCommas("boat, lighthouse,, castle "), ["boat", "lighthouse", "castle"]);
  assert.deepEqual(atCommas("船、灯台，城"), ["船", "灯台", "城"]);
  assert.deepEqual(atCommas("a boat\na castle, ruined"), []);
});
