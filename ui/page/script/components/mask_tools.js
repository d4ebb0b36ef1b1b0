// @ts-check
// Toolbar of the mask painter: buttons, slider and keyboard shortcuts.

import { button, element } from "../dom.js";
import { message } from "../messages.js";

/** @import { Hand, MaskCanvas } from "./mask_canvas.js" */

/** @type {readonly (readonly [Hand, string])[]} */
const HANDS = [
  ["brush", message("Brush")],
  ["eraser", message("Eraser")],
  ["move", message("Move")],
];

export class MaskTools {
  place = element("div", "tools");
  #canvas;
  #hands;
  #undo;
  #redo;
  #fit;

  /**
   * @param {MaskCanvas} canvas
   * @param {() => void} done leaves the full-window view
   */
  constructor(canvas, done) {
    this.#canvas = canvas;
    const { gestures } = canvas;
    this.#hands = HANDS.map(([hand, title]) => {
      const made = tool(title, () => this.#take(hand));
      made.dataset.hand = hand;
      return made;
    });
    this.#undo = tool(message("Undo"), () => canvas.undo());
    this.#redo = tool(message("Redo"), () => canvas.redo());
    this.#fit = tool(message("Fit"), () => gestures.fit());
    this.#fit.title = message("Fit to the window");
    const size = element("label", "size-of-brush");
    size.append(element("span", "", message("Size")), canvas.slider);
    const ofAll = element("span", "of-all"); // keeps both buttons on the same line
    ofAll.append(
      tool(message("Invert"), () => canvas.take({ tool: "invert" })),
      tool(message("Clear"), () => canvas.take({ tool: "clear" })),
    );
    this.place.append(
      groupOf(message("Tool"), this.#hands),
      this.#undo,
      this.#redo,
      button(message("Done"), done, "tool done"),
      size,
      groupOf(message("Zoom"), [
        signTool("−", message("Zoom out"), () => gestures.reduce()),
        this.#fit,
        signTool("+", message("Zoom in"), () => gestures.enlarge()),
      ]),
      ofAll,
    );
    this.#take("brush");
  }

  /** Enable or disable Undo and Redo. */
  draw() {
    this.#undo.ariaDisabled = String(!this.#canvas.canUndo);
    this.#redo.ariaDisabled = String(!this.#canvas.canRedo);
  }

  /** @param {boolean} isFitted whether the image fits the viewport exactly */
  drawZoom(isFitted) {
    this.#fit.ariaDisabled = String(isFitted);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const key = event.key.toLowerCase();
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && key === "z" && !event.shiftKey) this.#canvas.undo();
    else if (isCommand && (key === "y" || key === "z")) this.#canvas.redo();
    else if (!isCommand && (key === "[" || key === "]")) this.#canvas.resize(key === "]" ? 1 : -1);
    else if (key === "escape" && this.#isLeft(event)) this.#taken?.focus();
    else {
      this.#canvas.gestures.pressed(event);
      return;
    }
    event.preventDefault();
  }

  /** Return whether Esc moves the focus to the tools instead of leaving full window. @param {KeyboardEvent} event */
  #isLeft({ target }) {
    return target === this.#canvas.place && !this.place.closest(":modal");
  }

  /** Button of the selected tool. */
  get #taken() {
    return this.#hands.find(({ ariaPressed }) => ariaPressed === "true");
  }

  /** @param {Hand} hand */
  #take(hand) {
    this.#canvas.hand = hand;
    for (const one of this.#hands) one.ariaPressed = String(one.dataset.hand === hand);
  }
}

/**
 * @param {string} text
 * @param {() => void} does
 */
export const tool = (text, does) => button(text, does, "tool");

/**
 * @param {string} sign
 * @param {string} name
 * @param {() => void} does
 */
function signTool(sign, name, does) {
  const made = tool(sign, does);
  made.title = made.ariaLabel = name;
  return made;
}

/**
 * @param {string} name
 * @param {HTMLElement[]} tools
 */
function groupOf(name, tools) {
  const group = element("span", "group");
  group.role = "group";
  group.ariaLabel = name;
  group.append(...tools);
  return group;
}
