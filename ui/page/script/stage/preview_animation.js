// @ts-check
// Previews that are the frames of an animation: each takes its place as it comes, and what is there is played.

import { element } from "../dom.js";
import { message } from "../messages.js";
import { liveFrame } from "./media.js";

/**
 * Where a frame belongs, in an animation of so many, at so many a second.
 * @typedef {{ at: number, of: number, rate: number }} Place
 */

/**
 * The place of the next frame there is, round and round.
 * @param {ReadonlyMap<number, unknown>} frames by their places
 * @param {number} at the one that is seen
 */
export function nextOf(frames, at) {
  const places = [...frames.keys()].sort((one, other) => one - other);
  return places.find((place) => place > at) ?? places[0] ?? at;
}

/** One run's animation. */
class PreviewAnimation {
  image = element("img", "live-frame");
  /** Addresses of what has come, by place. @type {Map<number, string>} */
  #frames = new Map();
  #at = -1;
  #playing = 0;

  /** @param {string} run */
  constructor(run) {
    this.run = run;
    this.image.alt = message("Preview");
  }

  /**
   * A frame has come.
   * @param {ArrayBuffer} frame
   * @param {Place} place
   */
  take(frame, { at, of, rate }) {
    if (!(at < of)) return;
    const before = this.#frames.get(at);
    this.#frames.set(at, URL.createObjectURL(new Blob([frame])));
    if (before) URL.revokeObjectURL(before);
    if (this.#playing) return;
    this.#step();
    this.#playing = window.setInterval(() => this.#step(), 1000 / rate);
  }

  /** Show the next frame, unless another image has taken this one's place. */
  #step() {
    if (this.#at >= 0 && !this.image.isConnected) {
      this.#end();
      return;
    }
    this.#at = nextOf(this.#frames, this.#at);
    this.image.src = this.#frames.get(this.#at) ?? "";
  }

  /** Forget what has come; the next frame begins anew. */
  #end() {
    clearInterval(this.#playing);
    this.#playing = 0;
    this.#at = -1;
    for (const address of this.#frames.values()) URL.revokeObjectURL(address);
    this.#frames.clear();
  }
}

/** The previews of runs as images. */
export class LivePreviews {
  #animation = /** @type {PreviewAnimation | null} */ (null);

  /**
   * The image that shows a frame; null where it cannot be painted, or where nobody wants it any more by then.
   * @param {string} run
   * @param {ArrayBuffer} frame
   * @param {Place | null} place of a frame of an animation
   * @param {() => boolean} isWanted
   */
  async imageOf(run, frame, place, isWanted) {
    if (!place) return liveFrame(frame, isWanted);
    if (this.#animation?.run !== run) this.#animation = new PreviewAnimation(run);
    this.#animation.take(frame, place);
    return this.#animation.image;
  }
}
