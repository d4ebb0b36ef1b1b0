// @ts-check
// Using results as inputs: dragging them onto a field, or opening another workflow's form with them.

import { outline } from "../components/drop_zones.js";
import { API, ask } from "../requests.js";
import { BROUGHT, read, write } from "../storage.js";
import { fieldOf } from "./files.js";
import { replacing, visitWith } from "./form.js";
import { keepTyped, ownName, typed } from "./typed.js";

/** The drag data type that distinguishes results from files and texts. */
const RESULT = "application/x-comfyforms-result";
/** Used instead of a file's index in its run: the first file that the field accepts. */
const ANY = -1;
const CONTROLS = 90; // pixels at the bottom of a video; dragging there moves the player's controls

/** @typedef {{ run: string, at: number }} Dragged a file of a run, or ANY */

/** @param {HTMLElement} tile @returns {Dragged | null} the drag data for a run's tile */
export const draggedRun = ({ dataset: { run } }) => (run ? { run, at: ANY } : null);

/**
 * Let the user drag results from an element onto a field.
 * @param {HTMLElement} place
 * @param {(target: HTMLElement) => Dragged | null} dragged gets the element that names the dragged
 *   file or run
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
    event.stopPropagation(); // an outer drag source would replace the data with the result that it shows
    dataTransfer.setData(RESULT, JSON.stringify(what));
    dataTransfer.effectAllowed = "copy";
  });
}

/** @param {DragEvent} event */
const carriesResult = (event) => Boolean(event.dataTransfer?.types.includes(RESULT));

/**
 * Handle results dropped on a field before Gradio does, because Gradio would clear the field.
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
        if (!told) return;
        queueMicrotask(() => replacing("result")); // after the listeners for changes by the user
        use({ ...JSON.parse(told), field: field?.id ?? "" });
      },
      true,
    );
  document.addEventListener("dragend", () => outline(null));
}

/**
 * Open another workflow with a result in its first field that accepts it, and with the result's prompt. Keep the
 * values typed there.
 * @param {string} run
 * @param {number} at
 * @param {string} workflow
 * @param {{ file: string } | null} [frame] a frame of the result, to use in its place
 */
export async function useInWorkflow(run, at, workflow, frame = null) {
  // Slashes separate subfolders. They stay unencoded because some proxies block encoded slashes.
  const name = workflow.split("/").map(encodeURIComponent).join("/");
  /** @type {{ key: string, value: unknown, prompt: Parameters<typeof promptOf>[0] } | null} */
  const told = await ask(
    `${API}/runs/${run}/files/${at}/for/${name}?frame=${frame !== null}`,
    undefined,
    "GET",
  );
  if (!told) return;
  const prompt = promptOf(told.prompt, workflow);
  const values = { ...typed(workflow), ...prompt, [told.key]: frame ?? told.value };
  visitWith(workflow, values, Object.keys(prompt).length ? "prompted" : "result");
}

/**
 * Return the result's prompt, unless the user has written a text of their own there.
 * @param {{ key: string, value: string, default: unknown } | null} prompt
 * @param {string} workflow
 * @returns {Record<string, unknown>}
 */
function promptOf(prompt, workflow) {
  if (!prompt) return {};
  const { [prompt.key]: text = prompt.default, ...others } = typed(workflow);
  const brought = BROUGHT + ownName(workflow);
  if (text !== prompt.default && text !== read(localStorage, brought, null)) return {};
  keepTyped(workflow, { ...others, [prompt.key]: text }); // so that a new form can be undone, too
  write(localStorage, brought, prompt.value);
  return { [prompt.key]: prompt.value };
}
