// @ts-check
// “Use these settings” on the page of a shared result: fills in the form as for this result, and shows it on the stage.
// Parts do so, too.

import { correctAddress } from "../back.js";
import { expectValues } from "../form/form.js";
import { API } from "../requests.js";
import { reuse } from "../stage/actions.js";
import { page } from "../state.js";

/** @import { SharedValues } from "../documents.js" */

/** A part's module `address.js`. @typedef {{ useAddress: (query: URLSearchParams) => unknown }} OfAddress */

/**
 * Fill in the form as for the results in an address. A later reload doesn't fill it in again.
 * @param {URLSearchParams} query
 */
export async function useShared(query) {
  const [link, part] = [query.get("shared"), query.get("part")];
  correctAddress(location.pathname);
  await firstForm(); // Gradio loses a redraw that is requested before
  if (part) {
    /** @type {OfAddress | null} */
    const found = await import(`parts/${part}/address.js`).catch(() => null);
    if (found) found.useAddress(query);
    else expectValues(false);
    return;
  }
  const path = (link ?? "").split("/").map(encodeURIComponent).join("/");
  const given = /** @type {SharedValues | null} */ (await reuse(`${API}/shared/${path}/values`));
  if (given) page.set({ shared: given, shown: null });
}

/** Wait until the page shows a form. */
const firstForm = () =>
  new Promise((resolve) => {
    page.subscribe(({ form }) => {
      if (form) resolve(form);
    });
  });
