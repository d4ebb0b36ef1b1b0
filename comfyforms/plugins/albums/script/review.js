// @ts-check
// Review of an album's results in the whole window: arrow keys lead on, K keeps, X rejects, U takes
// that back, 1 to 5 give stars, C comments, Z undoes. On a touchscreen, a swipe up keeps, and one down rejects. Others'
// votes come after the user's own.

import { keyList } from "page/components/keys.js";
import {
  $,
  addressOf,
  button,
  dialog,
  downloadLink,
  element,
  INPUTS,
  iconButton,
  isPaintable,
  root,
  showDialog,
  tell,
} from "page/dom.js";
import { message, withKey } from "page/messages.js";
import { SoundPlayer } from "page/results/sound_player.js";
import { SWIPED, Viewport } from "page/stage/viewport.js";
import { withName } from "./calls.js";
import { Comments } from "./comments.js";
import { reviewWords, saidBy } from "./items.js";

/** @import { AlbumDoc, ItemDoc, ReviewDoc } from "./documents.js" */

const STARS = [1, 2, 3, 4, 5];
const VERDICTS = /** @type {const} */ ([
  ["reject", "close", message("Reject"), "X"],
  ["keep", "check", message("Keep"), "K"],
]);
/** @type {readonly [string[], string][]} */
const KEYS = [
  [["K"], message("Keep")],
  [["X"], message("Reject")],
  [["U"], message("Undecided")],
  [["0 – 5"], message("Stars")],
  [["Z"], message("Go back and undo")],
  [["C"], message("Comments")],
  [["←", "→"], message("Previous or next result")],
  [[message("Esc")], message("Close")],
];
const HELP = message("Keys");
const AHEAD = 50; // items that are known before the user comes to them

/**
 * `counts`: the numbers of results that the user keeps, and of the filter's results. `load`: loads the item at an index.
 * `say`: stores what the user says of an item. `ends`: returns whether the review ends with this verdict. `changed`: an
 * item has changed. `left`: the review ends at this index.
 * @typedef {{ itemAt: (at: number) => ItemDoc | null, counts: () => { kept: number, total: number },
 *   load: (at: number) => Promise<void>, say: (item: ItemDoc, said: Pick<ItemDoc, "verdict" | "stars">) => void,
 *   ends: (before: ItemDoc, isLast: boolean) => boolean, changed: (item: ItemDoc) => void, left: (at: number) => void }} Items
 */

export class Review {
  #items;
  /** @type {AlbumDoc["may"]} */
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
  #judge = new Judge((key) => this.#press(key));
  #talk = iconButton("comment", () => this.#comments.toggle(), "judge talk");
  #undoes = iconButton("undo", () => this.undo(), "icon undo");
  #album;
  #foot = element("div", "foot review-foot", this.#undoes, ...this.#judge.parts, this.#talk);
  #help = button(withKey(HELP, "?"), showKeys, "mark keys");
  /** The latest review's votes: the index, the item before and after. @type {[number, ItemDoc, ItemDoc][]} */
  #votes = [];
  /** Index of the item in view, or of the one that is coming. */
  #at = 0;
  #turn = 0;
  /** Id of the item in view. */
  #shown = "";

  /**
   * @param {AlbumDoc} album
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
    this.#undoes.title = this.#undoes.ariaLabel = withKey(message("Undo"), "Z");
    this.#help.hidden = !this.#may.includes("review");
    this.#talk.hidden = !this.#may.includes("opinions");
    if (this.#help.hidden) this.#foot.replaceChildren(this.#talk);
    const arrows = [this.#previous, this.#next];
    const below = [this.#caption, this.#others, this.#foot, this.#help, this.#comments.place];
    place.append(...arrows, ...below);
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
    if (!this.#items.itemAt(at)) return; // another list is coming
    this.#shown = "";
    this.#votes = [];
    $("#albums")?.append(this.#viewport.place);
    this.#viewport.toggle();
    await this.#show(at);
  }

  close() {
    if (this.isOpen) this.#viewport.toggle();
  }

  /** Show changes of the item in view. */
  renew() {
    const item = this.isOpen && this.#item;
    if (!item) return;
    this.#draw(item);
    this.#comments.renew(item);
  }

  /**
   * Show an item, and take keys for it, before its file has arrived.
   * @param {number} at
   */
  async #show(at) {
    const turn = ++this.#turn;
    this.#at = Math.min(Math.max(0, at), this.#items.counts().total - 1);
    this.#foot.inert = !this.#items.itemAt(this.#at);
    if (this.#foot.inert) await this.#items.load(this.#at);
    const item = this.#items.itemAt(this.#at);
    if (turn !== this.#turn || !item || item.id === this.#shown) return;
    this.#foot.inert = false;
    this.#shown = item.id;
    this.#viewport.place.style.setProperty("--shown", String(item.width / item.height || 1));
    $("img", this.#media)?.removeAttribute("src"); // stops loading
    const node = mediaOf(item);
    this.#media.replaceChildren(node);
    this.#comments.show(item);
    this.#draw(item);
    this.#items.load(this.#at + AHEAD);
    if (node instanceof HTMLImageElement) node.onload = () => this.#arrived(node);
    else this.#arrived(node);
  }

  /** @param {HTMLElement} node a result, which may have come late, after a broken connection */
  async #arrived(node) {
    if (node instanceof HTMLImageElement) await isPaintable(node);
    if (!node.isConnected) return;
    node.style.background = "";
    this.#viewport.changed();
    for (const step of [1, -1]) {
      const near = this.#items.itemAt(this.#at + step);
      if (near?.kind === "image") new Image().src = addressOf(near.address);
    }
  }

  /** @param {ItemDoc} item */
  #draw({ number, by, title, prompt, verdict, stars, reviews, comments, settings, address }) {
    const { kept: count, total } = this.#items.counts();
    const mayReview = this.#may.includes("review");
    const kept = mayReview ? [" · ", message("you kept {count}", { count })] : [];
    this.#caption.title = prompt || title;
    const place = element("strong", "", `#${number} · ${this.#at + 1} / ${total}`);
    this.#caption.replaceChildren(
      element("span", "", place, ...kept),
      element("span", "", [by, prompt || title].filter(Boolean).join(" · ")),
    );
    this.#others.replaceChildren(...votesOf(reviews.filter(({ mine }) => !mine)));
    const isOpen = mayReview && !verdict && !stars;
    this.#others.hidden = isOpen || !this.#others.childElementCount;
    this.#judge.draw({ verdict, stars });
    tell(this.#talk, comments ? String(comments) : "");
    this.#talk.ariaLabel = [message("Comments"), comments || ""].join(" ").trim();
    this.#use.hidden = !(settings && this.#may.includes("settings") && this.#may.includes("add"));
    this.#save.href = addressOf(address);
    this.#undoes.ariaDisabled = String(!this.canUndo);
    this.#previous.ariaDisabled = String(this.#at === 0);
    this.#next.ariaDisabled = String(this.#at + 1 === total); // the next one may not be loaded yet
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const { key, ctrlKey, metaKey, altKey } = event;
    const target = /** @type {Element} */ (event.target); // a sound's player takes its own keys
    if (target.closest(`${INPUTS}, video`) && !target.closest(".player")) return;
    if (ctrlKey || metaKey || altKey || !this.#press(key, event.repeat)) return;
    event.preventDefault();
    event.stopPropagation(); // digits are also keys of the zoom
  }

  /**
   * Do what a key says: its button or a swipe does the same. A verdict leads to the next result, unless the user
   * comments.
   * @param {string} key
   * @param {boolean} [isHeld] it judges only one result
   * @returns {boolean} whether the key has a meaning
   */
  #press(key, isHeld = false) {
    const item = this.#item;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const said = item && this.#may.includes("review") ? saidBy(key, item) : null;
    if (step) this.#show(this.#at + step);
    else if (key === "?") showKeys();
    else if (key.toLowerCase() === "z") this.undo();
    else if (item && key.toLowerCase() === "c" && !this.#talk.hidden) this.#comments.toggle(true);
    else if (!item || !said) return false;
    else if (!isHeld) withName(() => this.#say(item, said, "kx".includes(key.toLowerCase())));
    return true;
  }

  /**
   * @param {ItemDoc} item
   * @param {Pick<ItemDoc, "verdict" | "stars">} said
   * @param {boolean} leadsOn
   */
  #say(item, said, leadsOn) {
    this.#votes.push([this.#at, item, { ...item, ...said }]);
    this.#items.say(item, said);
    if (!leadsOn || this.#comments.isOpen) return;
    const isLast = this.#at + 1 === this.#items.counts().total;
    if (this.#items.ends(item, isLast)) this.close();
    else if (!isLast) this.#show(this.#at + 1);
  }

  get canUndo() {
    return this.#votes.length > 0;
  }

  /** Take back the last vote, and go back to its item in an open review. */
  undo() {
    const [at = 0, before, now] = this.#votes.pop() ?? [];
    if (!before || !now) return;
    this.#items.say(now, { verdict: before.verdict, stars: before.stars });
    if (this.isOpen) this.#show(at);
  }

  #useSettings() {
    const query = new URLSearchParams({ part: "albums", album: this.#album, item: this.#shown });
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
}

/** Buttons for a verdict and stars, with their keys. */
export class Judge {
  press;
  /** @type {Pick<ItemDoc, "verdict" | "stars">} */
  #said = { verdict: "", stars: 0 };
  #verdicts = VERDICTS.map(([verdict, icon, words, key]) => {
    const give = () => this.press(this.#said.verdict === verdict ? "u" : key);
    const judge = iconButton(icon, give, `judge ${verdict}`);
    judge.append(words, element("kbd", "", key));
    judge.title = withKey(words, key);
    judge.value = verdict;
    return judge;
  });
  #stars = STARS.map((count) => {
    const rate = () => this.press(String(this.#said.stars === count ? 0 : count));
    const star = iconButton("star", rate, "star");
    star.title = star.ariaLabel = withKey("★".repeat(count), String(count));
    return star;
  });
  /** @type {HTMLElement[]} */
  parts = [...this.#verdicts];

  /** @param {(key: string) => boolean} press does what a key says, and returns whether it has a meaning */
  constructor(press) {
    this.press = press;
    this.parts.splice(1, 0, element("span", "stars", ...this.#stars));
  }

  /** @param {Pick<ItemDoc, "verdict" | "stars">} said */
  draw(said) {
    this.#said = said;
    for (const one of this.#verdicts) one.ariaPressed = String(one.value === said.verdict);
    this.#stars.forEach((star, at) => {
      star.ariaPressed = String(at < said.stars);
      star.dataset.icon = at < said.stars ? "star-filled" : "star";
    });
  }
}

function showKeys() {
  const place = dialog("keys", HELP);
  place.tabIndex = -1;
  place.append(keyList(KEYS));
  place.addEventListener("keydown", (event) => event.stopPropagation());
  showDialog(place, place);
}

/** @param {readonly ReviewDoc[]} reviews @returns {HTMLElement[]} who said what */
export const votesOf = (reviews) =>
  reviews.flatMap((review) => {
    const { by, verdict, stars } = review;
    const vote = element("span", "vote", [by, "★".repeat(stars)].filter(Boolean).join(" "));
    if (verdict) vote.dataset.icon = verdict === "keep" ? "check" : "close";
    vote.title = reviewWords([review]);
    return vote.title ? [vote] : [];
  });

/**
 * Return the element of a result. Until an image has arrived, its thumbnail stands in its place.
 * @param {ItemDoc} item
 */
export function mediaOf({ kind, address, thumb, by, title }) {
  const src = addressOf(address);
  if (kind === "audio") return new SoundPlayer({ name: title, url: address, thumb }).place;
  if (kind === "video") return Object.assign(element(kind), { src, controls: true, loop: true });
  if (kind !== "image") return element("p", "", message("File"));
  const image = Object.assign(element("img"), { src, alt: [title, by].filter(Boolean).join(", ") });
  if (thumb) image.style.background = `center / contain no-repeat url("${addressOf(thumb)}")`;
  return image;
}
