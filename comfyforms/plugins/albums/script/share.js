// @ts-check
// “Share…”: puts results into an album, which may be a new one.

import { fillForm } from "page/form_dialog.js";
import { message, plural } from "page/messages.js";
import { API } from "page/requests.js";
import { albumChoice, tellOf } from "./album_choice.js";
import { checkBox } from "./form_dialog.js";

/** @import { Shared } from "page/stage/share.js" */

/**
 * Ask for an album, then put results into it.
 * @param {Shared} what
 * @param {HTMLElement} place in the dialog
 * @param {() => void} close
 */
export async function share(what, place, close) {
  const choice = await albumChoice();
  if (!choice) return null;
  const settings = checkBox(message("Include the prompt and settings"));
  const content = [...choice.rows, settings.label, choice.said];
  return fillForm(place, close, content, message("Add to album"), async () => {
    const id = await choice.chosen();
    const items = { ...what, settings: settings.input.checked };
    /** @type {{ items: object[] } | null} */
    const added = id ? await choice.send(`${API}/albums/${id}/items`, items) : null;
    if (!id || !added) return;
    close();
    const count = added.items.length;
    tellOf(id, plural("{count} result added", "{count} results added", { count }));
  });
}
