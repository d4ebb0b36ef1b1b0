// @ts-check
// Choice of an album for results, which may be a new one.

import { $, button, element } from "page/dom.js";
import { formDialog } from "page/form_dialog.js";
import { message, withEllipsis } from "page/messages.js";
import { API, json, request } from "page/requests.js";
import { linkTo } from "./album_cards.js";
import { allAlbums } from "./calls.js";
import { albumFields, rowOf, selectOf } from "./form_dialog.js";
import { inTree, seenBy } from "./items.js";

/** @import { AlbumDoc } from "./documents.js" */

const NEW = "new"; // no album's id: these are longer

/**
 * Return fields for the choice.
 * @param {string} [from] id of an album that isn't offered
 */
export async function albumChoice(from) {
  const all = await allAlbums();
  if (!all) return null;
  const albums = inTree(all).filter(({ album: { may, id } }) => may.includes("add") && id !== from);
  const choices = albums.map(
    ({ album: { id, title }, depth }) => new Option("\u2003".repeat(depth) + title, id),
  );
  const [latest] = albums.flatMap(({ album }) => (album.mine ? [album] : [])).sort(byChange);
  const words = withEllipsis(message("New album"));
  const which = selectOf([new Option(words, NEW), ...choices], latest?.id ?? NEW);
  const { rows, read } = albumFields(null);
  const made = element("div", "", ...rows);
  const said = element("p", "said");
  said.role = "status";
  const add = button(words, () => {
    which.value = NEW;
    show();
    $("input", made)?.focus();
  });
  const readers = element("p", "aside");
  const show = () => {
    made.hidden = which.value !== NEW;
    add.hidden = !made.hidden;
    const chosen = albums.find(({ album: { id } }) => id === which.value);
    readers.textContent = chosen ? seenBy(chosen.album) : "";
    readers.hidden = !chosen;
  };
  which.addEventListener("change", show);
  show();

  /**
   * Send a request, and show its error below the fields.
   * @template [T=unknown]
   * @param {string} path
   * @param {object} body
   * @param {string} [method]
   * @returns {Promise<T | null>}
   */
  async function send(path, body, method) {
    const answer = await request(path, json(body), method);
    said.textContent = answer.told ? "" : [answer.why, answer.hint].filter(Boolean).join(" ");
    return answer.told;
  }

  /** Return the id of the chosen album; null without a title, or after an error. */
  async function chosen() {
    if (which.value !== NEW) return which.value;
    const body = read();
    /** @type {AlbumDoc | null} */
    const album = body && (await send(`${API}/albums`, body));
    if (!album) return null;
    // Pressing again after an error must not make a second album.
    which.prepend(new Option(body.title, album.id));
    which.value = album.id;
    show();
    return album.id;
  }

  const row = element("div", "row beside", rowOf(message("Album"), which), add);
  return { rows: [row, readers, made], said, send, chosen };
}

/**
 * Say what has happened, and offer to open the album.
 * @param {string} id
 * @param {string} words
 */
export function tellOf(id, words) {
  const open = () => location.assign(linkTo(id));
  formDialog("share", words, [], message("Open the album"), open, message("Close"));
}

/** @param {AlbumDoc} one @param {AlbumDoc} other */
const byChange = (one, other) => other.changed_at - one.changed_at;
