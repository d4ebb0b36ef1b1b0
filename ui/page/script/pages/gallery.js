// @ts-check
// The page /gallery: the albums that the user may see, and the results in one of them.

import { uncovered } from "../back.js";
import { $, element } from "../dom.js";
import { message } from "../messages.js";
import { API, get, look, SILENT } from "../requests.js";
import { page } from "../state.js";
import { AlbumHead } from "./gallery/album_head.js";
import { AlbumTree, albumCards } from "./gallery/album_tree.js";
import { albumAt, isGuest } from "./gallery/calls.js";
import { Wall } from "./gallery/wall.js";

/** @import { Album } from "../albums/items.js" */

const place = /** @type {HTMLElement} */ ($("#gallery"));
const { album: id = "" } = place.dataset;

/** Show errors of requests in a line over the page. */
function showNotices() {
  const line = element("p", "notice");
  line.role = "alert";
  page.subscribe(({ notice }) => {
    line.textContent = notice ? [notice.headline, notice.advice].filter(Boolean).join(" ") : "";
    ($("dialog:modal") ?? document.body).append(line);
    if (notice) setTimeout(() => page.now.notice === notice && page.set({ notice: null }), 8000);
  });
}

async function showAlbums() {
  /** @type {{ albums: Album[] } | null} */
  const told = isGuest ? { albums: [] } : await get(`${API}/albums`);
  const albums = told?.albums ?? [];
  const tree = new AlbumTree(albums, id);
  if (!isGuest) place.prepend(tree.place);
  return { albums, tree };
}

async function showAlbum() {
  const room = element("section", "album");
  place.append(room);
  const listed = showAlbums();
  if (!id) {
    const { albums } = await listed;
    room.replaceChildren(...albumCards(albums, null));
    return;
  }
  /** @type {Album | null | undefined} */
  const album = await look(albumAt(""));
  if (!album) {
    const why = album === null ? message("Page not found") : SILENT;
    room.replaceChildren(element("p", "state-card muted", why));
    return;
  }
  document.title = `${album.title} · ${document.title}`;
  const head = new AlbumHead(
    album,
    listed.then(({ albums }) => albums),
  );
  const inside = element("div");
  const wall = new Wall(album, (counts) => head.tell(counts));
  room.replaceChildren(head.place, inside, wall.place);
  await wall.begin();
  const { albums } = await listed;
  if (albums.some(({ parent }) => parent === id)) inside.append(...albumCards(albums, id));
}

addEventListener("popstate", (event) => void uncovered(event));
showNotices();
await showAlbum();
place.ariaBusy = "false";
