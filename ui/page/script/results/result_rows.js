// @ts-check
// The actions on the result on the stage: a row below it, the same row in full screen with the result's caption, and the
// way back from one result to all.

import { $, all, button, element, tell } from "../dom.js";
import { comparable, compare } from "../history/comparable.js";
import { message } from "../messages.js";
import { isContinued } from "../runs/chains.js";
import { choosable, groupOf, placeWords } from "../runs/results.js";
import { current } from "../runs/runs.js";
import { actionsFor } from "../stage/actions.js";
import { UseMenus } from "../stage/use_menu.js";

/** @import { Arrangement } from "../runs/results.js" */
/** @import { ActedOn } from "../stage/actions.js" */
/** @import { PageState, View } from "../state.js" */
/** @import { Viewport } from "../stage/viewport.js" */

/**
 * Content of the stage: a finished run or none; all results, or the one `at` this index.
 * @typedef {{ view: View | null, arrangement: Arrangement, at: number, isAll: boolean }} OnStage
 *
 * `viewer`: URL of the module that shows 3D models. `use`: passes the result on, to a field of the form. `showAll`: leads
 * back to all results. `choose`: shows the result with this index.
 * @typedef {{ viewer: string, viewport: Viewport, use: (field: string) => void, showAll: () => void,
 *   choose: (at: number) => void }} StageParts
 */

/** @param {OnStage} on @returns whether the stage shows one of several results */
export const isOneOfSeveral = ({ arrangement, at, isAll }) =>
  !isAll && at < arrangement.items.length && groupOf(arrangement, at).count > 1;

export class ResultRows {
  below = element("div", "actions flow");
  /** The row for the full screen. */
  foot = element("div", "foot");
  back;
  /** Compares the result with another run's, if there is one. @type {ActedOn["beside"]} */
  beside = null;
  #words = element("p", "words");
  #row = element("div", "row wraps rigid");
  #parts;
  #menus;
  #drawn = "";
  /** Name of the button that had the focus before the rows were drawn without it. */
  #left = "";

  /** @param {StageParts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#menus = new UseMenus(parts.use);
    this.back = button("", () => parts.showAll(), "back-to-all");
    this.foot.append(this.#words, this.#row);
    this.foot.role = "group";
    this.foot.ariaLabel = message("Result");
    const { place } = parts.viewport;
    place.append(this.back, this.foot);
    // The image ends where the row begins.
    new ResizeObserver(() => {
      place.style.setProperty("--foot", `${this.foot.offsetHeight}px`);
      parts.viewport.changed();
    }).observe(this.foot);
  }

  /** @param {PageState} state @param {OnStage} on */
  show(state, on) {
    const { view, isAll } = on;
    const { viewer, viewport } = this.#parts;
    const item = isAll ? null : (choosable(on.arrangement)[on.at] ?? null);
    const before = item?.before || view?.page.before || "";
    const place = wordsOfPlace(state, on);
    this.back.hidden = !isOneOfSeveral(on);
    tell(this.back, joined([message("All results"), place, item?.label]));
    const isMedia = item?.url && item.kind !== "text";
    // The workflow's own comparison, unless it compares steps of a run that began without an image.
    viewport.offer(isMedia ? item : null, before, Boolean(item?.before && view?.page.before));
    tell(this.#words, joined([item?.label, place, view?.page.caption.opening || view?.title]));
    this.beside = view && besideFor(view, item?.at, viewer);
    this.#draw(
      view && {
        view,
        item,
        isAll,
        ahead: Boolean(current(state)),
        continued: isContinued(state, view.id),
        compare:
          item?.kind === "image" && before
            ? () => $(".compare:not([hidden])", viewport.place)?.click()
            : null,
        beside: this.beside,
        twin: this.#twinOf(on),
      },
    );
  }

  /** @param {OnStage} on @returns {ActedOn["twin"]} the way to the other result of the same frames */
  #twinOf({ arrangement: { items, areTwins }, at }) {
    const name = items[1 - at]?.label || items[1 - at]?.name;
    if (!areTwins || !name) return null;
    const label = message("Show “{field}”", { field: name });
    return { label, does: () => this.#parts.choose(1 - at) };
  }

  /** @param {Omit<ActedOn, "menu"> | null} on null without a run */
  #draw(on) {
    const { view, item, compare, ...others } = on ?? { view: null, item: null, compare: null };
    const parts = [view?.id, view?.page.favourite, item?.url, item?.text, item?.at];
    const wanted = JSON.stringify([...parts, Boolean(compare), others]);
    if (this.#drawn === wanted) return;
    this.#drawn = wanted;
    this.#menus.offer(view?.id ?? "", item);
    const before = document.activeElement;
    const hadFocus = this.below.contains(before) || this.#row.contains(before);
    if (hadFocus) this.#left = nameOf(before);
    const { below, over } = this.#menus;
    this.below.replaceChildren(...(on ? actionsFor({ ...on, menu: below.place }) : []));
    this.#row.replaceChildren(...(on ? actionsFor({ ...on, menu: over.place }) : []));
    if (hadFocus || (this.#left && before === this.#parts.viewport.place)) this.#keepFocus();
  }

  /** Focus the button that had the focus. While a run is in progress, there are no buttons: focus the viewport then. */
  #keepFocus() {
    const { isFull, place } = this.#parts.viewport;
    const buttons = all("button, a", isFull ? this.#row : this.below);
    const again = buttons.find((one) => nameOf(one) === this.#left);
    (again ?? place).focus({ preventScroll: true });
    if (again) this.#left = "";
  }
}

/**
 * @param {View} view
 * @param {number | undefined} at the index of the file to compare
 * @param {string} viewer
 * @returns {ActedOn["beside"]}
 */
function besideFor({ id }, at, viewer) {
  const label = comparable(id)?.label;
  const does = () => {
    const [run, other] = comparable(id)?.runs ?? []; // the history may have changed
    if (run && other) compare([{ ...run, at }, other], viewer);
  };
  return label ? { label, does } : null;
}

/** @param {Element | null} button */
const nameOf = (button) => button?.ariaLabel ?? button?.textContent ?? "";

/**
 * Return the position of a result among the run's, or of the run in the history.
 * @param {PageState} state
 * @param {OnStage} on
 */
function wordsOfPlace({ past }, on) {
  if (isOneOfSeveral(on)) return placeWords(on.at, on.arrangement.items.length);
  const at = past.findIndex((run) => run && run.id === on.view?.id);
  return at < 0 ? "" : placeWords(at, past.length);
}

/** @param {readonly (string | undefined)[]} parts */
const joined = (parts) => parts.filter(Boolean).join(" · ");
