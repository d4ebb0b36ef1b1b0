// @ts-check
// Image with a mask that the user paints over it. It is a Gradio component (ui/page/mask_painter.py): its value names
// both files. The mask is uploaded when the user pauses, at the latest before a run.

import { coverWindow, uncoverWindow } from "../back.js";
import { $, addressOf, announce, button, element, isPaintable, isTouched } from "../dom.js";
import { clearErrors, showError } from "../form/field_errors.js";
import { isDrawing } from "../form/form.js";
import { unfold } from "../gradio.js";
import { imageMenu, offerOriginal } from "../image_editor/offers.js";
import { editPainted } from "../image_editor/painted.js";
import { MaskCanvas } from "../mask/canvas.js";
import { addPainter } from "../mask/holding.js";
import { MaskTools, signTool } from "../mask/tools.js";
import { message } from "../messages.js";
import { mayUseCamera, takePhoto } from "./camera.js";

/**
 * @typedef {{ path: string, url: string }} Kept an uploaded file
 * @typedef {{ background: Kept, layers: Kept[] }} Value
 *
 * Interface that Gradio passes to the component.
 * @typedef {{ props: { value: any }, watch: (name: string, changed: () => void) => void,
 *   upload: (file: File) => Promise<Kept>, label: string }} Component
 */

const PAUSE = 400;
const UNREADABLE = message("This image can't be read. It may be damaged or too large.");
const NO_CAMERA = message(
  "Can't use the camera. Allow it in your browser's settings for this page, then try again.",
);
const NOT_KEPT = message("The mask couldn't be uploaded. Press Generate to try again.");
const NOTHING = message("Nothing is painted, so the image may not change.");
const NOT_EDITED = message("The edited image couldn't be uploaded. Try again.");

class MaskPainter {
  #place;
  #component;
  #picker = element("input");
  #dialog = element("dialog", "painting");
  #canvas = new MaskCanvas(
    () => this.#changed(),
    (isFitted) => this.#tools.drawZoom(isFitted),
  );
  #tools = new MaskTools(this.#canvas, () => this.#leaveFull());
  #question = element("div", "question");
  /** Current image and mask, as uploaded. @type {Value | null} */
  #value = null;
  #isBlank = true;
  /** Whether the user has agreed to run without a mask. */
  #isAgreed = false;
  /** Upload or image load in progress. Resolves to whether it has succeeded. @type {Promise<boolean> | null} */
  #work = null;
  #isChanged = false;
  #timer = 0;
  #turn = 0;

  /** @param {HTMLElement} place @param {Component} component */
  constructor(place, component) {
    this.#place = place;
    this.#component = component;
    Object.assign(this.#picker, { type: "file", accept: "image/*", hidden: true });
    this.#question.role = "group";
    const words = isTouched()
      ? message("Tap to choose")
      : message("Drop, paste or choose an image");
    const choose = button(words, () => this.#picker.click(), "choose");
    const view = element("div", "view", this.#canvas.place);
    this.#dialog.append(this.#tools.place, view);
    const camera = signTool("camera", message("Use the camera"), () => this.#photograph());
    camera.classList.add("use-camera");
    camera.hidden = !mayUseCamera();
    const title = element("span", "field-title", component.label);
    const menu = imageMenu({
      change: () => this.#picker.click(),
      edit: () => this.#edit(),
      enlarge: () => this.#enterFull(),
      remove: () => this.#remove(),
    });
    place.replaceChildren(this.#picker, title, choose, camera, this.#dialog, menu, this.#question);
    this.#leaveFull();
    this.#listen();
    this.#draw();
  }

  /** @param {() => void} press @returns whether a press of Generate has to wait */
  holds(press) {
    if (this.#isChanged || this.#work) {
      this.#settled().then((isKept) => isKept && press());
      return true;
    }
    const isExtra = this.#place.closest(".guide.optional") !== null;
    if (!this.#value || !this.#isBlank || this.#isAgreed || isExtra) return false;
    this.#ask(press);
    return true;
  }

  /**
   * Show the value from Python, unless it is already shown.
   * @param {Value | null} value
   */
  tell(value) {
    if (namesOf(value) !== namesOf(this.#value)) this.#start(this.#show(value));
  }

  #listen() {
    this.#picker.addEventListener("change", () => {
      const file = this.#picker.files?.[0];
      if (file) this.#start(this.#give(file));
      this.#picker.value = "";
    });
    this.#dialog.addEventListener("keydown", (event) => this.#tools.pressed(event));
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#leaveFull();
    });
  }

  /** Let the user edit the image with its mask, and offer to undo it. */
  async #edit() {
    if (!(await this.#settled()) || !this.#value) return;
    const { label } = this.#component;
    try {
      const edited = await editPainted(this.#value, label, (file) => this.#upload(file));
      $(".edit-image", this.#place)?.focus();
      if (!edited) return;
      await this.#start(this.#show(edited.value, true));
      offerOriginal(label, () => this.#start(this.#show(edited.original, true)));
    } catch {
      this.#say(NOT_EDITED);
    }
  }

  /** @param {Promise<boolean>} work */
  #start(work) {
    this.#work = work;
    return work.finally(() => {
      if (this.#work === work) this.#work = null;
    });
  }

  #changed() {
    this.#isChanged = true;
    this.#isAgreed = false;
    this.#answer();
    this.#draw();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#settled(), PAUSE);
  }

  /**
   * Wait until the app has the current image and mask.
   * @returns {Promise<boolean>} whether it has; if not, the user has seen the reason
   */
  async #settled() {
    clearTimeout(this.#timer);
    while (this.#work || this.#isChanged)
      if (!(await (this.#work ?? this.#start(this.#keepMask())))) return false;
    return true;
  }

  /** Upload the current mask. @returns {Promise<boolean>} */
  async #keepMask() {
    if (isDrawing()) {
      // Setting the value now would also affect the form that Gradio is drawing. Try again later.
      if (this.#place.isConnected) this.#changed();
      return false;
    }
    const turn = this.#turn;
    this.#isChanged = false;
    this.#isBlank = this.#canvas.isBlank;
    try {
      const layers = this.#isBlank ? [] : [await this.#upload(await this.#canvas.file())];
      if (turn === this.#turn && this.#value) this.#set({ ...this.#value, layers });
      return true;
    } catch {
      this.#isChanged = turn === this.#turn;
      this.#say(NOT_KEPT);
      return false;
    }
  }

  /** @param {File} file */
  #upload(file) {
    return this.#component.upload(file);
  }

  /**
   * Replace the image. If the app refuses it, keep the old one; the field shows the reason.
   * @param {File} file
   * @returns {Promise<boolean>}
   */
  async #give(file) {
    this.#place.classList.add("waits");
    const kept = await this.#upload(file).catch(() => null);
    this.#place.classList.remove("waits");
    return kept ? this.#show({ background: kept, layers: [] }, true) : false;
  }

  async #photograph() {
    try {
      const photo = await takePhoto();
      if (photo) this.#start(this.#give(photo));
    } catch {
      this.#say(NO_CAMERA);
    }
  }

  #remove() {
    this.#leaveFull();
    this.#start(this.#show(null, true));
    $(".choose", this.#place)?.focus();
  }

  /**
   * @param {Value | null} value
   * @param {boolean} [isNew] whether Python doesn't have this value
   * @returns {Promise<boolean>}
   */
  async #show(value, isNew = false) {
    const turn = ++this.#turn;
    const image = element("img");
    image.alt = "";
    let mask = null;
    if (value) {
      image.src = addressOf(value.background.url);
      const isReadable = await isPaintable(image);
      mask = await maskOf(value);
      if (turn !== this.#turn) return true;
      if (!isReadable) {
        this.#say(UNREADABLE);
        return false;
      }
    }
    clearTimeout(this.#timer);
    this.#isChanged = this.#isAgreed = false;
    this.#canvas.show(image, mask);
    this.#isBlank = !mask || this.#canvas.isBlank;
    this.#answer();
    this.#value = value;
    if (isNew) this.#set(value);
    this.#draw();
    this.#place.dataset.image = image.src; // for the stage
    return true;
  }

  /** @param {Value | null} value */
  #set(value) {
    this.#value = value;
    if (this.#place.isConnected && !isDrawing()) this.#component.props.value = value ?? "";
  }

  /** Update the controls. */
  #draw() {
    this.#place.classList.toggle("empty", !this.#value);
    this.#tools.draw();
  }

  /** @param {string} sentence */
  #say(sentence) {
    const field = this.#place.closest("[id^=field-]");
    clearErrors();
    if (field instanceof HTMLElement) showError(field, sentence);
  }

  /**
   * Ask whether to run without a mask.
   * @param {() => void} press
   */
  async #ask(press) {
    const run = button(message("Run anyway"), () => {
      this.#isAgreed = true;
      this.#answer();
      press();
    });
    const paint = button(message("Keep painting"), () => {
      this.#answer();
      this.#canvas.place.focus();
    });
    this.#question.replaceChildren(element("p", "", NOTHING), run, paint);
    this.#question.ariaLabel = NOTHING;
    announce(NOTHING);
    await unfold(this.#place);
    this.#question.scrollIntoView({ block: "nearest" });
    run.focus({ preventScroll: true });
  }

  /** Remove the question: the user has answered it, or it no longer applies. */
  #answer() {
    this.#question.replaceChildren();
  }

  #enterFull() {
    this.#dialog.open = false;
    this.#dialog.showModal();
    this.#canvas.place.focus();
    coverWindow(() => this.#leaveFull());
  }

  /** Leave the full-window view. The dialog stays open without being modal, like the stage's viewport. */
  #leaveFull() {
    if (this.#dialog.matches(":modal")) {
      this.#dialog.close();
      uncoverWindow();
    }
    this.#dialog.open = true;
    this.#dialog.ariaLabel = message("{field}: mask", { field: this.#component.label });
  }
}

/**
 * Return a value that the painter can show, or null. While Gradio draws another form, it passes the value of the field
 * in the painter's position, which may be a plain image.
 * @param {any} value
 * @returns {Value | null}
 */
const ownValue = (value) => (value?.background && value.layers ? value : null);

/** @param {Value | null} value */
const namesOf = (value) =>
  JSON.stringify(value && [value.background.path, ...value.layers.map(({ path }) => path)]);

/**
 * Load an uploaded mask. Resolves to null if there is no mask, or if the app no longer has it.
 * @param {Value} value
 */
async function maskOf({ layers: [file] }) {
  if (!file) return null;
  const image = element("img");
  image.src = addressOf(file.url);
  return (await isPaintable(image)) ? image : null;
}

/** @param {HTMLElement} place @param {Component} component */
export function mount(place, component) {
  const inner = /** @type {HTMLElement} */ ($(".mask-painter", place));
  const painter = new MaskPainter(inner, component);
  addPainter(inner, painter);
  const tell = () => painter.tell(ownValue(component.props.value));
  component.watch("value", tell);
  tell();
}
