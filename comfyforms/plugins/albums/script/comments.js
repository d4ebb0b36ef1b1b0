// @ts-check
// Comments on a result, some of them pinned to a point of the image.

import { when } from "page/clock.js";
import { announce, button, element, iconButton, isCtrlEnter } from "page/dom.js";
import { message } from "page/messages.js";
import { read, write } from "page/storage.js";
import { albumAt, reach, send } from "./calls.js";
import { pointIn } from "./items.js";

/** @import { CommentDoc, CommentsDoc, ItemDoc } from "./documents.js" */

const CLICK = 6; // pixels that a pointer may move in a click
const EMPTY = message("No comments yet.");
const IS_TOUCHED = matchMedia("(hover: none)").matches;
const PIN = IS_TOUCHED
  ? message("Tap the image to point at something.")
  : message("Click the image to point at something.");
const PINNED = message("Pinned to a point.");
const DRAFTS = "comfyforms.comments"; // key of unsent comments
/** @typedef {{ text: string, point: { x: number, y: number } | null }} Draft */
/** @returns {Record<string, Draft>} unsent comments by item */
const drafts = () => read(localStorage, DRAFTS, {});

export class Comments {
  place = element("aside", "comments stack");
  #media;
  #may;
  #toggled;
  #counted;
  #list = element("ul", "stack");
  #text = Object.assign(element("textarea", "framed"), { rows: 2, maxLength: 2000 });
  #sends = button(message("Comment"), () => this.#write(), "button primary");
  #hint = element("p", "aside", PIN);
  #pins = element("div", "pins");
  /** @type {ItemDoc | null} */
  #item = null;
  /** Where the user pins the next comment. @type {{ x: number, y: number } | null} */
  #point = null;
  /** @type {CommentDoc[]} */
  #comments = [];
  #turn = 0;

  /**
   * @param {HTMLElement} media the element that holds the result
   * @param {boolean} may whether the user may comment
   * @param {(isOpen: boolean) => void} toggled called when the panel opens or closes
   * @param {(count: number) => void} counted called with a new number of comments
   */
  constructor(media, may, toggled, counted) {
    this.#media = media;
    this.#may = may;
    this.#toggled = toggled;
    this.#counted = counted;
    const close = iconButton("close", () => this.toggle(false), "dismiss");
    close.ariaLabel = message("Close");
    const title = element("h2", "dialog-title", message("Comments"));
    this.#text.placeholder = IS_TOUCHED
      ? message("Write a comment")
      : message("Write a comment, send it with Ctrl+Enter");
    this.#text.ariaLabel = message("Comment");
    this.#hint.role = "status";
    const below = element("div", "in-line apart", this.#hint, this.#sends);
    const writes = element("div", "stack writes", this.#text, below);
    writes.hidden = !may;
    this.place.append(element("header", "in-line apart", title, close), this.#list, writes);
    this.place.hidden = true;
    this.#listen();
  }

  get isOpen() {
    return !this.place.hidden;
  }

  /** @param {boolean} [opens] otherwise it closes if it is open */
  toggle(opens = !this.isOpen) {
    this.place.hidden = !opens;
    this.#toggled(opens);
    const isTyped = opens && this.#may && !IS_TOUCHED; // a tap would open the keyboard over the image
    const focused = isTyped ? this.#text : this.place.closest("dialog");
    focused?.focus({ preventScroll: true });
  }

  /** @param {ItemDoc} item */
  show(item) {
    const { text, point } = drafts()[item.id] ?? { text: "", point: null };
    this.#item = item;
    this.#point = point;
    this.#fill(text);
    this.#comments = [];
    this.#draw();
    this.renew(item);
  }

  /**
   * Load the comments if their number has changed.
   * @param {ItemDoc} item the one in view
   */
  async renew(item) {
    this.#item = item;
    const turn = ++this.#turn;
    if (item.comments === this.#comments.length) return;
    const isWanted = () => turn === this.#turn;
    /** @type {CommentDoc[]} */
    const comments = [];
    for (let next = /** @type {string | null} */ (""); next !== null; ) {
      const query = new URLSearchParams({ cursor: next });
      /** @type {CommentsDoc | null} */
      const told = await reach(albumAt(`/items/${item.id}/comments`, query), isWanted);
      if (!told || !isWanted()) return;
      comments.push(...told.comments);
      next = told.next;
    }
    this.#comments = comments;
    this.#draw();
  }

  /** @param {string} text */
  #fill(text) {
    this.#text.value = text;
    this.#sends.ariaDisabled = String(!text.trim());
    this.#keep(this.#item, text);
  }

  /**
   * Keep an unsent comment in this browser.
   * @param {ItemDoc | null} item
   * @param {string} text "" for none
   */
  #keep(item, text) {
    const { [item?.id ?? ""]: before, ...others } = drafts();
    const draft = { text, point: this.#point };
    if (item && (text || before))
      write(localStorage, DRAFTS, text ? { ...others, [item.id]: draft } : others);
  }

  #listen() {
    this.#text.addEventListener("input", () => this.#fill(this.#text.value));
    this.#text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.toggle(false);
      else if (isCtrlEnter(event)) this.#write();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    let from = { x: 0, y: 0 };
    this.#media.addEventListener("pointerdown", ({ clientX: x, clientY: y }) => {
      from = { x, y };
    });
    // Pin the comment where the user clicks the image while the panel is open.
    this.#media.addEventListener("click", ({ clientX: x, clientY: y, detail }) => {
      const isMoved = detail > 1 || Math.hypot(x - from.x, y - from.y) > CLICK;
      if (!this.isOpen || !this.#may || isMoved) return;
      this.#point = pointIn({ x, y }, this.#pins.getBoundingClientRect());
      this.#fill(this.#text.value);
      this.#draw();
      this.#text.focus({ preventScroll: true });
    });
  }

  async #write() {
    const [item, text] = [this.#item, this.#text.value.trim()];
    if (!item || !text) return this.#text.focus();
    /** @type {CommentDoc | null} */
    const made = await send(`/items/${item.id}/comments`, { text, ...this.#point });
    if (!made) return;
    this.#keep(item, "");
    if (item.id === this.#item?.id) this.#fill("");
    announce(message("Comment added."));
    this.#change(item, [...this.#comments, made]);
  }

  /** @param {string} id */
  async #delete(id) {
    const item = this.#item;
    if (!item || !(await send(`/items/${item.id}/comments/${id}`, {}, "DELETE"))) return;
    const others = this.#comments.filter((comment) => comment.id !== id);
    this.#change(item, others);
  }

  /**
   * @param {ItemDoc} item
   * @param {CommentDoc[]} comments
   */
  #change(item, comments) {
    if (item.id !== this.#item?.id) return;
    this.#comments = comments;
    this.#point = null;
    this.#counted(comments.length);
    this.#draw();
  }

  #draw() {
    const isImage = this.#item?.kind === "image";
    this.#hint.textContent = !isImage ? "" : this.#point ? PINNED : PIN;
    this.#pins.replaceChildren();
    this.#list.replaceChildren(...this.#comments.map((comment) => this.#lineFor(comment)));
    const nothing = this.#item?.comments ? message("Loading…") : EMPTY;
    if (!this.#comments.length) this.#list.append(element("li", "muted", nothing));
    if (this.#point) this.#pinTo(this.#point, element("span", "pin", "+"));
    if (isImage) this.#media.append(this.#pins);
  }

  /** @param {{ x: number, y: number }} point @param {HTMLElement} pin */
  #pinTo({ x, y }, pin) {
    pin.style.left = `${100 * x}%`;
    pin.style.top = `${100 * y}%`;
    this.#pins.append(pin);
  }

  /** @param {CommentDoc} comment */
  #lineFor({ id, by, at, text, x, y, may_delete: isOwn }) {
    const head = element("p", "aside in-line", element("b", "", by), when(at));
    if (x !== null && y !== null) {
      const number = this.#pins.childElementCount + 1;
      const pin = button(String(number), () => this.toggle(true), "pin");
      pin.title = text;
      pin.ariaLabel = message("Comment {number}", { number });
      this.#pinTo({ x, y }, pin);
      head.prepend(element("span", "pin", String(number)));
    }
    if (isOwn) {
      const drop = iconButton("delete", () => this.#delete(id), "dismiss");
      drop.ariaLabel = drop.title = message("Delete");
      head.append(drop);
    }
    return element("li", "", head, element("p", "breaks", text));
  }
}
