// @ts-check
// The viewport of a result: inline on the page, or full screen, with zoom for images.

import { ARRIVED } from "../arrivals.js";
import { coverWindow, USED, uncoverWindow } from "../back.js";
import { $, addressOf, button, downloadLink, element } from "../dom.js";
import { labeled, message, percentWords } from "../messages.js";
import { FITTED, isFitted, openedAt, percentOf, sightOf, swiped } from "../zoom.js";
import { ZoomGestures } from "../zoom_gestures.js";

import { Before } from "./before.js";

/** @import { Item } from "../runs/results.js" */
/** @import { VideoTools } from "../video/tools.js" */
/** @import { Point, Sight, Zoom } from "../zoom.js" */

/** Event of a vertical swipe across an image that fits: 1 for up, -1 for down. */
export const SWIPED = "comfyforms-swiped";

/** Viewport in a dialog element that is always open: non-modal when inline, modal in full screen. */
export class Viewport {
  /** The root element. */
  place = element("dialog", "viewport");
  #media;
  /** The part of the viewport that no control covers. */
  #room = element("div", "room stretched");
  #download = element("span");
  #before = new Before();
  #tools = element("div", "tools");
  /** Tools of a video, once there is one. @type {VideoTools | null} */
  #video = null;
  #percent = button("", () => this.#gestures.toggle(), "icon percent");
  #full = button("", () => this.toggle(), "icon full");
  /** Where a single finger touched an image that fits, which may start a swipe. @type {Point | null} */
  #touched = null;
  /** The zoom at which the viewport opened, until the user changes it. */
  #opened = FITTED;
  #gestures = new ZoomGestures(
    this.#room,
    () => this.#sight,
    (zoom, sight) => this.#drawZoom(zoom, sight),
  );

  /**
   * @param {HTMLElement} media the element that holds the result
   * @param {HTMLElement} use an extra control for the toolbar
   */
  constructor(media, use) {
    this.#media = media;
    const zoom = element("span", "zoom");
    zoom.append(
      tool("−", message("Zoom out"), "out", () => this.#gestures.reduce()),
      this.#percent,
      tool("+", message("Zoom in"), "in", () => this.#gestures.enlarge()),
    );
    this.#tools.append(zoom, this.#before.toggle, use, this.#download, this.#full);
    this.#room.append(media, this.#before.place);
    this.place.append(this.#room, this.#tools);
    this.place.tabIndex = -1;
    this.#listen();
    this.#setInline();
  }

  /** Whether the viewport covers the window. */
  get isFull() {
    return this.place.matches(":modal");
  }

  /** Enter or leave full screen. */
  toggle() {
    if (this.isFull) {
      this.#leave();
      return;
    }
    this.place.open = false;
    this.place.showModal();
    this.place.focus(); // otherwise a video would get the focus and the arrow keys
    this.#label(message("Exit full screen"));
    this.changed();
    coverWindow(() => this.#leave());
  }

  /**
   * Set the file to download and the image to compare it with.
   * @param {Item | null} item
   * @param {string} before the address of the original image, or ""
   * @param {boolean} [isOpen] whether to compare them at once
   */
  offer(item, before, isOpen = false) {
    const image = this.#media.firstElementChild;
    const isAlike = item?.kind === "image" && image instanceof HTMLImageElement;
    this.#fitTools(image);
    this.#before.offer(isAlike ? image : null, before, isOpen);
    this.#showVideoTools(image instanceof HTMLVideoElement ? image : null, item);
    if (this.#download.dataset.for === item?.url) return;
    this.#download.dataset.for = item?.url ?? "";
    const link = item && downloadLink("", addressOf(item.url), item.name);
    if (link) {
      link.className = "icon download";
      link.dataset.icon = "download";
      link.title = link.ariaLabel = message("Download");
    }
    this.#download.replaceChildren(...(link ? [link] : []));
  }

  /** @param {HTMLVideoElement | null} video @param {Item | null} item */
  async #showVideoTools(video, item) {
    if (video && !this.#video) {
      const { VideoTools } = await import("../video/tools.js");
      if (this.#media.firstElementChild !== video) return;
      this.#video ??= new VideoTools();
      this.#tools.after(this.#video.place);
    }
    this.#video?.show(video, item);
  }

  /**
   * Keep the tools on the picture, which may be narrower or lower than its box.
   * @param {Element | null} shown
   */
  #fitTools(shown) {
    const ratio =
      shown instanceof HTMLImageElement
        ? shown.naturalWidth / shown.naturalHeight
        : shown instanceof HTMLVideoElement && shown.videoWidth / shown.videoHeight;
    if (ratio) this.place.style.setProperty("--shown", String(ratio));
    else this.place.style.removeProperty("--shown");
  }

  /**
   * Update the zoom after the displayed media has changed. If the user has zoomed, other images keep the zoom, so that the
   * same part of them can be compared.
   */
  changed() {
    const [sight, gestures] = [this.#sight, this.#gestures];
    if (sight && gestures.zoom !== this.#opened) {
      gestures.keep();
      return;
    }
    this.#opened = sight && !this.#isPreview ? openedAt(sight) : FITTED;
    gestures.show(this.#opened);
  }

  #listen() {
    const { place } = this;
    // Handle Esc here: if the browser closed the dialog, it would disappear for a moment and flicker.
    place.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#leave();
    });
    place.addEventListener("close", () => this.#left());
    place.addEventListener(USED, () => {
      if (this.isFull) this.#leave();
    });
    const [media, gestures] = [this.#media, this.#gestures];
    media.addEventListener(ARRIVED, () => this.changed());
    media.addEventListener("click", ({ target }) => {
      if (target instanceof HTMLImageElement && !this.isFull) this.toggle();
    });
    place.addEventListener("keydown", (event) => gestures.pressed(event));
    for (const one of [media, this.#before.place]) {
      one.addEventListener("dblclick", (event) => gestures.toggle(gestures.pointOf(event)));
      one.addEventListener("wheel", (event) => gestures.turned(event), { passive: false });
    }
    media.addEventListener("dragstart", (event) => {
      if (this.isFull) event.preventDefault();
    });
    media.addEventListener("pointerdown", (event) => {
      if (!this.#sight || event.button) return;
      media.setPointerCapture(event.pointerId);
      const isAlone = event.pointerType === "touch" && !gestures.isHeld;
      this.#touched = isAlone && gestures.zoom.scale <= 1 ? gestures.pointOf(event) : null;
      gestures.hold(event);
    });
    media.addEventListener("pointermove", (event) => gestures.move(event));
    media.addEventListener("pointerup", (event) => {
      const [from, to] = [this.#touched, gestures.pointOf(event)];
      this.#touched = null;
      const way = from ? swiped(from, to) : 0;
      if (way) $(way > 0 ? ".arrow.next" : ".arrow.previous", this.place)?.click();
      const upward = from ? swiped(turned(from), turned(to)) : 0;
      if (upward) place.dispatchEvent(new CustomEvent(SWIPED, { detail: upward }));
    });
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"]))
      media.addEventListener(end, (event) => gestures.release(event));
    addEventListener("resize", () => {
      if (this.isFull) this.changed();
    });
  }

  /** The geometry for zooming, or null unless an image is in full screen. @returns {Sight | null} */
  get #sight() {
    const image = this.#media.firstElementChild;
    if (!this.isFull || !(image instanceof HTMLImageElement) || !image.naturalWidth) return null;
    const { clientWidth: width, clientHeight: height } = this.#room;
    const natural = { width: image.naturalWidth, height: image.naturalHeight };
    return sightOf({ width, height }, natural, devicePixelRatio);
  }

  /** Whether the image is a preview, which may be smaller than its result. */
  get #isPreview() {
    return Boolean(this.#media.firstElementChild?.className);
  }

  /** @param {Zoom} zoom @param {Sight | null} sight */
  #drawZoom(zoom, sight) {
    this.place.classList.toggle("enlarged", zoom.scale > 1 && !isFitted(zoom));
    if (!sight) return;
    const percent = percentWords(percentOf(zoom, sight));
    this.#percent.textContent = percent;
    const action = isFitted(zoom) ? message("Show at 100%") : message("Fit to the window");
    this.#percent.title = action;
    this.#percent.ariaLabel = labeled(percent, action);
  }

  #leave() {
    this.place.close();
    this.#left();
    this.#full.focus({ preventScroll: true }); // this button enters full screen again
  }

  #left() {
    this.#setInline();
    uncoverWindow();
  }

  #setInline() {
    this.changed();
    this.#gestures.releaseAll();
    this.place.open = true;
    this.place.ariaLabel = message("Result");
    this.#label(message("Full screen"));
  }

  /** @param {string} words */
  #label(words) {
    this.#full.title = this.#full.ariaLabel = words;
    this.#full.dataset.icon = this.isFull ? "close" : "expand";
  }
}

/** @param {string} sign @param {string} label @param {string} name @param {() => void} does */
function tool(sign, label, name, does) {
  const made = button(sign, does, `icon ${name}`);
  made.title = made.ariaLabel = label;
  return made;
}

/**
 * Return the button that leads to the previous or next result.
 * @param {number} step -1 for the previous one
 * @param {() => void} walk
 */
export function arrow(step, walk) {
  const [icon, label, name] =
    step < 0 ? ["back", message("Previous"), "previous"] : ["forward", message("Next"), "next"];
  const made = tool("", label, `arrow ${name}`, walk);
  made.dataset.icon = icon;
  return made;
}

/** @param {Point} point @returns {Point} with its axes exchanged */
const turned = ({ x, y }) => ({ x: y, y: x });
