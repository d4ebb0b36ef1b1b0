// @ts-check
// Animated previews: frames are stored by index as they arrive, and the stored frames play in a loop.

import { element } from "../dom.js";
import { message } from "../messages.js";
import { liveFrame } from "./media.js";

/**
 * Position of a frame in an animation: its index, the number of frames, and frames per second.
 * @typedef {{ at: number, of: number, rate: number }} Place
 */

/**
 * Return the index of the next stored frame, looping at the end.
 * @param {ReadonlyMap<number, unknown>} frames by index
 * @param {number} at the index of the current frame
 */
export function nextOf(frames, at) {
  const places = [...frames.keys()].sort((one, other) => one - other);
  return places.find((place) => place > at) ?? places[0] ?? at;
}

/** The preview animation of a run. */
class PreviewAnimation {
  image = element("img", "live-frame");
  /** Object URLs of the received frames, by index. @type {Map<number, string>} */
  #frames = new Map();
  #at = -1;
  #playing = 0;

  /** @param {string} run */
  constructor(run) {
    this.run = run;
    this.image.alt = message("Preview");
  }

  /**
   * Store a frame and start playing.
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

  /** Show the next frame, or end the animation if its image is no longer on the page. */
  #step() {
    if (this.#at >= 0 && !this.image.isConnected) {
      this.#end();
      return;
    }
    this.#at = nextOf(this.#frames, this.#at);
    this.image.src = this.#frames.get(this.#at) ?? "";
  }

  /** Stop playing and discard all frames. The next frame starts a new animation. */
  #end() {
    clearInterval(this.#playing);
    this.#playing = 0;
    this.#at = -1;
    for (const address of this.#frames.values()) URL.revokeObjectURL(address);
    this.#frames.clear();
  }
}

/** Preview images of runs. */
export class LivePreviews {
  #animation = /** @type {PreviewAnimation | null} */ (null);
  #still = { run: "", image: /** @type {HTMLImageElement | null} */ (null) };

  /**
   * Return the image that shows a frame, or null if it can't be loaded or is no longer wanted.
   * @param {string} run
   * @param {ArrayBuffer} frame
   * @param {Place | null} place the frame's position in an animation, or null for a still preview
   * @param {() => boolean} isWanted
   */
  async imageOf(run, frame, place, isWanted) {
    if (!place) {
      const shown = this.#still.run === run ? this.#still.image : null;
      const image = await liveFrame(frame, shown, isWanted);
      if (image) this.#still = { run, image };
      return image;
    }
    if (this.#animation?.run !== run) this.#animation = new PreviewAnimation(run);
    this.#animation.take(frame, place);
    return this.#animation.image;
  }
}
