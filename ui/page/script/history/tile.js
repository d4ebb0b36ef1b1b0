// @ts-check
// One run of the history as a tile: an image of what came, or what came in words.

import { when } from "../clock.js";
import { addressOf, button, element } from "../dom.js";
import { message } from "../messages.js";
import { seedWords } from "../runs/results.js";

/** @import { PastRun } from "../documents.js" */

const FAVOURITE = message("Favourite");
const CLIP_AT = 0.1; // seconds: many videos begin with black

/**
 * @param {PastRun} run
 * @param {(event: MouseEvent) => void} chosen
 * @param {(() => void) | null} marked what its star does, null for a tile without one
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

/**
 * @param {PastRun} run
 * @param {(event: MouseEvent) => void} chosen
 */
export function tileFor(run, chosen) {
  const tile = button("", () => undefined, "tile");
  tile.dataset.run = run.id;
  tile.draggable = true;
  tile.addEventListener("click", chosen);
  tile.title = [
    run.what,
    run.title,
    when(run.at),
    run.asked,
    run.seeds && seedWords(run.seeds.split(", ")),
  ]
    .filter(Boolean)
    .join(" · ");
  fill(tile, run);
  return tile;
}

/**
 * Say on a tile whether its run is a favourite.
 * @param {HTMLElement} item
 * @param {PastRun} run
 */
export function showFavourite(item, run) {
  item.classList.toggle("favourite", run.favourite);
  const [tile, star] = item.querySelectorAll("button");
  if (tile) tile.ariaLabel = run.favourite ? `${tile.title} · ${FAVOURITE}` : tile.title;
  if (!star) return;
  star.ariaPressed = String(run.favourite);
  star.textContent = run.favourite ? "★" : "☆";
}

/** @param {() => void} marked */
function starFor(marked) {
  const star = button("☆", marked, "star");
  star.tabIndex = -1; // F does the same
  star.ariaLabel = FAVOURITE;
  star.title = message("Favourite (F)");
  return star;
}

/**
 * @param {HTMLElement} tile
 * @param {PastRun} run
 */
function fill(tile, run) {
  const { icon } = run;
  const inWords = () => {
    tile.classList.add("in-words");
    const sign = icon ? [element("span", "sign", icon)] : [];
    tile.replaceChildren(...sign, element("span", "words", run.what));
  };
  const shown = run.thumb ? imageOf(run.thumb) : run.clip ? clipOf(run.clip) : null;
  if (!shown) {
    inWords();
    return;
  }
  shown.onerror = inWords;
  tile.append(shown);
  const marks = [icon, run.files > 1 ? String(run.files) : ""].filter(Boolean);
  if (marks.length) tile.append(element("span", "count", marks.join(" ")));
}

/** @param {string} address */
function imageOf(address) {
  const image = element("img");
  return Object.assign(image, { alt: "", decoding: "async", src: addressOf(address) });
}

/**
 * The browser's own first frame.
 * @param {string} address
 */
function clipOf(address) {
  const clip = element("video");
  clip.tabIndex = -1;
  return Object.assign(clip, {
    muted: true,
    playsInline: true,
    preload: "metadata",
    src: `${addressOf(address)}#t=${CLIP_AT}`,
  });
}
