// What the browser's tab says.

import assert from "node:assert/strict";
import { test } from "node:test";
import { titleOf } from "../../ui/page/script/components/tab.js";
import { withRun } from "../../ui/page/script/runs/runs.js";
import { INITIAL } from "../../ui/page/script/state.js";

const withView = (view) => ({ ...INITIAL, runs: withRun(INITIAL.runs, "a", { view }) });

test("the title has the percent of the run that goes on, else the workflow's name", () => {
  const view = { title: "Text to image", fraction: 0.428, finished: false };
  assert.equal(titleOf(withView(view), "Upscale"), "42% · Text to image");
  assert.equal(titleOf(withView({ ...view, fraction: null }), "Upscale"), "Upscale");
  assert.equal(titleOf(withView({ ...view, finished: true }), "Upscale"), "Upscale");
  assert.equal(titleOf(INITIAL, ""), "ComfyForms");
});
