// @ts-check
// Player of a sound. Its waveform is the bar to seek on.

import { ifUnshowable } from "../arrivals.js";
import { addressOf, all, element, iconButton, tell } from "../dom.js";
import { message } from "../messages.js";
import { factsOf, lengthWords } from "../stage/sound_facts.js";

const PLAY = message("Play");
const PAUSE = message("Pause");
const UNPLAYABLE = message("This file can't be displayed. You can still download it.");
const STEP = 5; // seconds by which an arrow key seeks; less in a short sound
const STEPS_OF_ALL = 10;
const [BAR, PITCH] = [3, 5]; // pixels; width of a bar of the waveform, and with its gap
/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

/** @typedef {{ name: string, url: string, thumb?: string | null }} Sound `thumb`: the image of its waveform */

export class SoundPlayer {
  /** The root element. */
  place = element("div", "player in-line");
  /** Facts about the sound, once it is decoded; null if it can't be. */
  facts;
  #sound = element("audio");
  #play = iconButton("play", () => this.#toggle(), "play");
  #seek = element("input");
  #time = element("span", "time smaller digits");
  #mute = iconButton("sound", () => this.#turnOff(), "bare");

  /** @param {Sound} sound */
  constructor({ name, url, thumb }) {
    const { place } = this;
    place.role = "group";
    place.ariaLabel = name;
    Object.assign(this.#seek, { type: "range", min: "0", max: "1", step: "any", value: "0" });
    this.#seek.ariaLabel = message("Position");
    this.#mute.ariaLabel = this.#mute.title = message("Mute");
    const track = element("span", "track", this.#seek);
    if (thumb) addWaveform(track, addressOf(thumb));
    place.append(this.#play, track, this.#time, this.#mute, this.#sound);
    this.#listen();
    this.#sound.src = addressOf(url);
    this.facts = factsOf(url);
    this.facts.then((facts) => facts && !facts.isSilent && showBars(track, facts.peaks));
    this.#show();
  }

  #listen() {
    const [sound, seek] = [this.#sound, this.#seek];
    for (const kind of ["durationchange", "seeking", "pause", "volumechange"])
      sound.addEventListener(kind, () => this.#show());
    sound.addEventListener("play", () => this.#follow());
    ifUnshowable(sound, () => this.place.replaceChildren(element("p", "muted", UNPLAYABLE)));
    seek.addEventListener("input", () => {
      sound.currentTime = Number(seek.value);
    });
    seek.draggable = true; // else a drag would be the card's
    seek.addEventListener("dragstart", (event) => {
      event.preventDefault();
      event.stopPropagation();
    });
    this.place.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    const [sound, step] = [this.#sound, STEPS[key]];
    if (ctrlKey || metaKey || altKey) return;
    if (step) sound.currentTime += step * Math.min(STEP, (sound.duration || 0) / STEPS_OF_ALL);
    else if (key === " " && target === this.#seek) this.#toggle();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #toggle() {
    if (this.#sound.paused)
      this.#sound.play().catch(() => {}); // an unreadable file
    else this.#sound.pause();
  }

  #turnOff() {
    this.#sound.muted = !this.#sound.muted;
  }

  /** Pause the other players, and move the position with the sound. */
  #follow() {
    for (const other of /** @type {HTMLAudioElement[]} */ (all(".player audio")))
      if (other !== this.#sound) other.pause();
    const draw = () => {
      this.#show();
      if (!this.#sound.paused) requestAnimationFrame(draw);
    };
    draw();
  }

  #show() {
    const { currentTime, duration, paused, muted } = this.#sound;
    const [play, seek, mute] = [this.#play, this.#seek, this.#mute];
    const whole = Number.isFinite(duration) ? duration : 0;
    play.dataset.icon = paused ? "play" : "pause";
    play.title = play.ariaLabel = paused ? PLAY : PAUSE;
    mute.dataset.icon = muted ? "muted" : "sound";
    mute.ariaPressed = String(muted);
    seek.max = String(whole || 1);
    seek.value = String(currentTime);
    const words = [currentTime, whole].map(lengthWords).join(" / ");
    tell(this.#time, words);
    seek.setAttribute("aria-valuetext", words);
    this.place.style.setProperty("--played", `${(100 * currentTime) / (whole || 1)}%`);
  }
}

/**
 * Draw a waveform as bars, as many as fit, in place of its small image.
 * @param {HTMLElement} track
 * @param {readonly number[]} peaks
 */
function showBars(track, peaks) {
  const draw = () => {
    const { clientWidth: width, clientHeight: height } = track;
    const count = Math.floor((width + PITCH - BAR) / PITCH);
    const bars = Array.from({ length: count }, (_, at) => {
      const [from, to] = [at, at + 1].map((one) => Math.floor((one * peaks.length) / count));
      const long = Math.max(0.01, Math.max(...peaks.slice(from, to)) * (height - BAR));
      return `M${at * PITCH + BAR / 2} ${(height - long) / 2}v${long}`;
    });
    const image = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><path stroke="#000" stroke-width="${BAR}" stroke-linecap="round" d="${bars.join("")}"/></svg>`;
    track.style.setProperty("--waveform", `url("data:image/svg+xml,${encodeURIComponent(image)}")`);
  };
  track.classList.add("waveform", "in-bars");
  new ResizeObserver(draw).observe(track);
}

/**
 * Show the small image of the waveform in place of the plain track: not every sound has one.
 * @param {HTMLElement} track
 * @param {string} address
 */
function addWaveform(track, address) {
  const image = new Image();
  image.crossOrigin = "anonymous"; // as the browser loads the mask, so that the file is loaded once
  image.onload = () => {
    if (track.matches(".in-bars")) return;
    track.classList.add("waveform");
    track.style.setProperty("--waveform", `url("${address}")`);
  };
  image.src = address;
}
