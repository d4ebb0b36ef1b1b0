// @ts-check
// Lineage of a result: tiles of the runs that it was made from and used for. Pressing a tile shows its run. A result
// can become a chain together with the runs that it was made from.

import { button, element } from "../dom.js";
import { draggedRun, letDrag } from "../form/dragging.js";
import { visitWith } from "../form/form.js";
import { formDialog } from "../form_dialog.js";
import { tilesOf } from "../history/past.js";
import { tileFor } from "../history/tile.js";
import { message, withEllipsis } from "../messages.js";
import { API, ask, json } from "../requests.js";
import { lookBackAt } from "../runs/following.js";

/** @import { RunDoc } from "../documents.js" */
/** @import { View } from "../state.js" */

export class Lineage {
  /** The root element. */
  place = element("div", "lineage wraps");
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
  const group = element("section", "related flow");
  group.ariaLabel = title;
  const heading = element("h3", "muted", title);
  group.append(heading, ...tilesOf(runs).map((run) => tileFor(run, () => lookBackAt(run))));
  return [group];
}

const LONGEST = 60;

/**
 * Turn a run and the runs that it was made from into a chain for all users. Ask for the chain's title. If the run can't become a chain, show why instead.
 * @param {string} run the run's id
 */
async function makeChain(run) {
  if (await ask(`${API}/runs/${run}/chain`, undefined, "GET")) askForTitle(run);
}

/**
 * Show the dialog for the title.
 * @param {string} run the run's id
 * @param {string} typed the title of an earlier attempt
 */
function askForTitle(run, typed = "") {
  const about = message(
    "Create a form for all these steps, with your values and a new seed for each run. Everyone can use it.",
  );
  const missing = element("p", "field-error");
  missing.id = "make-chain-error";
  missing.role = "status";
  const title = Object.assign(element("input"), { maxLength: LONGEST, value: typed });
  title.required = true;
  title.placeholder = title.ariaLabel = message("Chain title");
  title.setAttribute("aria-describedby", missing.id);
  /** @param {string} words */
  const object = (words) => {
    missing.textContent = words;
    title.ariaInvalid = String(Boolean(words));
  };
  title.addEventListener("input", () => object(""));
  const make = async () => {
    if (!title.value.trim()) {
      object(message("A chain needs a title."));
      title.focus();
      return;
    }
    const again = { label: message("Try again"), does: () => askForTitle(run, title.value) };
    const told = json({ title: title.value });
    /** @type {{ name: string, values: Record<string, unknown> } | null} */
    const made = await ask(`${API}/runs/${run}/chain`, told, "POST", [again]);
    place.hidePopover();
    if (made) visitWith(made.name, made.values);
  };
  const fields = [element("p", "", about), element("div", "row", title), missing];
  const words = message("Create chain");
  const place = formDialog("make-chain", words, fields, words, make);
}
