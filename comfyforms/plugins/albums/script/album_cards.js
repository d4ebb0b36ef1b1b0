// @ts-check
// Cards of albums, with their newest results.

import { addressOf, element, root } from "page/dom.js";
import { plural } from "page/messages.js";

/** @import { AlbumDoc } from "./documents.js" */

/** @param {string} id "" for the page of all albums */
export const linkTo = (id) => [root, "albums", id].filter(Boolean).join("/");

/** @param {number} count */
export const countWords = (count) =>
  plural("{count} result", "{count} results", { count }).replace(" ", "\u00a0");

/** @param {readonly AlbumDoc[]} albums */
export const cardsOf = (albums) =>
  element("ul", "album-cards", ...albums.map((album) => element("li", "", cardFor(album))));

/** @param {AlbumDoc} album @returns how early it comes: before others if the user has to review results */
export const workIn = (album) =>
  asksFor(album) || album.new_comments ? 2 : Number(album.items > 0);

/** @param {AlbumDoc} album @returns how many results wait for the user */
const asksFor = ({ access, unreviewed }) => (access === "private" ? 0 : unreviewed);

/** @param {AlbumDoc} album */
function cardFor(album) {
  const { id, title, by, mine, items, kept, covers, new_comments: comments } = album;
  const pictures = covers.map((cover) =>
    Object.assign(element("img"), { src: addressOf(cover), alt: "", loading: "lazy" }),
  );
  const shown = element("span", "covers", ...pictures);
  if (!pictures.length) shown.dataset.icon = "picture";
  const count = asksFor(album);
  const about = [
    !mine && by,
    countWords(items),
    kept && (mine || !count) && plural("{count} kept", "{count} kept", { count: kept }),
  ];
  const asks = plural("{count} for you to review", "{count} for you to review", { count });
  const news = plural("{count} new comment", "{count} new comments", { count: comments });
  const marks = [count && asks, comments && news].filter(Boolean).join(" · ");
  if (marks) shown.append(element("span", "mark", marks));
  const card = element(
    "a",
    "album-card",
    shown,
    element("strong", "", title),
    element("span", "aside", about.filter(Boolean).join(" · ")),
  );
  card.href = linkTo(id);
  return card;
}
