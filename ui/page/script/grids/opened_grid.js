// @ts-check
// Opening a grid from its downloaded image. If the user can still access the grid, it opens. Otherwise, its workflow
// opens with the grid's values, and the “Try several values” dialog with the values that vary.

import { fieldsToVary, theComponent, variedForm } from "../batches/given.js";
import { rowOfAxis } from "../batches/spec.js";
import { showErrorsSoon } from "../form/field_errors.js";
import { formName, isDrawing, refill, visitWith } from "../form/form.js";
import { ownName, typed } from "../form/typed.js";
import { linked } from "../form/values.js";
import { message, withEllipsis } from "../messages.js";
import { API, ask } from "../requests.js";
import { say } from "../state.js";
import { VARIED, write } from "../storage.js";
import { openVary } from "../vary/open.js";

/** @import { OpenedGrid } from "../documents.js" */

const KEYWORD = "comfyforms_grid"; // same as in comfy/batches/grids.py
const HEAD = 200; // bytes: an image with a grid has the keyword within them
const BEGINNING = 4_000_000; // bytes that contain the grid's settings
const DRAWN_WITHIN = 15000; // milliseconds

/** @param {Blob} file */
const carriesGrid = async (file) =>
  file.type === "image/png" && (await file.slice(0, HEAD).text()).includes(KEYWORD);

/**
 * Open the grid in an image. If the user closes the dialog without starting a batch, the form gets its previous values
 * back. If files are missing in the form, the dialog stays closed and the form keeps the grid's values.
 * @param {Blob} file
 * @returns {Promise<boolean>} whether it is a grid's image; errors in it are shown
 */
export async function openGrid(file) {
  if (!(await carriesGrid(file))) return false;
  /** @type {OpenedGrid | null} */
  const opened = await ask(`${API}/grids/opened`, file.slice(0, BEGINNING));
  if (!opened) return true;
  const { batch, workflow, values, axes, seeds, missing, errors } = opened;
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
      if (!hasStarted && formName() === workflow) refill(workflow, before, null);
    });
  // This isn't a refusal, which would disappear as soon as the form is filled in.
  if (missing.length)
    say(
      message("The grid's files are missing."),
      message("Add them again: {fields}.", { fields: missing.join(", ") }),
      "",
      formLacks
        ? [{ label: withEllipsis(message("Try several values")), does: () => openVary() }]
        : [],
    );
  if (formLacks) showErrorsSoon(errors);
  return true;
}

/**
 * Wait until a workflow's form and its fields to vary are on the page. Return false if that takes too long.
 * @param {string} workflow
 */
export async function isDrawn(workflow) {
  const end = performance.now() + DRAWN_WITHIN;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    if (!isDrawing() && formName() === workflow && variedForm() === workflow) return true;
  }
  return false;
}
