// @ts-check
// Head of an album: its title and note, who sees it, what can be done with it, and the albums in it.

import { ACCESS } from "../../albums/items.js";
import { confirm } from "../../confirm.js";
import { downloadLink, element, root } from "../../dom.js";
import { message, withEllipsis } from "../../messages.js";
import { ask } from "../../requests.js";
import { menuButton } from "../../results/pop_menu.js";
import { cardsOf, countWords, linkTo } from "./album_cards.js";
import { editAlbum, showLink } from "./album_dialogs.js";
import { albumAt, isGuest } from "./calls.js";

/** @import { Album } from "../../albums/items.js" */
/** @import { Entry } from "../../results/pop_menu.js" */

/** Numbers of an album's results by what everybody says of them. @typedef {{ keep: number, reject: number, open: number }} Counts */

export class AlbumHead {
  place = element("header", "album-head stack");
  #path = element("nav", "path aside");
  #about = element("p", "aside");
  #links = element(
    "span",
    "wraps",
    keptLink("/zip", message("Download kept")),
    keptLink("/sheet", message("Contact sheet")),
  );
  #album;

  /** @param {Album} album */
  constructor(album) {
    this.#album = album;
    const first = element("div", "in-line", element("h1", "breaks", album.title));
    if (album.may.includes("take_back"))
      first.append(menuButton("", message("More"), this.#entries(), "button more", "more"));
    const words = element("div", "", first, this.#about);
    const note = element("p", "note breaks", album.note);
    note.hidden = !album.note;
    this.#path.ariaLabel = message("Albums above");
    this.#path.append(linkIn({ id: "", title: message("Gallery") }));
    if (!isGuest) this.place.append(this.#path);
    this.place.append(element("div", "flow apart", words, this.#links), note);
    this.tell({ keep: album.kept, reject: 0, open: album.items - album.kept });
  }

  /**
   * Link to the albums around this one, and show those in it.
   * @param {readonly Album[]} albums every album that the user may see
   */
  placeAmong(albums) {
    let around = parentOf(this.#album, albums);
    for (; around; around = parentOf(around, albums)) this.#path.children[0]?.after(linkIn(around));
    const inside = albums.filter(({ parent }) => parent === this.#album.id);
    if (inside.length) this.place.append(cardsOf(inside));
  }

  /** @param {Counts} counts */
  tell({ keep, reject, open }) {
    const { by, mine, access } = this.#album;
    const seenBy = ACCESS.find(([value]) => value === access)?.[1];
    const about = [!mine && by, !isGuest && seenBy, countWords(keep + reject + open)];
    this.#about.textContent = about.filter(Boolean).join(" · ");
    this.#links.hidden = !keep;
  }

  /** @returns {Entry[]} */
  #entries() {
    const { may, id, title } = this.#album;
    const remove = () =>
      confirm(
        message("Delete “{title}”?", { title }),
        message("Albums inside go, too. The results stay with their owners."),
        message("Delete"),
        async () => {
          if (await ask(albumAt(""), undefined, "DELETE")) location.assign(linkTo(""));
        },
      );
    const drop = { label: withEllipsis(message("Delete")), does: remove, isBad: true };
    if (!may.includes("change")) return [drop];
    return [
      { label: withEllipsis(message("Edit album")), does: () => editAlbum(this.#album, null) },
      { label: withEllipsis(message("New album inside")), does: () => editAlbum(null, id) },
      { label: withEllipsis(message("Link for guests")), does: showLink },
      drop,
    ];
  }
}

/**
 * @param {string} path
 * @param {string} words
 */
function keptLink(path, words) {
  const address = albumAt(path, new URLSearchParams({ verdict: "keep" }));
  const link = downloadLink(words, root + address);
  link.dataset.icon = "download";
  return link;
}

/**
 * @param {Album} album
 * @param {readonly Album[]} albums
 */
const parentOf = ({ parent }, albums) => albums.find(({ id }) => id === parent);

/** @param {{ id: string, title: string }} album @returns a link in the path to an album */
function linkIn({ id, title }) {
  const link = element("a", "", title);
  link.href = linkTo(id);
  return element("span", "", link, " › ");
}
