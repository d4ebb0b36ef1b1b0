// @ts-check
// The albums: a tree beside the page's album, and cards with their newest results.

import { inTree } from "../../albums/items.js";
import { addressOf, button, element, root } from "../../dom.js";
import { message, plural, withEllipsis } from "../../messages.js";
import { editAlbum } from "./album_dialogs.js";

/** @import { Album } from "../../albums/items.js" */

const NONE = message("No albums yet. Share a result with the team, or make an album.");
const SMALL = matchMedia("(max-width: 1023px)");

/** @param {string} id */
const addressFor = (id) => [root, "gallery", id].filter(Boolean).join("/");

export class AlbumTree {
  place = element("details", "albums");

  /**
   * @param {readonly Album[]} albums
   * @param {string} here id of the page's album, or ""
   */
  constructor(albums, here) {
    const list = element("ul");
    list.append(lineFor("", message("All albums"), "", 0, here));
    for (const { album, depth } of inTree(albums))
      list.append(lineFor(album.id, album.title, String(album.items), depth, here));
    const nav = element("nav", "", list);
    nav.ariaLabel = message("Albums");
    const adds = button(withEllipsis(message("New album")), () => editAlbum(null, null), "bare");
    adds.dataset.icon = "plus";
    this.place.append(element("summary", "", message("Albums")), nav, adds);
    const fold = () => {
      this.place.open = !SMALL.matches;
    };
    SMALL.addEventListener("change", fold);
    fold();
  }
}

/**
 * @param {string} id
 * @param {string} title
 * @param {string} count
 * @param {number} depth
 * @param {string} here
 */
function lineFor(id, title, count, depth, here) {
  const link = element("a", "choice apart", element("span", "", title));
  link.append(element("span", "muted digits", count));
  link.href = addressFor(id);
  if (id === here) link.ariaCurrent = "page";
  const item = element("li", "", link);
  item.style.setProperty("--depth", String(depth));
  return item;
}

/**
 * Return cards of the albums in an album, or of those in none.
 * @param {readonly Album[]} albums
 * @param {string | null} parent
 * @returns {HTMLElement[]}
 */
export function albumCards(albums, parent) {
  const list = element("ul", parent ? "album-cards small" : "album-cards");
  const known = new Set(albums.map(({ id }) => id));
  for (const album of albums)
    if ((album.parent && known.has(album.parent) ? album.parent : null) === parent)
      list.append(element("li", "", cardFor(album)));
  if (list.hasChildNodes()) return parent ? [list] : [element("h1", "", message("Gallery")), list];
  const none = element("p", "state-card muted", NONE);
  none.dataset.icon = "picture";
  return [element("h1", "", message("Gallery")), none];
}

/** @param {Album} album */
function cardFor({ id, title, by, mine, items, kept, covers }) {
  const pictures = element("span", `covers of-${Math.min(covers.length, 4)}`);
  for (const cover of covers.slice(0, 4))
    pictures.append(
      Object.assign(element("img"), { src: addressOf(cover), alt: "", loading: "lazy" }),
    );
  const counts = [
    countWords(items),
    kept && plural("{count} kept", "{count} kept", { count: kept }),
  ];
  const about = [mine ? "" : by, ...counts].filter(Boolean).join(" · ");
  const words = element("span", "stack", element("strong", "", title));
  words.append(element("span", "aside", about));
  const card = element("a", "album-card", pictures, words);
  card.href = addressFor(id);
  return card;
}

/** @param {number} count */
export const countWords = (count) => plural("{count} result", "{count} results", { count });
