// @ts-check
// Elements that show a result: an image, a player, a 3D model, a text or a card.

import { ARRIVED, connection, ifUnshowable } from "../arrivals.js";
import { $, addressOf, all, button, downloadLink, element } from "../dom.js";
import { copyButton } from "../form/copying.js";
import { labeled, message } from "../messages.js";
import { page } from "../state.js";
import { textMenu } from "./use_menu.js";

/** @import { Item } from "../runs/results.js" */
/** @import { SoundFacts } from "./sound_facts.js" */

const LOADED_WITHIN = 15000;
const AT_ONCE = 500; // milliseconds in which most results load
const BEGINNING = 120; // characters of a text in its thumbnail
const TRIES = 3; // while the app answers: a slow connection can break again
const LOST_IMAGE = message("The picture didn't arrive. Trying again…");
const LOST_FILE = message("The file didn't arrive. Trying again…");
const NOT_LOADED = message("This file can't be displayed. You can still download it.");
/** @type {Record<Item["kind"], string>} */
const KINDS = {
  "3d": message("3D model"),
  audio: message("Audio"),
  file: message("File"),
  image: "",
  text: message("Text"),
  video: "",
};

/**
 * Preload the viewer during the first run that makes 3D models, so that its result appears without delay.
 * @param {string} viewer the address of the viewer's module, or ""
 */
export function loadViewer(viewer) {
  let isLoaded = !viewer;
  page.subscribe(({ makes, sending, order }) => {
    if (isLoaded || !(sending || order.length) || makes !== "3d") return;
    isLoaded = true;
    import(addressOf(viewer)).catch(() => {}); // the result's card reports it
  });
}

/**
 * Return the element of a result, once it can be painted. If the browser can't show it, return a card that says so. If
 * the file doesn't arrive, a card keeps the place until it does, then dispatches `ARRIVED` from there.
 * @param {Item} item
 * @param {string} viewer the address of the module that shows 3D models
 * @returns {Promise<HTMLElement>}
 */
export async function loaded(item, viewer) {
  for (let tries = 0; tries < TRIES; tries++) {
    const node = await painted(item, viewer);
    if (node) return node;
    const answered = connection.answered();
    if (await Promise.race([answered.then(() => true), longer()])) continue;
    const note = card(item, item.kind === "image" ? LOST_IMAGE : LOST_FILE);
    answered.then(() => void (note.isConnected && replaceBy(note, loaded(item, viewer))));
    return note;
  }
  return card(item, NOT_LOADED);
}

/** Resolve to false after a moment. @returns {Promise<false>} */
const longer = () => new Promise((done) => setTimeout(() => done(false), AT_ONCE));

/** @param {HTMLElement} note @param {Promise<HTMLElement>} loading */
async function replaceBy(note, loading) {
  const node = await loading;
  if (!note.isConnected) return;
  note.replaceWith(node);
  node.dispatchEvent(new CustomEvent(ARRIVED, { bubbles: true }));
}

/**
 * Return the element of a result, once it can be painted; null if its file can't be shown.
 * @param {Item} item
 * @param {string} viewer
 * @returns {Promise<HTMLElement | null>}
 */
async function painted(item, viewer) {
  switch (item.kind) {
    case "image": {
      const image = imageOf(item);
      return within(
        image.decode().then(
          () => image,
          () => null,
        ),
        image,
      );
    }
    case "video": {
      const video = videoOf(item);
      const ready = new Promise((done) => {
        video.addEventListener("loadeddata", () => done(video));
        video.addEventListener("error", () => done(null));
      });
      const tools = import("../video/tools.js"); // the viewport shows them with the video
      return within(
        Promise.all([ready, tools]).then(([node]) => node),
        video,
      );
    }
    case "audio": {
      const { SoundPlayer } = await import("../results/sound_player.js");
      const player = new SoundPlayer(item);
      const place = card(item, "", player.place);
      return within(withFacts(place, player.facts), place);
    }
    case "text":
      return textOf(item);
    case "3d": {
      const place = element("div", "model");
      const shows = import("./model.js").then(({ showModel }) => showModel(place, item, viewer));
      return shows.then(
        () => place,
        () => null,
      );
    }
    default:
      return card(item, item.note);
  }
}

/**
 * Return the element of a result, with a download link on cards, for places that have no other link.
 * @param {Item} item
 * @param {string} viewer
 */
export async function loadedWithLink(item, viewer) {
  const node = await loaded(item, viewer);
  const { url, name } = item;
  if (node.matches(".card"))
    node.append(downloadLink(labeled(message("Download"), name), addressOf(url), name));
  return node;
}

/**
 * Add a sound's length and rate to its card, for the caption. A silent sound says so.
 * @param {HTMLElement} place
 * @param {Promise<SoundFacts | null>} known
 */
async function withFacts(place, known) {
  const { soundWords } = await import("./sound_facts.js");
  const facts = await known;
  if (facts) place.dataset.sound = soundWords(facts);
  if (facts?.isSilent) {
    $(".track", place)?.remove(); // its image may still be loading
    place.append(element("p", "note muted", message("This sound is silent.")));
  }
  return place;
}

/**
 * Resolve with the element after a timeout even if it isn't ready, so that it appears while it loads.
 * @param {Promise<any>} ready
 * @param {HTMLElement} node
 * @returns {Promise<HTMLElement | null>}
 */
function within(ready, node) {
  return Promise.race([
    ready,
    new Promise((done) => {
      setTimeout(() => done(node), LOADED_WITHIN);
    }),
  ]);
}

/** @param {Item} item */
function imageOf(item) {
  const image = element("img");
  image.alt = message("Result");
  image.src = addressOf(item.url);
  return image;
}

/** @param {Item} item */
function videoOf(item) {
  const video = element("video");
  Object.assign(video, {
    controls: true,
    autoplay: true,
    loop: true,
    muted: true,
    playsInline: true,
  });
  video.draggable = true;
  video.setAttribute("controlslist", "nodownload"); // the page has its own download link
  video.src = addressOf(item.url);
  return video;
}

/** @param {Item} item */
async function textOf(item) {
  const { proseOf } = await import("../results/prose.js");
  const place = element("div", "text");
  const prose = proseOf(item.text, item.label || message("Text"));
  const tools = element("div", "text-tools in-line");
  tools.append(
    copyButton(item.text, () => prose),
    textMenu(item.text, item.run),
  );
  place.append(prose, tools);
  return place;
}

/** @param {Item} item @param {string} note @param {HTMLElement[]} content */
function card(item, note, ...content) {
  const place = element("div", "card state-card");
  place.dataset.kind = item.kind;
  place.draggable = true;
  if (item.kind !== "audio")
    // the player says what it is
    place.append(element("p", "kind muted", KINDS[item.kind]), element("p", "name", item.name));
  place.append(...content);
  if (note) place.append(element("p", "note muted", note));
  return place;
}

/** @param {Item} item @returns {HTMLElement} */
function thumbnailOf(item) {
  if (item.kind === "video") {
    const video = element("video");
    Object.assign(video, { muted: true, playsInline: true, preload: "metadata" });
    video.src = addressOf(item.url);
    return video;
  }
  const word = element("span", "word", item.text.slice(0, BEGINNING) || KINDS[item.kind]);
  word.ariaHidden = String(!item.text); // it stands for an image that is still to come
  if (item.kind !== "image" && !item.thumb) return word;
  const image = element("img");
  image.alt = "";
  image.decoding = "async";
  image.src = addressOf(item.thumb ?? item.url);
  // Some files have no thumbnail, so fall back to the full image.
  ifUnshowable(image, () => {
    if (item.kind === "image") image.src = addressOf(item.url);
    else image.replaceWith(word);
  });
  return image;
}

/**
 * Return a button with a small image that selects a result.
 * @param {Item} item
 * @param {string} label the button's accessible name
 * @param {() => void} chosen
 */
export function thumbnailFor(item, label, chosen) {
  const made = button("", chosen, "thumbnail");
  made.dataset.kind = item.kind;
  made.draggable = true;
  made.ariaLabel = label;
  made.append(thumbnailOf(item));
  return made;
}

/**
 * Show an image in a thumbnail in place of its word.
 * @param {HTMLElement} thumbnail
 * @param {string} address
 */
export function showThumbnail(thumbnail, address) {
  const image = Object.assign(element("img"), { src: address, alt: "" });
  $(".word", thumbnail)?.replaceWith(image);
}

/**
 * Label the last preview of a run without a result.
 * @param {HTMLElement} media
 * @param {string} phase
 */
export function markLast(media, phase) {
  for (const frame of all("img.live-frame", media)) {
    frame.className = "last-frame";
    /** @type {HTMLImageElement} */ (frame).alt = message("Last preview");
  }
  const words =
    phase === "stopped" ? message("Stopped. This is the last preview.") : message("Last preview");
  const mark = $(".mark", media) ?? media.appendChild(element("p", "mark"));
  mark.textContent = words;
}

/**
 * Say that a result is loading, if it takes a moment. Until then, the stage shows a preview or another picture.
 * @param {HTMLElement} place
 */
export function markLoading(place) {
  doneLoading(place);
  const mark = place.appendChild(element("p", "mark coming", message("Loading the result…")));
  mark.animate({ visibility: ["hidden", "hidden"] }, AT_ONCE);
}

/** @param {HTMLElement} place */
export const doneLoading = (place) => $(".mark.coming", place)?.remove();

/**
 * Return the image that shows a preview once it is loaded, or null if it can't be or is no longer wanted. Don't wait for
 * `decode()`: it ends with a frame of the page, so that the preview would only be in the next one. A preview on the page
 * gets the new picture, because a new element would make the browser compute the styles of the whole stage.
 * @param {ArrayBuffer} frame
 * @param {HTMLImageElement | null} shown the preview before
 * @param {() => boolean} isWanted
 */
export async function liveFrame(frame, shown, isWanted) {
  const image = element("img", "live-frame");
  image.alt = message("Preview");
  image.decoding = "sync";
  image.src = URL.createObjectURL(new Blob([frame]));
  const isLoaded = await new Promise((done) => {
    image.onload = () => done(true);
    image.onerror = () => done(false);
  });
  // The run may have ended during loading, with its result already on the page.
  if (!isLoaded || !isWanted()) {
    URL.revokeObjectURL(image.src);
    return null;
  }
  if (!shown?.matches(".live-frame") || !shown.isConnected) return image;
  const before = shown.src;
  shown.src = image.src;
  URL.revokeObjectURL(before);
  return shown;
}
