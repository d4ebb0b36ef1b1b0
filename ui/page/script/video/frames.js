// @ts-check
// The frames of one video: its rate, its current frame, and that frame as a PNG file.

import { afterSteps, DEFAULT_RATE, frameAt, frameCount, rateOf, timeOf } from "./times.js";

const MEASURED = 24; // frames to measure the rate with

export class Frames {
  video;
  /** Frames per second, or null until the video's own rate is known. @type {number | null} */
  #rate = null;
  /** Start times of the frames shown so far. @type {Set<number>} */
  #times = new Set();
  #shown;

  /**
   * @param {HTMLVideoElement} video
   * @param {() => void} shown called after each frame that is shown
   */
  constructor(video, shown) {
    this.video = video;
    this.#shown = shown;
    if ("requestVideoFrameCallback" in video) this.#watch();
    else for (const kind of ["timeupdate", "seeked"]) this.#listen(kind);
  }

  /** True once the rate is the video's own. */
  get isMeasured() {
    return this.#rate !== null;
  }

  get rate() {
    return this.#rate ?? DEFAULT_RATE;
  }

  get count() {
    return frameCount(this.video.duration, this.rate);
  }

  get at() {
    return frameAt(this.video.currentTime, this.rate, this.video.duration);
  }

  /** The current frame's place, from 0 for the first to 1 for the last. */
  get place() {
    return this.at / Math.max(1, this.count - 1);
  }

  /** Show the frame at a place, and pause. @param {number} place from 0 to 1 */
  showAt(place) {
    this.video.pause();
    this.video.currentTime = timeOf(Math.round(place * (this.count - 1)), this.rate);
  }

  /** Show a frame further on or back, and pause. @param {number} by */
  step(by) {
    const { video } = this;
    video.pause();
    // Browsers start a looping video again when it is moved to its last frame, even if it is paused.
    if (video.loop)
      video.addEventListener("play", () => void Object.assign(video, { loop: true }), {
        once: true,
      });
    video.loop = false;
    video.currentTime = afterSteps(video.currentTime, by, this.rate, video.duration);
  }

  /**
   * Return the current frame in the video's own size.
   * @param {string} name of the video
   * @returns {Promise<File>}
   */
  async file(name) {
    const { videoWidth: width, videoHeight: height } = this.video;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d")?.drawImage(this.video, 0, 0);
    const stem = name.replace(/\.[^.]+$/, "");
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    return new File([/** @type {Blob} */ (blob)], `${stem}-frame-${this.at + 1}.png`, {
      type: "image/png",
    });
  }

  #watch() {
    this.video.requestVideoFrameCallback((_, { mediaTime }) => {
      if (this.#rate === null && !this.video.paused) {
        this.#times.add(mediaTime);
        if (this.#times.size > MEASURED || this.video.currentTime > this.video.duration / 2)
          this.#rate = rateOf([...this.#times]);
      }
      this.#shown();
      this.#watch();
    });
  }

  /** @param {string} kind */
  #listen(kind) {
    this.video.addEventListener(kind, () => this.#shown());
  }
}
