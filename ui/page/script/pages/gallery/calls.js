// @ts-check
// Requests about the page's album. A guest's requests carry the name that the guest has given.

import { $, button, dialog, element } from "../../dom.js";
import { message } from "../../messages.js";
import { API, ask, json } from "../../requests.js";
import { GUEST, read, write } from "../../storage.js";

/** @import { AlbumItem } from "../../albums/items.js" */

const { album = "", guest } = $("#gallery")?.dataset ?? {};
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

/**
 * Return the address of something that the album's caller may do, once a guest has a name.
 * @param {string} path
 * @param {(address: string) => void} then
 */
function named(path, then) {
  if (!isGuest || name()) return then(albumAt(path));
  const place = dialog("share", message("Your name"));
  const input = element("input");
  Object.assign(input, { maxLength: 60, autocomplete: "name" });
  input.ariaLabel = message("Name");
  const go = () => {
    if (!input.value.trim()) return input.focus();
    write(localStorage, GUEST, input.value.trim());
    place.hidePopover();
    then(albumAt(path));
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") go();
  });
  const last = element("div", "row last", button(message("Continue"), go, "button primary"));
  place.append(element("div", "row", input), last);
  ($("dialog:modal") ?? document.body).append(place);
  place.showPopover();
  input.focus();
}

/**
 * Send a change of an item or its comments. Errors are shown.
 * @param {string} path below the album
 * @param {object} body
 * @param {string} [method]
 * @returns {Promise<any>} the answer, null after an error
 */
export const send = (path, body, method = "POST") =>
  new Promise((resolve) => {
    named(path, (address) => ask(address, json(body), method).then(resolve));
  });

/**
 * Store the caller's verdict and stars.
 * @param {AlbumItem} item
 * @param {Pick<AlbumItem, "verdict" | "stars">} said
 * @returns {Promise<AlbumItem | null>}
 */
export const review = (item, { verdict, stars }) =>
  send(`/items/${item.id}/review`, { verdict, stars }, "PUT");
