// @ts-check
// Review of an album's results in the whole window: arrow keys lead on, K keeps, X rejects, 1 to 5 give stars, C comments.
// On a touchscreen, a swipe up keeps, and one down rejects.

import { saidBy } from "../../albums/items.js";
import {
  $,
  addressOf,
  button,
  downloadLink,
  element,
  INPUTS,
  iconButton,
  root,
  tell,
} from "../../dom.js";
import { message, withKey } from "../../messages.js";
import { SWIPED, Viewport } from "../../stage/viewport.js";
import { Comments } from "./comments.js";

/** @import { Album, AlbumItem, Verdict } from "../../albums/items.js" */

const MOST_STARS = 5;

/**
 * `load`: loads the item at an index. `say`: stores what the user says of an item. `changed`: an item has changed.
 * `left`: the review ends at this index.
 * @typedef {{ itemAt: (at: number) => AlbumItem | null, load: (at: number) => Promise<void>,
 *   say: (item: AlbumItem, said: { verdict: Verdict, stars: number }) => void, changed: (item: AlbumItem) => void,
 *   left: (at: number) => void }} Items
 */

export class Review {
  #items;
  #may;
  #album;
  #media = element("div", "media");
  #extra = element("span", "in-line");
  #viewport = new Viewport(this.#media, this.#extra);
  #caption = element("p", "mark caption");
  #others = element("p", "mark others");
  #comments;
  #previous = this.#arrow("previous", message("Previous"), -1);
  #next = this.#arrow("next", message("Next"), 1);
  #reject = iconButton("close", () => this.#judge("reject"), "judge reject");
  #keep = iconButton("check", () => this.#judge("keep"), "judge keep");
  #stars = element("span", "stars");
  #talk = iconButton("comment", () => this.#comments.toggle(), "judge talk");
  #at = 0;
  /** Index of the item that is coming, otherwise of the one in view. */
  #target = 0;
  #turn = 0;
  #shown = "";

  /**
   * @param {Album} album
   * @param {Items} items
   */
  constructor(album, items) {
    this.#items = items;
    this.#album = album;
    this.#may = album.may;
    this.#comments = new Comments(this.#media, album.may.includes("review"), (count) => {
      const item = this.#item;
      if (item) items.changed({ ...item, comments: count });
    });
    const { place } = this.#viewport;
    place.classList.add("review");
    place.append(
      this.#previous,
      this.#next,
      this.#caption,
      this.#others,
      this.#foot(),
      this.#comments.place,
    );
    this.#comments.toggled = (isOpen) => {
      place.classList.toggle("commenting", isOpen);
      this.#talk.ariaPressed = String(isOpen);
      this.#viewport.changed();
    };
    place.addEventListener("close", () => this.#close());
    place.addEventListener("keydown", (event) => this.#pressed(event));
    place.addEventListener(SWIPED, (event) => {
      const { detail } = /** @type {CustomEvent} */ (event);
      this.#judge(detail > 0 ? "keep" : "reject");
    });
  }

  get isOpen() {
    return this.#viewport.isFull;
  }

  /** The item in view, null while another one is coming. */
  get #item() {
    return this.#shown && this.#target === this.#at ? this.#items.itemAt(this.#at) : null;
  }

  /** @param {number} at */
  async open(at) {
    this.#shown = "";
    $("#gallery")?.append(this.#viewport.place);
    this.#viewport.toggle();
    await this.#show(at);
  }

  /**
   * Show changes by others. The item in view stays, although new ones come before it.
   * @param {readonly AlbumItem[]} changed
   * @param {number} added
   */
  renew(changed, added) {
    this.#at += added;
    this.#target += added;
    if (!this.isOpen || !changed.some(({ id }) => id === this.#shown)) return;
    const before = this.#comments.count;
    this.#draw();
    const item = this.#item;
    if (item && item.comments !== before) this.#comments.load();
  }

  /** @param {number} at */
  async #show(at) {
    const turn = ++this.#turn;
    this.#target = Math.max(0, at);
    await this.#items.load(this.#target);
    if (turn !== this.#turn) return;
    const item = this.#items.itemAt(this.#target);
    if (!item || item.id === this.#shown) {
      this.#target = this.#at;
      return;
    }
    const node = await mediaOf(item);
    if (turn !== this.#turn) return;
    this.#at = this.#target;
    this.#shown = item.id;
    this.#viewport.place.style.setProperty("--shown", String(item.width / item.height || 1));
    this.#media.replaceChildren(node);
    this.#comments.show(item);
    this.#viewport.changed();
    this.#draw();
    for (const step of [1, -1]) preload(this.#items.itemAt(this.#at + step));
  }

  #draw() {
    const item = this.#item;
    if (!item) return;
    const { by, title, prompt, verdict, stars, reviews, comments, settings, address } = item;
    tell(this.#caption, [by, title, prompt].filter(Boolean).join(" · "));
    tell(
      this.#others,
      reviews
        .filter(({ mine }) => !mine)
        .map(reviewWords)
        .filter(Boolean)
        .join("   "),
    );
    this.#others.hidden = !this.#others.textContent;
    this.#keep.ariaPressed = String(verdict === "keep");
    this.#reject.ariaPressed = String(verdict === "reject");
    this.#viewport.place.dataset.verdict = verdict;
    for (const [at, star] of [...this.#stars.children].entries()) {
      const one = /** @type {HTMLElement} */ (star);
      one.ariaPressed = String(at < stars);
      one.dataset.icon = at < stars ? "star-filled" : "star";
    }
    tell(this.#talk, comments ? String(comments) : "");
    this.#talk.ariaLabel = [message("Comments"), comments || ""].join(" ").trim();
    const uses = button(message("Use these settings"), () => this.#use(), "icon use");
    uses.dataset.icon = "reuse";
    uses.title = message("Use these settings");
    const saves = downloadLink("", addressOf(address));
    Object.assign(saves, {
      className: "icon",
      title: message("Download"),
      ariaLabel: message("Download"),
    });
    saves.dataset.icon = "download";
    const isUsed = settings && this.#may.includes("settings") && this.#may.includes("add");
    this.#extra.replaceChildren(...(isUsed ? [uses] : []), saves);
    this.#previous.ariaDisabled = String(!this.#items.itemAt(this.#at - 1));
    this.#next.ariaDisabled = String(!this.#items.itemAt(this.#at + 1));
  }

  #foot() {
    for (let at = 1; at <= MOST_STARS; at += 1) {
      const star = iconButton("star", () => this.#rate(at), "star");
      star.title = star.ariaLabel = withKey("★".repeat(at), String(at));
      this.#stars.append(star);
    }
    this.#reject.append(message("Reject"));
    this.#keep.append(message("Keep"));
    this.#reject.title = withKey(message("Reject"), "X");
    this.#keep.title = withKey(message("Keep"), "K");
    this.#talk.title = withKey(message("Comments"), "C");
    const foot = element("div", "foot review-foot");
    if (this.#may.includes("review")) foot.append(this.#reject, this.#stars, this.#keep);
    foot.append(this.#talk);
    return foot;
  }

  /**
   * Store a verdict, and show the next result. The same verdict again takes it back.
   * @param {"keep" | "reject"} verdict
   */
  #judge(verdict) {
    const item = this.#item;
    if (!item) return;
    const isBack = item.verdict === verdict;
    this.#items.say(item, { verdict: isBack ? "" : verdict, stars: item.stars });
    if (!isBack && !this.#comments.isOpen) this.#show(this.#at + 1);
  }

  /** @param {number} stars */
  #rate(stars) {
    const item = this.#item;
    if (item)
      this.#items.say(item, { verdict: item.verdict, stars: item.stars === stars ? 0 : stars });
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const item = this.#item;
    const { key, ctrlKey, metaKey, altKey } = event;
    if (/** @type {Element} */ (event.target).closest(`${INPUTS}, video, audio`)) return;
    if (ctrlKey || metaKey || altKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const said = item && this.#may.includes("review") ? saidBy(event, item) : null;
    if (step) this.#show(this.#target + step);
    else if (item && key.toLowerCase() === "c") this.#comments.toggle(true);
    else if (item && said?.stars === item.stars)
      this.#judge(key.toLowerCase() === "k" ? "keep" : "reject");
    else if (item && said) this.#items.say(item, said);
    else return;
    event.preventDefault();
    event.stopPropagation(); // digits are also keys of the zoom
  }

  #use() {
    const query = new URLSearchParams({ album: this.#album.id, item: this.#shown });
    location.assign(`${root}/?${query}`);
  }

  #close() {
    this.#turn += 1;
    this.#media.replaceChildren(); // stops playback
    this.#comments.close();
    this.#viewport.place.remove();
    this.#items.left(this.#at);
  }

  /**
   * @param {string} name
   * @param {string} label
   * @param {number} step
   */
  #arrow(name, label, step) {
    const arrow = button("", () => this.#show(this.#target + step), `icon arrow ${name}`);
    arrow.dataset.icon = step < 0 ? "back" : "forward";
    arrow.ariaLabel = label;
    return arrow;
  }
}

/** @param {import("../../albums/items.js").ItemReview} said */
const reviewWords = ({ by, verdict, stars }) =>
  verdict || stars
    ? [by, { keep: "✓", reject: "✕", "": "" }[verdict], "★".repeat(stars)].filter(Boolean).join(" ")
    : "";

/**
 * Return the element of a result, an image once it can be painted.
 * @param {AlbumItem} item
 */
async function mediaOf({ kind, address, by, title }) {
  if (kind !== "image")
    return Object.assign(element(kind), {
      src: addressOf(address),
      controls: true,
      loop: kind === "video",
    });
  const image = Object.assign(element("img"), { src: addressOf(address), alt: `${title}, ${by}` });
  await image.decode().catch(() => undefined);
  return image;
}

/** @param {AlbumItem | null} item */
function preload(item) {
  if (item?.kind === "image") new Image().src = addressOf(item.address);
}
