// @ts-check
// Results that are dragged onto a field, or put into another workflow's form.

import { outline } from "../components/drop_zones.js";
import { API, ask } from "../requests.js";
import { fieldOf } from "./files.js";
import { visitWith } from "./form.js";
import { typed } from "./typed.js";

/** Results are told from files and texts by this name. */
const RESULT = "application/x-comfyforms-result";
/** Instead of a file's place among a run's: the first that the field takes. */
const ANY = -1;
const CONTROLS = 90; // pixels at the bottom of a video, which are dragged for something else

/** @typedef {{ run: string, at: number }} Dragged a file of a run, or ANY */

/**
 * What a tile of a run is dragged as.
 * @param {HTMLElement} tile
 * @returns {Dragged | null}
 */
export const draggedRun = ({ dataset: { run } }) => (run ? { run, at: ANY } : null);

/**
 * Let what is within a place be dragged onto a field.
 * @param {HTMLElement} place
 * @param {(target: HTMLElement) => Dragged | null} dragged is asked with what is dragged, or with what that is in
 */
export function letDrag(place, dragged) {
  place.addEventListener("dragstart", (event) => {
    const { target, dataTransfer } = event;
    const named = target instanceof Element && target.closest("[data-at], [data-run]");
    const what = named instanceof HTMLElement ? dragged(named) : null;
    if (!what || !dataTransfer) return;
    if (target instanceof HTMLVideoElement && event.offsetY > target.clientHeight - CONTROLS) {
      event.preventDefault();
      return;
    }
    event.stopPropagation(); // the place around this one would name what it shows itself
    dataTransfer.setData(RESULT, JSON.stringify(what));
    dataTransfer.effectAllowed = "copy";
  });
}

/** @param {DragEvent} event */
const carriesResult = (event) => Boolean(event.dataTransfer?.types.includes(RESULT));

/**
 * Take results that are dropped on a field, before Gradio does, which would empty it.
 * @param {(what: Dragged & { field: string }) => void} use
 */
export function takeResults(use) {
  for (const kind of /** @type {const} */ (["dragenter", "dragover", "drop"]))
    document.addEventListener(
      kind,
      (event) => {
        if (!carriesResult(event)) return;
        event.preventDefault();
        event.stopPropagation();
        const field = fieldOf(event.target);
        outline(kind === "drop" ? null : field);
        if (event.dataTransfer) event.dataTransfer.dropEffect = field ? "copy" : "none";
        const told = kind === "drop" && field ? event.dataTransfer?.getData(RESULT) : "";
        if (told) use({ ...JSON.parse(told), field: field?.id ?? "" });
      },
      true,
    );
  document.addEventListener("dragend", () => outline(null));
}

/**
 * Open another workflow with a result in the first of its fields that takes it; what was typed there stays.
 * @param {string} run
 * @param {number} at
 * @param {string} workflow
 */
export async function useInWorkflow(run, at, workflow) {
  // Slashes lead into sub-folders; some proxies let none through that are encoded.
  const name = workflow.split("/").map(encodeURIComponent).join("/");
  const told = await ask(`${API}/runs/${run}/files/${at}/for/${name}`, undefined, "GET");
  if (told) visitWith(workflow, { ...typed(workflow), [told.key]: told.value });
}
