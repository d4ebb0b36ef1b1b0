// @ts-check
// Images of a comparison, with one zoom.

import { button, element } from "../dom.js";
import { message, percentWords } from "../messages.js";
import { Before } from "../stage/before.js";
import { isFitted, percentOf, sightOf } from "../zoom.js";
import { ZoomGestures } from "../zoom_gestures.js";

/** @import { Zoom } from "../zoom.js" */

const COUNT = 2; // images under a slider

/** Images that the user zooms and moves together, two of them also under a slider. */
export class ComparedImages {
  /** The controls, hidden without images. */
  tools = element("div", "tools");
  #slider = new Before({ before: "1", after: "2", slider: message("Slider") });
  #percent = button("", () => this.#first?.toggle(), "button percent");
  /** @type {{ image: HTMLImageElement, url: string, pane: HTMLElement, gestures: ZoomGestures }[]} */
  #panes = [];

  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.tools.hidden = true;
    this.#slider.toggle.className = "button slider";
    this.#slider.toggle.textContent = message("Slider");
    this.#percent.title = message("Fit to the window or show at 100%");
    const [less, more] = [
      button("−", () => this.#first?.reduce()),
      button("+", () => this.#first?.enlarge()),
    ];
    less.title = less.ariaLabel = message("Zoom out");
    more.title = more.ariaLabel = message("Zoom in");
    this.tools.append(less, this.#percent, more, this.#slider.toggle);
    dialog.addEventListener("keydown", (event) => this.#first?.pressed(event));
    dialog.addEventListener("close", () => this.#slider.offer(null, ""));
  }

  /** The first visible pane's gestures: the slider hides a pane. */
  get #first() {
    return this.#panes.map(({ gestures }) => gestures).find(({ sight }) => sight);
  }

  /**
   * Return the element that shows an image.
   * @param {HTMLImageElement} image
   * @param {string} url its address below the app's root
   */
  paneOf(image, url) {
    const pane = element("div", "pane", image);
    const sight = () => {
      const { clientWidth: width, clientHeight: height } = pane;
      const natural = { width: image.naturalWidth, height: image.naturalHeight };
      return width && natural.width ? sightOf({ width, height }, natural, devicePixelRatio) : null;
    };
    const gestures = new ZoomGestures(pane, sight, (zoom) => this.#show(zoom));
    pane.addEventListener("wheel", (event) => gestures.turned(event), { passive: false });
    pane.addEventListener("dblclick", (event) => gestures.toggle(gestures.pointOf(event)));
    pane.addEventListener("dragstart", (event) => event.preventDefault());
    pane.addEventListener("pointerdown", (event) => {
      if (event.button || event.target !== image) return;
      image.setPointerCapture(event.pointerId);
      gestures.hold(event);
    });
    pane.addEventListener("pointermove", (event) => gestures.move(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"]))
      pane.addEventListener(end, (event) => gestures.release(event));
    new ResizeObserver(() => gestures.keep()).observe(pane);
    this.#panes.push({ image, url, pane, gestures });
    return pane;
  }

  /**
   * Start once all results are shown, if they are images.
   * @param {number} count of results
   */
  look(count) {
    if (this.#panes.length < count || !this.tools.hidden) return;
    this.tools.hidden = false;
    this.#panes.sort(({ pane: one }, { pane: other }) =>
      one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1,
    );
    this.#first?.fit();
    const [one, other] = this.#panes;
    if (count !== COUNT || !one || !other) return;
    other.pane.append(this.#slider.place);
    this.#slider.offer(other.image, one.url);
  }

  /**
   * Show all images at the zoom of one of them.
   * @param {Zoom} zoom
   */
  #show(zoom) {
    for (const { pane, gestures } of this.#panes) {
      pane.classList.toggle("enlarged", zoom.scale > 1 && !isFitted(zoom));
      if (gestures.zoom !== zoom) gestures.show(zoom);
    }
    const seen = this.#first?.sight;
    if (seen) this.#percent.textContent = percentWords(percentOf(zoom, seen));
  }
}
