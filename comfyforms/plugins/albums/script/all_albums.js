// @ts-check
// The albums that the user may see.

import { API } from "page/requests.js";
import { reach } from "./calls.js";

/** @import { AlbumDoc, AlbumsDoc } from "./documents.js" */

const MOST_PAGES = 10; // other people can share any number of albums

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
