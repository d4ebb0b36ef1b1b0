// @ts-check
// What the script knows of Gradio's page that Gradio promises nobody: names of classes, and how its
// calls look. tests/browser/nightly/test_gradio_page.py says when an upgrade changes it. Python's part is
// ui/gradio/internals.py, that of the style sheets ui/page/styles/gradio.css: no other file names any.

import { $, all, isTouched, typeInto } from "./dom.js";
import { LANGUAGE, message } from "./messages.js";

/** The list of a dropdown. */
export const LIST = ".wrap-inner input[role=combobox]";
const EDGE = 16; // pixels that a list leaves to the window's edge
const LABEL = "button.label-wrap";
const CALL = "/gradio_api/run/";
/** What Gradio asks for where it describes the API; this app has neither. */
const NOT_THERE = ["/monitoring/summary", "/gradio_api/mcp/schema"];
const UPLOAD = /\/gradio_api\/upload(\?|$)/;
const DARK = "dark";
const CLEAR = ".icon-button-wrapper > button:last-of-type";
const SOURCE = "[data-testid=source-select] button:first-child";
const EMPTIED_WITHIN = 3000; // milliseconds
/** What Gradio has in English only: the names of its buttons, for those who hear them or point at them. */
const ENGLISH = new Map([
  ["Upload file", message("Upload a file")],
  ["Capture from camera", message("Use the camera")],
  ["Record audio", message("Record audio")],
  ["Record video from camera", message("Record a video")],
  ["Paste from clipboard", message("Paste from the clipboard")],
  ["Fullscreen", message("Full screen")],
  ["Exit fullscreen mode", message("Leave full screen")],
  ["Remove Image", message("Remove image")],
]);
const NAMES = ["aria-label", "title"];
const NUMBER = "number input for ";
const SLIDER = "range slider for ";

/** The ids of the form's sections that are unfolded. */
export const unfolded = () =>
  all(`#form .section ${LABEL}.open`).map((label) => label.closest(".section")?.id ?? "");

/**
 * The headers of sections that have been clicked but don't show it yet.
 * @type {WeakMap<HTMLElement, Promise<void>>}
 */
const unfolding = new WeakMap();

/**
 * Unfold the section that a field is in. Gradio marks a section as open some time after the click, and a second click
 * in between folds it again, so a header is clicked only once.
 * @param {Element} field
 * @returns {Promise<void> | null} resolves once the section is open; null if there is nothing to unfold
 */
export function unfold(field) {
  const label = $(LABEL, field.closest(".section") ?? field);
  if (!label || isOpen(label)) return null;
  const pending = unfolding.get(label);
  if (pending) return pending;
  const open = opened(label);
  unfolding.set(label, open);
  label.click();
  return open;
}

/** @param {Element} label */
const isOpen = (label) => label.classList.contains("open");

/**
 * @param {HTMLElement} label
 * @returns {Promise<void>}
 */
function opened(label) {
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!isOpen(label)) return;
      observer.disconnect();
      unfolding.delete(label);
      resolve();
    });
    observer.observe(label, { attributeFilter: ["class"] });
  });
}

/** Whether the page is dark, where the theme's variables are others. */
export const isDark = () => document.body.classList.contains(DARK);

/** @param {boolean} dark */
export const setDark = (dark) => void document.body.classList.toggle(DARK, dark);

/** Open Gradio's description of what scripts can call; its own entry in the footer is hidden. */
export const showApi = () => $("footer .show-api")?.click();

/**
 * Close that description.
 * @returns {boolean} whether it was open
 */
export function closeApi() {
  const beside = $(".api-docs .backdrop");
  beside?.click();
  return beside !== null;
}

/** Who is logged in, "" where nobody has to. */
export const userName = () => /** @type {any} */ (window).gradio_config?.username ?? "";

/**
 * Be told of calls and uploads that the app has refused: Gradio has one word for all of them, and
 * shows it where nobody sees it. It has no event for that, so its requests are watched.
 * @param {{ call: (reload: boolean) => void, upload: (why: string) => boolean }} refused
 *   `why`: a sentence, "" where there is none. `upload` says whether it has told the person; then
 *   Gradio does not
 */
export function watchRequests(refused) {
  const gradios = window.fetch;
  window.fetch = async (...request) => {
    const [asked] = request;
    const address = asked instanceof Request ? asked.url : String(asked);
    if (NOT_THERE.some((path) => address.endsWith(path)))
      return new Response(null, { status: 404 });
    const answer = await gradios(...request);
    const [isCall, isUpload] = [address.includes(CALL), UPLOAD.test(address)];
    if (answer.ok || !(isCall || isUpload)) return answer;
    const text = await answer.clone().text();
    const told = jsonIn(text);
    const why = told?.error ?? told?.detail ?? "";
    if (isCall) refused.call(Boolean(told?.reload));
    if (!isUpload || !refused.upload(why || text)) return answer;
    return new Response("[]", { headers: { "content-type": "application/json" } });
  };
}

/**
 * @param {string} text
 * @returns {any} null where it is none
 */
function jsonIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Close a list that is left by Tab: Gradio opens it again after its blur. What scrolls would be a stop for Tab by itself.
 * @param {HTMLElement} list
 */
export function closeLeft(list) {
  $(".option-list", list.closest(".wrap") ?? list)?.setAttribute("tabindex", "-1");
  setTimeout(() => list.dispatchEvent(new FocusEvent("blur")), 0);
}

/**
 * Close a list that has been led to, which keeps the focus: Gradio opens it, and lets it be searched, after a focus
 * only, so that a press or a key brings that again.
 * @param {HTMLInputElement} list
 */
export function closeFocused(list) {
  const opened = new AbortController();
  const open = () => {
    opened.abort();
    list.dispatchEvent(new FocusEvent("focus"));
  };
  for (const kind of ["click", "keydown", "beforeinput"])
    list.addEventListener(kind, open, { signal: opened.signal, capture: true });
  list.select(); // what is typed takes the place of the choice
  closeLeft(list);
}

/** Make the choices of a field one stop for Tab: Gradio gives each a name of its own, and that again when it changes. */
export function groupRadios() {
  for (const group of all("fieldset")) {
    const radios = /** @type {HTMLInputElement[]} */ (all("input[type=radio]", group));
    for (const one of radios) if (one.name !== radios[0]?.name) one.name = radios[0]?.name ?? "";
  }
}

/** Tell the style sheet how high the label above a list is: the list opens upwards where it is low in the window. */
export function keepListsOffLabels() {
  document.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof Element) || !target.matches(LIST)) return;
    const [field, box] = [target.closest(".block"), target.closest(".wrap")];
    if (!(field instanceof HTMLElement) || !box) return;
    const above = box.getBoundingClientRect().top - field.getBoundingClientRect().top;
    field.style.setProperty("--label-height", `${above}px`);
  });
}

/**
 * A list opens downwards where it has room: Gradio has it open upwards in the lower half of the window, where fingers get
 * a keyboard.
 */
export function openListsDown() {
  const place = (/** @type {Event} */ { target }) => {
    if (!(target instanceof Element) || !target.matches(LIST) || isTouched()) return;
    const box = /** @type {HTMLElement} */ (target.closest(".wrap"));
    requestAnimationFrame(() => {
      const { height, bottom } = box.getBoundingClientRect();
      const list = $(".options", box);
      if (!list) return;
      box.classList.toggle("opens-down", list.scrollHeight + EDGE <= innerHeight - bottom);
      box.style.setProperty("--box-height", `${height}px`);
    });
  };
  for (const kind of ["focusin", "click", "input"]) document.addEventListener(kind, place);
}

/**
 * Where the label of a field is written.
 * @param {Element} field
 */
export const labelPart = (field) =>
  $(
    "[data-testid=block-label], [data-testid=block-info], .field-title, .box-field h4, .curve-field p, label span",
    field,
  );

/**
 * The label of a field.
 * @param {Element} field
 */
export const labelOf = (field) => labelPart(field)?.textContent?.trim() ?? message("Field");

/**
 * Put a file into a field as if it had been chosen there. Gradio takes a drop only on an empty
 * field.
 * @param {Element} field
 * @param {File} file
 * @returns {boolean} whether the field takes any
 */
export function giveFile(field, file) {
  const input = /** @type {HTMLInputElement | null} */ ($("input[type=file]", field));
  if (!input) return false;
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

/**
 * Put a file into a field that has one already, in its place: Gradio has nothing there that takes it before the other
 * one is taken out.
 * @param {Element} field
 * @param {File} file
 */
export function replaceFile(field, file) {
  const observer = new MutationObserver(() => {
    if (giveFile(field, file)) observer.disconnect();
  });
  observer.observe(field, { subtree: true, childList: true });
  setTimeout(() => observer.disconnect(), EMPTIED_WITHIN);
  ($(CLEAR, field) ?? $(SOURCE, field))?.click();
}

/**
 * Whether this is a field's own button to choose a file.
 * @param {Element} pressed
 */
export const isChoosing = (pressed) => pressed.closest(SOURCE) !== null;

/** Where a seed is typed. */
export const SEED_TEXT = ".seed textarea, .seed input[type=text]";

/**
 * Show which seed was used, unless another was typed or fixed since; its mode stays.
 * @param {Element} field
 * @param {string} seed
 * @param {string} [counted] what a seed that counts up was sent with
 */
export function showUsedSeed(field, seed, counted) {
  const text = /** @type {HTMLInputElement | HTMLTextAreaElement | null} */ ($(SEED_TEXT, field));
  const isCounted =
    counted !== undefined && seedMode(field) === "counting" && text?.value === counted;
  if (text && (isCounted || isRandomSeed(field))) typeInto(text, seed);
}

/**
 * Make a seed that is typed or pasted a wanted one. Gradio's own event tells of key presses only,
 * not of a paste.
 * @param {EventTarget | null} target what was typed into
 */
export function keepTypedSeed(target) {
  if (!(target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement)) return;
  if (!target.matches(SEED_TEXT) || !target.value) return;
  const mode = (/** @type {string} */ value) =>
    /** @type {HTMLInputElement | null} */ (
      $(`.seed-mode input[value="${value}"]`, target.closest(".seed") ?? document)
    );
  if (!mode("random")?.checked) return;
  target.dataset.typed = "";
  mode("fixed")?.click();
}

/** What stands in a seed that was made a wanted one by typing, once; null where none was. */
export function takeTypedSeed() {
  const typed = /** @type {HTMLInputElement | HTMLTextAreaElement | undefined} */ (
    all(SEED_TEXT).find((text) => "typed" in text.dataset)
  );
  delete typed?.dataset.typed;
  return typed?.value ?? null;
}

/**
 * Whether a seed is random, whatever is typed into its field.
 * @param {Element} field
 */
export const isRandomSeed = (field) => seedMode(field) === "random";

/** @param {Element} field */
const seedMode = (field) =>
  /** @type {HTMLInputElement | null} */ (
    $(".seed-mode input:checked", field.closest(".seed") ?? field)
  )?.value;

/**
 * A name in the page's language, if it is one that Gradio has in English only.
 * @param {string} name
 */
function ownName(name) {
  if (name.startsWith(NUMBER))
    return message("{field}: number", { field: name.slice(NUMBER.length) });
  if (name.startsWith(SLIDER))
    return message("{field}: slider", { field: name.slice(SLIDER.length) });
  return ENGLISH.get(name) ?? name;
}

/** @param {Element} one */
function rename(one) {
  for (const attribute of NAMES) {
    const name = one.getAttribute(attribute) ?? "";
    const own = ownName(name);
    if (own !== name) one.setAttribute(attribute, own);
  }
}

/** Say what Gradio has in English only in the language of the page, whenever it draws something. */
export function translateNames() {
  if (LANGUAGE === "en") return;
  /** @param {Element} part */
  const renameAll = (part) => {
    for (const one of [part, ...part.querySelectorAll("[aria-label]")]) rename(one);
  };
  const observer = new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      if (target instanceof Element) rename(target);
      for (const node of addedNodes) if (node instanceof Element) renameAll(node);
    }
  });
  observer.observe(document.body, { subtree: true, childList: true, attributeFilter: NAMES });
  renameAll(document.body);
}
