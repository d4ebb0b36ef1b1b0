// @ts-check
// Files that don't arrive because the connection broke: they are loaded again as soon as the app answers.

import { pause } from "./clock.js";
import { root } from "./dom.js";

/** Event at the element of a result that has replaced its card. */
export const ARRIVED = "arrived";

/** The connection to the app, after a file didn't arrive. */
class Connection {
  /** @type {Promise<boolean> | null} */
  #asking = null;

  /** Resolve once the app answers, to whether it did at once. */
  answered() {
    this.#asking ??= this.#asked().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #asked() {
    for (let tries = 0; ; tries++) {
      const answer = await fetch(`${root}/health`, { cache: "no-store" }).catch(() => null);
      if (answer && answer.status < 500) return tries === 0;
      await new Promise((done) => {
        addEventListener("online", done, { once: true });
        setTimeout(done, pause(tries));
      });
    }
  }
}

export const connection = new Connection();

/** Load every image and player on the page again whose file didn't arrive. */
export function loadLost() {
  /** The address that an element has loaded again, though the app answered. */
  const repeated = new WeakMap();
  const lost = async (/** @type {Event} */ { target }) => {
    if (!(target instanceof HTMLImageElement || target instanceof HTMLMediaElement)) return;
    const { src } = target;
    if (!src.startsWith("http") || repeated.get(target) === src) return;
    if (await connection.answered()) repeated.set(target, src);
    if (!target.isConnected || target.src !== src) return;
    if (target instanceof HTMLMediaElement) target.load();
    else target.src = src;
  };
  document.addEventListener("error", lost, true); // error events don't bubble
}
