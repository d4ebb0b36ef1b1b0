// @ts-check
// Stage: live previews, then the results of the run in the same place. Its buttons act on the visible result.

import { ARRIVED } from "../arrivals.js";
import { $, all, element, glideTo, INPUTS, isStill } from "../dom.js";
import { letDrag, takeResults } from "../form/dragging.js";
import { sayRefusal } from "../form/field_errors.js";
import { Beneath } from "../results/beneath.js";
import { isOneOfSeveral, ResultRows } from "../results/result_rows.js";
import { shownOf } from "../results/shown.js";
import { videoOfTwins } from "../results/twins.js";
import { seenChain } from "../runs/chains.js";
import { lookBackAt, onFrame } from "../runs/following.js";
import { arrangedRun, choosable, firstSeen, groupOf, placeAfter } from "../runs/results.js";
import { current, neighbour, seen } from "../runs/runs.js";
import { removeRun } from "../stage/actions.js";
import { Caption } from "../stage/caption.js";
import { EmptyStage } from "../stage/empty_stage.js";
import { Lineage } from "../stage/lineage.js";
import { doneLoading, loadViewer, markLast, markLoading } from "../stage/media.js";
import { LivePreviews } from "../stage/preview_animation.js";
import { Progress } from "../stage/progress.js";
import { Strip } from "../stage/strip.js";
import { arrow, Viewport } from "../stage/viewport.js";
import { page } from "../state.js";

/** @import { StageView } from "../documents.js" */
/** @import { ResultGrid } from "../results/result_grid.js" */
/** @import { Arrangement, Item } from "../runs/results.js" */
/** @import { PageState, View } from "../state.js" */
/** @import { Place } from "../stage/preview_animation.js" */

/**
 * What Gradio passes to the stage (ui/page/stage.py). Its value says why a result couldn't be used. `use`: the user wants
 * a file of a run in a field, by the field's element; `viewer`: URL of the module that shows 3D models.
 * @typedef {{ props: { value: any }, watch: (name: string, changed: () => void) => void,
 *   use: (what: { run: string, at: number, field: string }) => void, viewer: string }} Component
 */

/** @type {Arrangement} */
const NOTHING = { items: [], intermediate: [], echoes: [] };
/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowLeft: -1 };
/** @type {Record<string, number>} */
const ENDS = { Home: 0, End: -1 };
const FADE = 180; // milliseconds
const OWN_KEYS = "video, audio, canvas, input, textarea, select"; // elements that handle arrow keys themselves

class Stage {
  #component;
  #place;
  #media = element("div", "media");
  #viewport = new Viewport(this.#media, element("span"));
  /** Shows all results, once a run has several. @type {ResultGrid | null} */
  #grid = null;
  #empty = new EmptyStage();
  #previous = arrow(-1, () => this.#walk(-1));
  #next = arrow(1, () => this.#walk(1));
  #beneath = new Beneath((at) => this.#choose(at));
  #rows;
  #progress = new Progress();
  #caption = new Caption();
  #lineage = new Lineage();
  #strip = new Strip();
  #arrangement = NOTHING;
  #at = 0;
  /** Whether the stage shows all results of the run. */
  #isAll = false;
  /** Finished run on the stage, or null. The same object isn't drawn twice. */
  #shown = /** @type {View | null} */ (null);
  /** Run that the current image belongs to. */
  #painted = "";
  #turn = 0;
  #frames = 0;
  #previews = new LivePreviews();
  /** Direction in which the next run is being opened, 0 for none. */
  #leaving = 0;

  /** @param {HTMLElement} place @param {Component} component */
  constructor(place, component) {
    this.#place = place;
    this.#component = component;
    const box = element("div", "box", this.#viewport.place, this.#progress.objection);
    this.#viewport.place.append(this.#empty.place, this.#previous, this.#next);
    this.#rows = new ResultRows({
      viewer: component.viewer,
      viewport: this.#viewport,
      use: (field) => component.use({ ...this.#seen, field }),
      showAll: () => this.#showAll(),
      choose: (at) => this.#choose(at),
    });
    this.#viewport.place.addEventListener("close", () => this.#drawActions(page.now));
    const under = element("div", "under", this.#rows.below, this.#progress.place);
    under.append(this.#caption.place, this.#empty.ways, stepsOfChain());
    const { intermediate, details } = this.#beneath;
    const parts = [intermediate, this.#lineage.place, details];
    place.replaceChildren(box, this.#strip.place, under, ...parts);
    this.#arrange(NOTHING, null);
    this.#listen();
    this.#media.addEventListener(ARRIVED, () => this.#loaded());
    onFrame((id, frame, place) => this.#paint(id, frame, place));
    letDrag(place, ({ dataset: { at } }) => this.#dragged(Number(at ?? this.#at)));
    takeResults((what) => component.use(what));
    page.subscribe((now) => this.#show(now));
    place.addEventListener("load", () => this.#fit(), true); // images' shapes are known then
  }

  #listen() {
    this.#place.addEventListener("keydown", (event) => {
      const target = /** @type {Element} */ (event.target);
      const step = STEPS[event.key];
      const isOne = isOneOfSeveral(this.#onStage) && !this.#viewport.isFull;
      if (event.key === "Escape" && isOne && !event.defaultPrevented) this.#showAll();
      else if (isLetter(event, "f") && !target.closest(INPUTS))
        $(".favourite", this.#rows.below)?.click();
      else if (isLetter(event, "c") && !target.closest(INPUTS)) this.#rows.beside?.does();
      else if (event.key === "Delete" && this.#shown && !target.closest(INPUTS)) this.#remove();
      else if (event.key in ENDS && !target.closest(OWN_KEYS)) this.#goTo(ENDS[event.key] ?? 0);
      else if (step && !target.closest(OWN_KEYS)) this.#walk(step);
      else return;
      event.preventDefault();
    });
  }

  /** Delete the run on the stage. */
  #remove() {
    removeRun(this.#shown?.id ?? "", false);
  }

  /**
   * Go to the newest or the oldest listed run.
   * @param {number} at 0 for the newest, -1 for the oldest
   */
  #goTo(at) {
    const run = page.now.past.filter((one) => one !== null).at(at);
    if (run && run.id !== this.#shown?.id) lookBackAt(run);
  }

  /** @param {number} at index of the visible result or of a thumbnail */
  #dragged(at) {
    const item = this.#choosable[at];
    return this.#shown && item && item.at >= 0 ? { run: this.#shown.id, at: item.at } : null;
  }

  /** @param {PageState} state */
  #show(state) {
    const said = this.#progress.show(state);
    this.#place.dataset.phase = said.phase;
    this.#place.dataset.run = said.id;
    const run = seen(state);
    const isGoing = run !== null && run === current(state);
    if (isGoing) this.#expect(run.id);
    else if (state.sending) this.#expect("");
    else if (run?.view) this.#showEnd(run.view);
    else if (this.#shown || this.#painted) this.#clear();
    this.#drawActions(state);
    const isBare = !this.#media.hasChildNodes();
    if (isBare && (isGoing || state.sending)) this.#empty.dim();
    else if (!isBare || !this.#item) this.#empty.show(state, isBare && !run && !state.sending);
    this.#strip.show(state);
  }

  /**
   * Prepare for a run in progress. Keep the previous result, dimmed, until the first frame arrives.
   * @param {string} id
   */
  #expect(id) {
    if (this.#shown) {
      this.#shown = null;
      this.#turn += 1;
      this.#arrange(NOTHING, null);
    }
    doneLoading(this.#viewport.place);
    const isOlder = this.#painted !== id && this.#media.hasChildNodes();
    this.#media.classList.toggle("former", isOlder);
    const players = /** @type {HTMLMediaElement[]} */ (all("video, audio", this.#media));
    if (isOlder) for (const player of players) player.pause();
  }

  /** @param {View} view */
  #showEnd(view) {
    if (view === this.#shown) return;
    const isSame = view.id === this.#shown?.id;
    this.#shown = view;
    if (isSame) return;
    this.#arrange(arrangedRun(view), view.page);
    this.#at = firstSeen(this.#arrangement, view.file, this.#leaving < 0);
    const isMeant = typeof view.file === "number" || this.#viewport.isFull;
    this.#isAll = this.#arrangement.items.length > 1 && !isMeant;
    const isPainted = this.#painted === view.id && $("img", this.#media);
    if (!this.#item && view.phase !== "done" && isPainted) this.#keepFrame(view);
    else this.#showItem();
  }

  /**
   * Keep the last preview of a run without results, and label it as such.
   * @param {View} view
   */
  #keepFrame({ phase }) {
    this.#turn += 1;
    doneLoading(this.#viewport.place);
    this.#media.classList.remove("former");
    markLast(this.#media, phase);
    this.#place.classList.remove("several");
  }

  #clear() {
    this.#shown = null;
    this.#turn += 1;
    this.#arrange(NOTHING, null);
    this.#put(null, "");
  }

  /** @returns {Item | null} */
  get #item() {
    return this.#choosable[this.#at] ?? null;
  }

  get #onStage() {
    const [view, arrangement] = [this.#shown, this.#arrangement];
    return { view, arrangement, at: this.#at, isAll: this.#isAll };
  }

  /** All items that the user can choose. */
  get #choosable() {
    return choosable(this.#arrangement);
  }

  /**
   * Go to the previous or next result. At the ends, go to the newer or older run.
   * @param {number} step
   */
  async #walk(step) {
    const at = this.#isAll ? this.#at : this.#nextOf(step);
    if (at !== this.#at) {
      this.#choose(at);
      return;
    }
    const run = this.#beside(step);
    if (!run || this.#leaving) return;
    this.#leaving = step;
    await lookBackAt(run);
    this.#leaving = 0;
  }

  /** @param {number} step */
  #nextOf(step) {
    return placeAfter(this.#arrangement, this.#at, step);
  }

  /** @param {number} step */
  #beside(step) {
    return this.#shown && neighbour(page.now.past, this.#shown.id, step);
  }

  /** Disable the arrows that lead nowhere. */
  #turnArrows() {
    const isEnd = (/** @type {number} */ step) =>
      (this.#isAll || this.#nextOf(step) === this.#at) && !this.#beside(step);
    this.#previous.ariaDisabled = String(isEnd(-1));
    this.#next.ariaDisabled = String(isEnd(1));
  }

  /** @param {number} at */
  #choose(at) {
    const hadFocus = this.#beneath.hasFocus;
    const wasAll = this.#isAll;
    this.#at = at;
    this.#isAll = false;
    this.#showItem();
    this.#drawActions(page.now);
    if (wasAll) this.#rows.back.focus({ preventScroll: true });
    this.#beneath.mark(at, hadFocus);
    if (at >= this.#arrangement.items.length) glideTo(this.#viewport.place, "nearest");
  }

  /** Show all results again, with the focus on the one that was enlarged. */
  async #showAll() {
    this.#isAll = true;
    await this.#showItem();
    this.#grid?.focus(this.#at);
  }

  /** Show the chosen result once it can be painted. Until then, keep the old content. */
  async #showItem() {
    const turn = ++this.#turn;
    const id = this.#shown?.id ?? "";
    const isModel = this.#item?.kind === "3d"; // which loads slowly
    if (isModel && this.#media.matches(".former")) this.#put(null, id);
    if (this.#item) markLoading(this.#viewport.place);
    await this.#findTwins();
    if (turn !== this.#turn) return;
    const item = this.#item;
    const { viewer } = this.#component;
    this.#beneath.mark(this.#isAll ? -1 : this.#at);
    const isSeveral = !this.#isAll && groupOf(this.#arrangement, this.#at).count > 1;
    this.#place.classList.toggle("several", isSeveral);
    const node = this.#isAll ? await this.#all() : item && (await shownOf(item, viewer));
    if (turn !== this.#turn) return;
    this.#put(node, id);
    if (!(node instanceof HTMLImageElement) || node.complete) return;
    markLoading(this.#viewport.place);
    for (const end of ["load", "error"])
      node.addEventListener(end, () => this.#loaded(), { once: true });
  }

  /** Return the element with all results, once it can be painted. */
  async #all() {
    const { ResultGrid } = await import("../results/result_grid.js");
    this.#grid ??= new ResultGrid((at) => this.#choose(at), this.#component.viewer);
    return this.#grid.filled(this.#arrangement);
  }

  /** Of two results with the same frames, choose the video, unless the user has opened the other one. */
  async #findTwins() {
    const [arrangement, view] = [this.#arrangement, this.#shown];
    if (arrangement.areTwins !== undefined) return;
    const video = await videoOfTwins(arrangement.items);
    arrangement.areTwins = video >= 0;
    if (arrangement !== this.#arrangement || video < 0) return;
    this.#isAll = false;
    if (typeof view?.file !== "number") this.#at = video;
  }

  #loaded() {
    doneLoading(this.#viewport.place);
    this.#drawActions(page.now); // the image's shape is known now
  }

  /**
   * @param {HTMLElement | null} node
   * @param {string} id run that it belongs to
   */
  #put(node, id) {
    const frames = all("img:is(.live-frame, .last-frame)", this.#media);
    const isResult = id === this.#painted && node && !node.matches(".live-frame");
    const fading = isResult && !isStill() ? frames : [];
    for (const old of frames) this.#leave(old, fading.includes(old));
    this.#media.classList.remove("former");
    doneLoading(this.#viewport.place);
    this.#media.replaceChildren(...(node ? [node, ...fading] : []));
    this.#viewport.changed();
    this.#painted = id;
    if (node) this.#empty.hide();
    this.#drawActions(page.now);
  }

  /**
   * Discard a preview, or let it fade over its run's result, which has the same place.
   * @param {HTMLElement} frame
   * @param {boolean} fades
   */
  #leave(frame, fades) {
    const end = () => {
      frame.remove();
      URL.revokeObjectURL(/** @type {HTMLImageElement} */ (frame).src);
    };
    if (!fades) return end();
    frame.className = "leaving";
    frame.ariaHidden = "true";
    frame.animate({ opacity: [1, 0] }, FADE).onfinish = end;
  }

  /**
   * Paint a frame. Resolves when it is on the screen or no longer needed.
   * @param {string} id
   * @param {ArrayBuffer} frame
   * @param {Place | null} place position of the frame in an animation
   */
  async #paint(id, frame, place) {
    const isWanted = () => {
      const run = seen(page.now);
      return run?.id === id && !run.view?.finished;
    };
    if (!isWanted()) return;
    const image = await this.#previews.imageOf(id, frame, place, isWanted);
    if (!image) return;
    if (!image.isConnected) this.#put(image, id);
    this.#place.dataset.frames = String(++this.#frames);
    await new Promise(requestAnimationFrame);
  }

  /**
   * Update the parts around the viewport: thumbnails, other files, previews and details.
   * @param {Arrangement} arrangement
   * @param {StageView | null} page of the run, null without one
   */
  #arrange(arrangement, page) {
    this.#arrangement = arrangement;
    this.#beneath.show(arrangement, page);
  }

  /** @param {PageState} state */
  #drawActions(state) {
    this.#turnArrows();
    this.#fit();
    this.#caption.show(this.#shown, this.#media.firstElementChild);
    this.#lineage.show(this.#shown);
    this.#rows.show(state, this.#onStage);
  }

  /**
   * Give the stage the shape of its picture, with room for the tools of a video, from the start of a run, so that the
   * picture stays and the lines below keep to its edges.
   */
  #fit() {
    const run = seen(page.now);
    const picture = this.#media.firstElementChild ?? $(".example img", this.#place);
    const isResult = run !== current(page.now) && picture?.matches("img:not([class]), video");
    const isVideo = picture instanceof HTMLVideoElement || this.#arrangement.areTwins;
    const isMade = !isResult && (run || page.now.sending) && page.now.makes === "video";
    this.#place.classList.toggle("for-video", Boolean(isVideo || isMade));
    const ratio = (!isResult && run?.view?.page.ratio) || ratioOf(picture);
    if (ratio) this.#place.style.setProperty("--shown", String(ratio));
    else if (!page.now.sending) this.#place.style.removeProperty("--shown");
  }

  /** The visible result, by its run and the index of its file. */
  get #seen() {
    return { run: this.#shown?.id ?? "", at: this.#item?.at ?? -1 };
  }
}

/**
 * Return the width of an image or video divided by its height, 0 if it isn't known yet.
 * @param {Element | null} shown
 */
function ratioOf(shown) {
  if (shown instanceof HTMLImageElement) return shown.naturalWidth / shown.naturalHeight || 0;
  return (shown instanceof HTMLVideoElement && shown.videoWidth / shown.videoHeight) || 0;
}

/** Return the element that is replaced by a chain's steps. Their script is loaded with the first chain. */
function stepsOfChain() {
  const place = element("span");
  place.hidden = true;
  let isNeeded = false;
  page.subscribe(async (now) => {
    if (isNeeded || !seenChain(now)) return;
    isNeeded = true;
    const { ChainStrip } = await import("../stage/chain_strip.js");
    place.replaceWith(new ChainStrip().place);
  });
  return place;
}

/** @param {KeyboardEvent} event @param {string} letter */
const isLetter = ({ key, ctrlKey, metaKey, altKey }, letter) =>
  key.toLowerCase() === letter && !(ctrlKey || metaKey || altKey);

/** @param {HTMLElement} place @param {Component} component */
export function mount(place, component) {
  new Stage(/** @type {HTMLElement} */ ($(".stage", place)), component);
  loadViewer(component.viewer);
  component.watch("value", () => sayRefusal(component.props.value));
  const block = $("#stage");
  block?.style.removeProperty("min-height"); // the first view's
  delete block?.dataset.awaits;
}
