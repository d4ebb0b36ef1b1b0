// @ts-check
// Comments on a result, some of them pinned to a point of the image.

import { pointIn } from "../../albums/items.js";
import { when } from "../../clock.js";
import { announce, button, element, iconButton, isCtrlEnter } from "../../dom.js";
import { message } from "../../messages.js";
import { get } from "../../requests.js";
import { albumAt, send } from "./calls.js";

/** @import { AlbumItem } from "../../albums/items.js" */

/** `x`, `y`: the point of the image, from 0 to 1, null for none. @typedef {{ id: string, by: string, mine: boolean, text: string, x: number | null, y: number | null, at: number, may_delete: boolean }} Comment */

const CLICK = 6; // pixels that a pointer may move in a click
const EMPTY = message("No comments yet.");
const PIN = message("Click the image to pin the comment to a point.");
const PINNED = message("Pinned to a point.");

export class Comments {
  place = element("aside", "comments stack");
  /** Called when the panel opens or closes. @type {(isOpen: boolean) => void} */
  toggled = () => {};
  count = 0;
  #media;
  #told;
  #list = element("ol", "stack");
  #text = Object.assign(element("textarea", "framed"), { rows: 2, maxLength: 2000 });
  #hint = element("p", "aside", PIN);
  #pins = element("div", "pins");
  /** @type {AlbumItem | null} */
  #item = null;
  /** @type {{ x: number, y: number } | null} */
  #point = null;
  /** @type {Comment[]} */
  #comments = [];

  /**
   * @param {HTMLElement} media the element that holds the result
   * @param {boolean} may whether the user may comment
   * @param {(count: number) => void} told called with the new number of comments
   */
  constructor(media, may, told) {
    this.#media = media;
    this.#told = told;
    const close = iconButton("close", () => this.close(), "dismiss");
    close.ariaLabel = message("Close");
    const head = element(
      "header",
      "in-line apart",
      element("h2", "dialog-title", message("Comments")),
      close,
    );
    this.#text.placeholder = this.#text.ariaLabel = message("Comment");
    const writes = element("div", "stack writes", this.#text, this.#hint);
    writes.append(button(message("Comment"), () => this.#write(), "button primary"));
    writes.hidden = !may;
    this.#hint.role = "status";
    this.#text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
      else if (isCtrlEnter(event)) this.#write();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.place.append(head, this.#list, writes);
    this.place.hidden = true;
    if (may) this.#listen();
  }

  get isOpen() {
    return !this.place.hidden;
  }

  /** @param {boolean} [opens] otherwise it closes if it is open */
  toggle(opens = !this.isOpen) {
    if (this.isOpen !== opens) {
      this.place.hidden = !opens;
      this.toggled(opens);
      this.#draw();
    }
    if (opens) this.#text.focus({ preventScroll: true });
  }

  close() {
    if (!this.isOpen) return;
    this.toggle(false);
    this.place.closest("dialog")?.focus();
  }

  /** @param {AlbumItem} item */
  show(item) {
    this.#item = item;
    this.#point = null;
    this.#comments = [];
    this.#draw();
    this.count = item.comments;
    if (item.comments) this.load();
  }

  async load() {
    const item = this.#item;
    /** @type {{ comments: Comment[] } | null} */
    const told = item && (await get(albumAt(`/items/${item.id}/comments`)));
    if (!told || item !== this.#item) return;
    this.#comments = told.comments;
    this.count = told.comments.length;
    this.#draw();
  }

  /** Pin the comment where the user clicks the image while the panel is open. */
  #listen() {
    let from = { x: 0, y: 0 };
    this.#media.addEventListener("pointerdown", ({ clientX: x, clientY: y }) => {
      from = { x, y };
    });
    this.#media.addEventListener("click", ({ clientX: x, clientY: y, detail }) => {
      if (!this.isOpen || detail > 1 || Math.hypot(x - from.x, y - from.y) > CLICK) return;
      this.#point = pointIn({ x, y }, this.#pins.getBoundingClientRect());
      this.#draw();
      this.#text.focus({ preventScroll: true });
    });
  }

  async #write() {
    const [item, text] = [this.#item, this.#text.value.trim()];
    if (!item || !text) return this.#text.focus();
    /** @type {Comment | null} */
    const made = await send(`/items/${item.id}/comments`, { text, ...this.#point });
    if (!made) return;
    this.#text.value = "";
    this.#point = null;
    announce(message("Comment added."));
    this.#changed(item, [...this.#comments, made]);
  }

  /** @param {Comment} comment */
  async #delete({ id }) {
    const item = this.#item;
    if (!item || !(await send(`/items/${item.id}/comments/${id}`, {}, "DELETE"))) return;
    this.#changed(
      item,
      this.#comments.filter((one) => one.id !== id),
    );
  }

  /**
   * @param {AlbumItem} item
   * @param {Comment[]} comments
   */
  #changed(item, comments) {
    if (item.id !== this.#item?.id) return;
    this.#comments = comments;
    this.count = comments.length;
    this.#told(comments.length);
    this.#draw();
  }

  #draw() {
    const isImage = this.#item?.kind === "image";
    this.#hint.textContent = !isImage ? "" : this.#point ? PINNED : PIN;
    let number = 0;
    const pins = [];
    const lines = [];
    for (const comment of this.#comments) {
      const pin = comment.x === null ? null : this.#pinFor(comment, ++number);
      if (pin) pins.push(pin);
      lines.push(this.#lineFor(comment, pin ? number : 0));
    }
    if (this.#point) pins.push(pinAt(this.#point, element("span", "pin", "+")));
    this.#list.replaceChildren(...(lines.length ? lines : [element("li", "muted", EMPTY)]));
    this.#pins.replaceChildren(...pins);
    if (isImage) this.#media.append(this.#pins);
    else this.#pins.remove();
  }

  /**
   * @param {Comment} comment
   * @param {number} number
   */
  #pinFor({ x, y, text }, number) {
    const pin = button(String(number), () => this.toggle(true), "pin");
    pin.title = text;
    pin.ariaLabel = message("Comment {number}", { number });
    return pinAt({ x: x ?? 0, y: y ?? 0 }, pin);
  }

  /**
   * @param {Comment} comment
   * @param {number} number of its pin, 0 for none
   */
  #lineFor(comment, number) {
    const { by, at, text, may_delete: isOwn } = comment;
    const head = element("p", "aside in-line", element("b", "", by), when(at));
    if (number) head.prepend(element("span", "pin", String(number)));
    if (isOwn) {
      const drop = iconButton("delete", () => this.#delete(comment), "dismiss");
      drop.ariaLabel = drop.title = message("Delete");
      head.append(drop);
    }
    return element("li", "", head, element("p", "breaks", text));
  }
}

/**
 * @template {HTMLElement} T
 * @param {{ x: number, y: number }} point
 * @param {T} pin
 */
function pinAt({ x, y }, pin) {
  pin.style.left = `${100 * x}%`;
  pin.style.top = `${100 * y}%`;
  return pin;
}
