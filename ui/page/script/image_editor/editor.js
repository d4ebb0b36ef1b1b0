// @ts-check
// Dialog that crops, turns, flips and extends an image. The file itself stays as it is.

import { coverWindow, uncoverWindow } from "../back.js";
import { announce, button, element, iconButton, tell } from "../dom.js";
import { RATIOS } from "../form/ratios.js";
import { labeled, message } from "../messages.js";
import {
  addedBy,
  croppedTo,
  draggedFrame,
  EDGES,
  extendedTo,
  flippedFrame,
  hasNewArea,
  MOST_SIDE,
  orientedSize,
  sizeOfFrame,
  turnedFrame,
  wholeFrame,
  withAdded,
} from "./frame.js";
import { newAreaMask } from "./new_area.js";
import {
  canvasOf,
  contextOf,
  editedFile,
  editedMask,
  orientedCanvas,
  paintMask,
  paintNewArea,
} from "./painting.js";

/** @import { Edge, Frame } from "./frame.js" */
/** @import { Fill } from "./painting.js" */
/** @import { Point, Size } from "../zoom.js" */

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

  /** @param {EditedImage} source @param {Edit | null} edit @param {(edited: Edited | null) => void} done */
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
    const head = element("header", "flow");
    const cancel = button(message("Cancel"), () => this.#close(null));
    const title = element("h2", "dialog-title", message("Edit image"));
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

  /** @param {Edit[]} from @param {Edit[]} to */
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

/**
 * @typedef {{ turn: (way: 1 | -1) => void, flip: (isUpright: boolean) => void,
 *   shape: (ratio: number | null, isExtended: boolean) => void, edge: (edge: Edge, pixels: number) => void,
 *   change: (part: Partial<Edit>) => void, undo: () => void, redo: () => void, reset: () => void }} Acts
 */

/** @type {Record<Edge, string>} */
const EDGE_WORDS = {
  left: message("Left"),
  top: message("Top"),
  right: message("Right"),
  bottom: message("Bottom"),
};
/** @type {readonly [Fill, string][]} */
const FILLS = [
  ["edges", message("Edge colors")],
  ["white", message("White")],
  ["gray", message("Gray")],
  ["black", message("Black")],
];
const FREE = "free";

/** Toolbar. Everything that the pointer does in the view can also be done here, by keyboard. */
class EditTools {
  place = element("div", "edit-tools");
  /** Size of the edited image, Undo, Redo and Reset. */
  steps = element("div", "edit-row flow");
  #source;
  #acts;
  #size = element("output", "edit-size smaller digits");
  #shape = element("select");
  #extends = element("select");
  /** @type {Map<Edge, HTMLInputElement>} */
  #edges = new Map();
  #fill = element("select");
  #overlap = numberBox(0, 1024);
  #newArea = element("div", "edit-part");
  #undo;
  #redo;

  /** @param {Source & { ratio: number | null }} source @param {Acts} acts */
  constructor(source, acts) {
    this.#source = source;
    this.#acts = acts;
    this.#undo = button(message("Undo"), acts.undo);
    this.#redo = button(message("Redo"), acts.redo);
    this.steps.append(this.#size, this.#undo, this.#redo, button(message("Reset"), acts.reset));
    this.place.append(
      part(
        message("Turn"),
        sign("reset", message("Rotate left"), () => acts.turn(-1)),
        sign("reload", message("Rotate right"), () => acts.turn(1)),
        sign("swap", message("Flip horizontally"), () => acts.flip(false)),
        sign("swap-vertical", message("Flip vertically"), () => acts.flip(true)),
      ),
      part(message("Shape"), this.#shapeChoice(source), this.#extendsChoice()),
      this.#edgeBoxes(),
      this.#newAreaPart(source.isPainted),
    );
  }

  /** @param {Edit} edit @param {boolean} canUndo @param {boolean} canRedo */
  show({ frame, fill, overlap }, canUndo, canRedo) {
    const { width, height } = sizeOfFrame(frame);
    tell(this.#size, `${width} × ${height}`);
    const added = addedBy(frame, this.#source.size);
    for (const edge of EDGES) {
      const box = this.#edges.get(edge);
      if (box) box.value = String(added[edge]);
    }
    this.#fill.value = fill;
    this.#overlap.value = String(overlap);
    this.#newArea.hidden = !hasNewArea(frame, this.#source.size);
    this.#undo.ariaDisabled = String(!canUndo);
    this.#redo.ariaDisabled = String(!canRedo);
  }

  /** @param {Source & { ratio: number | null }} source */
  #shapeChoice({ size, ratio }) {
    const own = ratio ? [[message("As in the form"), ratio]] : [];
    const shapes = [[message("Original"), size.width / size.height], ...own, ...RATIOS];
    fillChoice(this.#shape, message("Aspect ratio"), [
      [FREE, message("Free")],
      ...shapes.map(([name, value]) => /** @type {const} */ ([String(value), String(name)])),
    ]);
    this.#shape.addEventListener("change", () => this.#reshape());
    return this.#shape;
  }

  #extendsChoice() {
    fillChoice(this.#extends, message("To get this shape"), [
      ["", message("Crop")],
      ["extend", message("Extend")],
    ]);
    this.#extends.addEventListener("change", () => this.#reshape());
    return this.#extends;
  }

  #reshape() {
    const { value } = this.#shape;
    this.#acts.shape(value === FREE ? null : Number(value), this.#extends.value !== "");
  }

  #edgeBoxes() {
    const boxes = EDGES.map((edge) => {
      const box = numberBox(-MOST_SIDE, MOST_SIDE);
      this.#edges.set(edge, box);
      box.addEventListener("change", () => {
        this.#free();
        this.#acts.edge(edge, Number(box.value) || 0);
      });
      return labelFor(EDGE_WORDS[edge], box);
    });
    const made = part(message("Extend or crop (px)"), ...boxes);
    made.classList.add("edit-edges");
    return made;
  }

  /** Give up the chosen ratio: the number boxes change one edge at a time. */
  #free() {
    this.#shape.value = FREE;
    this.#acts.shape(null, false);
  }

  /** @param {boolean} isPainted */
  #newAreaPart(isPainted) {
    fillChoice(this.#fill, message("Fill the new area with"), FILLS);
    this.#fill.addEventListener("change", () =>
      this.#acts.change({ fill: /** @type {Fill} */ (this.#fill.value) }),
    );
    this.#overlap.addEventListener("change", () =>
      this.#acts.change({ overlap: Math.max(0, Math.round(Number(this.#overlap.value)) || 0) }),
    );
    const overlap = labelFor(message("Mask overlap"), this.#overlap);
    overlap.title = message("How far the mask reaches into your image, in pixels.");
    const parts = [labelFor(message("Fill"), this.#fill), ...(isPainted ? [overlap] : [])];
    this.#newArea = part(message("New area"), ...parts);
    return this.#newArea;
  }
}

/** @param {string} name @param {HTMLElement[]} content */
function part(name, ...content) {
  const made = element("div", "edit-part");
  made.role = "group";
  made.ariaLabel = name;
  made.append(element("span", "edit-name", name));
  const row = element("div", "edit-row flow", ...content);
  made.append(row);
  return made;
}

/** @param {string} words @param {HTMLElement} input */
function labelFor(words, input) {
  return element("label", "", element("span", "", words), input);
}

/** @param {number} least @param {number} most */
function numberBox(least, most) {
  const box = element("input");
  Object.assign(box, { type: "number", min: least, max: most, step: 8, value: 0 });
  return box;
}

/** @param {string} icon @param {string} name @param {() => void} does */
function sign(icon, name, does) {
  const made = iconButton(icon, does, "button sign");
  made.title = made.ariaLabel = name;
  return made;
}

/**
 * @param {HTMLSelectElement} choice
 * @param {string} name
 * @param {readonly (readonly [value: string, words: string])[]} options
 */
function fillChoice(choice, name, options) {
  choice.ariaLabel = choice.title = name;
  for (const [value, words] of options) {
    const option = element("option", "", words);
    option.value = value;
    choice.append(option);
  }
}

/**
 * Everything that the view shows. `mask`: the user's own; null for fields without masks.
 * @typedef {{ frame: Frame, fill: Fill, overlap: number }} Edit
 * @typedef {{ image: CanvasImageSource, size: Size, mask: CanvasImageSource | null, isPainted: boolean }} Source
 */

const ROOM = 0.12; // around frame and image, so that the user can pull an edge outward
const OUTSIDE = 0.3; // opacity of the image outside the frame
const MASKED = 0.45;
/** @type {readonly (readonly Edge[])[]} */
const HANDLES = [
  ["left"],
  ["top"],
  ["right"],
  ["bottom"],
  ["left", "top"],
  ["right", "top"],
  ["left", "bottom"],
  ["right", "bottom"],
];

/** View of the image, with the frame and its handles, which the pointer drags. */
class EditorView {
  place = element("div", "edit-view");
  #canvas = element("canvas");
  #frame = element("div", "edit-frame");
  #source;
  /** @type {Edit | null} */
  #edit = null;
  /** The turned image and mask, and the orientation for which they were drawn. */
  #turned = {
    for: "",
    image: canvasOf({ width: 1, height: 1 }),
    mask: canvasOf({ width: 1, height: 1 }),
  };
  /** Scale and position of the turned image on the canvas, in CSS pixels. */
  #sight = { scale: 1, x: 0, y: 0 };
  /** @type {{ id: number, at: Point, frame: Frame, edges: readonly Edge[] } | null} */
  #drag = null;

  /**
   * @param {Source} source
   * @param {(from: Frame, edges: readonly Edge[], by: Point, isDone: boolean) => void} dragged called while the user
   *   drags edges of the frame `from`, by pixels of the image
   */
  constructor(source, dragged) {
    this.#source = source;
    this.#frame.ariaHidden = "true"; // the number boxes do the same
    for (const edges of HANDLES) {
      const handle = element("span", `edit-handle ${edges.join(" ")}`);
      handle.dataset.edges = edges.join(" ");
      this.#frame.append(handle);
    }
    this.place.append(this.#canvas, this.#frame);
    this.#listen(dragged);
    new ResizeObserver(() => this.#edit && this.show(this.#edit)).observe(this.place);
  }

  /** @param {Edit} edit */
  show(edit) {
    this.#edit = edit;
    const { clientWidth: width, clientHeight: height } = this.place;
    if (!width || !height) return;
    if (!this.#drag) this.#fit({ width, height });
    this.#turn(edit.frame);
    this.#paint({ width, height }, edit);
    const { scale, x, y } = this.#sight;
    const { left, top } = edit.frame;
    const { width: across, height: down } = sizeOfFrame(edit.frame);
    Object.assign(this.#frame.style, {
      left: `${x + left * scale}px`,
      top: `${y + top * scale}px`,
      width: `${across * scale}px`,
      height: `${down * scale}px`,
    });
  }

  /** Choose the scale at which the image and the frame fit. @param {Size} room */
  #fit(room) {
    if (!this.#edit) return;
    const { frame } = this.#edit;
    const { width, height } = orientedSize(frame, this.#source.size);
    const [left, top] = [Math.min(0, frame.left), Math.min(0, frame.top)];
    const [right, bottom] = [Math.max(width, frame.right), Math.max(height, frame.bottom)];
    const [across, down] = [right - left, bottom - top];
    const scale = Math.min(room.width / across, room.height / down) * (1 - 2 * ROOM);
    const x = room.width / 2 - ((left + right) / 2) * scale;
    const y = room.height / 2 - ((top + bottom) / 2) * scale;
    this.#sight = { scale, x, y };
  }

  /** @param {Frame} frame */
  #turn(frame) {
    const wanted = `${frame.turns} ${frame.mirrored}`;
    if (this.#turned.for === wanted) return;
    const { image, mask, size } = this.#source;
    this.#turned = {
      for: wanted,
      image: orientedCanvas(image, frame, size),
      mask: mask ? orientedCanvas(mask, frame, size) : this.#turned.mask,
    };
  }

  /** @param {Size} room @param {Edit} edit */
  #paint(room, { frame, fill, overlap }) {
    const density = devicePixelRatio;
    Object.assign(this.#canvas, { width: room.width * density, height: room.height * density });
    const context = contextOf(this.#canvas);
    const { scale, x, y } = this.#sight;
    const { image, mask } = this.#turned;
    context.setTransform(scale * density, 0, 0, scale * density, x * density, y * density);
    context.globalAlpha = OUTSIDE;
    context.drawImage(image, 0, 0);
    context.globalAlpha = 1;
    const { width, height } = sizeOfFrame(frame);
    context.beginPath();
    context.rect(frame.left, frame.top, width, height);
    context.clip();
    context.clearRect(frame.left, frame.top, width, height);
    paintNewArea(context, image, frame, fill);
    context.drawImage(image, 0, 0);
    if (!this.#source.isPainted) return;
    context.globalAlpha = MASKED;
    if (this.#source.mask) context.drawImage(mask, 0, 0);
    context.drawImage(this.#smallMask(frame, overlap), frame.left, frame.top, width, height);
  }

  /**
   * Return the mask of the new area in the size in which it is seen.
   * @param {Frame} frame
   * @param {number} overlap
   */
  #smallMask(frame, overlap) {
    const scale = Math.min(1, this.#sight.scale);
    const { width, height } = this.#source.size;
    const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
    const small = { ...frame };
    const turned = orientedSize(frame, size);
    for (const edge of EDGES) small[edge] = Math.round(frame[edge] * scale);
    const { width: across, height: down } = orientedSize(frame, this.#source.size);
    if (frame.right === across) small.right = turned.width;
    if (frame.bottom === down) small.bottom = turned.height;
    const canvas = canvasOf(sizeOfFrame(small));
    paintMask(contextOf(canvas), newAreaMask(small, size, overlap * scale));
    return canvas;
  }

  /** @param {(from: Frame, edges: readonly Edge[], by: Point, isDone: boolean) => void} dragged */
  #listen(dragged) {
    const frame = this.#frame;
    frame.addEventListener("pointerdown", (event) => {
      const { edges = "" } = /** @type {HTMLElement} */ (event.target).dataset;
      if (event.button || this.#drag || !this.#edit) return;
      event.preventDefault();
      frame.setPointerCapture(event.pointerId);
      this.#drag = {
        id: event.pointerId,
        at: { x: event.clientX, y: event.clientY },
        frame: this.#edit.frame,
        edges: edges ? /** @type {Edge[]} */ (edges.split(" ")) : EDGES,
      };
    });
    /** @param {PointerEvent} event @param {boolean} isDone */
    const move = (event, isDone) => {
      const drag = this.#drag;
      if (drag?.id !== event.pointerId) return;
      if (isDone) this.#drag = null;
      const { scale } = this.#sight;
      const by = { x: (event.clientX - drag.at.x) / scale, y: (event.clientY - drag.at.y) / scale };
      dragged(drag.frame, drag.edges, by, isDone);
    };
    frame.addEventListener("pointermove", (event) => move(event, false));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"]))
      frame.addEventListener(end, (event) => move(event, true));
  }
}
