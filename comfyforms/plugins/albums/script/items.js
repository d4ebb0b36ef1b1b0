// @ts-check
// Albums and their items, as the API answers with them. Pure.

import { dateWords } from "page/clock.js";
import { message } from "page/messages.js";

/** @import { Past } from "page/history/past.js" */
/** @import { PastRun } from "page/state.js" */
/** @import { AlbumDoc, ItemDoc, ReviewDoc } from "./documents.js" */

/** The ways to see an album, with their words. @type {readonly (readonly [AlbumDoc["access"], string])[]} */
export const ACCESS = [
  ["private", message("Private: only you")],
  ["shared", message("Shared: everyone signed in")],
  ["public", message("Public: kept results for everyone")],
];

/** @param {AlbumDoc} album @returns who sees it, and until when its guests do */
export function seenBy({ access, link, public_settings: isOpen }) {
  const guests = link && message("Guest link until {date}", { date: dateWords(link.expires_at) });
  const others = (!guests || access !== "private") && ACCESS.find(([one]) => one === access)?.[1];
  return [others, isOpen && message("Prompts and settings"), guests].filter(Boolean).join(" · ");
}

/**
 * Return albums in the order of a tree, the user's first: each is followed by its own albums.
 * @param {readonly AlbumDoc[]} albums
 * @returns {{ album: AlbumDoc, depth: number }[]}
 */
export function inTree(albums) {
  const known = new Set(albums.map(({ id }) => id));
  const sorted = [...albums].sort(
    (one, other) => Number(other.mine) - Number(one.mine) || one.title.localeCompare(other.title),
  );
  /** @type {(parent: string | null, depth: number) => { album: AlbumDoc, depth: number }[]} */
  const below = (parent, depth) =>
    sorted
      .filter(({ parent: its }) => (its !== null && known.has(its) ? its : null) === parent)
      .flatMap((album) => [{ album, depth }, ...below(album.id, depth + 1)]);
  return below(null, 0);
}

/** @param {ItemDoc} item @returns {PastRun} an item as a tile of the history's list */
export const tileOf = (item) => ({
  id: item.id,
  title: item.title,
  workflow: "",
  seeds: {},
  finished_at: item.added_at,
  submitted_at: item.added_at,
  page: {
    what: item.by,
    asked: item.prompt,
    kind: item.kind,
    thumb: item.thumb,
    image: null,
    clip: null,
    sound: null,
    model: null,
    file: null,
    icon: item.kind === "video" ? "▶" : item.kind === "audio" ? "♪" : "",
    results: 1,
    favourite: false,
    ratio: item.width && item.height ? item.width / item.height : null,
    color: item.color,
  },
});

/**
 * Return the tiles of a list. Its first items are loaded.
 * @param {readonly ItemDoc[]} items
 * @param {number} total
 * @returns {Past}
 */
export const tilesOf = (items, total) => [
  ...items.map(tileOf),
  ...Array.from({ length: Math.max(0, total - items.length) }, () => null),
];

export const KEPT = message("Kept");
export const REJECTED = message("Rejected");
const VERDICT_WORDS = { keep: KEPT, reject: REJECTED, "": "" };
/** @type {Readonly<Record<string, ItemDoc["verdict"]>>} */
const VERDICT_KEYS = { k: "keep", x: "reject", u: "" };

/**
 * Return what a key says about an item, or null.
 * @param {string} key
 * @param {Pick<ItemDoc, "verdict" | "stars">} now
 * @returns {Pick<ItemDoc, "verdict" | "stars"> | null}
 */
export function saidBy(key, { verdict, stars }) {
  const wish = VERDICT_KEYS[key.toLowerCase()];
  if (wish !== undefined) return { verdict: wish, stars };
  return /^[0-5]$/.test(key) ? { verdict, stars: Number(key) } : null;
}

/** @param {readonly ReviewDoc[]} reviews @returns who said what */
export const reviewWords = (reviews) =>
  reviews
    .filter(({ verdict, stars }) => verdict || stars)
    .map(({ by, verdict, stars }) => [by, VERDICT_WORDS[verdict], "★".repeat(stars)])
    .map((parts) => parts.filter(Boolean).join("\u00a0").replaceAll(" ", "\u00a0"))
    .join("   ");

/**
 * Return the point of a pin, relative to the image, or null outside of it.
 * @param {{ x: number, y: number }} at
 * @param {{ left: number, top: number, width: number, height: number }} box of the image on the screen
 */
export function pointIn(at, { left, top, width, height }) {
  const [x, y] = [(at.x - left) / width, (at.y - top) / height];
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? { x, y } : null;
}

/**
 * Return a field's value in every result as text, [] if all are the same.
 * @param {readonly Record<string, unknown>[]} results values by field
 * @param {string} key
 */
export function differing(results, key) {
  const texts = results.map((values) => textOf(values[key]));
  return new Set(texts).size > 1 ? texts : [];
}

/** @param {unknown} value */
const textOf = (value) =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
