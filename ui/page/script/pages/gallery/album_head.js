// @ts-check
// Head of an album: its title and note, who sees it, and what can be done with it.

import { ACCESS } from "../../albums/items.js";
import { confirm } from "../../confirm.js";
import { downloadLink, element, root } from "../../dom.js";
import { message, withEllipsis } from "../../messages.js";
import { ask } from "../../requests.js";
import { menuButton } from "../../results/pop_menu.js";
import { editAlbum, showLink } from "./album_dialogs.js";
import { countWords } from "./album_tree.js";
import { albumAt, isGuest } from "./calls.js";

/** @import { Album } from "../../albums/items.js" */
/** @import { Entry } from "../../results/pop_menu.js" */

/** Numbers of an album's results by what everybody says of them. @typedef {{ keep: number, reject: number, open: number }} Counts */

export class AlbumHead {
  place = element("header", "album-head stack");
  #about = element("p", "aside");
  #links = element("span", "wraps");
  #album;

  /**
   * @param {Album} album
   * @param {Promise<readonly Album[]>} albums every album that the user may see
   */
  constructor(album, albums) {
    this.#album = album;
    const path = element("nav", "path aside");
    path.ariaLabel = message("Albums above");
    albums.then((all) => path.append(...linksAbove(album, all)));
    const title = element("h1", "breaks", album.title);
    const first = element("div", "in-line", title);
    if (album.may.some((one) => one === "change" || one === "take_back"))
      first.append(menuButton("", message("More"), this.#entries(), "button more", "more"));
    const note = element("p", "note breaks", album.note);
    note.hidden = !album.note;
    const words = element("div", "", path, first, this.#about);
    this.place.append(element("div", "flow apart", words, this.#links), note);
    this.tell({ keep: album.kept, reject: 0, open: album.items - album.kept });
  }

  /** @param {Counts} counts */
  tell({ keep, reject, open }) {
    const [access = ""] = ACCESS.filter(([value]) => value === this.#album.access).map(
      ([, words]) => words,
    );
    const { by, mine } = this.#album;
    const seen = isGuest ? "" : access;
    this.#about.textContent = [mine ? "" : by, seen, countWords(keep + reject + open)]
      .filter(Boolean)
      .join(" · ");
    if (this.#links.childElementCount === (keep ? 2 : 0)) return;
    const kept = new URLSearchParams({ verdict: "keep" });
    const zip = downloadLink(message("Download kept"), root + albumAt("/zip", kept));
    zip.dataset.icon = "download";
    const sheet = downloadLink(
      message("Contact sheet"),
      root + albumAt("/sheet", new URLSearchParams(kept)),
    );
    this.#links.replaceChildren(...(keep ? [zip, sheet] : []));
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
          if (await ask(albumAt(""), undefined, "DELETE")) location.assign(`${root}/gallery`);
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
 * Return links to the albums that contain this one, the outermost first.
 * @param {Album} album
 * @param {readonly Album[]} albums
 */
function linksAbove(album, albums) {
  /** @type {HTMLElement[]} */
  const above = [];
  let { parent } = album;
  while (parent) {
    const found = albums.find(({ id }) => id === parent);
    if (!found) break;
    const link = Object.assign(element("a", "", found.title), {
      href: `${root}/gallery/${found.id}`,
    });
    above.unshift(element("span", "", link, " › "));
    parent = found.parent;
  }
  return above;
}
