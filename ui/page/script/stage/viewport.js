// @ts-check
// Where a result is seen: in its box on the page, or over the whole window, where images can be enlarged.

import { addressOf, button, downloadLink, element } from "../dom.js";
import { message, percentWords } from "../messages.js";
import { FITTED, isFitted, panned, percentOf, pinched, scaled, sightOf, toggled } from "../zoom.js";
import { Before } from "./before.js";

/** @import { Item } from "../runs/results.js" */
/** @import { Point, Sight, Zoom } from "../zoom.js" */

const STEP = 1.25; // of a key or a button
const WHEEL = 0.0015; // for each pixel that is scrolled
const PINCHED_WHEEL = 0.01; // a touchpad's pinch comes as a wheel with Ctrl, in smaller portions
const LINE = 33; // pixels
const CENTRE = { x: 0, y: 0 };

/** A dialog that is open either way. */
export class Viewport {
  /** The place on the page. */
  place = element("dialog", "viewport");
  #media;
  #download = element("span");
  #before = new Before();
  #percent = button("", () => this.#toggleZoom(CENTRE), "icon percent");
  #full = button("", () => this.toggle(), "icon full");
  #zoom = FITTED;
  /** Fingers and the mouse, while they are down. @type {Map<number, Point>} */
  #pointers = new Map();

  /**
   * @param {HTMLElement} media where the result is put
   * @param {HTMLElement} use what else can be done with it
   */
  constructor(media, use) {
    this.#media = media;
    const zoom = element("span", "zoom");
    zoom.append(
      this.#tool(message("Zoom out"), "out", 1 / STEP),
      this.#percent,
      this.#tool(message("Zoom in"), "in", STEP),
    );
    const tools = element("div", "tools");
    tools.append(zoom, this.#before.toggle, use, this.#download, this.#full);
    this.place.append(media, this.#before.place, tools);
    this.place.tabIndex = -1;
    this.#listen();
    this.#setInline();
  }

  /** Whether it covers the window. */
  get isFull() {
    return this.place.matches(":modal");
  }

  /** Cover the window, or no longer. */
  toggle() {
    if (this.isFull) {
      this.#leave();
      return;
    }
    this.place.open = false;
    this.place.role = null;
    this.place.showModal();
    this.place.focus(); // else a video would have the focus, and the arrow keys
    this.#label(message("Leave full screen"));
    this.changed(true);
  }

  /**
   * What can be saved while the window is covered, and what it can be compared with.
   * @param {Item | null} item
   * @param {string} before the address of an image, "" where there is none
   */
  offer(item, before) {
    const image = this.#media.firstElementChild;
    const isAlike = item?.kind === "image" && image instanceof HTMLImageElement;
    this.#before.offer(isAlike ? image : null, before);
    if (this.#download.dataset.for === item?.url) return;
    this.#download.dataset.for = item?.url ?? "";
    const link = item && downloadLink("", addressOf(item.url), item.name);
    if (link) {
      link.className = "icon download";
      link.title = link.ariaLabel = message("Download");
    }
    this.#download.replaceChildren(...(link ? [link] : []));
  }

  /**
   * @param {boolean} isOther whether something else is seen, and not only a later preview
   */
  changed(isOther) {
    this.#show(isOther ? FITTED : this.#zoom);
  }

  #listen() {
    const { place } = this;
    // By Esc. What closes by itself is gone for a moment, which flickers.
    place.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#leave();
    });
    place.addEventListener("close", () => this.#setInline());
    place.addEventListener("keydown", (event) => this.#pressed(event));
    const media = this.#media;
    media.addEventListener("click", ({ target }) => {
      if (target instanceof HTMLImageElement && !this.isFull) this.toggle();
    });
    media.addEventListener("dblclick", (event) => this.#toggleZoom(this.#pointOf(event)));
    media.addEventListener("wheel", (event) => this.#turned(event), { passive: false });
    media.addEventListener("dragstart", (event) => {
      if (this.isFull) event.preventDefault();
    });
    media.addEventListener("pointerdown", (event) => {
      if (!this.#sight || event.button) return;
      media.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, this.#pointOf(event));
    });
    media.addEventListener("pointermove", (event) => this.#dragged(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"]))
      media.addEventListener(end, ({ pointerId }) => this.#pointers.delete(pointerId));
    addEventListener("resize", () => {
      if (this.isFull) this.changed(true);
    });
  }

  /**
   * @param {string} label
   * @param {string} name
   * @param {number} factor
   */
  #tool(label, name, factor) {
    const tool = button("", () => this.#enlarge(factor, CENTRE), `icon ${name}`);
    tool.title = tool.ariaLabel = label;
    return tool;
  }

  /** What can be enlarged: an image over the whole window. @returns {Sight | null} */
  get #sight() {
    const image = this.#media.firstElementChild;
    if (!this.isFull || !(image instanceof HTMLImageElement) || !image.naturalWidth) return null;
    const { clientWidth: width, clientHeight: height } = this.place;
    const natural = { width: image.naturalWidth, height: image.naturalHeight };
    return sightOf({ width, height }, natural, devicePixelRatio);
  }

  /**
   * @param {MouseEvent} event
   * @returns {Point}
   */
  #pointOf({ clientX, clientY }) {
    const { clientWidth, clientHeight } = this.place;
    return { x: clientX - clientWidth / 2, y: clientY - clientHeight / 2 };
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (!this.#sight || event.ctrlKey || event.metaKey || event.altKey) return;
    switch (event.key) {
      case "+":
      case "=":
        this.#enlarge(STEP, CENTRE);
        break;
      case "-":
        this.#enlarge(1 / STEP, CENTRE);
        break;
      case "0":
        this.changed(true);
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  /** @param {WheelEvent} event */
  #turned(event) {
    if (!this.isFull || !this.#sight) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
    const speed = event.ctrlKey ? PINCHED_WHEEL : WHEEL;
    this.#enlarge(Math.exp(-pixels * speed), this.#pointOf(event));
  }

  /** @param {PointerEvent} event */
  #dragged(event) {
    const sight = this.#sight;
    const before = this.#pointers.get(event.pointerId);
    if (!sight || !before) return;
    const at = this.#pointOf(event);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, at);
    this.#show(
      other
        ? pinched(this.#zoom, [before, other], [at, other], sight)
        : panned(this.#zoom, { x: at.x - before.x, y: at.y - before.y }, sight),
    );
  }

  /**
   * @param {number} factor
   * @param {Point} at
   */
  #enlarge(factor, at) {
    const sight = this.#sight;
    if (sight) this.#show(scaled(this.#zoom, this.#zoom.scale * factor, at, sight));
  }

  /** @param {Point} at */
  #toggleZoom(at) {
    const sight = this.#sight;
    if (sight) this.#show(toggled(this.#zoom, at, sight));
  }

  /** @param {Zoom} zoom */
  #show(zoom) {
    this.#zoom = zoom;
    const { style } = this.place;
    style.setProperty("--zoom", String(zoom.scale));
    style.setProperty("--x", `${zoom.x}px`);
    style.setProperty("--y", `${zoom.y}px`);
    this.place.classList.toggle("enlarged", zoom.scale > 1 && !isFitted(zoom));
    const sight = this.#sight;
    if (!sight) return;
    const percent = percentWords(percentOf(zoom, sight));
    this.#percent.textContent = percent;
    const action = isFitted(zoom) ? message("Show at 100%") : message("Fit to the window");
    this.#percent.title = action;
    this.#percent.ariaLabel = message("{percent}: {action}", { percent, action });
  }

  #leave() {
    this.place.close();
    this.#setInline();
  }

  #setInline() {
    this.changed(true);
    this.#pointers.clear();
    this.place.open = true;
    this.place.role = "group";
    this.place.ariaLabel = message("Result");
    this.#label(message("Full screen"));
  }

  /** @param {string} words */
  #label(words) {
    this.#full.title = this.#full.ariaLabel = words;
  }
}
