// @ts-check
// The player's bar below a video on the stage: position, frame by frame, use of a frame, speed and loop range.

import { keepFile } from "../batches/given.js";
import { button, downloadLink, element, INPUTS, iconButton, tell } from "../dom.js";
import { useInWorkflow } from "../form/dragging.js";
import { useIn } from "../form/files.js";
import { LANGUAGE, message, percentWords, withKey } from "../messages.js";
import { UseMenu } from "../stage/use_menu.js";
import { say } from "../state.js";
import { speedChoice, stepper } from "./controls.js";
import { Frames } from "./frames.js";
import { jumpFor, nextSpeed, withEnd } from "./times.js";

/** @import { Taker } from "../documents.js" */
/** @import { Item } from "../runs/results.js" */
/** @import { Loop } from "./times.js" */

const PLAY = message("Play");
const PAUSE = message("Pause");
/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
const SECONDS = { minimumFractionDigits: 2, maximumFractionDigits: 2 };

export class VideoTools {
  place = element("div", "video-tools flow");
  #play = iconButton("play", () => this.#toggle(), "step");
  #seek = element("input");
  #mute = iconButton("sound", () => this.#turnOff(), "step");
  #at = element("span", "frame-at");
  #speed = speedChoice();
  #loop = element("span", "loop");
  #loopEnd = iconButton("close", () => this.#setLoop(null), "step");
  #menu = new UseMenu("use-frame", message("Use this frame in…"), "picture");
  /** @type {Frames | null} */
  #frames = null;
  /** @type {Loop | null} */
  #range = null;

  constructor() {
    const loop = element("span", "part");
    const end = (
      /** @type {string} */ words,
      /** @type {string} */ title,
      /** @type {() => void} */ does,
    ) => Object.assign(button(words, does, "step"), { title });
    loop.role = "group";
    loop.ariaLabel = message("Loop");
    loop.append(
      element("span", "word", message("Loop")),
      end(message("From here"), withKey(message("Start the loop here"), "I"), () =>
        this.#mark("from"),
      ),
      end(message("To here"), withKey(message("End the loop here"), "O"), () => this.#mark("to")),
      this.#loop,
      this.#loopEnd,
    );
    this.#loopEnd.title = this.#loopEnd.ariaLabel = message("Remove the loop");
    const steps = element("span", "part");
    steps.append(
      stepper("‹", withKey(message("Previous frame"), ","), () => this.#frames?.step(-1)),
      this.#at,
      stepper("›", withKey(message("Next frame"), "."), () => this.#frames?.step(1)),
    );
    this.place.role = "group";
    this.place.ariaLabel = message("Video");
    Object.assign(this.#seek, { type: "range", min: "0", max: "1", step: "any", value: "0" });
    this.#seek.ariaLabel = message("Position");
    this.#mute.ariaLabel = this.#mute.title = message("Mute");
    this.place.append(
      this.#play,
      this.#seek,
      steps,
      this.#mute,
      this.#speed,
      loop,
      this.#menu.place,
    );
    this.place.hidden = true;
    this.#seek.addEventListener("input", () => this.#frames?.showAt(Number(this.#seek.value)));
    this.#seek.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation(); // the stage handles the arrow keys, too
      this.#frames?.step(step);
    });
    this.#speed.addEventListener("change", () => this.#setSpeed(Number(this.#speed.value)));
    // The menu offers the frame that the user sees when opening it.
    this.#menu.place.addEventListener("click", () => this.#frames?.video.pause(), true);
    document.addEventListener("keydown", (event) => this.#pressed(event));
    new ResizeObserver(() => {
      if (this.place.hidden) return; // the picture of the same frames keeps their room
      const height = this.place.offsetHeight;
      const place = this.place.closest(".stage") ?? this.place.parentElement;
      /** @type {HTMLElement | null} */ (place)?.style.setProperty("--video-tools", `${height}px`);
    }).observe(this.place);
  }

  /**
   * Show the tools for the video on the stage, or hide them.
   * @param {HTMLVideoElement | null} video
   * @param {Item | null} item
   */
  show(video, item) {
    const shown = item?.kind === "video" ? video : null;
    if (shown === (this.#frames?.video ?? null)) return;
    this.#frames = shown && new Frames(shown, () => this.#draw());
    this.place.hidden = !shown;
    if (shown) shown.controls = false; // the bar has them
    for (const kind of ["play", "pause", "seeking", "volumechange"])
      shown?.addEventListener(kind, () => this.#draw());
    shown?.addEventListener("click", () => this.#toggle());
    this.#setLoop(null);
    this.#setSpeed(Number(this.#speed.value));
    this.#menu.offer(shown && item ? this.#useOf(item) : null);
  }

  #toggle() {
    const video = this.#frames?.video;
    if (video?.paused) video.play().catch(() => {});
    else video?.pause();
  }

  #turnOff() {
    const video = this.#frames?.video;
    if (video) video.muted = !video.muted;
  }

  #draw() {
    const frames = this.#frames;
    if (!frames) return;
    const { video } = frames;
    const jump = video.paused ? null : jumpFor(video.currentTime, this.#range);
    if (jump !== null) video.currentTime = jump;
    const words = frames.isMeasured ? `${frames.at + 1} / ${frames.count}` : "";
    tell(this.#at, words);
    this.#play.dataset.icon = video.paused ? "play" : "pause";
    this.#play.title = this.#play.ariaLabel = video.paused ? PLAY : PAUSE;
    this.#mute.hidden = !hasSound(video);
    this.#mute.dataset.icon = video.muted ? "muted" : "sound";
    this.#mute.ariaPressed = String(video.muted);
    const { place } = frames;
    this.#seek.value = String(place);
    this.#seek.style.setProperty("--played", `${100 * place}%`);
    this.#seek.setAttribute("aria-valuetext", words || percentWords(Math.round(100 * place)));
    const rate = Number(frames.rate.toFixed(2));
    this.#at.title = frames.isMeasured
      ? message("Frame. {rate} frames per second.", { rate })
      : message("Frame. The frame rate isn't known, so a step is 1/{rate} s.", { rate });
  }

  /** @param {number} speed */
  #setSpeed(speed) {
    this.#speed.value = String(speed);
    if (this.#frames) this.#frames.video.playbackRate = speed;
  }

  /** @param {"from" | "to"} end */
  #mark(end) {
    const video = this.#frames?.video;
    if (video) this.#setLoop(withEnd(this.#range, end, video.currentTime, video.duration));
  }

  /** @param {Loop | null} range */
  #setLoop(range) {
    this.#range = range;
    this.#loopEnd.hidden = this.#loop.hidden = !range;
    if (range) {
      const [from, to] = [range.from, range.to].map((time) =>
        time.toLocaleString(LANGUAGE, SECONDS),
      );
      this.#loop.textContent = message("{from}–{to} s", { from: from ?? "", to: to ?? "" });
    }
    this.#draw();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const [frames, { target }] = [this.#frames, event];
    if (!frames?.video.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(target instanceof Element) || target.closest(INPUTS)) return;
    const over = target.closest("dialog, [popover]");
    if (over && !over.contains(frames.video)) return;
    if (event.key === "," || event.key === ".") frames.step(event.key === "," ? -1 : 1);
    else if (event.key === "<" || event.key === ">")
      this.#setSpeed(nextSpeed(Number(this.#speed.value), event.key === ">" ? 1 : -1));
    else if (event.key.toLowerCase() === "i") this.#mark("from");
    else if (event.key.toLowerCase() === "o") this.#mark("to");
    else return;
    event.preventDefault();
  }

  /** @param {Item} item */
  #useOf({ name, url, run, at }) {
    const file = () => /** @type {Frames} */ (this.#frames).file(name);
    return {
      what: url,
      kind: /** @type {const} */ ("image"),
      toField: async (/** @type {string} */ id) => useIn({ id }, [await file()]),
      download: async () => {
        const frame = await file();
        const address = URL.createObjectURL(frame);
        downloadLink("", address, frame.name).click();
        URL.revokeObjectURL(address);
      },
      toWorkflow: async (/** @type {Taker} */ { name: workflow }) => {
        const { kept, why } = await keepFile(await file());
        if (kept) await useInWorkflow(run, at, workflow, { file: kept.path });
        else say(why);
      },
    };
  }
}

/**
 * Return whether a video has sound, as far as the browser tells.
 * @param {any} video each browser has a property of its own
 */
const hasSound = (video) =>
  Boolean(video.audioTracks?.length || video.mozHasAudio || video.webkitAudioDecodedByteCount);
