// @ts-check
// “Share…”: puts results into an album, which may be a new one.

import { element } from "page/dom.js";
import { message } from "page/messages.js";
import { API, json, request } from "page/requests.js";
import { linkTo } from "./album_cards.js";
import { allAlbums } from "./all_albums.js";
import { albumFields, checkBox, fillForm, formDialog, rowOf, selectOf } from "./form_dialog.js";
import { inTree } from "./items.js";

/** @import { Shared } from "page/stage/share.js" */
/** @import { AlbumDoc } from "./documents.js" */

const NEW = "new"; // no album's id: these are longer

/**
 * Ask for an album, then put results into it.
 * @param {Shared} what
 * @param {HTMLElement} place in the dialog
 * @param {() => void} close
 */
export async function share(what, place, close) {
  const all = await allAlbums();
  if (!all) return null;
  const albums = inTree(all).filter(({ album }) => album.may.includes("add"));
  const choices = albums.map(
    ({ album: { id, title }, depth }) => new Option("\u2003".repeat(depth) + title, id),
  );
  const [latest] = albums.flatMap(({ album }) => (album.mine ? [album] : [])).sort(byChange);
  const which = selectOf([...choices, new Option(message("New album"), NEW)], latest?.id ?? NEW);
  const { rows, read } = albumFields(null);
  const made = element("div", "", ...rows);
  const settings = checkBox(message("With prompt and settings"));
  const said = element("p", "said");
  said.role = "status";
  const show = () => {
    made.hidden = which.value !== NEW;
  };
  which.addEventListener("change", show);
  show();
  const content = [rowOf(message("Album"), which), made, settings.label, said];
  return fillForm(place, close, content, message("Share"), send);

  async function send() {
    if (which.value === NEW) {
      const body = read();
      /** @type {AlbumDoc | null} */
      const album = body && (await post("", body));
      if (!album) return;
      // Pressing again after an error must not make a second album.
      which.prepend(new Option(body.title, album.id));
      which.value = album.id;
      show();
    }
    const items = { ...what, settings: settings.input.checked };
    if (!(await post(`/${which.value}/items`, items))) return;
    close();
    const open = () => location.assign(linkTo(which.value));
    formDialog(message("Shared."), [], message("Open the album"), open, message("Close"));
  }

  /**
   * @template [T=unknown]
   * @param {string} path
   * @param {object} body
   * @returns {Promise<T | null>}
   */
  async function post(path, body) {
    const answer = await request(`${API}/albums${path}`, json(body));
    said.textContent = answer.told ? "" : [answer.why, answer.hint].filter(Boolean).join(" ");
    return answer.told;
  }
}

/** @param {AlbumDoc} one @param {AlbumDoc} other */
const byChange = (one, other) => other.changed_at - one.changed_at;
