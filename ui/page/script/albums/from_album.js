// @ts-check
// “Use these settings” in an album fills in the form as for a result. “More like these” opens “Try several values” with
// the values in which the chosen results differ.

import { fieldsToVary } from "../batches/given.js";
import { rowOfAxis } from "../batches/spec.js";
import { expectValues, refill, visitWith } from "../form/form.js";
import { ownName } from "../form/typed.js";
import { isDrawn } from "../grids/opened_grid.js";
import { API, ask } from "../requests.js";
import { page } from "../state.js";
import { VARIED, write } from "../storage.js";
import { openVary } from "../vary/open.js";
import { differing } from "./items.js";

/** @import { SharedValues } from "../documents.js" */

/**
 * @param {string} album
 * @param {readonly string[]} ids
 * @param {boolean} varies
 */
export async function useFromAlbum(album, ids, varies) {
  const query = new URLSearchParams(ids.map((id) => ["item", id]));
  const path = `${API}/albums/${encodeURIComponent(album)}/values?${query}`;
  const told = await ask(path, undefined, "GET");
  /** @type {SharedValues[]} */
  const items = told?.items ?? [];
  const [first] = items;
  if (!first) return expectValues(false);
  const { workflow, values } = first;
  if (!varies) {
    refill(workflow, values, "reuse");
    page.set({ tab: "form", shared: first, shown: null });
    return;
  }
  visitWith(workflow, values);
  if (!(await isDrawn(workflow))) return;
  const same = items.filter((item) => item.workflow === workflow).map((item) => item.values);
  const fields = fieldsToVary().filter(({ several }) => !["files", "seeds"].includes(several));
  const rows = fields.flatMap((field) => {
    const values = differing(same, field.key);
    return values.length ? [rowOfAxis(field, { field: field.key, values, find: "" })] : [];
  });
  const varied = { rows, table: null, paired: true, seeds: "each" };
  write(sessionStorage, VARIED + ownName(workflow), varied);
  openVary();
}
