// @ts-check
// “Use these settings” in an album fills in the form as for a result. “Generate more like these” opens “Try several values” with
// the values in which the chosen results differ.

import { fieldsToVary } from "page/batches/given.js";
import { rowOfAxis } from "page/batches/spec.js";
import { expectValues, refill, visitWith } from "page/form/form.js";
import { ownName } from "page/form/typed.js";
import { isDrawn } from "page/grids/opened_grid.js";
import { API, ask } from "page/requests.js";
import { page } from "page/state.js";
import { VARIED, write } from "page/storage.js";
import { openVary } from "page/vary/open.js";
import { differing } from "./items.js";

/** @import { ItemsValues } from "./documents.js" */

/**
 * Fill in the form as for the items of an album that an address names.
 * @param {URLSearchParams} address
 */
export async function useAddress(address) {
  const query = new URLSearchParams(address.getAll("item").map((id) => ["item", id]));
  const path = `${API}/albums/${encodeURIComponent(address.get("album") ?? "")}/values?${query}`;
  /** @type {ItemsValues | null} */
  const told = await ask(path, undefined, "GET");
  const items = told?.items ?? [];
  const [first] = items;
  if (!first) return expectValues(false);
  const { workflow, values } = first;
  if (!address.has("like")) {
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
