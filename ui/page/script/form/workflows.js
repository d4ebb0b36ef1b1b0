// @ts-check
// Workflows that people bring: they open for them alone.

import { openGrid } from "../batches/opened_grid.js";
import { $, element } from "../dom.js";
import { ask, tryTo } from "../requests.js";
import { visit } from "./form.js";

/** Whether this person may open any: the button is there for those. */
export const mayOpen = () => Boolean($("#open button"));

/**
 * Open the workflow in a file, or the grid.
 * @param {Blob} file
 * @param {string} name
 * @param {() => void} [otherwise] what is done where it has no workflow; without one that is said
 */
export async function openWorkflow(file, name, otherwise) {
  if (await openGrid(file)) return;
  const path = `/workflows?file=${encodeURIComponent(name)}`;
  const opened = await (otherwise ? tryTo(path, file) : ask(path, file));
  if (opened) visit(opened.name);
  else otherwise?.();
}

/**
 * The button that opens a workflow.
 * @param {HTMLElement} place
 */
export function mountOpen(place) {
  $("button", place)?.addEventListener("click", () => {
    const picker = element("input");
    picker.type = "file";
    picker.onchange = () => {
      const file = picker.files?.[0];
      if (file) openWorkflow(file, file.name);
    };
    picker.click();
  });
}

/**
 * The button that keeps an opened workflow for everybody.
 * @param {HTMLElement} place
 * @param {string} name
 */
export function mountKeep(place, name) {
  $("button", place)?.addEventListener("click", async () => {
    const kept = await ask(`/workflows/${encodeURIComponent(name)}/keep`);
    if (kept) visit(kept.name);
  });
}
