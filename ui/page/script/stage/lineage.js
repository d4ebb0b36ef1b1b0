// @ts-check
// Lineage of a result: tiles of the runs that it was made from and used for. Pressing a tile shows its run. A result
// can become a chain together with the runs that it was made from.

import { button, element } from "../dom.js";
import { draggedRun, letDrag } from "../form/dragging.js";
import { tilesOf } from "../history/past.js";
import { tileFor } from "../history/tile.js";
import { message, withEllipsis } from "../messages.js";
import { lookBackAt } from "../runs/following.js";
import { makeChain } from "./make_chain.js";

/** @import { RunDoc } from "../documents.js" */
/** @import { View } from "../state.js" */

export class Lineage {
  /** The root element. */
  place = element("div", "lineage");
  #drawn = "";

  constructor() {
    letDrag(this.place, draggedRun);
  }

  /** @param {View | null} view a finished run */
  show(view) {
    const { made_from = [], used_for = [], can_be_chain = false } = view?.page ?? {};
    const id = view?.id ?? "";
    const wanted = JSON.stringify([id, made_from, used_for]);
    if (wanted === this.#drawn) return;
    this.#drawn = wanted;
    const before = groupOf(message("Made from"), made_from);
    const words = withEllipsis(message("Create chain"));
    if (can_be_chain) before[0]?.append(button(words, () => makeChain(id), "quiet"));
    this.place.replaceChildren(...before, ...groupOf(message("Used for"), used_for));
  }
}

/**
 * @param {string} title
 * @param {readonly RunDoc[]} runs the runs to show as tiles
 */
function groupOf(title, runs) {
  if (!runs.length) return [];
  const group = element("section", "related");
  group.ariaLabel = title;
  const heading = element("h3", "", title);
  group.append(heading, ...tilesOf(runs).map((run) => tileFor(run, () => lookBackAt(run))));
  return [group];
}
