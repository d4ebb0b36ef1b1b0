// @ts-check
// “Use these settings” on the page of a shared result or an album: fills in the form as for this result, and shows it on
// the stage. “More like these” in an album.

import { correctAddress } from "../back.js";
import { API } from "../requests.js";
import { reuse } from "../stage/actions.js";
import { page } from "../state.js";

/** @import { SharedValues } from "../documents.js" */

/**
 * Fill in the form as for the results in an address. A later reload doesn't fill it in again.
 * @param {URLSearchParams} query
 */
export async function useShared(query) {
  const [link, album, items] = [query.get("shared"), query.get("album"), query.getAll("item")];
  correctAddress(location.pathname);
  await firstForm(); // Gradio loses a redraw that is requested before
  if (album) {
    const { useFromAlbum } = await import("../albums/from_album.js");
    return useFromAlbum(album, items, query.has("like"));
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
