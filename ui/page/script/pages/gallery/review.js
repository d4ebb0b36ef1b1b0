// @ts-check
// Review of an album's results in the whole window: arrow keys lead on, K keeps, X rejects, U takes
// that back, 1 to 5 give stars, C comments. On a touchscreen, a swipe up keeps, and one down rejects.

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
import { message, plural, withKey } from "../../messages.js";
import { SWIPED, Viewport } from "../../stage/viewport.js";
import { Comments } from "./comments.js";

/** @import { Album, AlbumItem, Verdict } from "../../albums/items.js" */

const STARS = [1, 2, 3, 4, 5];

/**
 * `counts`: the numbers of the album's kept results and of the filter's results. `load`: loads the item at an index.
 * `say`: stores what the user says of an item. `changed`: an item has changed. `left`: the review ends at this index.
 * @typedef {{ itemAt: (at: number) => AlbumItem | null, counts: () => { kept: number, total: number },
 *   load: (at: number) => Promise<void>, say: (item: AlbumItem, said: { verdict: Verdict, stars: number }) => void,
 *   changed: (item: AlbumItem) => void, left: (at: number) => void }} Items
 */

export class Review {
  #items;
  /** @type {Album["may"]} */
  #may;
  #media = element("div", "media");
  #use = button(message("Use these settings"), () => this.#useSettings(), "icon use");
  #save = downloadLink("", "");
  #viewport = new Viewport(this.#media, element("span", "in-line", this.#use, this.#save));
  #caption = element("p", "mark caption digits");
  #others = element("p", "mark others");
  #comments;
  #previous = this.#arrow("previous", "back", message("Previous"), -1);
  #next = this.#arrow("next", "forward", message("Next"), 1);
  #reject = this.#judgeFor("reject", "close", message("Reject"), "X");
  #keep = this.#judgeFor("keep", "check", message("Keep"), "K");
  #stars = STARS.map((count) => {
    const rate = () => this.#press(String(this.#item?.stars === count ? 0 : count));
    const star = iconButton("star", rate, "star");
    star.title = star.ariaLabel = withKey("★".repeat(count), String(count));
    return star;
  });
  #talk = iconButton("comment", () => this.#comments.toggle(), "judge talk");
  #album;
  /** Index of the item in view, or of the one that is coming. */
  #at = 0;
  #turn = 0;
  /** Id of the item in view. */
  #shown = "";

  /**
   * @param {Album} album
   * @param {Items} items
   */
  constructor(album, items) {
    this.#items = items;
    this.#album = album.id;
    this.#may = album.may;
    const { place } = this.#viewport;
    this.#comments = new Comments(
      this.#media,
      album.may.includes("review"),
      (isOpen) => {
        place.classList.toggle("commenting", isOpen);
        this.#talk.ariaPressed = String(isOpen);
        this.#viewport.changed();
      },
      (comments) => this.#item && items.changed({ ...this.#item, comments }),
    );
    this.#use.dataset.icon = "reuse";
    this.#use.title = message("Use these settings");
    this.#save.className = "icon";
    this.#save.dataset.icon = "download";
    this.#save.title = this.#save.ariaLabel = message("Download");
    this.#talk.title = withKey(message("Comments"), "C");
    const stars = element("span", "stars", ...this.#stars);
    const foot = element("div", "foot review-foot", this.#reject, stars, this.#keep, this.#talk);
    if (!this.#may.includes("review")) foot.replaceChildren(this.#talk);
    const arrows = [this.#previous, this.#next];
    place.append(...arrows, this.#caption, this.#others, foot, this.#comments.place);
    place.classList.add("review");
    place.addEventListener("close", () => this.#close());
    place.addEventListener("keydown", (event) => this.#pressed(event));
    place.addEventListener(SWIPED, (event) =>
      this.#press(/** @type {CustomEvent} */ (event).detail > 0 ? "k" : "x"),
    );
  }

  get isOpen() {
    return this.#viewport.isFull;
  }

  /** The item in view, null while another one is coming. */
  get #item() {
    const item = this.#items.itemAt(this.#at);
    return item?.id === this.#shown ? item : null;
  }

  /** @param {number} at */
  async open(at) {
    this.#shown = "";
    $("#gallery")?.append(this.#viewport.place);
    this.#viewport.toggle();
    await this.#show(at);
  }

  /** Show changes of the item in view. */
  renew() {
    const item = this.isOpen && this.#item;
    if (!item) return;
    this.#draw(item);
    this.#comments.renew(item);
  }

  /** @param {number} at */
  async #show(at) {
    const turn = ++this.#turn;
    this.#at = Math.min(Math.max(0, at), this.#items.counts().total - 1);
    await this.#items.load(this.#at);
    const item = this.#items.itemAt(this.#at);
    if (turn !== this.#turn || !item || item.id === this.#shown) return;
    const node = await mediaOf(item);
    if (turn !== this.#turn) return;
    this.#shown = item.id;
    this.#viewport.place.style.setProperty("--shown", String(item.width / item.height || 1));
    this.#media.replaceChildren(node);
    this.#comments.show(item);
    this.#viewport.changed();
    this.#draw(item);
    for (const step of [1, -1]) {
      const near = this.#items.itemAt(this.#at + step);
      if (near?.kind === "image") new Image().src = addressOf(near.address);
    }
  }

  /** @param {AlbumItem} item */
  #draw({ by, title, prompt, verdict, stars, reviews, comments, settings, address }) {
    const { kept, total } = this.#items.counts();
    const place = `${this.#at + 1} / ${total}`;
    const keptWords = plural("{count} kept", "{count} kept", { count: kept });
    tell(this.#caption, [place, keptWords, by, prompt || title].join(" · "));
    const others = reviews.filter(({ mine }) => !mine).map(reviewWords);
    tell(this.#others, others.filter(Boolean).join("   "));
    this.#others.hidden = !this.#others.textContent;
    this.#keep.ariaPressed = String(verdict === "keep");
    this.#reject.ariaPressed = String(verdict === "reject");
    this.#stars.forEach((star, at) => {
      star.ariaPressed = String(at < stars);
      star.dataset.icon = at < stars ? "star-filled" : "star";
    });
    tell(this.#talk, comments ? String(comments) : "");
    this.#talk.ariaLabel = [message("Comments"), comments || ""].join(" ").trim();
    this.#use.hidden = !(settings && this.#may.includes("settings") && this.#may.includes("add"));
    this.#save.href = addressOf(address);
    this.#previous.ariaDisabled = String(this.#at === 0);
    this.#next.ariaDisabled = String(this.#at + 1 === total); // the next one may not be loaded yet
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const { key, ctrlKey, metaKey, altKey } = event;
    if (/** @type {Element} */ (event.target).closest(`${INPUTS}, video, audio`)) return;
    if (ctrlKey || metaKey || altKey || !this.#press(key)) return;
    event.preventDefault();
    event.stopPropagation(); // digits are also keys of the zoom
  }

  /**
   * Do what a key says: its button or a swipe does the same. A verdict leads to the next result, unless the user
   * comments.
   * @param {string} key
   * @returns {boolean} whether the key has a meaning
   */
  #press(key) {
    const item = this.#item;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const said = item && this.#may.includes("review") ? saidBy(key, item) : null;
    if (step) this.#show(this.#at + step);
    else if (item && key.toLowerCase() === "c") this.#comments.toggle(true);
    else if (!item || !said) return false;
    else {
      this.#items.say(item, said);
      const isJudged = "kx".includes(key.toLowerCase());
      if (isJudged && !this.#comments.isOpen) this.#show(this.#at + 1);
    }
    return true;
  }

  #useSettings() {
    const query = new URLSearchParams({ album: this.#album, item: this.#shown });
    location.assign(`${root}/?${query}`);
  }

  #close() {
    this.#turn += 1;
    this.#media.replaceChildren(); // stops playback
    if (this.#comments.isOpen) this.#comments.toggle(false);
    this.#viewport.place.remove();
    this.#items.left(this.#at);
  }

  /**
   * @param {string} name
   * @param {string} icon
   * @param {string} label
   * @param {number} step
   */
  #arrow(name, icon, label, step) {
    const arrow = iconButton(icon, () => this.#show(this.#at + step), `icon arrow ${name}`);
    arrow.ariaLabel = label;
    return arrow;
  }

  /**
   * @param {Verdict} verdict
   * @param {string} icon
   * @param {string} words
   * @param {string} key
   */
  #judgeFor(verdict, icon, words, key) {
    const press = () => this.#press(this.#item?.verdict === verdict ? "u" : key);
    const judge = iconButton(icon, press, `judge ${verdict}`);
    judge.append(words, element("kbd", "", key));
    judge.title = withKey(words, key);
    return judge;
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
  if (kind === "video" || kind === "audio")
    return Object.assign(element(kind), {
      src: addressOf(address),
      controls: true,
      loop: kind === "video",
    });
  if (kind !== "image") return element("p", "", message("File"));
  const image = Object.assign(element("img"), { src: addressOf(address), alt: `${title}, ${by}` });
  await image.decode().catch(() => undefined);
  return image;
}
