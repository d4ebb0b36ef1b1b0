// @ts-check
// Toolbar of the image editor. Everything that the pointer does in the view can also be done here, by keyboard.

import { button, element, tell } from "../dom.js";
import { RATIOS } from "../form/ratios.js";
import { message } from "../messages.js";
import { addedBy, EDGES, hasNewArea, MOST_SIDE, sizeOfFrame } from "./frame.js";

/** @import { Edge } from "./frame.js" */
/** @import { Fill } from "./painting.js" */
/** @import { Edit, Source } from "./view.js" */

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

export class EditTools {
  place = element("div", "edit-tools");
  /** Size of the edited image, Undo, Redo and Reset. */
  steps = element("div", "edit-row");
  #source;
  #acts;
  #size = element("output", "edit-size");
  #shape = element("select");
  #extends = element("select");
  /** @type {Map<Edge, HTMLInputElement>} */
  #edges = new Map();
  #fill = element("select");
  #overlap = numberBox(0, 1024);
  #newArea = element("div", "edit-part");
  #undo;
  #redo;

  /**
   * @param {Source & { ratio: number | null }} source
   * @param {Acts} acts
   */
  constructor(source, acts) {
    this.#source = source;
    this.#acts = acts;
    this.#undo = button(message("Undo"), acts.undo);
    this.#redo = button(message("Redo"), acts.redo);
    this.steps.append(this.#size, this.#undo, this.#redo, button(message("Reset"), acts.reset));
    this.place.append(
      part(
        message("Turn"),
        sign("↺", message("Rotate left"), () => acts.turn(-1)),
        sign("↻", message("Rotate right"), () => acts.turn(1)),
        sign("⇆", message("Flip horizontally"), () => acts.flip(false)),
        sign("⇅", message("Flip vertically"), () => acts.flip(true)),
      ),
      part(message("Shape"), this.#shapeChoice(source), this.#extendsChoice()),
      this.#edgeBoxes(),
      this.#newAreaPart(source.isPainted),
    );
  }

  /**
   * @param {Edit} edit
   * @param {boolean} canUndo
   * @param {boolean} canRedo
   */
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

/**
 * @param {string} name
 * @param {HTMLElement[]} content
 */
function part(name, ...content) {
  const made = element("div", "edit-part");
  made.role = "group";
  made.ariaLabel = name;
  made.append(element("span", "edit-name", name));
  const row = element("div", "edit-row");
  row.append(...content);
  made.append(row);
  return made;
}

/**
 * @param {string} words
 * @param {HTMLElement} input
 */
function labelFor(words, input) {
  const label = element("label");
  label.append(element("span", "", words), input);
  return label;
}

/**
 * @param {number} least
 * @param {number} most
 */
function numberBox(least, most) {
  const box = element("input");
  Object.assign(box, { type: "number", min: least, max: most, step: 8, value: 0 });
  return box;
}

/**
 * @param {string} text
 * @param {string} name
 * @param {() => void} does
 */
function sign(text, name, does) {
  const made = button(text, does, "button sign");
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
