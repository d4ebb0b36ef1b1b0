// @ts-check
// Dialog that crops, turns, flips and extends an image. The file itself stays as it is.

import { coverWindow, uncoverWindow } from "../back.js";
import { announce, button, element, tell } from "../dom.js";
import { labeled, message } from "../messages.js";
import { EditTools } from "./edit_tools.js";
import {
  croppedTo,
  draggedFrame,
  extendedTo,
  flippedFrame,
  hasNewArea,
  turnedFrame,
  wholeFrame,
  withAdded,
} from "./frame.js";
import { editedFile, editedMask, orientedCanvas } from "./painting.js";
import { EditorView } from "./view.js";

/** @import { Frame } from "./frame.js" */
/** @import { Edit, Source } from "./view.js" */

/**
 * Image to edit: its file's name, the label of its field, and the form's own width divided by its height, or null.
 * @typedef {Source & { name: string, label: string, ratio: number | null }} EditedImage
 *
 * `file`: null if the image is unedited after all. `mask`: null for fields without masks.
 * @typedef {{ edit: Edit, file: File | null, mask: File | null }} Edited
 */

const OVERLAP = 40; // pixels, as in ComfyUI's ImagePadForOutpaint

/**
 * Let the user edit an image.
 * @param {EditedImage} source
 * @param {Edit | null} edit the edit to continue
 * @returns {Promise<Edited | null>} null if the user cancels
 */
export const editImage = (source, edit) =>
  new Promise((done) => {
    new ImageEditor(source, edit, done);
  });

class ImageEditor {
  #dialog = element("dialog", "image-editor");
  #source;
  #done;
  #view;
  #tools;
  /** @type {Edit[]} */
  #before = [];
  /** @type {Edit[]} */
  #after = [];
  #edit;
  /** Edit before the current drag. @type {Edit | null} */
  #dragged = null;
  /** Ratio that dragging keeps, or null. @type {number | null} */
  #ratio = null;
  #problem = element("p", "problem");
  #apply = button(message("Apply"), () => this.#finish(), "button primary");

  /**
   * @param {EditedImage} source
   * @param {Edit | null} edit
   * @param {(edited: Edited | null) => void} done
   */
  constructor(source, edit, done) {
    this.#source = source;
    this.#done = done;
    this.#edit = edit ?? { frame: wholeFrame(source.size), fill: "edges", overlap: OVERLAP };
    this.#view = new EditorView(source, (from, edges, by, isDone) => {
      this.#dragged ??= this.#edit;
      const frame = draggedFrame(from, source.size, edges, by, this.#ratio);
      this.#edit = { ...this.#edit, frame };
      if (isDone) this.#keep(this.#dragged);
      this.#draw();
    });
    this.#tools = new EditTools(source, {
      turn: (way) => this.#frame((frame) => turnedFrame(frame, source.size, way)),
      flip: (isUpright) => this.#frame((frame) => flippedFrame(frame, source.size, isUpright)),
      shape: (ratio, isExtended) => this.#shape(ratio, isExtended),
      edge: (edge, pixels) => this.#frame((frame) => withAdded(frame, source.size, edge, pixels)),
      change: (part) => this.#take({ ...this.#edit, ...part }),
      undo: () => this.#walk(this.#before, this.#after),
      redo: () => this.#walk(this.#after, this.#before),
      reset: () => this.#frame(() => wholeFrame(source.size)),
    });
    this.#open();
  }

  #open() {
    const dialog = this.#dialog;
    dialog.ariaLabel = labeled(message("Edit image"), this.#source.label);
    const head = element("header");
    const cancel = button(message("Cancel"), () => this.#close(null));
    const title = element("h2", "", message("Edit image"));
    head.append(title, this.#problem, this.#tools.steps, cancel, this.#apply);
    this.#problem.role = "alert";
    dialog.append(head, this.#view.place, this.#tools.place);
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#close(null);
    });
    dialog.addEventListener("keydown", (event) => this.#pressed(event));
    document.body.append(dialog);
    dialog.showModal();
    coverWindow(() => this.#close(null));
    this.#draw();
  }

  /** @param {Edited | null} edited */
  #close(edited) {
    if (!this.#dialog.open) return;
    this.#dialog.close();
    this.#dialog.remove();
    uncoverWindow();
    this.#done(edited);
  }

  /** @param {(frame: Frame) => Frame} change */
  #frame(change) {
    this.#take({ ...this.#edit, frame: change(this.#edit.frame) });
  }

  /** @param {Edit} edit */
  #take(edit) {
    const before = this.#edit;
    this.#edit = edit;
    this.#keep(before);
    this.#draw();
  }

  /** @param {Edit} before edit that Undo restores */
  #keep(before) {
    this.#dragged = null;
    if (JSON.stringify(before) === JSON.stringify(this.#edit)) return;
    this.#before.push(before);
    this.#after = [];
  }

  /**
   * @param {number | null} ratio
   * @param {boolean} isExtended whether to extend the image to the ratio, not to crop it
   */
  #shape(ratio, isExtended) {
    this.#ratio = ratio;
    if (ratio === null) return;
    const change = isExtended ? extendedTo : croppedTo;
    this.#frame((frame) => change(frame, this.#source.size, ratio));
  }

  /**
   * @param {Edit[]} from
   * @param {Edit[]} to
   */
  #walk(from, to) {
    const edit = from.pop();
    if (!edit) return;
    to.push(this.#edit);
    this.#edit = edit;
    this.#draw();
  }

  #draw() {
    this.#view.show(this.#edit);
    this.#tools.show(this.#edit, this.#before.length > 0, this.#after.length > 0);
    tell(this.#problem, "");
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || (key !== "z" && key !== "y")) return;
    event.preventDefault();
    if (key === "z" && !event.shiftKey) this.#walk(this.#before, this.#after);
    else this.#walk(this.#after, this.#before);
  }

  async #finish() {
    const { image, size, mask, isPainted, name } = this.#source;
    const { frame, fill, overlap } = this.#edit;
    const isWhole = JSON.stringify(frame) === JSON.stringify(wholeFrame(size));
    this.#apply.ariaDisabled = "true";
    try {
      const turned = isWhole ? null : orientedCanvas(image, frame, size);
      const isMasked = isPainted && (mask || hasNewArea(frame, size));
      this.#close({
        edit: this.#edit,
        file: turned && (await editedFile(turned, frame, fill, name)),
        mask: isMasked ? await editedMask(mask, frame, size, overlap) : null,
      });
    } catch {
      this.#apply.ariaDisabled = null;
      const words = message("This image is too large for your browser. Make it smaller.");
      tell(this.#problem, words);
      announce(words);
    }
  }
}
