// @ts-check
// Selection of several runs in the history, and a bar with actions for all of them.

import { button, downloadLink, element, root } from "../dom.js";
import { message, plural } from "../messages.js";
import { compare, MOST_BESIDE } from "./comparable.js";
import { deleteRuns, MOST, setFavourite } from "./marks.js";

/** @import { Past } from "./past.js" */
/** @import { PastRun } from "../state.js" */

const SELECT = message("Select");
const FAVOURITE = message("Favorite");

export class Selection {
  toggle = button(SELECT, () => this.#press(), "bare select");
  /** Bar with the actions, visible in selection mode. */
  place = element("div", "selection flow");
  #changed;
  #viewer;
  /** @type {Map<string, PastRun> | null} */
  #picked = null;
  #anchor = 0;

  /**
   * @param {(ids: ReadonlySet<string> | null) => void} changed
   * @param {string} viewer URL of the module that shows 3D models
   */
  constructor(changed, viewer) {
    this.#changed = changed;
    this.#viewer = viewer;
    this.place.role = "group";
    this.place.ariaLabel = message("Selected results");
    this.#tell();
  }

  /**
   * Handle a click on a run. In selection mode, toggle the run, or with Shift select all runs up to it. Otherwise
   * Ctrl or Shift starts selection mode.
   * @param {Past} past
   * @param {number} index
   * @param {MouseEvent} event
   * @returns {boolean} whether the click was part of a selection
   */
  take(past, index, { ctrlKey, metaKey, shiftKey }) {
    const run = past[index];
    if (!run || !(this.#picked || ctrlKey || metaKey || shiftKey)) return false;
    const isNew = !this.#picked;
    this.#picked ??= new Map();
    if (shiftKey && !isNew) {
      const [from, to] = [Math.min(this.#anchor, index), Math.max(this.#anchor, index)];
      for (const one of past.slice(from, to + 1)) if (one) this.#picked.set(one.id, one);
    } else if (!this.#picked.delete(run.id)) this.#picked.set(run.id, run);
    this.#anchor = index;
    this.#tell();
    return true;
  }

  /**
   * Remove deleted runs from the selection.
   * @param {readonly string[]} ids
   */
  drop(ids) {
    for (const id of ids) this.#picked?.delete(id);
    if (this.#picked) this.#tell();
  }

  /** Toggle selection mode. Keep the button under the pointer when the bar changes the height of the page. */
  #press() {
    const { top } = this.toggle.getBoundingClientRect();
    if (this.#picked) this.end();
    else this.#begin();
    scrollBy({ top: this.toggle.getBoundingClientRect().top - top, behavior: "instant" });
  }

  #begin() {
    this.#picked = new Map();
    this.#tell();
  }

  /** Leave selection mode. */
  end() {
    this.#picked = null;
    this.#tell();
  }

  #tell() {
    this.#changed(this.#picked && new Set(this.#picked.keys()));
    this.toggle.ariaPressed = String(this.#picked !== null);
    this.toggle.textContent = this.#picked ? message("Done") : SELECT;
    this.place.hidden = !this.#picked;
    if (this.#picked) this.#draw([...this.#picked.values()]);
  }

  /** @param {PastRun[]} runs */
  #draw(runs) {
    const ids = runs.map(({ id }) => id);
    const said = element("span", "how-many", countWords(runs.length));
    said.role = "status";
    const kept = runs.filter(({ page: tile }) => tile.kind || tile.favourite); // the other runs have no results
    const isMarked = kept.length > 0 && kept.every(({ page: tile }) => tile.favourite);
    const mark = button(`${isMarked ? "★" : "☆"} ${FAVOURITE}`, async () => {
      await setFavourite(
        kept.map(({ id }) => id),
        !isMarked,
      );
      for (const run of kept)
        this.#picked?.set(run.id, { ...run, page: { ...run.page, favourite: !isMarked } });
      this.#tell();
    });
    mark.ariaPressed = String(isMarked);
    const beside = button(message("Compare"), () => compare(runs, this.#viewer));
    beside.title = message("Compare 2 to {most} results", { most: MOST_BESIDE });
    const drop = button(message("Delete"), () => deleteRuns(ids));
    const isMany = runs.length > MOST;
    const shown = runs.filter(({ page: tile }) => tile.kind).length;
    const isBeside = shown === runs.length && shown >= 2 && shown <= MOST_BESIDE;
    drop.ariaDisabled = String(!runs.length || isMany);
    mark.ariaDisabled = String(!kept.length || isMany);
    beside.ariaDisabled = String(!isBeside);
    const link = button(message("Share…"), async () =>
      (await import("../stage/share.js")).shareSeveral(ids),
    );
    link.ariaDisabled = String(!shown || isMany);
    this.place.replaceChildren(said, this.#download(runs, isMany), link, mark, beside, drop);
  }

  /**
   * @param {PastRun[]} runs
   * @param {boolean} isMany
   */
  #download(runs, isMany) {
    const query = new URLSearchParams(
      runs.filter(({ page: tile }) => tile.results > 0).map(({ id }) => ["run", id]),
    );
    if (query.size && !isMany)
      return downloadLink(message("Download"), `${root}/files/chosen.zip?${query}`);
    const off = button(message("Download"), () => {});
    off.ariaDisabled = "true";
    return off;
  }
}

/** @param {number} count */
function countWords(count) {
  if (!count) return message("Select results.");
  if (count <= MOST) return plural("{count} selected", "{count} selected", { count });
  return plural(
    "{count} selected. Choose {most} at most.",
    "{count} selected. Choose {most} at most.",
    { count, most: MOST },
  );
}
