// @ts-check
// Toolbar of the mask painter: buttons, slider and keyboard shortcuts.

import { button, element } from "../dom.js";
import { message } from "../messages.js";

/** @import { Hand, MaskCanvas } from "./canvas.js" */
/** @import { EdgeStep } from "./steps.js" */

const FIRST_PIXELS = 8;
const MOST_PIXELS = 256;

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
      const made = signTool(hand, title, () => {
        this.#unfold();
        this.#take(hand);
      });
      made.dataset.hand = hand;
      return made;
    });
    this.#undo = signTool("undo", message("Undo"), () => canvas.undo());
    this.#redo = signTool("redo", message("Redo"), () => canvas.redo());
    this.#fit = tool(message("Fit"), () => gestures.fit());
    this.#fit.title = message("Fit to the window");
    const { size, edge } = canvas.brush;
    const ofAll = element("span", "of-all seldom"); // keeps both buttons on the same line
    ofAll.append(
      tool(message("Invert"), () => canvas.take({ tool: "invert" })),
      tool(message("Clear"), () => canvas.take({ tool: "clear" })),
    );
    const zoom = groupOf(message("Zoom"), [
      signTool("minus", message("Zoom out"), () => gestures.reduce()),
      this.#fit,
      signTool("plus", message("Zoom in"), () => gestures.enlarge()),
    ]);
    zoom.classList.add("seldom");
    this.place.append(
      groupOf(message("Tool"), this.#hands),
      element("span", "hint muted", message("Brush over the part to mask.")),
      this.#undo,
      this.#redo,
      this.#more(),
      ofAll,
      button(message("Done"), done, "tool done"),
      sliderFor(message("Size"), size),
      sliderFor(message("Softness"), edge),
      zoom,
      this.#edgeTools(),
    );
    this.#take("brush");
  }

  /** Enable or disable Undo and Redo. */
  draw() {
    if (this.#canvas.canUndo) this.#unfold();
    this.#undo.ariaDisabled = String(!this.#canvas.canUndo);
    this.#redo.ariaDisabled = String(!this.#canvas.canRedo);
  }

  /** @param {boolean} isFitted whether the image fits the viewport exactly */
  drawZoom(isFitted) {
    this.#fit.ariaDisabled = String(isFitted);
  }

  /** Show all tools: the user paints. Until then there is only the brush. */
  #unfold() {
    this.place.classList.add("used");
  }

  /** Return the button that shows the rarely used tools, which phones have no room for. */
  #more() {
    const more = signTool("more", message("More"), () => {
      more.ariaExpanded = String(this.place.classList.toggle("unfolded"));
    });
    more.classList.add("more");
    more.ariaExpanded = "false";
    return more;
  }

  /** Return the tools that move or soften the edge of the whole mask. */
  #edgeTools() {
    const pixels = element("input");
    Object.assign(pixels, { type: "number", min: 1, max: MOST_PIXELS, value: FIRST_PIXELS });
    const does = (/** @type {EdgeStep["tool"]} */ name) => () => {
      const wanted = Math.round(Number(pixels.value)) || FIRST_PIXELS;
      pixels.value = String(Math.min(MOST_PIXELS, Math.max(1, wanted)));
      this.#canvas.take({ tool: name, pixels: Number(pixels.value) });
    };
    const label = element("label", "pixels-of-edge");
    label.append(element("span", "", message("Edge (px)")), pixels);
    const group = groupOf(message("Mask edge"), [
      tool(message("Grow"), does("grow")),
      tool(message("Shrink"), does("shrink")),
      tool(message("Feather"), does("feather")),
    ]);
    return element("span", "edge-tools seldom", label, group);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.target instanceof HTMLInputElement && event.target.type === "number") return;
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

/** @param {string} text @param {() => void} does */
const tool = (text, does) => button(text, does, "tool");

/** @param {string} text @param {HTMLInputElement} slider */
function sliderFor(text, slider) {
  return element("label", "size-of-brush", element("span", "", text), slider);
}

/** @param {string} icon @param {string} name @param {() => void} does */
export function signTool(icon, name, does) {
  const made = tool("", does);
  made.dataset.icon = icon;
  made.title = made.ariaLabel = name;
  return made;
}

/** @param {string} name @param {HTMLElement[]} tools */
function groupOf(name, tools) {
  const group = element("span", "group");
  group.role = "group";
  group.ariaLabel = name;
  group.append(...tools);
  return group;
}
