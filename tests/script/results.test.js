// Arrangement of a run's results.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stretchFrom } from "../../ui/page/script/batches/rows.js";
import { imageLayout } from "../../ui/page/script/results/grid_layout.js";
import { inlineOf, parseMarkdown } from "../../ui/page/script/results/markdown.js";
import {
  arranged,
  captionOf,
  choiceWords,
  firstSeen,
  placeAfter,
} from "../../ui/page/script/runs/results.js";

const file = (kind) => ({
  name: `a.${kind}`,
  url: "/a",
  kind,
  thumb: null,
  note: "",
  text: null,
  compared: null,
});

const output = (name, files, texts = [], role = "result") => ({
  node: name,
  name,
  files,
  texts,
  role,
});

test("pictures come first, then the other results in the order of the outputs", () => {
  const files = [file("image"), file("audio"), file("video"), file("file"), file("3d")];
  const outputs = [output("Sound", [1]), output("Photo", [0, 2], [0]), output("Model", [4])];
  const { items } = arranged({ files, texts: ["said"], run: "r", outputs });
  assert.deepEqual(
    items.map(({ kind, at, label }) => [kind, at, label]),
    [
      ["image", 0, "Photo 1"],
      ["video", 2, "Photo 2"],
      ["3d", 4, "Model"],
      ["audio", 1, "Sound"],
      ["text", -1, "Photo 3"],
      ["file", 3, ""],
    ],
  );
});

test("the results of a single output have no labels", () => {
  const outputs = [output("Photo", [0, 1])];
  const { items } = arranged({ files: [file("image"), file("image")], texts: [], outputs });
  assert.deepEqual(
    items.map(({ label }) => label),
    ["", ""],
  );
});

test("a text that is also a file appears once, with the file to download", () => {
  const files = [{ ...file("file"), name: "a.md", url: "/a.md", text: 1 }];
  const { items } = arranged({ files, texts: ["same", "said", "same", "said"], name: "run" });
  assert.deepEqual(
    items.map(({ kind, text, url, name, at }) => [kind, text, url, name, at]),
    [
      ["text", "said", "/a.md", "a.md", 0],
      ["text", "same", "", "run.txt", -1],
    ],
  );
});

test("separates previews and technical texts from results, without copies", () => {
  const outputs = [
    output("Shown", [0], [], "copy"),
    output("Prompt", [], [0], "preview"),
    output("Seed", [], [1], "echo"),
    output("Saved", [1]),
    output("Tags", [], [2]),
    output("Again", [], [3]),
  ];
  const texts = ["a long kite", "41", " ", "a long kite"];
  const { items, intermediate, echoes } = arranged({
    files: [file("image"), file("image")],
    texts,
    outputs,
  });
  assert.deepEqual(
    items.map(({ at, text, label }) => [at, text, label]),
    [
      [1, "", "Saved"],
      [-1, "a long kite", "Again"],
    ],
  );
  assert.deepEqual([intermediate, echoes], [[], [["Seed", "41"]]]);
  const alone = arranged({
    files: [file("image")],
    texts: ["a kite"],
    outputs: [output("Prompt", [], [0], "preview")],
  });
  assert.deepEqual(
    [alone.items.length, alone.intermediate.map(({ text }) => text)],
    [1, ["a kite"]],
  );
});

test("a comparison is a result, and its other image an intermediate one", () => {
  const before = { ...file("image"), url: "/before" };
  const after = { ...file("image"), compared: 0 };
  for (const more of [[], [file("image")]]) {
    const { items, intermediate } = arranged({ files: [before, after, ...more], texts: [] });
    assert.deepEqual(items[0]?.before, "/before");
    assert.deepEqual([items.length, intermediate.map(({ at }) => at)], [1 + more.length, [0]]);
  }
});

test("a run without results shows nothing", () => {
  assert.deepEqual(arranged({ files: [], texts: [] }), { items: [], intermediate: [], echoes: [] });
});

test("labels every choice with its number and file name", () => {
  const files = [file("image"), file("image"), file("video")];
  const both = arranged({ files, texts: [], outputs: [output("Depth", [0], [], "preview")] });
  assert.deepEqual(
    [0, 1, 2].map((at) => choiceWords(both, at)),
    ["Result 1: a.image", "Result 2: a.video", "Preview 1: a.image"],
  );
});

test("starts with the given file, or the first or last result", () => {
  const three = arranged({ files: [file("audio"), file("image"), file("image")], texts: ["said"] });
  assert.equal(firstSeen(three, 2, false), 1);
  for (const none of [null, undefined, 9]) {
    assert.equal(firstSeen(three, none, false), 0);
    assert.equal(firstSeen(three, none, true), 3);
  }
  assert.equal(firstSeen(arranged({ files: [], texts: [] }), null, true), 0);
});

test("navigation stops at both ends", () => {
  const three = arranged({ files: [file("image"), file("image"), file("image")], texts: [] });
  const places = [
    [0, -1],
    [0, 1],
    [2, 1],
  ].map(([at, step]) => placeAfter(three, at, step));
  assert.deepEqual(places, [0, 1, 2]);
});

test("a grid makes its images as large as possible", () => {
  const room = { width: 900, height: 690 };
  assert.deepEqual(imageLayout(4, room, 1), { columns: 2, width: 341, height: 341 });
  assert.equal(imageLayout(2, room, 2).columns, 1);
  assert.equal(imageLayout(2, room, 0.5).columns, 2);
  const small = imageLayout(60, { width: 358, height: 358 }, 1);
  assert.deepEqual(small, { columns: 3, width: 114, height: 114 }); // scrolls
});

test("a caption has the known parts, to display and to copy", () => {
  const caption = {
    prompt: "[Shot 1] a kite",
    opening: "a kite",
    steps: "20",
    model: "sd\\xl/base-1.0.safetensors",
  };
  const parts = captionOf(
    { seeds: { a: "1", b: "2" }, page: { caption } },
    { width: 768, height: 512 },
  );
  assert.deepEqual(
    parts.map(({ shown, copied }) => [shown, copied]),
    [
      ["768 × 512", "768 × 512"],
      ["Steps 20", "20"],
      ["base-1.0", "sd\\xl/base-1.0.safetensors"],
      ["Seeds 1, 2", "1, 2"],
      ["a kite", "[Shot 1] a kite"],
    ],
  );
  assert.deepEqual(
    captionOf(
      { seeds: {}, title: "Upscale", page: { caption: { prompt: "", opening: "", model: "" } } },
      null,
    ),
    [{ part: "prompt", shown: "Upscale", copied: "" }],
  );
});

test("requests rows in the direction of navigation", () => {
  assert.deepEqual(stretchFrom(6, 1, 100), { from: 6, to: 106 });
  assert.deepEqual(stretchFrom(2, -1, 100), { from: 0, to: 3 });
  assert.deepEqual(stretchFrom(150, -1, 100), { from: 51, to: 151 });
});

// Markdown of results that are texts.

const strong = (...parts) => ({ type: "strong", parts, href: "" });
const em = (...parts) => ({ type: "em", parts, href: "" });
const link = (href, ...parts) => ({ type: "link", parts, href });
const paragraph = (...parts) => ({ type: "paragraph", parts });

test("a text without markup stays as it is", () => {
  for (const text of [
    "",
    "a red kite,\nat dawn",
    "(sea:1.2) <lora:a:1> __colors__ a_b_c 2*3*4 = 24",
  ])
    assert.equal(parseMarkdown(text), null);
  assert.equal(parseMarkdown(`# ${"a".repeat(100_000)}`), null);
});

test("reads headings, paragraphs, rules and code", () => {
  assert.deepEqual(parseMarkdown("# Title #\nOne\ntwo\n\n---\n```py\n# no *markup*\n```\nend"), [
    { type: "heading", level: 1, parts: ["Title"] },
    paragraph("One\ntwo"),
    { type: "rule" },
    { type: "code", text: "# no *markup*" },
    paragraph("end"),
  ]);
});

test("reads lists with inner lists and numbers", () => {
  assert.deepEqual(
    parseMarkdown("- one\n- two\n  continued\n  - inner\n\n3. three\n4. four\n\nend"),
    [
      {
        type: "list",
        start: null,
        items: [
          [paragraph("one")],
          [
            paragraph("two\ncontinued"),
            { type: "list", start: null, items: [[paragraph("inner")]] },
          ],
        ],
      },
      { type: "list", start: 3, items: [[paragraph("three")], [paragraph("four")]] },
      paragraph("end"),
    ],
  );
});

test("reads quotes and tables", () => {
  assert.deepEqual(parseMarkdown("> a\n> b\n\n| x | y |\n|---|:-:|\n| 1 | **2** | 3 |"), [
    { type: "quote", blocks: [paragraph("a\nb")] },
    { type: "table", head: [["x"], ["y"]], rows: [[["1"], [strong("2")]]] },
  ]);
});

test("reads emphasis, code and links", () => {
  assert.deepEqual(inlineOf("a **b *c* d** `*e*` ~~f~~"), [
    "a ",
    strong("b ", em("c"), " d"),
    " ",
    { type: "code", text: "*e*" },
    " ",
    { type: "del", parts: ["f"], href: "" },
  ]);
  assert.deepEqual(inlineOf("[a](https://b.c/d) https://e.f/g."), [
    link("https://b.c/d", "a"),
    " ",
    link("https://e.f/g", "https://e.f/g"),
    ".",
  ]);
});

test("unfinished marks stay text", () => {
  for (const text of ["2 * 3 * 4", "**a", "`a", "* a", "[a](b)", "***", "a ** b **"])
    assert.deepEqual(inlineOf(text), [text]);
});

test("HTML, images and other schemes stay text", () => {
  const texts = [
    "<img src=x onerror=alert(1)>",
    "![a](https://b.c/d.png)",
    "[a](javascript:alert(1))",
    "[a](data:text/html,b)",
  ];
  for (const text of texts) assert.deepEqual(inlineOf(text), [text]);
});

test("long texts of marks are read in short time", () => {
  const begun = process.cpuUsage();
  for (const mark of ["*", "**a", "`", "[", "> ", "- ", "|", "~~", "h", "1. \n", "# ", "* *", "|-"])
    parseMarkdown(mark.repeat(100_000 / mark.length));
  assert.ok(process.cpuUsage(begun).user < 5_000_000); // microseconds
});
