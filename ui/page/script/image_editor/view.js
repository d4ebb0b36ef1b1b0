// @ts-check
// View of the image editor: the image, the frame and its handles, which the pointer drags.

import { element } from "../dom.js";
import { EDGES, orientedSize, sizeOfFrame } from "./frame.js";
import { newAreaMask } from "./new_area.js";
import { canvasOf, contextOf, orientedCanvas, paintMask, paintNewArea } from "./painting.js";

/** @import { Point, Size } from "../zoom.js" */
/** @import { Edge, Frame } from "./frame.js" */
/** @import { Fill } from "./painting.js" */

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

export class EditorView {
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

  /**
   * @param {Size} room
   * @param {Edit} edit
   */
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
