// @ts-check
// Tile of a run in the history: an image of its result, or a description.

import { fadeIn, ifUnshowable } from "../arrivals.js";
import { when } from "../clock.js";
import { $, addressOf, all, button, element } from "../dom.js";
import { message, withKey } from "../messages.js";
import { seedWords } from "../runs/results.js";
import { whenDrawn } from "../stage/stills.js";
import { endedAt } from "./past.js";

/** @import { PastRun } from "../state.js" */

const FAVOURITE = message("Favorite");
const PICTURE = ".tile > :is(img, video)";
const ANIMATED = /\.(webp|gif)\b/; // next to a video, the same frames
const CLIP_AT = 0.1; // seconds; many videos start with a black frame

/**
 * @param {PastRun} run
 * @param {(event: MouseEvent) => void} chosen
 * @param {(() => void) | null} marked runs when the user clicks the star; null for a tile without a star
 */
export function itemFor(run, chosen, marked) {
  const item = element("li");
  item.dataset.run = run.id;
  const tile = tileFor(run, chosen);
  tile.tabIndex = -1;
  item.append(tile);
  if (marked) item.append(starFor(marked));
  showFavourite(item, run);
  return item;
}

/** @param {PastRun} run @param {(event: MouseEvent) => void} chosen */
export function tileFor(run, chosen) {
  const tile = button("", () => undefined, "tile");
  tile.dataset.run = run.id;
  tile.draggable = true;
  tile.addEventListener("click", chosen);
  const seeds = Object.values(run.seeds);
  tile.title = [
    run.page.what,
    run.title,
    when(endedAt(run)),
    run.page.asked,
    seeds.length && seedWords(seeds),
  ]
    .filter(Boolean)
    .join(" · ");
  fill(tile, run);
  return tile;
}

/**
 * Keep a new tile from requesting its picture; see `showPictures`.
 * @param {HTMLElement} item
 */
export function keepPicture(item) {
  for (const shown of all(PICTURE, item)) {
    shown.dataset.src = shown.getAttribute("src") ?? "";
    shown.removeAttribute("src");
  }
}

/**
 * Request the pictures that `keepPicture` has kept from being requested.
 * @param {HTMLElement} list
 */
export function showPictures(list) {
  for (const shown of all("[data-src]", list)) {
    shown.setAttribute("src", shown.dataset.src ?? "");
    delete shown.dataset.src;
  }
}

/** @param {HTMLElement} item @param {PastRun} run */
export function showFavourite(item, run) {
  const { favourite } = run.page;
  item.classList.toggle("favourite", favourite);
  const [tile, star] = [$(".tile", item), $(".star", item)];
  if (tile) tile.ariaLabel = favourite ? `${tile.title} · ${FAVOURITE}` : tile.title;
  if (!star) return;
  star.ariaPressed = String(favourite);
  star.dataset.icon = favourite ? "star-filled" : "star";
}

/** @param {() => void} marked */
function starFor(marked) {
  const star = button("", marked, "star");
  star.tabIndex = -1; // keyboard users press F
  star.ariaLabel = FAVOURITE;
  star.title = withKey(message("Favorite"), "F");
  return star;
}

/** @param {HTMLElement} tile @param {PastRun} run */
function fill(tile, { id, page, title }) {
  const { what, thumb, clip, image, color } = page;
  const areTwins = page.results === 2 && clip && ANIMATED.test(image ?? "");
  const [icon, results] = areTwins ? ["▶", 1] : [page.icon, page.results];
  const asked = element("span", "words asked", page.asked || title);
  const inWords = () => {
    tile.classList.add("in-words");
    tile.removeAttribute("style");
    const sign = icon ? [symbolFor(icon, "sign")] : [];
    tile.replaceChildren(...sign, element("span", "words", what), ...(results ? [] : [asked]));
  };
  const shown = thumb ? imageOf(thumb) : clip ? clipOf(clip) : null;
  if (!shown) {
    inWords();
    if (page.model)
      whenDrawn(page.model).then((image) => {
        tile.classList.remove("in-words");
        const drawn = Object.assign(element("img"), { alt: "", src: image });
        tile.replaceChildren(drawn, element("span", "count", symbolFor(icon, "")));
      });
    return;
  }
  ifUnshowable(shown, inWords);
  shown.classList.toggle("heard", Boolean(page.sound));
  if (color) tile.style.setProperty("--color", color);
  // Until the thumbnail has loaded, show the result on the stage. A preview would be gone.
  const staged = $(`[data-run="${id}"] .media:not(.former) > img`);
  if (staged instanceof HTMLImageElement && !staged.src.startsWith("blob:")) {
    tile.style.background = `center / cover url("${staged.src}")`;
    shown.onload = () => void tile.style.removeProperty("background");
  }
  tile.append(shown, ...(page.sound ? [asked] : []));
  const count = results > 1 ? ` ${results}` : "";
  if (icon || count) tile.append(element("span", "count", symbolFor(icon), count));
}

/**
 * Return the symbol of a kind of result. The tile's name has words for it.
 * @param {string} icon
 * @param {string} [className]
 */
function symbolFor(icon, className) {
  const symbol = element("span", className, icon);
  symbol.ariaHidden = "true";
  return symbol;
}

/** @param {string} address */
function imageOf(address) {
  const image = element("img");
  fadeIn(image);
  return Object.assign(image, { alt: "", decoding: "async", src: addressOf(address) });
}

/**
 * Create a video element that shows an early frame.
 * @param {string} address
 */
export function clipOf(address) {
  const clip = element("video");
  clip.tabIndex = -1;
  return Object.assign(clip, {
    muted: true,
    playsInline: true,
    preload: "metadata",
    src: `${addressOf(address)}#t=${CLIP_AT}`,
  });
}
