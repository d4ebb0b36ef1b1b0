// @ts-check
// The image of a grid that somebody brings: the grid opens, for whom it is still there. For others its workflow opens
// with its values, and the dialog with what it varies.

import { fieldsToVary, theComponent, variedForm } from "../batches/given.js";
import { rowOfAxis } from "../batches/spec.js";
import { showErrorsSoon } from "../form/field_errors.js";
import { formName, isDrawing, refill, visitWith } from "../form/form.js";
import { ownName, typed } from "../form/typed.js";
import { linked } from "../form/values.js";
import { message, withEllipsis } from "../messages.js";
import { ask } from "../requests.js";
import { say } from "../state.js";
import { VARIED, write } from "../storage.js";
import { openVary } from "../vary/open.js";

/** @import { ToldAxis } from "../batches/spec.js" */

/**
 * What an image carries: ui/files/batch_grids.py. `batch`: the id of the grid's, of which nothing else is told then;
 * `missing`: labels of fields whose files are not here; `errors`: which file is not, by the keys of fields that do not vary.
 * @typedef {{ batch: string | null, workflow: string, values: Record<string, unknown>, axes: ToldAxis[], seeds: "one" | "each",
 *   missing: string[], errors: Record<string, string> }} CarriedGrid
 */

const KEYWORD = "comfyforms_grid"; // comfy/batches/grids/settings.py
const HEAD = 200; // bytes, in which an image says that it carries a grid
const BEGINNING = 4_000_000; // bytes in which it has the grid
const DRAWN_WITHIN = 15000; // milliseconds

/** @param {Blob} file */
const carriesGrid = async (file) =>
  file.type === "image/png" && (await file.slice(0, HEAD).text()).includes(KEYWORD);

/**
 * What the form held is there again where nothing is started, unless it lacks files that it has to be given first.
 * @param {Blob} file
 * @returns {Promise<boolean>} whether it is the image of a grid; what is wrong with it is said
 */
export async function openGrid(file) {
  if (!(await carriesGrid(file))) return false;
  /** @type {CarriedGrid | null} */
  const told = await ask("/page/grid", file.slice(0, BEGINNING));
  if (!told) return true;
  const { batch, workflow, values, axes, seeds, missing, errors } = told;
  if (batch !== null) {
    theComponent()?.open(batch);
    return true;
  }
  const before = { ...typed(workflow), ...(formName() === workflow && linked(location.search)) };
  visitWith(workflow, values);
  if (!(await isDrawn(workflow))) return true;
  const fields = fieldsToVary();
  const rows = axes.flatMap((axis) => {
    const field = fields.find(({ key }) => key === axis.field);
    return field ? [rowOfAxis(field, axis)] : [];
  });
  write(sessionStorage, VARIED + ownName(workflow), { rows, table: null, paired: false, seeds });
  const formLacks = Object.keys(errors).length > 0; // the dialog would cover it
  if (!formLacks)
    openVary("", [], (hasStarted) => {
      if (!hasStarted && formName() === workflow) refill(workflow, before);
    });
  // It is no refusal, which would go as soon as the form is filled in.
  if (missing.length)
    say(
      message("The grid's files aren't here."),
      message("Add them again: {fields}.", { fields: missing.join(", ") }),
      "",
      formLacks ? [{ label: withEllipsis(message("Vary values")), does: () => openVary() }] : [],
    );
  if (formLacks) showErrorsSoon(errors);
  return true;
}

/**
 * Whether the form of a workflow is there, once it is, with the fields that can be varied.
 * @param {string} workflow
 */
async function isDrawn(workflow) {
  const end = performance.now() + DRAWN_WITHIN;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    if (!isDrawing() && formName() === workflow && variedForm() === workflow) return true;
  }
  return false;
}
