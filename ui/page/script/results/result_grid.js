// @ts-check
// All results of a run side by side. Pressing one enlarges it.

import { addressOf, all, button, downloadLink, element } from "../dom.js";
import { copyButton } from "../form/copying.js";
import { labeled, message } from "../messages.js";
import { choiceWords } from "../runs/results.js";
import { thumbnailFor } from "../stage/media.js";
import { CELL_GAP, imageLayout, mixedLayout } from "./grid_layout.js";

/** @import { Arrangement, Item } from "../runs/results.js" */

const MOST_FULL = 12; // images loaded in full size; more of them are shown as thumbnails
const LOADED_WITHIN = 15_000; // milliseconds
/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: Number.NaN, ArrowUp: Number.NaN };

export class ResultGrid {
  /** The root element. */
  place = element("div", "grid");
  #open;
  #ratio = 1;
  #columns = 1;
  #isMixed = false;
  #watcher = new ResizeObserver(() => this.#layOut());

  /** @param {(at: number) => void} open called with the index of the result to enlarge */
  constructor(open) {
    this.#open = open;
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
    this.#isMixed = !items.every(isSeen);
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
    this.place.classList.toggle("mixed", this.#isMixed);
    this.place.classList.toggle("heard", items.every(isHeard));
    this.place.replaceChildren(...cells);
    this.#mark(this.#opener(0));
    this.#layOut();
    this.#watcher.observe(this.place);
    return this.place;
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
    const { clientWidth: width, clientHeight: height } = this.place;
    const count = this.place.childElementCount;
    if (!width || !height || !count) return;
    const room = { width, height };
    const layout = this.#isMixed
      ? mixedLayout(count, room, this.place.matches(".heard"))
      : imageLayout(count, room, this.#ratio);
    this.#columns = layout.columns;
    const style = this.place.style;
    const stage = /** @type {HTMLElement | null} */ (this.place.closest(".stage"));
    const all = layout.columns * (layout.width + CELL_GAP) - CELL_GAP;
    stage?.style.setProperty("--grid", `${all}px`); // the row below keeps to its edges
    style.setProperty("--cell", `${layout.height}px`);
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
const isSeen = ({ kind, thumb }) =>
  kind === "image" || kind === "video" || (kind === "3d" && thumb !== null);

/** @param {Item} item */
const isHeard = ({ kind }) => kind === "audio";
