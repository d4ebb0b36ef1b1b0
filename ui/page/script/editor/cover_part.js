// @ts-check
// The form's cover: an image beside the workflow, or a copy of one of the user's results.

import { addressOf, announce, button, element } from "../dom.js";
import { message } from "../messages.js";
import { ask, json } from "../requests.js";
import { seen } from "../runs/runs.js";
import { page } from "../state.js";
import { isPrivate } from "./editing.js";
import { part } from "./fields.js";
import { editorPath } from "./preview.js";

/** @import { FormEditor } from "./editor.js" */

const MOST_RESULTS = 8;

export class CoverPart {
  place;
  #editor;
  #choices = element("div", "covers");
  #results = element("div", "covers");
  #latest = element("p", "hint", message("Or one of your latest results:"));
  #stage = button(message("Use the result on the stage"), () => this.#useStage(), "quiet");
  /** @type {string[]} */
  #images;

  /** @param {FormEditor} editor */
  constructor(editor) {
    this.#editor = editor;
    this.#images = editor.doc.images;
    const body = element("div");
    this.#choices.role = "group";
    this.#choices.ariaLabel = message("Images beside the workflow");
    this.#results.role = "group";
    this.#results.ariaLabel = message("Latest results");
    const about = isPrivate(editor.name)
      ? message("Add it to the shared workflows first.")
      : message("An example result, shown before the first run.");
    body.append(element("p", "hint", about));
    if (!isPrivate(editor.name))
      body.append(this.#choices, this.#stage, this.#latest, this.#results);
    this.place = part(message("Cover"), body);
    this.place.addEventListener("toggle", () => this.draw());
  }

  draw() {
    if (!this.place.open || isPrivate(this.#editor.name)) return;
    const { cover } = this.#editor.model;
    const names = [...new Set([...this.#images, ...(cover ? [cover] : [])])];
    const chosen = (/** @type {HTMLElement} */ made, /** @type {boolean} */ isOn) => {
      made.ariaPressed = String(isOn);
      return made;
    };
    const none = button(message("No cover"), () => this.#set(""), "cover");
    this.#choices.replaceChildren(
      chosen(none, !cover),
      ...names.map((name) => {
        const made = button("", () => this.#set(name), "cover");
        const image = element("img");
        image.src = addressOf(imagePath(this.#editor.name, name));
        image.alt = name;
        made.append(image);
        return chosen(made, name === cover);
      }),
    );
    this.#stage.hidden = this.#onStage() === null;
    const results = page.now.past
      .filter((run) => run?.page.kind === "image" && run.page.thumb)
      .slice(0, MOST_RESULTS);
    this.#latest.hidden = !results.length;
    this.#results.replaceChildren(
      ...results.flatMap((run) => {
        if (!run?.page.thumb) return [];
        const { id, page: tile } = run;
        const made = button("", () => this.#copy(id, tile.file ?? 0), "cover");
        const image = element("img");
        image.src = addressOf(run.page.thumb);
        image.alt = message("Use as cover: {what}", { what: tile.asked || tile.what });
        image.loading = "lazy";
        made.append(image);
        return [made];
      }),
    );
  }

  /** @param {string} cover */
  #set(cover) {
    this.#editor.change({ ...this.#editor.model, cover });
    const buttons = [...this.#choices.children];
    const pressed = buttons.find((one) => /** @type {HTMLElement} */ (one).ariaPressed === "true");
    if (pressed instanceof HTMLElement) pressed.focus();
  }

  /** Return the run and the index of the first image on the stage. */
  #onStage() {
    const run = seen(page.now);
    const at = run?.view?.page.files.findIndex(({ kind }) => kind === "image") ?? -1;
    return run && at >= 0 ? { run: run.id, index: at } : null;
  }

  #useStage() {
    const shown = this.#onStage();
    if (shown) this.#copy(shown.run, shown.index);
  }

  /**
   * Copy a result beside the workflow and use it.
   * @param {string} run
   * @param {number} index
   */
  async #copy(run, index) {
    const path = `${editorPath(this.#editor.name)}/cover`;
    /** @type {{ cover: string } | null} */
    const told = await ask(path, json({ run, index }), "PUT");
    if (!told) return;
    this.#images = [...new Set([...this.#images, told.cover])];
    this.#set(told.cover);
    announce(message("Cover set"));
  }
}

/**
 * Return the path of an image beside a workflow.
 * @param {string} workflow
 * @param {string} image
 */
const imagePath = (workflow, image) =>
  `/page/covers/${workflow.split("/").map(encodeURIComponent).join("/")}?${new URLSearchParams({ image })}`;
