// @ts-check
// “Use these settings” on the page of a shared result: fills in the form as for this result, and shows it on the stage.

import { correctAddress } from "../back.js";
import { API } from "../requests.js";
import { reuse } from "../stage/actions.js";
import { page } from "../state.js";

/** @import { SharedValues } from "../documents.js" */

/** Fill in the form if the address names a shared result. A later reload doesn't fill it in again. */
export async function useShared() {
  const link = new URLSearchParams(location.search).get("shared");
  if (!link) return;
  correctAddress(location.pathname);
  await firstForm(); // Gradio loses a redraw that is requested before
  const path = link.split("/").map(encodeURIComponent).join("/");
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
