// @ts-check
// The page /albums: the albums that the user may see, and the results in one of them.

import { loadLost } from "page/arrivals.js";
import { uncovered } from "page/back.js";
import { $, button, element, tell } from "page/dom.js";
import { message, withEllipsis } from "page/messages.js";
import { page } from "page/state.js";
import { cardsOf, workIn } from "../album_cards.js";
import { editAlbum } from "../album_dialogs.js";
import { AlbumHead } from "../album_head.js";
import { albumAt, allAlbums, isGuest, reach } from "../calls.js";
import { Wall } from "../wall.js";

/** @import { AlbumDoc } from "../documents.js" */

const NONE = message("No albums yet. Share a result with the team, or make an album.");
const place = /** @type {HTMLElement} */ ($("#albums"));
const { album: id = "" } = place.dataset;

/** Show errors of requests, and that the app can't be reached, in a line over the page. */
function showNotices() {
  const line = element("p");
  line.id = "notice";
  line.role = "alert";
  page.subscribe(({ notice, away }) => {
    tell(line, notice ? [notice.headline, notice.advice].filter(Boolean).join(" ") : away);
    const over = $("dialog:modal") ?? document.body;
    if (line.parentElement !== over) over.append(line);
    if (notice) setTimeout(() => page.now.notice === notice && page.set({ notice: null }), 8000);
  });
}

/** Show the albums that aren't in another one. */
async function showAlbums() {
  const albums = await allAlbums();
  if (!albums) return showError();
  const adds = button(withEllipsis(message("New album")), () => editAlbum(null, null), "button");
  adds.dataset.icon = "plus";
  const head = element("header", "in-line apart", element("h1", "", message("Albums")), adds);
  const known = new Set(albums.map((album) => album.id));
  const outer = albums.filter(({ parent }) => !known.has(parent ?? ""));
  outer.sort((one, other) => workIn(other) - workIn(one));
  place.replaceChildren(head, outer.length ? cardsOf(outer) : stateCard(NONE));
}

async function showAlbum() {
  const albums = isGuest ? null : allAlbums();
  /** @type {AlbumDoc | null} */
  const album = await reach(albumAt(""));
  if (!album) return showError();
  document.title = `${album.title} · ${document.title}`;
  /** @type {AlbumHead} */
  const head = new AlbumHead(album, () => wall.review());
  const wall = new Wall(album, head);
  place.replaceChildren(head.place, wall.place);
  albums?.then((all) => head.placeAmong(all ?? []));
  await wall.begin();
}

const showError = () => place.replaceChildren(stateCard(page.now.notice?.headline ?? ""));

/** @param {string} words */
function stateCard(words) {
  const card = element("p", "state-card muted", words);
  card.dataset.icon = "picture";
  return card;
}

addEventListener("popstate", (event) => void uncovered(event));
showNotices();
loadLost();
await (id ? showAlbum() : showAlbums());
place.ariaBusy = "false";
