// @ts-check
// Requests about albums, most of them about the page's. A guest's requests carry the name that the guest has given.

import { untilRetry } from "page/clock.js";
import { $, element } from "page/dom.js";
import { formDialog } from "page/form_dialog.js";
import { message } from "page/messages.js";
import { API, json, RECONNECTING, request } from "page/requests.js";
import { page, say } from "page/state.js";
import { read, write } from "page/storage.js";
import { rowOf } from "./form_dialog.js";

/** @import { AlbumDoc, AlbumsDoc } from "./documents.js" */

const GUEST = "comfyforms.guest"; // key of the name that a guest has given
const MOST_PAGES = 10; // other people can share any number of albums
const { album = "", guest } = $("#albums")?.dataset ?? {};
/** A guest's page has the query that lets a guest with an account sign in, "" for none. */
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
    const why = element("p", "aside", message("The team sees it beside your votes and comments."));
    const input = Object.assign(element("input"), { maxLength: 60, autocomplete: "name" });
    const keep = () => {
      const given = input.value.trim();
      if (!given) return input.focus();
      write(localStorage, GUEST, given);
      place.hidePopover();
    };
    const signIn = element("a", "smaller", message("Have an account? Sign in."));
    signIn.hidden = !guest;
    signIn.setAttribute("href", `${location.pathname}${guest}`);
    const content = [why, rowOf(message("Name"), input), signIn];
    const place = formDialog("share", message("Your name"), content, message("Continue"), keep);
    place.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "closed") resolve();
    });
  });

/**
 * Do something that carries a guest's name. Guests without a name are asked for it first.
 * @param {() => T | Promise<T>} does called at once for everyone with a name, and not without one
 * @template T
 * @returns {Promise<T | null>}
 */
export async function withName(does) {
  if (isGuest && !name()) await askName();
  return !isGuest || name() ? does() : null;
}

/**
 * Send a request and show errors. Send a GET or PUT until the app answers, and say meanwhile that it doesn't.
 * @param {string} path below the app's root
 * @param {() => boolean} [isWanted] whether to keep trying
 * @param {BodyInit} [body]
 * @param {string} [method]
 * @template [T=unknown]
 * @returns {Promise<T | null>} the answer; null after an error, or once it isn't wanted
 */
export async function reach(path, isWanted = () => true, body = undefined, method = "GET") {
  for (let tries = 0; isWanted(); tries++) {
    const { told, why, hint, isSilent } = await request(path, body, method);
    const isLost = isSilent && ["GET", "PUT"].includes(method); // others must not arrive twice
    page.set({ away: isLost && tries ? RECONNECTING : "" });
    if (!isLost && !told) say(why, hint);
    if (!isLost) return told;
    await untilRetry(tries);
  }
  page.set({ away: "" });
  return null;
}

/**
 * Send a change of an item or its comments, see `reach`.
 * @param {string} path below the album
 * @param {object} body
 * @param {string} [method]
 * @template [T=unknown]
 * @returns {Promise<T | null>} the answer; null after an error, or without a guest's name
 */
export async function send(path, body, method = "POST") {
  return withName(() => reach(albumAt(path), undefined, json(body), method));
}

/**
 * Return the user's albums, then those that others share. An error is shown.
 * @returns {Promise<readonly AlbumDoc[] | null>}
 */
export async function allAlbums() {
  /** @type {AlbumDoc[]} */
  const albums = [];
  for (let page = 0, cursor = ""; page < MOST_PAGES; page++) {
    /** @type {AlbumsDoc | null} */
    const told = await reach(`${API}/albums?limit=200&cursor=${cursor}`);
    if (!told) return null;
    albums.push(...told.albums);
    if (!told.next) break;
    cursor = told.next;
  }
  return albums;
}
