// @ts-check
// Files that don't arrive because the connection broke: they are loaded again as soon as the app answers.

import { untilRetry } from "./clock.js";
import { isStill, root } from "./dom.js";

const SUDDEN = 100; // milliseconds
const FADE = 150;

/** Event at the element of a result that has replaced its card. */
export const ARRIVED = "arrived";

/** Event at an image or player whose file arrived, but can't be shown. It doesn't bubble. */
export const UNSHOWABLE = "unshowable";

/** The connection to the app, after a file didn't arrive. */
class Connection {
  /** @type {Promise<boolean> | null} */
  #asking = null;
  /** @type {WeakMap<HTMLImageElement | HTMLMediaElement, string>} the address loaded again, though the app answered */
  #repeated = new WeakMap();

  /** Resolve once the app answers, to whether it did at once. */
  answered() {
    this.#asking ??= this.#asked().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /**
   * Load an element again whose file didn't arrive, or dispatch `UNSHOWABLE` there: the fault is the file's.
   * @param {HTMLImageElement | HTMLMediaElement} element
   */
  async retry(element) {
    const { src } = element;
    if (!src.startsWith("http")) return;
    if (this.#repeated.get(element) === src)
      return void element.dispatchEvent(new Event(UNSHOWABLE));
    if (await this.answered()) this.#repeated.set(element, src);
    if (element.src !== src) return;
    if (element instanceof HTMLMediaElement) element.load();
    else element.src = src;
  }

  async #asked() {
    for (let tries = 0; ; tries++) {
      const answer = await fetch(`${root}/health`, { cache: "no-store" }).catch(() => null);
      if (answer && answer.status < 500) return tries === 0;
      await untilRetry(tries);
    }
  }
}

export const connection = new Connection();

/**
 * Let a picture fade in if it arrives after its place.
 * @param {HTMLImageElement} image
 */
export function fadeIn(image) {
  const began = performance.now();
  image.addEventListener("load", () => {
    const isLate = performance.now() - began > SUDDEN;
    if (isLate && !isStill()) image.animate([{ opacity: 0 }, {}], FADE);
  });
}

/** Load every image and player on the page again whose file didn't arrive. */
export function loadLost() {
  const lost = (/** @type {Event} */ { target }) => {
    if (target instanceof HTMLImageElement || target instanceof HTMLMediaElement)
      connection.retry(target);
  };
  document.addEventListener("error", lost, true); // error events don't bubble
}

/**
 * Do something once about an image or a player that can't be shown. A broken connection is no reason: it loads again.
 * @param {HTMLImageElement | HTMLMediaElement} image
 * @param {() => void} then
 */
export function ifUnshowable(image, then) {
  // `loadLost` hears only the elements on the page.
  image.addEventListener("error", () => void (image.isConnected || connection.retry(image)));
  image.addEventListener(UNSHOWABLE, then, { once: true });
}
