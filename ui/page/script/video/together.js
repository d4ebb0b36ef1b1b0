// @ts-check
// Plays compared videos of similar length together: one bar plays, pauses, seeks and steps through all of them.

import { all, button, element, INPUTS, tell } from "../dom.js";
import { LANGUAGE, message, withKey } from "../messages.js";
import { speedChoice, stepper } from "./controls.js";
import { Frames } from "./frames.js";
import { areSimilar, nextSpeed } from "./times.js";

const APART = 0.06; // seconds by which a playing video may be off before it is moved
const PLAY = message("Play");
const PAUSE = message("Pause");
const SEPARATE = message("These videos differ in length, so each plays on its own.");

export class Together {
  place = element("div", "video-pair flow");
  #results;
  #count;
  /** @type {HTMLVideoElement[]} */
  #videos = [];
  /** Frames of the shortest video, which the others follow. @type {Frames | null} */
  #frames = null;
  #play = button(PLAY, () => this.#toggle(), "button play");
  #seek = element("input");
  #time = element("span", "time smaller digits");
  #speed = speedChoice();

  /**
   * @param {HTMLElement} results contains the compared results
   * @param {number} count of results
   */
  constructor(results, count) {
    this.#results = results;
    this.#count = count;
    this.place.hidden = true;
    this.place.role = "group";
    this.place.ariaLabel = message("All videos");
    Object.assign(this.#seek, { type: "range", min: 0, max: 1, step: "any", value: 0 });
    this.#seek.ariaLabel = message("Position");
    this.place.append(
      this.#play,
      stepper("‹", withKey(message("Previous frame"), ","), () => this.#frames?.step(-1)),
      stepper("›", withKey(message("Next frame"), "."), () => this.#frames?.step(1)),
      this.#seek,
      this.#time,
      this.#speed,
    );
  }

  /** Start once all results are shown, if they are videos. */
  look() {
    const videos = /** @type {HTMLVideoElement[]} */ (all("video", this.#results));
    if (this.#frames || videos.length < this.#count) return;
    this.place.hidden = false;
    if (areSimilar(videos.map(({ duration }) => duration))) this.#start(videos);
    else this.place.replaceChildren(SEPARATE);
  }

  /** @param {HTMLVideoElement[]} videos */
  #start(videos) {
    const lead = videos.reduce((one, other) => (other.duration < one.duration ? other : one));
    this.#videos = videos;
    this.#frames = new Frames(lead, () => this.#follow());
    for (const video of videos) {
      video.controls = video.loop = false;
      video.addEventListener("click", () => this.#toggle());
    }
    for (const kind of ["play", "pause", "seeking", "timeupdate"])
      lead.addEventListener(kind, () => this.#follow());
    lead.addEventListener("ended", () => {
      lead.currentTime = 0;
      lead.play();
    });
    this.#seek.addEventListener("input", () => {
      lead.currentTime = Number(this.#seek.value) * lead.duration;
    });
    this.#speed.addEventListener("change", () => this.#setSpeed(Number(this.#speed.value)));
    this.#results.closest("dialog")?.addEventListener("keydown", (event) => this.#pressed(event));
    lead.currentTime = 0;
    this.#follow();
  }

  /** Bring the other videos to the state and the position of the leading one. */
  #follow() {
    const lead = this.#frames?.video;
    if (!lead) return;
    for (const video of this.#videos) {
      if (video === lead) continue;
      if (lead.paused !== video.paused) lead.paused ? video.pause() : video.play().catch(() => {});
      const off = Math.abs(video.currentTime - lead.currentTime);
      if (off > (lead.paused ? 0 : APART)) video.currentTime = lead.currentTime;
    }
    if (lead.ended) return;
    tell(this.#play, lead.paused ? PLAY : PAUSE);
    this.#seek.value = String(lead.currentTime / lead.duration || 0);
    tell(this.#time, `${secondsWords(lead.currentTime)} / ${secondsWords(lead.duration)}`);
  }

  #toggle() {
    const lead = this.#frames?.video;
    if (lead?.paused) lead.play();
    else lead?.pause();
  }

  /** @param {number} speed */
  #setSpeed(speed) {
    this.#speed.value = String(speed);
    for (const video of this.#videos) video.playbackRate = speed;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target instanceof Element && target.matches(INPUTS) && target !== this.#seek) return;
    if (key === "," || key === ".") this.#frames?.step(key === "," ? -1 : 1);
    else if (key === "<" || key === ">")
      this.#setSpeed(nextSpeed(Number(this.#speed.value), key === ">" ? 1 : -1));
    else return;
    event.preventDefault();
  }
}

/** @param {number} seconds */
const secondsWords = (seconds) =>
  message("{seconds}\u00a0s", {
    seconds: seconds.toLocaleString(LANGUAGE, {
      minimumFractionDigits: 2,
      maximumFractionDigits: 2,
    }),
  });
