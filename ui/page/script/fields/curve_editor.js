// @ts-check
// A curve drawn as a line with points that can be dragged, above a table with their numbers. It is a Gradio component
// (ui/page/form/kinds/curve.py): its value is the list of points. Points that users don't move keep their exact values.

import { $, all, announce, button, element, iconButton } from "../dom.js";
import { isDrawing } from "../form/form.js";
import { LANGUAGE, labeled, message } from "../messages.js";
import {
  added,
  addedAfter,
  drawablePoints,
  heightAt,
  LEAST_POINTS,
  MOST_POINTS,
  moved,
  removed,
} from "./curve_points.js";

/** @import { Point } from "./curve_points.js" */

/**
 * @typedef {{ props: { value: any }, watch: (name: string, changed: () => void) => void, label: string, help: string,
 *   straight: boolean }} Component
 */

const SAMPLES = 64;
const [FINE, COARSE] = [0.01, 0.1]; // per press of an arrow key, with Shift
/** @type {Record<string, Point>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

class CurveEditor {
  #place;
  #component;
  #plot = element("div", "plot");
  #line;
  #handles = element("div", "handles");
  #table = element("div", "lines");
  #addRow;
  /** @type {unknown[]} */
  #rows = [];

  /** @param {HTMLElement} place @param {Component} component */
  constructor(place, component) {
    const { label, help } = component;
    this.#place = place;
    this.#component = component;
    this.#plot.innerHTML =
      '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">' +
      '<path class="grid" d="M25 0V100M50 0V100M75 0V100M0 25H100M0 50H100M0 75H100"/>' +
      '<path class="flat" d="M0 100L100 0"/><path class="curve"/></svg>';
    this.#line = /** @type {Element} */ (this.#plot.querySelector(".curve"));
    this.#plot.append(this.#handles);
    this.#plot.addEventListener("dblclick", (event) => this.#addAt(event));
    this.#addRow = button(message("Add a point"), () => this.#appendRow(), "quiet add");
    const numbers = element("details", "numbers");
    numbers.append(element("summary", "", message("Numbers")), this.#table, this.#addRow);
    Object.assign(this.#handles, { role: "group", ariaLabel: label });
    place.replaceChildren(
      element("span", "field-title", label),
      element(
        "p",
        "help aside",
        help || message("Drag a point. Double-click or Enter adds one, Delete removes it."),
      ),
      this.#plot,
      numbers,
    );
  }

  /** @param {unknown[]} rows points from Python, unless they are already shown */
  tell(rows) {
    if (JSON.stringify(rows) === JSON.stringify(this.#rows) && this.#table.children.length) return;
    this.#rows = rows;
    this.#draw();
    this.#drawTable();
  }

  /** Draw the line and the points; a value that can't be drawn has only its numbers. */
  #draw() {
    const points = drawablePoints(this.#rows);
    this.#plot.hidden = !points;
    const numbers = /** @type {HTMLDetailsElement} */ ($(".numbers", this.#place));
    if (!points) numbers.open = true;
    if (!points) return;
    this.#line.setAttribute("d", pathOf(points, this.#component.straight));
    while (this.#handles.children.length > points.length) this.#handles.lastElementChild?.remove();
    while (this.#handles.children.length < points.length) this.#handles.append(this.#handle());
    points.forEach((point, at) => {
      const handle = /** @type {HTMLElement} */ (this.#handles.children[at]);
      handle.style.left = `${point[0] * 100}%`;
      handle.style.top = `${100 - point[1] * 100}%`;
      handle.ariaLabel = pointWords(at, point);
    });
  }

  #handle() {
    const handle = button("", () => {}, "handle");
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.dataset.dragged = "";
    });
    handle.addEventListener("pointermove", (event) => {
      if ("dragged" in handle.dataset) this.#move(handle, this.#placeOf(event));
    });
    for (const end of ["pointerup", "pointercancel"])
      handle.addEventListener(end, () => {
        if (!("dragged" in handle.dataset)) return;
        delete handle.dataset.dragged;
        this.#drawTable();
      });
    handle.addEventListener("keydown", (event) => this.#press(handle, event));
    return handle;
  }

  /** @param {HTMLElement} handle @param {KeyboardEvent} event */
  #press(handle, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#indexOf(handle);
    const points = drawablePoints(this.#rows) ?? [];
    const [arrow, point] = [ARROWS[event.key], points[at]];
    if (!point) return;
    if (arrow) {
      const by = event.shiftKey ? COARSE : FINE;
      this.#move(handle, [point[0] + arrow[0] * by, point[1] + arrow[1] * by]);
      this.#drawTable();
    } else if (event.key === "Delete" || event.key === "Backspace") this.#remove(at);
    else if (event.key === "Enter")
      this.#focusAdded(addedAfter(points, at, this.#component.straight));
    else return;
    event.preventDefault();
  }

  /** @param {Element} handle */
  #indexOf = (handle) => [...this.#handles.children].indexOf(handle);

  /** @param {MouseEvent} event @returns {Point} the point of the plot at the pointer */
  #placeOf(event) {
    const { left, top, width, height } = this.#plot.getBoundingClientRect();
    return [(event.clientX - left) / width, 1 - (event.clientY - top) / height];
  }

  /** @param {HTMLElement} handle @param {Point} to */
  #move(handle, to) {
    const points = drawablePoints(this.#rows);
    if (points) this.#change(moved(points, this.#indexOf(handle), to));
    this.#draw();
  }

  /** @param {MouseEvent} event */
  #addAt(event) {
    if (event.target instanceof Element && event.target.matches(".handle")) return;
    const points = drawablePoints(this.#rows);
    if (points) this.#focusAdded(added(points, this.#placeOf(event)));
  }

  /** @param {{ points: Point[], at: number } | null} result */
  #focusAdded(result) {
    if (!result) return;
    this.#set(result.points);
    /** @type {HTMLElement} */ (this.#handles.children[result.at]).focus();
  }

  /** @param {number} at */
  #remove(at) {
    const points = drawablePoints(this.#rows) ?? [];
    const left = removed(points, at);
    if (left.length === points.length) return announce(message("A curve needs two points."));
    this.#set(left);
    announce(message("Removed: {name}", { name: nameOf(at) }));
    /** @type {HTMLElement} */ (this.#handles.children[Math.min(at, left.length - 1)]).focus();
  }

  #drawTable() {
    const rows = this.#rows.filter((row) => Array.isArray(row));
    this.#table.replaceChildren(...rows.map((row, at) => this.#row(row, at)));
    this.#addRow.disabled = rows.length >= MOST_POINTS;
  }

  /** @param {unknown[]} row @param {number} at */
  #row(row, at) {
    const line = element("div", "line");
    Object.assign(line, { role: "group", ariaLabel: nameOf(at) });
    const remove = iconButton("close", () => this.#removeRow(at), "remove");
    remove.title = message("Remove");
    remove.ariaLabel = labeled(message("Remove"), nameOf(at));
    remove.disabled = this.#rows.length <= LEAST_POINTS;
    line.append(
      ...["X", "Y"].map((name, column) => this.#cell(row[column], name, at, column)),
      remove,
    );
    return line;
  }

  /** @param {unknown} value @param {string} name @param {number} at @param {number} column */
  #cell(value, name, at, column) {
    const cell = element("label", "cell number");
    const input = element("input");
    Object.assign(input, { type: "number", step: "any", value: value ?? "" });
    input.addEventListener("input", () => {
      const pair = [.../** @type {unknown[]} */ (this.#rows[at])];
      pair[column] = input.value === "" ? null : Number(input.value);
      this.#change(this.#rows.with(at, pair));
      this.#draw();
    });
    cell.append(element("span", "name", name), input);
    return cell;
  }

  #appendRow() {
    const points = drawablePoints(this.#rows);
    const result = points && addedAfter(points, points.length - 2, this.#component.straight);
    this.#set(result ? result.points : [...this.#rows, [null, null]]);
    const at = result ? result.at : this.#rows.length - 1;
    $("input", this.#table.children[at])?.focus();
  }

  /** @param {number} at */
  #removeRow(at) {
    this.#set(this.#rows.toSpliced(at, 1));
    announce(message("Removed: {name}", { name: nameOf(at) }));
    (
      all(".remove:enabled", this.#table)[Math.min(at, this.#rows.length - 1)] ?? this.#addRow
    ).focus();
  }

  /** @param {unknown[]} rows */
  #set(rows) {
    this.#change(rows);
    this.#draw();
    this.#drawTable();
  }

  /** @param {unknown[]} rows */
  #change(rows) {
    this.#rows = rows;
    if (this.#place.isConnected && !isDrawing()) this.#component.props.value = rows;
  }
}

/** @param {number} at */
const nameOf = (at) => message("Point {number}", { number: at + 1 });

/** @param {number} at @param {Point} point */
function pointWords(at, [x, y]) {
  const shown = (/** @type {number} */ value) =>
    value.toLocaleString(LANGUAGE, { maximumFractionDigits: 3 });
  return labeled(nameOf(at), `X ${shown(x)}, Y ${shown(y)}`);
}

/** @param {readonly Point[]} points @param {boolean} isStraight */
function pathOf(points, isStraight) {
  const between = Array.from({ length: SAMPLES + 1 }, (_, at) => at / SAMPLES);
  const places = [...new Set([...points.map(([x]) => x), ...between])].sort((a, b) => a - b);
  const line = places.map(
    (x) => `${(x * 100).toFixed(2)} ${(100 - heightAt(points, x, isStraight) * 100).toFixed(2)}`,
  );
  return `M${line.join("L")}`;
}

/** @param {HTMLElement} place @param {Component} component */
export function mount(place, component) {
  const editor = new CurveEditor(/** @type {HTMLElement} */ ($(".curve-editor", place)), component);
  const tell = () => {
    const { value } = component.props;
    editor.tell(Array.isArray(value) ? value : []);
  };
  component.watch("value", tell);
  tell();
}
