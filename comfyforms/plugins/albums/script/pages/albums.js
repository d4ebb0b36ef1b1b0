// @ts-check
// The page /albums: the albums that the user may see, and the results in one of them.

import { uncovered } from "page/back.js";
import { $, button, element } from "page/dom.js";
import { message, withEllipsis } from "page/messages.js";
import { look, SILENT } from "page/requests.js";
import { page } from "page/state.js";
import { cardsOf } from "../album_cards.js";
import { editAlbum } from "../album_dialogs.js";
import { AlbumHead } from "../album_head.js";
import { allAlbums } from "../all_albums.js";
import { albumAt, isGuest } from "../calls.js";
import { Wall } from "../wall.js";

/** @import { AlbumDoc } from "../documents.js" */

const NONE = message("No albums yet. Share a result with the team, or make an album.");
const place = /** @type {HTMLElement} */ ($("#albums"));
const { album: id = "" } = place.dataset;

/** Show errors of requests in a line over the page. */
function showNotices() {
  const line = element("p");
  line.id = "notice";
  line.role = "alert";
  page.subscribe(({ notice }) => {
    line.textContent = notice ? [notice.headline, notice.advice].filter(Boolean).join(" ") : "";
    ($("dialog:modal") ?? document.body).append(line);
    if (notice) setTimeout(() => page.now.notice === notice && page.set({ notice: null }), 8000);
  });
}

/**
 * Show the albums that aren't in another one.
 * @param {readonly AlbumDoc[]} albums
 */
function showAlbums(albums) {
  const adds = button(withEllipsis(message("New album")), () => editAlbum(null, null), "button");
  adds.dataset.icon = "plus";
  const head = element("header", "in-line apart", element("h1", "", message("Albums")), adds);
  const known = new Set(albums.map((album) => album.id));
  const outer = albums.filter(({ parent }) => !known.has(parent ?? ""));
  place.append(head, outer.length ? cardsOf(outer) : stateCard(NONE));
}

async function showAlbum() {
  const albums = isGuest ? null : allAlbums();
  /** @type {AlbumDoc | null | undefined} */
  const album = await look(albumAt(""));
  if (!album) {
    place.append(stateCard(album === null ? message("Page not found") : SILENT));
    return;
  }
  document.title = `${album.title} · ${document.title}`;
  /** @type {AlbumHead} */
  const head = new AlbumHead(album, () => wall.review());
  const wall = new Wall(album, (counts) => head.tell(counts));
  place.append(head.place, wall.place);
  albums?.then((all) => head.placeAmong(all ?? []));
  await wall.begin();
}

/** @param {string} words */
function stateCard(words) {
  const card = element("p", "state-card muted", words);
  card.dataset.icon = "picture";
  return card;
}

addEventListener("popstate", (event) => void uncovered(event));
showNotices();
if (id) await showAlbum();
else showAlbums((await allAlbums()) ?? []);
place.ariaBusy = "false";
