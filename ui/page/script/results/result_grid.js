// @ts-check
// All results of a run side by side. Pressing one enlarges it.

import { addressOf, all, button, downloadLink, element } from "../dom.js";
import { copyButton } from "../form/copying.js";
import { labeled, message } from "../messages.js";
import { choiceWords } from "../runs/results.js";
import { showThumbnail, thumbnailFor } from "../stage/media.js";
import { CELL_GAP, imageLayout } from "./grid_layout.js";

/** @import { Arrangement, Item } from "../runs/results.js" */

const MOST_FULL = 12; // images loaded in full size; more of them are shown as thumbnails
const LOADED_WITHIN = 15_000; // milliseconds
const LEAST_PICTURES = 160; // pixels, above other results
/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: Number.NaN, ArrowUp: Number.NaN };

export class ResultGrid {
  /** The root element. */
  place = element("div", "grid");
  #open;
  #viewer;
  #ratio = 1;
  #columns = 1;
  /** The cells of images, videos and models, as large as fits above the others. */
  #pictures = element("div", "pictures");
  #others = element("div", "others");
  #watcher = new ResizeObserver(() => this.#layOut());

  /**
   * @param {(at: number) => void} open called with the index of the result to enlarge
   * @param {string} viewer the address of the module that shows 3D models
   */
  constructor(open, viewer) {
    this.#open = open;
    this.#viewer = viewer;
    this.place.role = "group";
    this.place.ariaLabel = message("Results");
    this.place.addEventListener("keydown", (event) => this.#walk(event));
    this.place.addEventListener("focusin", ({ target }) => this.#mark(target));
  }

  /**
   * Draw the results and return the root element, once the images can be painted.
   * @param {Arrangement} arrangement
   */
  async filled(arrangement) {
    const { items } = arrangement;
    const isFull = items.length <= MOST_FULL;
    const cells = await Promise.all(
      items.map((item, at) => this.#cell(item, at, choiceWords(arrangement, at), isFull)),
    );
    const images = cells.flatMap((cell) => [...cell.querySelectorAll("img")]);
    await Promise.race([
      Promise.all(images.map((image) => image.decode().catch(() => undefined))),
      new Promise((done) => setTimeout(done, LOADED_WITHIN)),
    ]);
    const first = images.find((image) => image.naturalHeight > 0);
    this.#ratio = first ? first.naturalWidth / first.naturalHeight : 1;
    const count = items.filter(isSeen).length; // they come first
    this.#pictures.replaceChildren(...cells.slice(0, count));
    this.#others.replaceChildren(...cells.slice(count));
    this.#others.classList.toggle("heard", items.every(isHeard));
    this.place.classList.toggle("low", !count); // as high as its content
    this.place.replaceChildren(
      ...[this.#pictures, this.#others].filter((one) => one.hasChildNodes()),
    );
    this.#mark(this.#opener(0));
    this.#layOut();
    this.#drawModels(items, cells);
    for (const one of [this.place, this.#others]) this.#watcher.observe(one);
    return this.place;
  }

  /** @param {readonly Item[]} items @param {readonly HTMLElement[]} cells */
  async #drawModels(items, cells) {
    const models = items.flatMap((item, at) => {
      const cell = cells[at];
      return cell && item.kind === "3d" && !item.thumb
        ? [{ item, show: (/** @type {string} */ image) => showThumbnail(cell, image) }]
        : [];
    });
    if (models.length) (await import("../stage/model.js")).drawStills(models, this.#viewer);
  }

  /** @param {number} at */
  focus(at) {
    this.#opener(at)?.focus({ preventScroll: true });
  }

  /** @param {number} at */
  #opener(at) {
    return /** @type {HTMLElement | null} */ (this.place.querySelector(`.opens[data-at="${at}"]`));
  }

  /**
   * Make one result the tab stop: the arrow keys lead to the others.
   * @param {EventTarget | null} chosen
   */
  #mark(chosen) {
    if (!(chosen instanceof HTMLElement) || !chosen.matches(".opens")) return;
    for (const one of all(".opens", this.place)) one.tabIndex = one === chosen ? 0 : -1;
  }

  #layOut() {
    const { clientWidth: width, clientHeight: all } = this.place;
    const count = this.#pictures.childElementCount;
    const stage = /** @type {HTMLElement | null} */ (this.place.closest(".stage"));
    if (!width) return;
    if (!count || this.#others.isConnected) stage?.style.removeProperty("--grid");
    this.#columns = 1;
    if (!count) return;
    const below = this.#others.isConnected ? this.#others.offsetHeight + CELL_GAP : 0;
    const height = Math.max(LEAST_PICTURES, all - below);
    const layout = imageLayout(count, { width, height }, this.#ratio);
    this.#columns = layout.columns;
    const row = layout.columns * (layout.width + CELL_GAP) - CELL_GAP;
    if (!below) stage?.style.setProperty("--grid", `${row}px`); // the row below keeps to its edges
    const { style } = this.#pictures;
    style.gap = `${CELL_GAP}px`;
    style.gridTemplateColumns = `repeat(${layout.columns}, ${layout.width}px)`;
    style.gridAutoRows = `${layout.height}px`;
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const { target, key } = event;
    const step = STEPS[key];
    if (step === undefined || !(target instanceof HTMLElement) || !target.matches(".opens")) return;
    const by = Number.isNaN(step) ? (key === "ArrowDown" ? 1 : -1) * this.#columns : step;
    const next = this.#opener(Number(target.dataset.at) + by);
    if (next) next.focus();
    else if (!Number.isNaN(step)) return; // the stage goes to another run
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * @param {Item} item
   * @param {number} at
   * @param {string} name
   * @param {boolean} isFull whether to load a full image
   */
  async #cell(item, at, name, isFull) {
    const cell = isSeen(item) ? this.#picture(item, at, name, isFull) : await this.#panel(item, at);
    cell.dataset.at = String(at);
    cell.dataset.kind = item.kind;
    return cell;
  }

  /** @param {Item} item @param {number} at @param {string} name @param {boolean} isFull */
  #picture(item, at, name, isFull) {
    const cell = thumbnailFor(item, name, () => this.#open(at));
    cell.className = "cell opens thumbnail";
    const image = cell.querySelector("img");
    if (image && isFull && item.kind === "image") image.src = addressOf(item.url);
    if (item.label) cell.append(element("span", "label", item.label));
    return cell;
  }

  /** @param {Item} item @param {number} at */
  async #panel(item, at) {
    const title = item.label || (item.kind === "text" ? message("Text") : item.name);
    const opens = button(title, () => this.#open(at), "opens");
    opens.dataset.at = String(at);
    opens.title = message("Enlarge");
    const head = element("div", "head in-line apart", opens);
    const cell = element("div", "cell panel", head);
    if (item.kind === "text") {
      const { proseOf } = await import("./prose.js");
      const prose = proseOf(item.text, title);
      head.append(copyButton(item.text, () => prose, "link"));
      cell.append(prose);
    } else {
      const save = downloadLink(message("Download"), addressOf(item.url), item.name);
      save.className = "link";
      save.ariaLabel = labeled(message("Download"), item.name);
      head.append(save);
      if (isHeard(item)) {
        const { SoundPlayer } = await import("./sound_player.js");
        cell.append(new SoundPlayer(item).place);
      } else
        cell.append(element("p", "name muted breaks", item.note || (item.label ? item.name : "")));
    }
    return cell;
  }
}

/** @param {Item} item */
const isSeen = ({ kind }) => ["image", "video", "3d"].includes(kind);

/** @param {Item} item */
const isHeard = ({ kind }) => kind === "audio";
