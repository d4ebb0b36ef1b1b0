// @ts-check
// “Use these settings” on the page of a shared result: fills in the form as for this result.

import { correctAddress } from "../back.js";
import { API } from "../requests.js";
import { reuse } from "../stage/actions.js";
import { page } from "../state.js";

/** Fill in the form if the address names a shared result. A later reload doesn't fill it in again. */
export async function useShared() {
  const token = new URLSearchParams(location.search).get("shared");
  if (!token) return;
  correctAddress(location.pathname);
  await firstForm(); // Gradio loses a redraw that is requested before
  await reuse(`${API}/shared/${token.split("/").map(encodeURIComponent).join("/")}/values`);
}

/** Wait until the page shows a form. */
const firstForm = () =>
  new Promise((resolve) => {
    page.subscribe(({ form }) => {
      if (form) resolve(form);
    });
  });
