// @ts-check
// The form on the page as a preview of the edited one. Each change is posted as a draft, and the form is redrawn with it.

import { all, glideTo } from "../dom.js";
import { fieldId, foldedKeys } from "../form/field_errors.js";
import { addValues, expectForm, formName, isDrawing, openPart, redraw } from "../form/form.js";
import { unfold } from "../gradio.js";
import { json, request } from "../requests.js";
import { page } from "../state.js";
import { editorPath } from "./editing.js";

/** @import { Settings } from "./model.js" */

const PAUSE = 200; // milliseconds without a change
const FIELD = "[id^=field-]";
const SELECTED = "edited-field";

export class Preview {
  #name;
  #failed;
  #timer = 0;
  #isBusy = false;
  #isEnded = false;
  #selected = "";
  /** @type {Settings | null} */
  #next = null;
  /** @type {Record<string, unknown>} */
  #values = {};
  #leave = new AbortController();

  /**
   * @param {string} name of the workflow
   * @param {{ picked: (id: string, isEntered: boolean) => void, told: (problems: string[]) => void }} events
   *   `picked`: the user has focused the field with this element id; `isEntered`: and wants to edit it. `told`: messages
   *   about the draft
   */
  constructor(name, { picked, told }) {
    this.#name = name;
    this.#failed = told;
    const { signal } = this.#leave;
    const idOf = (/** @type {EventTarget | null} */ target) =>
      target instanceof Element ? (target.closest(`#form ${FIELD}`)?.id ?? "") : "";
    const pick = (/** @type {Event} */ { target }) => {
      const id = idOf(target);
      if (id) picked(id, false);
    };
    document.addEventListener("focusin", pick, { signal });
    document.addEventListener("click", pick, { signal });
    const enter = (/** @type {KeyboardEvent} */ event) => {
      const id = idOf(event.target);
      const isText = event.target instanceof HTMLTextAreaElement;
      if (event.key !== "Enter" || !id || (isText && !event.ctrlKey && !event.metaKey)) return;
      event.preventDefault();
      event.stopPropagation();
      picked(id, true);
    };
    document.addEventListener("keydown", enter, { signal, capture: true });
    // Redrawing replaces the elements of the form.
    const unsubscribe = page.subscribe(() => this.#outline());
    signal.addEventListener("abort", unsubscribe);
  }

  /**
   * Show these settings soon.
   * @param {Settings} settings
   * @param {boolean} [atOnce]
   * @param {Record<string, unknown> | null} [values] to put into the form
   */
  show(settings, atOnce = false, values = null) {
    this.#next = settings;
    if (values) this.#values = { ...this.#values, ...values };
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#post(), atOnce ? 0 : PAUSE);
  }

  async #post() {
    if (this.#isBusy || !this.#next || this.#isEnded) return;
    const settings = this.#next;
    this.#next = null;
    this.#isBusy = true;
    const { told, why } = await request(`${editorPath(this.#name)}/draft`, json({ settings }));
    if (!this.#isEnded) this.#failed(told ? told.problems : [why]);
    if (told && !this.#isEnded && formName() === this.#name) {
      const given = Object.entries(this.#values).filter(([, value]) => value !== undefined);
      this.#values = {};
      if (given.length) addValues(Object.fromEntries(given));
      else redraw();
      await drawnForm();
    }
    this.#isBusy = false;
    if (this.#next) this.show(this.#next, true);
  }

  /**
   * Outline a field of the form, and bring it into view.
   * @param {string} key "" for none
   * @param {boolean} [isShown] whether to scroll to it
   */
  select(key, isShown = false) {
    this.#selected = key;
    const field = this.#outline();
    if (isShown && !field && foldedKeys().includes(key)) openPart(fieldId(key));
    if (!isShown || !field) return;
    unfold(field);
    glideTo(field, "nearest");
  }

  #outline() {
    const field = this.#selected ? document.getElementById(fieldId(this.#selected)) : null;
    for (const one of all(`.${SELECTED}`)) if (one !== field) one.classList.remove(SELECTED);
    field?.classList.add(SELECTED);
    return field;
  }

  /** Show the saved form again. */
  async end() {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#leave.abort();
    this.select("");
    if (formName() === this.#name) expectForm(); // a press on Generate waits for the saved form
    await request(`${editorPath(this.#name)}/draft`, undefined, "DELETE");
    if (formName() === this.#name) redraw();
  }
}

/** Resolve once the form that is being drawn is on the page. */
function drawnForm() {
  return new Promise((resolve) => {
    const late = setTimeout(done, 15000);
    const unsubscribe = page.subscribe(() => {
      if (!isDrawing()) done();
    });
    function done() {
      clearTimeout(late);
      queueMicrotask(() => unsubscribe());
      resolve(undefined);
    }
  });
}
