// @ts-check
// Requests about the page's album. A guest's requests carry the name that the guest has given.

import { $, element } from "page/dom.js";
import { message } from "page/messages.js";
import { API, ask, json } from "page/requests.js";
import { read, write } from "page/storage.js";
import { formDialog, rowOf } from "./form_dialog.js";

const GUEST = "comfyforms.guest"; // key of the name that a guest has given
const { album = "", guest } = $("#albums")?.dataset ?? {};
export const isGuest = guest !== undefined;
const name = () => (isGuest ? String(read(localStorage, GUEST, "")) : "");

/**
 * Return the address of something in the album.
 * @param {string} path
 * @param {URLSearchParams} [query]
 */
export function albumAt(path, query = new URLSearchParams()) {
  if (name()) query.set("guest", name());
  const asked = query.size ? `?${query}` : "";
  return `${API}/albums/${encodeURIComponent(album)}${path}${asked}`;
}

/** Ask a guest for a name. @returns {Promise<void>} ends with the dialog */
const askName = () =>
  new Promise((resolve) => {
    const input = Object.assign(element("input"), { maxLength: 60, autocomplete: "name" });
    const keep = () => {
      if (!input.value.trim()) return input.focus();
      write(localStorage, GUEST, input.value.trim());
      place.hidePopover();
    };
    const row = rowOf(message("Name"), input);
    const place = formDialog(message("Your name"), [row], message("Continue"), keep);
    place.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "closed") resolve();
    });
  });

/**
 * Send a change of an item or its comments. Errors are shown.
 * @param {string} path below the album
 * @param {object} body
 * @param {string} [method]
 * @returns {Promise<any>} the answer; null after an error, or without a guest's name
 */
export async function send(path, body, method = "POST") {
  if (isGuest && !name()) await askName();
  return isGuest && !name() ? null : ask(albumAt(path), json(body), method);
}
